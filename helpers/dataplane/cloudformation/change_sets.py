"""Change sets: what an update would do, told before it is done.

AWS: "Update stacks using change sets" (CloudFormation User Guide), DescribeChangeSet (API Reference). Here: a change
is found by resolving the new template against what is there; what refers to a resource that will be new is told as
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.kinds.kind import Kind
from helpers.dataplane.cloudformation.stacks import Resource, Stack, Version
from helpers.dataplane.cloudformation.template import references
from helpers.dataplane.cloudformation.values import Values

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
Change = dict[str, Any]


@dataclass
class ChangeSet:
    """What CreateChangeSet made."""

    id: str
    name: str
    type: str
    version: Version
    description: str = ""
    changes: list[Change] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def fail(self, reason: str) -> None:
        """Say why it cannot be executed."""
        self.status, self.reason, self.execution = "FAILED", reason, "UNAVAILABLE"

    def summary(self, stack: Stack) -> dict[str, Any]:
        """Return what ListChangeSets says."""
        said = {
            "StackId": stack.id,
            "StackName": stack.name,
            "ChangeSetId": self.id,
            "ChangeSetName": self.name,
            "Description": self.description,
            "ExecutionStatus": self.execution,
            "Status": self.status,
            "StatusReason": self.reason,
            "CreationTime": self.created,
        }
        return {name: value for name, value in said.items() if value}

    def described(self, stack: Stack) -> dict[str, Any]:
        """Return what DescribeChangeSet says."""
        return {
            **self.summary(stack),
            "Parameters": self.version.parameter_list(),
            "Capabilities": self.version.capabilities,
            "Tags": self.version.tags,
            "Changes": [{"Type": "Resource", "ResourceChange": one} for one in self.changes],
        }


def changes(stack: Stack, values: Values, kinds: Callable[[str], Kind]) -> list[Change]:
    """Return what executing would do, as DescribeChangeSet tells it."""
    wanted, template = values.wanted(), values.template["Resources"]
    values.resources.update({name: one.made.id for name, one in stack.resources.items()})
    values.attribute = lambda name, attribute: kinds(stack.resources[name].type).attribute(
        stack.resources[name].made, attribute
    )
    new = {name for name in wanted if name not in stack.resources}
    found = []
    for name in wanted:
        if name in new:
            found.append(_change("Add", name, template[name]["Type"]))
            continue
        change = _modified(stack.resources[name], template[name], values, new, kinds)
        if change:
            found.append(change)
            if change["Replacement"] == "True":
                new.add(name)
    gone = [one for name, one in stack.resources.items() if name not in wanted]
    return found + [_change("Remove", one.name, one.type, PhysicalResourceId=one.made.id) for one in gone]


def _modified(
    before: Resource, body: Mapping[str, Any], values: Values, new: set[str], kinds: Callable[[str], Kind]
) -> Change | None:
    kind, dynamic = kinds(before.type), {name for name, _ in references(body.get("Properties"))} & new
    changed = []
    for name in {**before.properties, **(body.get("Properties") or {})}:
        said = (body.get("Properties") or {}).get(name)
        if {one for one, _ in references(said)} & new or _now(values, said) != before.properties.get(name):
            changed.append(name)
    if not changed:
        return None
    details = []
    for name in changed:
        recreation = "Always" if kind.replaces([name]) else "Never"
        details.append({
            "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation},
            "Evaluation": "Dynamic" if dynamic else "Static",
            "ChangeSource": "ResourceReference" if dynamic else "DirectModification",
        })  # fmt: skip
    replaced = kind.replaces(changed)
    return _change(
        "Modify", before.name, before.type, PhysicalResourceId=before.made.id, Scope=["Properties"], Details=details,
        Replacement="Conditional" if replaced and dynamic else str(replaced),
    )  # fmt: skip


def _now(values: Values, said: Any) -> Any:
    try:
        return values.resolve({"it": said}).get("it")
    except AWSError:
        return None


def _change(action: str, name: str, kind: str, **more: Any) -> Change:
    return {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Scope": [], "Details": [], **more}
