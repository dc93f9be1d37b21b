"""Custom resources: a function makes, changes and deletes them.

AWS: the function gets a request with an address, and puts its answer there ("Custom resource request objects" and
"Custom resource response objects", CloudFormation User Guide); a changed physical id replaces the resource. Here: the
address is ``{endpoint}/_aws/cloudformation-response/TOKEN/``, known to the function only.

Differs: the answer must come within thirty seconds (AWS: an hour, or the resource's ServiceTimeout).
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.cloudformation.kinds.kind import Expression, Kind, Made, Properties, Site
from helpers.dataplane.cloudformation.template import invalid
from helpers.dataplane.delivery import Delivery, Post, as_json
from helpers.dataplane.web import HttpRequest, HttpResponse

LONGEST_WAIT_SECONDS = 30


class Answers:
    """The answers of functions that are waited for, by the secret in the address that each was given."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[dict[str, Any], threading.Event]] = {}

    def expect(self) -> str:
        """Return a new secret."""
        token = secrets.token_urlsafe(24)
        self._waiting[token] = ({}, threading.Event())
        return token

    def wait(self, token: str) -> dict[str, Any]:
        """Return the answer; an empty one when none came in time."""
        answer, came = self._waiting[token]
        came.wait(LONGEST_WAIT_SECONDS)
        self._waiting.pop(token, None)
        return answer

    def take(self, request: HttpRequest, rest: str) -> HttpResponse:
        """Answer the function that puts its answer."""
        found = self._waiting.get(rest.strip("/"))
        if found is None or found[1].is_set() or request.method != "PUT":
            return HttpResponse(403, Headers(), b"")
        answer, came = found
        answer.update(json.loads(request.body))
        came.set()
        return HttpResponse(200, Headers(), b"")

    def stop(self) -> None:
        """Let nobody wait."""
        for _, came in list(self._waiting.values()):
            came.set()


@dataclass(frozen=True, kw_only=True)
class CustomKind(Kind):
    """A resource that a function looks after."""

    service: str = ""
    create_call: str = ""
    ref: Expression = ""
    post: Post
    answers: Answers

    def check(self, name: str, properties: Properties) -> None:
        if "ServiceToken" not in properties:
            raise invalid(f"Missing required field [ServiceToken] of {name}")

    def replaces(self, changed: Sequence[str]) -> bool:
        return False

    def create(self, site: Site, properties: Properties) -> Made:
        said = self._ask(site, "Create", properties, {})
        return Made(said.get("PhysicalResourceId") or site.name(), said.get("Data") or {})

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        before = {"PhysicalResourceId": made.id, "OldResourceProperties": old}
        said = self._ask(site, "Update", properties, before)
        after = Made(said.get("PhysicalResourceId") or made.id, said.get("Data") or {})
        if after.id != made.id:
            self.delete(site, made, old)
        return after

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        self._ask(site, "Delete", properties, {"PhysicalResourceId": made.id})

    def _ask(self, site: Site, what: str, properties: Properties, more: dict[str, Any]) -> dict[str, Any]:
        token, arn = self.answers.expect(), properties["ServiceToken"]
        event = {
            "RequestType": what,
            "ServiceToken": arn,
            "ResponseURL": f"{site.context.endpoint}/_aws/cloudformation-response/{token}/",
            "StackId": site.stack_id,
            "RequestId": site.context.new_id(),
            "LogicalResourceId": site.logical,
            "ResourceType": self.type,
            "ResourceProperties": properties,
            **more,
        }
        action = f"{what} {site.logical}"
        delivery = Delivery("cloudformation", site.stack_id, arn, as_json(event), action, site.stack, trusted=True)
        self.post.send(delivery)
        answer = self.answers.wait(token)
        if not answer:
            where = f"Please check your logs for requestId [{event['RequestId']}]."
            raise invalid(f"CloudFormation did not receive a response from your Custom Resource. {where}")
        if answer.get("Status") != "SUCCESS":
            raise invalid(
                f"Received response status [FAILED] from custom resource. Message returned: {answer.get('Reason', '')}"
            )
        return answer
