"""What is known of a stack: its resources, outputs and events; what its operations say about it.

AWS: "Stack" and "StackEvent" (CloudFormation API Reference), "Stack status codes" (User Guide).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from helpers.dataplane.cloudformation.kinds.kind import Made

STACK = "AWS::CloudFormation::Stack"


@dataclass
class Resource:
    """One resource of a stack, as it was made: ``body`` is its part of the template, ``properties`` what that meant."""

    name: str
    type: str
    body: Mapping[str, Any]
    properties: dict[str, Any]
    made: Made
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Version:
    """What a stack was told to be: an update that fails brings the one before back."""

    text: str
    processed: dict[str, Any]
    given: dict[str, str]
    parameters: dict[str, Any]
    capabilities: list[str] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    outputs: list[dict[str, str]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)

    def parameter_list(self) -> list[dict[str, str]]:
        """Return the parameters as AWS tells them: without what the template wants hidden."""
        hidden = {name for name, one in (self.processed.get("Parameters") or {}).items() if one.get("NoEcho")}
        return [
            {"ParameterKey": name, "ParameterValue": "****" if name in hidden else as_text(value)}
            for name, value in self.parameters.items()
        ]


@dataclass
class Stack:
    """A stack and its history."""

    id: str
    name: str
    region: str
    version: Version
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: dict[str, Any] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None
    deleted: datetime | None = None
    on_failure: str = "ROLLBACK"
    protected: bool = False

    def becomes(self, status: str, reason: str = "") -> None:
        """Take a status, and write that down as an event."""
        self.status, self.reason = status, reason
        self.note(self.name, self.id, STACK, status, reason)

    def note(
        self,
        name: str,
        physical: str,
        kind: str,
        status: str,
        reason: str = "",
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what happened to a resource."""
        now = datetime.now(UTC)
        event = {
            "EventId": f"{name}-{status}-{now.isoformat(timespec='microseconds')}",
            "StackId": self.id,
            "StackName": self.name,
            "LogicalResourceId": name,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "Timestamp": now,
            "ResourceStatus": status,
        }
        if reason:
            event["ResourceStatusReason"] = reason
        if properties:
            event["ResourceProperties"] = json.dumps(properties, default=str)
        self.events.append(event)
        resource = self.resources.get(name)
        if resource and kind != STACK and resource.made.id == physical:
            resource.status, resource.reason, resource.changed = status, reason, now

    def described(self) -> dict[str, Any]:
        """Return what DescribeStacks says."""
        said = {
            "StackId": self.id,
            "StackName": self.name,
            "Description": self.version.processed.get("Description"),
            "Parameters": self.version.parameter_list(),
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
            "DeletionTime": self.deleted,
            "StackStatus": self.status,
            "StackStatusReason": self.reason or None,
            "DisableRollback": self.on_failure == "DO_NOTHING",
            "Capabilities": self.version.capabilities,
            "Outputs": self.version.outputs,
            "Tags": self.version.tags,
            "EnableTerminationProtection": self.protected,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
            "RollbackConfiguration": {},
            "NotificationARNs": [],
        }
        return {name: value for name, value in said.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Return what ListStacks says."""
        names = (
            "StackId StackName CreationTime LastUpdatedTime DeletionTime StackStatus StackStatusReason DriftInformation"
        )
        said = self.described()
        return {name: said[name] for name in names.split() if name in said}

    def resource(self, one: Resource) -> dict[str, Any]:
        """Return what DescribeStackResources says of a resource."""
        said = {
            "StackName": self.name,
            "StackId": self.id,
            "LogicalResourceId": one.name,
            "PhysicalResourceId": one.made.id,
            "ResourceType": one.type,
            "Timestamp": one.changed,
            "LastUpdatedTimestamp": one.changed,
            "ResourceStatus": one.status,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
        return said | ({"ResourceStatusReason": one.reason} if one.reason else {})

    def exports(self) -> dict[str, str]:
        """Return what other stacks may import."""
        return {one["ExportName"]: one["OutputValue"] for one in self.version.outputs if "ExportName" in one}


def as_text(value: Any) -> str:
    """Return a parameter's value as its caller wrote it."""
    return ",".join(value) if isinstance(value, list) else str(value)
