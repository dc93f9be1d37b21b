"""CloudFormation: custom resources, which a function makes.

AWS: the function gets a request with an address, and puts its answer there ("Custom resource request objects" and
"Custom resource response objects", CloudFormation User Guide). Here: the address is
``{endpoint}/_aws/cloudformation-response/TOKEN/``, known to the function only; stacks are moto's.

Differs: only Create is requested; CreateStack waits for the answer, since moto makes a stack's resources at once.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from moto.cloudformation.custom_model import CustomModel
from moto.cloudformation.models import cloudformation_backends
from werkzeug.datastructures import Headers

from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Delivery, Post, as_json
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpRequest, HttpResponse

LONGEST_WAIT_SECONDS = 30


class CloudFormationPlane:
    """The part of CloudFormation that moto leaves out: an address to which a custom resource's function can answer."""

    service = "cloudformation"

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post
        self._waiting: dict[str, tuple[CustomModel, Any, threading.Event]] = {}
        self._seams = Seams()
        self._seams.put(CustomModel, "create_from_cloudformation_json", staticmethod(self._create))

    def operations(self) -> Mapping[str, Operation]:
        """moto answers all of them."""
        return {}

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"cloudformation-response": self._answer}

    def stop(self) -> None:
        """Let nobody wait; moto gets its own method back."""
        self._seams.remove()
        for _, _, answered in list(self._waiting.values()):
            answered.set()

    def _create(
        self, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **named: Any
    ) -> CustomModel:
        """Take the place of moto's own, whose request names an address that nobody has."""
        properties, request_id = cloudformation_json["Properties"], self._context.new_id()
        stack = cloudformation_backends[account_id][region_name].get_stack(named["StackId"])
        model: Any = CustomModel
        resource = model(region_name, request_id, named["LogicalId"], resource_name)
        stack.add_custom_resource(resource)
        token, answered = secrets.token_urlsafe(24), threading.Event()
        self._waiting[token] = (resource, stack, answered)
        event = {
            "RequestType": "Create",
            "ServiceToken": properties["ServiceToken"],
            "ResponseURL": f"{self._context.endpoint}/_aws/cloudformation-response/{token}/",
            "StackId": named["StackId"],
            "RequestId": request_id,
            "LogicalResourceId": named["LogicalId"],
            "ResourceType": named["ResourceType"],
            "ResourceProperties": properties,
        }
        arn = properties["ServiceToken"]
        name = f"Create {named['LogicalId']}"
        self._post.send(Delivery("cloudformation", stack.stack_id, arn, as_json(event), name, stack.name, trusted=True))
        answered.wait(LONGEST_WAIT_SECONDS)
        return resource

    def _answer(self, request: HttpRequest, rest: str) -> HttpResponse:
        found = self._waiting.pop(rest.strip("/"), None)
        if found is None or request.method != "PUT":
            return HttpResponse(403, Headers(), b"")
        resource, stack, answered = found
        said = json.loads(request.body)
        if said.get("Status") == "SUCCESS":
            resource.resource_name = said.get("PhysicalResourceId") or resource.resource_name
            resource.set_data(said.get("Data") or {})
            if resource.logical_id in stack.resource_map._parsed_resources:  # before, moto would make it once more
                stack.verify_readiness()
        else:
            stack.status, stack.status_reason = "CREATE_FAILED", said.get("Reason", "")
        answered.set()
        return HttpResponse(200, Headers(), b"")
