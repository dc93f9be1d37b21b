"""Making a stack what its template says, and undoing that when something fails.

AWS: "How CloudFormation works", "Understand update behaviors of stack resources", "Monitor stack progress" (User
Guide). Resources are made in the order of their references; an update makes and changes first, and deletes what is no
longer wanted at the end, so that a failure can go back to exactly what was there. Here: the same, one after the
other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.kinds.kind import GONE, Kind, Site
from helpers.dataplane.cloudformation.stacks import Resource, Stack, Version
from helpers.dataplane.cloudformation.template import in_order, invalid
from helpers.dataplane.cloudformation.values import Values

Sites = Callable[[Stack, str, str], Site]
Kinds = Callable[[str], Kind]
Others = Callable[[Stack], list[Stack]]
"""Returns the other stacks of the same Region that are alive."""


class Failure(Exception):
    """A resource could not be made what it should be."""


class Deployment:
    """One operation on one stack, from its first event to its last."""

    def __init__(
        self, stack: Stack, values: Values, kinds: Kinds, sites: Sites, stopping: threading.Event, others: Others
    ) -> None:
        self._stack, self._values, self._kinds, self._sites = stack, values, kinds, sites
        self._stopping, self._others = stopping, others
        self._undo: list[Callable[[], None]] = []
        self._made: list[Resource] = []
        self._replaced: list[Resource] = []
        values.attribute = self._attribute
        values.resources.update({name: one.made.id for name, one in stack.resources.items()})

    def create(self) -> None:
        """Make all resources; when one fails, do what OnFailure says."""
        stack = self._stack
        stack.becomes("CREATE_IN_PROGRESS", "User Initiated")
        try:
            self._carry_out()
        except Failure as failure:
            reason = f"{failure} Rollback requested by user."
            if stack.on_failure == "DO_NOTHING":
                stack.becomes("CREATE_FAILED", str(failure))
                return
            stack.becomes("ROLLBACK_IN_PROGRESS", reason)
            left = self._remove(list(stack.resources.values()), rollback=True)
            if stack.on_failure == "DELETE" and not left:
                stack.becomes("DELETE_COMPLETE")
            else:
                stack.becomes("ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE", left)
        else:
            stack.becomes("CREATE_COMPLETE")

    def update(self, version: Version) -> None:
        """Make the stack what ``version`` says, or leave it as it was."""
        stack, before, resources = self._stack, self._stack.version, dict(self._stack.resources)
        stack.becomes("UPDATE_IN_PROGRESS", "User Initiated")
        stack.version = version
        try:
            self._carry_out()
            self._keep_exports(before)
        except Failure as failure:
            stack.becomes("UPDATE_ROLLBACK_IN_PROGRESS", str(failure))
            stack.version = before
            self._go_back(resources)
            return
        stack.becomes("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        wanted = set(self._values.wanted())
        removed = [one for name, one in list(stack.resources.items()) if name not in wanted]
        self._remove([*removed, *self._replaced])
        for one in removed:
            stack.resources.pop(one.name, None)
        stack.becomes("UPDATE_COMPLETE")

    def delete(self, retained: list[str]) -> None:
        """Delete all resources but those that are to stay."""
        self._stack.becomes("DELETE_IN_PROGRESS", "User Initiated")
        left = self._remove([one for one in self._stack.resources.values() if one.name not in retained])
        self._stack.becomes("DELETE_FAILED" if left else "DELETE_COMPLETE", left)

    def _carry_out(self) -> None:
        try:
            order = in_order(self._values.template["Resources"], self._values.wanted())
        except AWSError as error:
            raise Failure(error.message) from error
        for name in order:
            self._bring(name)
        try:
            self._stack.version.outputs = self._outputs()
        except AWSError as error:
            raise Failure(error.message) from error

    def _bring(self, name: str) -> None:
        """Make one resource, or change it, or leave it when nothing has changed."""
        body = self._values.template["Resources"][name]
        before = self._stack.resources.get(name)
        verb = "UPDATE" if before else "CREATE"
        try:
            if self._stopping.is_set():
                raise AWSError("ServiceUnavailable", "the cloud is stopping", 503)
            properties = self._values.resolve(body.get("Properties") or {})
            if before and before.type == body["Type"] and before.properties == properties:
                self._stack.resources[name] = replace(before, body=body)
                return
            self._note(name, f"{verb}_IN_PROGRESS", before)
            after = self._change(before, body, properties) if before else self._create(name, body, properties)
        except Exception as error:  # whatever goes wrong, the stack must not stay in progress
            self._note(name, f"{verb}_FAILED", before, said(error))
            verbs = {"CREATE": "create", "UPDATE": "update"}
            raise Failure(f"The following resource(s) failed to {verbs[verb]}: [{name}].") from error
        self._stack.resources[name] = after
        self._values.resources[name] = after.made.id
        self._note(name, f"{verb}_COMPLETE", after)

    def _create(self, name: str, body: dict[str, Any], properties: dict[str, Any]) -> Resource:
        kind, site = self._kinds(body["Type"]), self._sites(self._stack, name, body["Type"])
        kind.check(name, properties)
        resource = Resource(name, body["Type"], body, properties, kind.create(site, properties))
        self._stack.note(
            name, resource.made.id, body["Type"], "CREATE_IN_PROGRESS", "Resource creation Initiated", properties
        )
        self._made.append(resource)
        return resource

    def _change(self, before: Resource, body: dict[str, Any], properties: dict[str, Any]) -> Resource:
        kind = self._kinds(body["Type"])
        if before.type != body["Type"]:
            words = "Update of resource type is not permitted. The new template modifies resource type of the following"
            raise invalid(f"{words} resources: [{before.name}]")
        kind.check(before.name, properties)
        changed = kind.changed(before.properties, properties)
        if kind.replaces(changed):
            if kind.name and kind.name in properties and properties[kind.name] == before.properties.get(kind.name):
                words = "CloudFormation cannot update a stack when a custom-named resource requires replacing."
                raise invalid(f"{words} Rename {properties[kind.name]} and update the stack again.")
            words = "Requested update requires the creation of a new physical resource; hence creating one."
            self._note(before.name, "UPDATE_IN_PROGRESS", before, words)
            after = self._create(before.name, body, properties)
            self._replaced.append(before)
            return after
        kind.can_update(changed)
        site, policy = (
            self._sites(self._stack, before.name, before.type),
            self._values.resolve(body.get("UpdatePolicy") or {}),
        )
        back = replace(site, shifts={})
        self._undo.append(lambda: self._revert(kind, back, before, properties))
        made = kind.update(replace(site, shifts=policy), before.made, properties, before.properties)
        return Resource(before.name, before.type, body, properties, made)

    def _revert(self, kind: Kind, site: Site, before: Resource, now: dict[str, Any]) -> None:
        self._note(before.name, "UPDATE_IN_PROGRESS", before)
        before.made = kind.update(site, before.made, before.properties, now)
        self._note(before.name, "UPDATE_COMPLETE", before)

    def _go_back(self, resources: dict[str, Resource]) -> None:
        failed = []
        for undo in reversed(self._undo):
            try:
                undo()
            except Exception as error:
                failed.append(said(error))
        self._stack.resources = dict(resources)
        if failed:
            self._stack.becomes("UPDATE_ROLLBACK_FAILED", " ".join(failed))
            return
        self._stack.becomes("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._remove(self._made, rollback=True)
        for one in resources.values():
            one.status = "UPDATE_COMPLETE" if one.status.startswith("UPDATE") else one.status
            one.status = "CREATE_COMPLETE" if one.status.startswith("DELETE") else one.status
        self._stack.becomes("UPDATE_ROLLBACK_COMPLETE")

    def _remove(self, resources: list[Resource], rollback: bool = False) -> str:
        """Delete resources, the last made first; return a sentence on those that could not be deleted."""
        left = []
        for one in _last_first([one for one in resources if one.status != "DELETE_COMPLETE"]):
            policy = one.body.get("UpdateReplacePolicy" if one in self._replaced else "DeletionPolicy", "Delete")
            if policy == "Retain" or (policy == "RetainExceptOnCreate" and not rollback):
                self._note(one.name, "DELETE_SKIPPED", one)
                continue
            self._note(one.name, "DELETE_IN_PROGRESS", one)
            try:
                self._kinds(one.type).delete(self._sites(self._stack, one.name, one.type), one.made, one.properties)
            except Exception as error:
                if not (isinstance(error, ClientError) and GONE.search(error.response["Error"]["Code"])):
                    self._note(one.name, "DELETE_FAILED", one, said(error))
                    left.append(one.name)
                    continue
            self._note(one.name, "DELETE_COMPLETE", one)
        return f"The following resource(s) failed to delete: [{', '.join(left)}]. " if left else ""

    def _outputs(self) -> list[dict[str, str]]:
        found = []
        for key, one in (self._values.template.get("Outputs") or {}).items():
            if "Condition" in one and not self._values.holds(one["Condition"]):
                continue
            value = self._values.resolve(one["Value"])
            if isinstance(value, list | dict):
                raise invalid(
                    "Template format error: The Value field of every Outputs member must evaluate to a String."
                )
            output = {"OutputKey": key, "OutputValue": str(value)}
            if one.get("Description"):
                output["Description"] = one["Description"]
            if one.get("Export"):
                output["ExportName"] = self._exported(self._values.resolve(one["Export"]["Name"]))
            found.append(output)
        return found

    def _exported(self, name: str) -> str:
        for other in self._others(self._stack):
            if name in other.exports():
                raise invalid(f"Export with name {name} is already exported by stack {other.name}")
        return name

    def _keep_exports(self, before: Version) -> None:
        """Refuse that what another stack imports goes or changes."""
        after = self._stack.exports()
        for one in before.outputs:
            name = one.get("ExportName", "")
            users = [other.name for other in self._others(self._stack) if name in other.version.imports]
            if name and after.get(name) != one["OutputValue"] and users:
                what = "updated" if name in after else "deleted"
                raise Failure(f"Export {name} cannot be {what} as it is in use by {users[0]}")

    def _attribute(self, name: str, attribute: str) -> Any:
        resource = self._stack.resources[name]
        return self._kinds(resource.type).attribute(resource.made, attribute)

    def _note(self, name: str, status: str, resource: Resource | None, reason: str = "") -> None:
        kind = resource.type if resource else self._values.template["Resources"][name]["Type"]
        self._stack.note(name, resource.made.id if resource else "", kind, status, reason)


def said(error: Exception) -> str:
    """Return what a service said, as CloudFormation tells it."""
    if isinstance(error, AWSError):
        return error.message
    if isinstance(error, ClientError):
        return f'Resource handler returned message: "{error.response["Error"]["Message"]}"'
    return f"{type(error).__name__}: {error}"


def _last_first(resources: list[Resource]) -> list[Resource]:
    """Return the resources so that each stands before those that it was made after."""
    by_name = {one.name: one for one in resources}
    if len(by_name) < len(resources):  # a replaced resource beside its successor
        return list(reversed(resources))
    order = in_order({name: one.body for name, one in by_name.items()}, list(by_name))
    return [by_name[name] for name in reversed(order)]
