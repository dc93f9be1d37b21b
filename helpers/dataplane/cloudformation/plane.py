"""CloudFormation: stacks and change sets, with the SAM transform.

AWS: "CloudFormation User Guide" and API Reference. Here: a stack's resources are made by the API calls of their
services through the front door, so that a template makes exactly what boto3 makes; types without a table of calls are
moto's.

Differs: a call answers when the stack is done, or after ten seconds, and the stack goes on; resources are made one
after the other, with CloudFormation's rights and not its caller's; a transform that fails is refused at once where
AWS lets CreateStack roll back. Stack sets, stack policies, drift, rollback triggers, nested stacks, imports and
macros are not built.
Unsourced: that DeleteStack refuses at once when an export is in use, and that CreateStack says at once that an expanded
template needs CAPABILITY_IAM (the words of both are AWS's); the words for a deletion while something is in progress.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from helpers.dataplane import control_plane
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.cloudformation.change_sets import NO_CHANGES, ChangeSet, changes
from helpers.dataplane.cloudformation.custom import Answers, CustomKind
from helpers.dataplane.cloudformation.deployment import Deployment
from helpers.dataplane.cloudformation.kinds import apis, edge, functions, global_tables, identity, messages, stores
from helpers.dataplane.cloudformation.kinds.kind import Kind, Site
from helpers.dataplane.cloudformation.kinds.others import MotoKind
from helpers.dataplane.cloudformation.reports import Reports
from helpers.dataplane.cloudformation.stacks import Stack, Version, as_text
from helpers.dataplane.cloudformation.template import (
    check_references,
    in_order,
    invalid,
    needed_capabilities,
    read,
    require,
    transforms,
)  # fmt: skip
from helpers.dataplane.cloudformation.transform import expanded
from helpers.dataplane.cloudformation.values import Values, with_defaults
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse

ANSWER_WITHIN_SECONDS = 10
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
_NOT_BUILT = (
    "NotificationARNs StackPolicyBody StackPolicyURL StackPolicyDuringUpdateBody RollbackConfiguration "
    "ResourcesToImport ImportExistingResources TimeoutInMinutes RoleARN IncludeNestedStacks ResourceTypes"
).split()
_TABLES = (functions, apis, messages, stores, global_tables, identity, edge)
KINDS: dict[str, Kind] = {kind.type: kind for table in _TABLES for kind in table.KINDS}


class CloudFormationPlane:
    """All stacks of one account."""

    service = "cloudformation"

    def __init__(self, context: Context, post: Post, wake: Callable[[str], None]) -> None:
        self._context, self._post, self._wake = context, post, wake
        self._answers, self._stopping = Answers(), threading.Event()
        self._reports = Reports(context)
        self._stacks = self._reports.stacks

    def operations(self) -> Mapping[str, Operation]:
        """Answer all operations here: moto's would make resources behind the data planes' backs."""
        mine: dict[str, Operation] = {
            "CreateStack": self._create_stack, "UpdateStack": self._update_stack, "DeleteStack": self._delete_stack,
            "CreateChangeSet": self._create_change_set, "DeleteChangeSet": self._delete_change_set,
            "ExecuteChangeSet": self._execute, "UpdateTerminationProtection": self._protect,
            **self._reports.operations(),
        }  # fmt: skip
        return dict.fromkeys(control_plane.model_of(self.service).operation_names, control_plane.refuse) | mine

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"cloudformation-response": self._answers.take}

    def stop(self) -> None:
        """Let nobody wait."""
        self._stopping.set()
        self._answers.stop()

    def _create_stack(self, call: Call) -> HttpResponse:
        name = call.params["StackName"]
        if self._reports.named(call, name):
            raise AWSError("AlreadyExistsException", f"Stack [{name}] already exists", 400)
        stack = self._new(call, name)
        version, values = self._allowed(call, stack)
        stack.version = version
        if call.params.get("DisableRollback") or call.params.get("OnFailure") == "DO_NOTHING":
            stack.on_failure = "DO_NOTHING"
        else:
            stack.on_failure = call.params.get("OnFailure", "ROLLBACK")
        stack.protected = bool(call.params.get("EnableTerminationProtection"))
        self._stacks[stack.id] = stack
        self._run(self._deployment(stack, values).create)
        return call.reply({"StackId": stack.id})

    def _update_stack(self, call: Call) -> HttpResponse:
        stack = self._reports.stack(call)
        _updatable(stack)
        version, values = self._allowed(call, stack)
        if _same(stack.version, version):
            raise invalid("No updates are to be performed.")
        self._start_update(stack, version, values)
        return call.reply({"StackId": stack.id})

    def _start_update(self, stack: Stack, version: Version, values: Values) -> None:
        deployment = self._deployment(stack, values)
        self._run(lambda: deployment.update(version))

    def _delete_stack(self, call: Call) -> HttpResponse:
        stack = self._reports.named(call, call.params["StackName"])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return call.reply()
        if stack.protected:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.status.endswith("IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
            raise invalid(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
        for export in stack.exports():
            for other in self._reports.others(stack):
                if export in other.version.imports:
                    raise invalid(f"Export {export} cannot be deleted as it is in use by {other.name}")
        values = Values(stack.version.processed, {}, lambda name: "")
        deployment, retained = self._deployment(stack, values), call.params.get("RetainResources") or []
        self._run(lambda: deployment.delete(retained))
        return call.reply()

    def _protect(self, call: Call) -> HttpResponse:
        stack = self._reports.stack(call)
        stack.protected = bool(call.params["EnableTerminationProtection"])
        return call.reply({"StackId": stack.id})

    def _create_change_set(self, call: Call) -> HttpResponse:
        name, kind = call.params["ChangeSetName"], call.params.get("ChangeSetType", "UPDATE")
        stack = self._reports.named(call, call.params["StackName"])
        if kind == "CREATE":
            if stack and stack.status != "REVIEW_IN_PROGRESS":
                raise invalid(
                    f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
                )
            stack = stack or self._new(call, call.params["StackName"])
        else:
            stack = self._reports.stack(call)
            _updatable(stack)
        if name in stack.change_sets:
            raise AWSError(
                "AlreadyExistsException",
                f"ChangeSet {name} cannot be created due to a mismatch with existing attribute",
            )
        text = self._reports.text(call, stack if kind == "UPDATE" else None)
        if not transforms(template := read(text)):
            require(needed_capabilities(template), _capabilities(call))
        arn = f"arn:aws:cloudformation:{call.region}:{call.account_id}:changeSet/{name}/{self._context.new_id()}"
        described = call.params.get("Description", "")
        made = ChangeSet(arn, name, kind, Version(text, template, {}, {}), described)
        try:
            made.version, values = self._told(call, stack)
            made.changes = changes(stack, values, self._kind)
            if kind == "UPDATE" and _same(stack.version, made.version):
                made.fail(NO_CHANGES)
        except AWSError as error:
            if not error.message.startswith("Transform "):
                raise
            made.fail(error.message)
        if stack.id not in self._stacks:
            self._stacks[stack.id] = stack
            stack.becomes("REVIEW_IN_PROGRESS", "User Initiated")
        stack.change_sets[name] = made
        return call.reply({"Id": arn, "StackId": stack.id})

    def _delete_change_set(self, call: Call) -> HttpResponse:
        stack, found = self._reports.change_set(call)
        if found.execution == "EXECUTE_COMPLETE":
            words = f"An operation on this ChangeSet is in progress or was executed: [{found.id}]"
            raise AWSError("InvalidChangeSetStatus", words, 400)
        del stack.change_sets[found.name]
        return call.reply()

    def _execute(self, call: Call) -> HttpResponse:
        stack, found = self._reports.change_set(call)
        if found.execution != "AVAILABLE":
            words = f"ChangeSet [{found.id}] cannot be executed in its current execution status of [{found.execution}]"
            raise AWSError("InvalidChangeSetStatus", words, 400)
        require(needed_capabilities(found.version.processed), found.version.capabilities)
        found.execution = "EXECUTE_COMPLETE"
        stack.change_sets = {found.name: found}
        values = self._values(stack, found.version)
        if call.params.get("DisableRollback"):
            stack.on_failure = "DO_NOTHING"
        if found.type == "CREATE":
            stack.version = found.version
            self._run(self._deployment(stack, values).create)
        else:
            self._start_update(stack, found.version, values)
        return call.reply()

    def _allowed(self, call: Call, stack: Stack) -> tuple[Version, Values]:
        """Read what a call says that a stack is to be, if the call has the capabilities that it needs."""
        if transforms(read(self._reports.text(call, stack))):
            require(["CAPABILITY_AUTO_EXPAND"], _capabilities(call))
        version, values = self._told(call, stack)
        require(needed_capabilities(version.processed), _capabilities(call))
        return version, values

    def _told(self, call: Call, stack: Stack) -> tuple[Version, Values]:
        """Read what a call says that a stack is to be."""
        for name in _NOT_BUILT:
            if call.params.get(name):
                raise not_built(f"{call.name} {name}")
        text = self._reports.text(call, stack)
        template, before = read(text), stack.version
        given = {}
        for one in call.params.get("Parameters") or []:
            name = one["ParameterKey"]
            if one.get("UsePreviousValue"):
                if name not in before.parameters:
                    words = "Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                    raise invalid(f"Invalid input for parameter key {name}. {words}")
                given[name] = as_text(before.parameters[name])
            else:
                given[name] = one.get("ParameterValue", "")
        parameters = with_defaults(template, given)
        processed = expanded(template, parameters, call.region, self._policies)
        check_references(processed)
        tags = call.params.get("Tags")
        version = Version(
            text, processed, given, parameters, _capabilities(call), before.tags if tags is None else tags
        )  # fmt: skip
        values = self._values(stack, version)
        in_order(processed["Resources"], values.wanted())
        return version, values

    def _values(self, stack: Stack, version: Version) -> Values:
        names = {
            "AWS::AccountId": self._context.account_id, "AWS::Region": stack.region, "AWS::StackId": stack.id,
            "AWS::StackName": stack.name, "AWS::URLSuffix": "amazonaws.com", "AWS::Partition": "aws",
            "AWS::NotificationARNs": [],
        }  # fmt: skip

        def imported(name: str) -> str:
            version.imports.add(name)
            for other in self._reports.others(stack):
                if name in other.exports():
                    return other.exports()[name]
            raise invalid(f"No export named {name} found.")

        return Values(version.processed, {**names, **version.parameters}, imported)

    def _policies(self) -> dict[str, str]:
        pages = self._context.client("iam", "cloudformation").get_paginator("list_policies").paginate(Scope="AWS")
        return {one["PolicyName"]: one["Arn"] for page in pages for one in page["Policies"]}

    def _new(self, call: Call, name: str) -> Stack:
        arn = f"arn:aws:cloudformation:{call.region}:{call.account_id}:stack/{name}/{self._context.new_id()}"
        return Stack(arn, name, call.region, Version("", {"Resources": {}}, {}, {}))

    def _deployment(self, stack: Stack, values: Values) -> Deployment:
        return Deployment(stack, values, self._kind, self._site, self._stopping, self._reports.others)

    @functools.lru_cache  # noqa: B019  the plane lives as long as the cloud
    def _kind(self, name: str) -> Kind:
        if name in KINDS:
            return KINDS[name]
        if name.startswith("Custom::") or name == "AWS::CloudFormation::CustomResource":
            return CustomKind(name, post=self._post, answers=self._answers)
        if name.startswith("AWS::EC2::"):
            self._wake("ec2")
        return MotoKind(name)

    def _site(self, stack: Stack, name: str, kind: str) -> Site:
        return Site(self._context, stack.region, stack.name, stack.id, name, kind)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="cloudformation", daemon=True)
        thread.start()
        thread.join(ANSWER_WITHIN_SECONDS)


def _capabilities(call: Call) -> list[str]:
    return list(call.params.get("Capabilities") or [])


def _updatable(stack: Stack) -> None:
    if stack.status not in _UPDATABLE:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _same(before: Version, after: Version) -> bool:
    before, after = (
        replace(one, outputs=[], imports=set(), capabilities=[], text="", given={}) for one in (before, after)
    )
    return before == after
