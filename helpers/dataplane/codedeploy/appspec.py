"""The AppSpec file of a Lambda deployment: which alias moves from which version to which, and what checks it.

AWS: "AppSpec 'resources' section" and "AppSpec 'hooks' section for an AWS Lambda deployment" (CodeDeploy User Guide),
in JSON or YAML; the guide writes the names with and without capitals, so both are read. The message about a wrong
AppSpec was seen on AWS; which code it comes with is not published.

Differs: revisions in S3 are not built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from helpers.dataplane.call import AWSError, not_built

HOOKS = ("BeforeAllowTraffic", "AfterAllowTraffic")
_INVALID = (
    "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is missing "
    "or has an invalid configuration."
)
_PROPERTIES = ("name", "alias", "currentversion", "targetversion")
_CONTENT = {"AppSpecContent": "appSpecContent", "String": "string"}


class InvalidAppSpec(ValueError):
    """An AppSpec that can be read, but not be deployed; its text is the deployment's error message."""


@dataclass(frozen=True)
class AppSpec:
    """What is deployed: ``hooks`` has the function for each lifecycle event that one checks."""

    function: str
    alias: str
    current: str
    target: str
    hooks: dict[str, str] = field(default_factory=dict)


def document(revision: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the AppSpec document of a revision, as CreateDeployment takes it.

    Raises
    ------
    AWSError
        ``RevisionRequiredException``, ``InvalidRevisionException`` if it is neither JSON nor YAML, or
        ``NotImplementedException``.
    """
    if not revision:
        raise AWSError("RevisionRequiredException", "The revision must be specified", 400)
    kind = revision.get("revisionType", "")
    if kind not in _CONTENT:
        raise not_built(f"a CodeDeploy revision of the type {kind or 'that is missing'}")
    content = revision.get(_CONTENT[kind], {}).get("content") or ""
    try:
        read = yaml.safe_load(content)  # JSON is YAML
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise AWSError("InvalidRevisionException", f"The AppSpec is neither JSON nor YAML: {reason}", 400) from None
    if not isinstance(read, dict):
        raise AWSError("InvalidRevisionException", "The AppSpec is neither a JSON nor a YAML document", 400)
    return read


def read(given: Mapping[str, Any]) -> AppSpec:
    """Return what an AppSpec document says.

    Raises
    ------
    InvalidAppSpec
        Something is missing or wrong.
    """
    try:
        whole = _lower(given)
        (resource,) = (_lower(each) for entry in whole["resources"] for each in entry.values())
        wanted = _lower(resource["properties"])
        hooks = {name: str(function) for entry in whole.get("hooks") or [] for name, function in entry.items()}
        function, alias, current, target = (str(wanted[name]) for name in _PROPERTIES)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        missing = f" It has no {error}." if isinstance(error, KeyError) else ""
        raise InvalidAppSpec(_INVALID + missing) from None
    if resource.get("type") != "AWS::Lambda::Function" or current == target or set(hooks) - set(HOOKS):
        raise InvalidAppSpec(_INVALID)
    return AppSpec(function, alias, current, target, hooks)


def revision(spec: AppSpec) -> dict[str, Any]:
    """Return the revision that deploys ``spec``, as CreateDeployment takes it."""
    wanted = {"Name": spec.function, "Alias": spec.alias, "CurrentVersion": spec.current, "TargetVersion": spec.target}
    resource = {spec.function: {"Type": "AWS::Lambda::Function", "Properties": wanted}}
    hooks = {"Hooks": [{event: function} for event, function in spec.hooks.items()]} if spec.hooks else {}
    content = json.dumps({"version": 0.0, "Resources": [resource], **hooks})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


def back(spec: AppSpec) -> dict[str, Any]:
    """Return the revision that takes ``spec`` back, without hooks."""
    return revision(AppSpec(spec.function, spec.alias, spec.target, spec.current))


def _lower(given: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in given.items()}
