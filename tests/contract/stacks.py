"""What the tests of stacks share: making one, and reading what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.contract.subjects import Subject

ALL = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def text_of(template: Mapping[str, Any] | str) -> str:
    """Return a template as text."""
    return template if isinstance(template, str) else json.dumps(template)


class Stacks:
    """The CloudFormation of an account, and one stack of it."""

    def __init__(self, aws: Subject, name: str = "shop") -> None:
        self.aws, self.name, self.client = aws, name, aws.client("cloudformation")

    def create(self, template: Mapping[str, Any] | str, **settings: Any) -> dict[str, Any]:
        """Create the stack, wait for its end, and return its description."""
        settings = {"Capabilities": ALL, **settings}
        self.id = self.client.create_stack(StackName=self.name, TemplateBody=text_of(template), **settings)["StackId"]
        return self.settled()

    def update(self, template: Mapping[str, Any] | str, **settings: Any) -> dict[str, Any]:
        """Update the stack, wait for its end, and return its description."""
        settings = {"Capabilities": ALL, **settings}
        self.client.update_stack(StackName=self.name, TemplateBody=text_of(template), **settings)
        return self.settled()

    def delete(self) -> dict[str, Any]:
        """Delete the stack and return its last description."""
        self.client.delete_stack(StackName=self.name)
        return self.settled()

    def settled(self) -> dict[str, Any]:
        """Wait until nothing is in progress; return the stack's description."""
        found = self.aws.wait(lambda: None if "PROGRESS" in (one := self.described())["StackStatus"] else one, 30)
        assert isinstance(found, dict)
        return found

    def described(self) -> dict[str, Any]:
        """Return the stack's description."""
        found: dict[str, Any] = self.client.describe_stacks(StackName=self.id)["Stacks"][0]
        return found

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs by key."""
        return {one["OutputKey"]: one["OutputValue"] for one in self.described().get("Outputs", [])}

    def resource(self, name: str) -> str:
        """Return a resource's physical id."""
        found = self.client.describe_stack_resource(StackName=self.id, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def events(self) -> list[tuple[str, str]]:
        """Return what happened, the first first: which resource, and its status."""
        found = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in reversed(found)]

    def reasons(self, status: str) -> list[str]:
        """Return the reasons of the events with this status."""
        found = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return [one.get("ResourceStatusReason", "") for one in found if one["ResourceStatus"] == status]
