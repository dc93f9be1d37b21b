"""The SAM transform: from ``Transform: AWS::Serverless-2016-10-31`` to plain CloudFormation, by AWS's own translator.

AWS: "AWS::Serverless transform" (CloudFormation User Guide); the translator is the package that AWS publishes
(aws-sam-translator), imported at the first use. Here: the same; AWS::Include, macros and language extensions are not
built.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any

from helpers.dataplane.call import not_built
from helpers.dataplane.cloudformation.template import SAM, invalid, transforms


def expanded(
    template: Mapping[str, Any], parameters: Mapping[str, Any], region: str, policies: Callable[[], dict[str, str]]
) -> dict[str, Any]:
    """Return the template after its transforms.

    Parameters
    ----------
    parameters:
        The values of the template's parameters: the translator needs some of them.
    policies:
        Returns the ARN of each managed policy by its name.

    Raises
    ------
    AWSError
        ``ValidationError`` with the translator's findings.
    """
    names = transforms(template)
    if not names:
        return dict(template)
    for name in names:
        if name != SAM:
            raise not_built(f"the transform {name}")
    values = {name: ",".join(value) if isinstance(value, list) else value for name, value in parameters.items()}
    done = _translated(copy.deepcopy(dict(template)), {**values, "AWS::Region": region}, region, policies)
    done.pop("Globals", None)
    return done


def _translated(
    source: dict[str, Any], values: dict[str, Any], region: str, policies: Callable[[], dict[str, str]]
) -> dict[str, Any]:
    from boto3.session import Session
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)  # it warns of switches and metrics that only AWS has
    try:
        to_py27_compatible_template(source, values)  # so that the logical ids of deployments are those of AWS
        translator = Translator(None, Parser(), boto_session=Session(region_name=region))
        done = translator.translate(source, values, get_managed_policy_map=policies)
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise invalid(f"Transform {SAM} failed with: {error.message} {causes}") from None
    found: dict[str, Any] = undo_mark_unicode_str_in_template(done)
    return found
