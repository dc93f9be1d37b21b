"""Cloud Control API: GetResource for one type, AWS::Lambda::Url, which ``sam list endpoints`` asks for.

AWS: GetResource, "Cloud Control API Reference": one call describes a resource of any type. Here: that type only, by the
function's name or ARN; other types and operations answer 501.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from helpers.dataplane import control_plane
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse

_URL = "AWS::Lambda::Url"


class CloudControlPlane:
    """Describes function URLs."""

    service = "cloudcontrol"

    def __init__(self, context: Context) -> None:
        self._context = context

    def operations(self) -> Mapping[str, Operation]:
        """Answer all operations: moto has none of them."""
        names = control_plane.model_of(self.service).operation_names
        return dict.fromkeys(names, control_plane.refuse) | {"GetResource": self._get}

    def addresses(self) -> Mapping[str, Address]:
        """It has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _get(self, call: Call) -> HttpResponse:
        kind, name = call.params["TypeName"], call.params["Identifier"]
        if kind != _URL:
            raise not_built(f"GetResource of {kind}")
        try:
            found = self._context.client("lambda", "cloudcontrol", call.region).get_function_url_config(
                FunctionName=name
            )
        except ClientError as error:
            words = f"Resource of type '{kind}' with identifier '{name}' was not found."
            raise AWSError("ResourceNotFoundException", words, 404) from error
        known = {key: found[key] for key in ("FunctionUrl", "FunctionArn", "AuthType", "InvokeMode") if key in found}
        return call.reply(
            {"TypeName": kind, "ResourceDescription": {"Identifier": name, "Properties": json.dumps(known)}}
        )
