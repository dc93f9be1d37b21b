"""CloudFormation: stacks and change sets, with the SAM transform.

AWS: "CloudFormation User Guide" and API Reference. Here: a stack's resources are made by the API calls of their
services through the front door, so that a template makes exactly what boto3 makes; types without a table of calls are
moto's.

Differs: a call answers when the stack is done, or after ten seconds, and the stack goes on; resources are made one
after the other, with CloudFormation's rights and not its caller's; a transform that fails is refused at once where
AWS lets CreateStack roll back. Stack sets, stack policies, drift, rollback triggers, nested stacks, imports and
macros are not built.
Unsourced: that DeleteStack refuses at once when an export is in use (the words are AWS's).
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from helpers.dataplane import control_plane
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.cloudformation.change_sets import NO_CHANGES, ChangeSet, changes
from helpers.dataplane.cloudformation.custom import Answers, CustomKind
from helpers.dataplane.cloudformation.deployment import Deployment
from helpers.dataplane.cloudformation.kinds import apis, edge, functions, identity, messages, stores
from helpers.dataplane.cloudformation.kinds.kind import Kind, Site
from helpers.dataplane.cloudformation.kinds.others import MotoKind
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
_TABLES = (functions, apis, messages, stores, identity, edge)
KINDS: dict[str, Kind] = {kind.type: kind for table in _TABLES for kind in table.KINDS}


class CloudFormationPlane:
    """All stacks of one account."""

    service = "cloudformation"

    def __init__(self, context: Context, post: Post, wake: Callable[[str], None]) -> None:
        self._context, self._post, self._wake = context, post, wake
        self._answers, self._stopping = Answers(), threading.Event()
        self._stacks: dict[str, Stack] = {}
        self._lock = threading.RLock()

    def operations(self) -> Mapping[str, Operation]:
        """Answer all operations here: moto's would make resources behind the data planes' backs."""
        mine: dict[str, Operation] = {
            "CreateStack": self._create_stack, "UpdateStack": self._update_stack, "DeleteStack": self._delete_stack,
            "DescribeStacks": self._describe_stacks, "ListStacks": self._list_stacks, "GetTemplate": self._get_template,
            "DescribeStackEvents": self._events, "DescribeStackResources": self._resources,
            "DescribeStackResource": self._resource, "ListStackResources": self._list_resources,
            "GetTemplateSummary": self._summary, "ValidateTemplate": self._summary, "ListExports": self._list_exports,
            "ListImports": self._list_imports, "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set, "ListChangeSets": self._list_change_sets,
            "DeleteChangeSet": self._delete_change_set, "ExecuteChangeSet": self._execute,
            "UpdateTerminationProtection": self._protect,
        }  # fmt: skip
        return {name: mine.get(name, _refuse) for name in control_plane.model_of(self.service).operation_names}

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"cloudformation-response": self._answers.take}

    def stop(self) -> None:
        """Let nobody wait."""
        self._stopping.set()
        self._answers.stop()

    def _create_stack(self, call: Call) -> HttpResponse:
        name = call.params["StackName"]
        if self._named(call, name):
            raise AWSError("AlreadyExistsException", f"Stack [{name}] already exists", 400)
        stack = self._new(call, name)
        require(["CAPABILITY_AUTO_EXPAND"] if transforms(read(self._text(call, None))) else [], _capabilities(call))
        version, values = self._told(call, stack)
        require(needed_capabilities(version.processed), _capabilities(call))
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
        stack = self._stack(call)
        _updatable(stack)
        require(["CAPABILITY_AUTO_EXPAND"] if transforms(read(self._text(call, stack))) else [], _capabilities(call))
        version, values = self._told(call, stack)
        require(needed_capabilities(version.processed), _capabilities(call))
        if _same(stack.version, version):
            raise invalid("No updates are to be performed.")
        self._start_update(stack, version, values)
        return call.reply({"StackId": stack.id})

    def _start_update(self, stack: Stack, version: Version, values: Values) -> None:
        deployment = self._deployment(stack, values)
        self._run(lambda: deployment.update(version))

    def _delete_stack(self, call: Call) -> HttpResponse:
        stack = self._named(call, call.params["StackName"])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return call.reply()
        if stack.protected:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        for export in stack.exports():
            for other in self._importing(stack, export):
                raise invalid(f"Export {export} cannot be deleted as it is in use by {other.name}")
        values = Values(stack.version.processed, {}, lambda name: "")
        deployment, retained = self._deployment(stack, values), call.params.get("RetainResources") or []
        self._run(lambda: deployment.delete(retained))
        return call.reply()

    def _describe_stacks(self, call: Call) -> HttpResponse:
        if call.params.get("StackName"):
            return call.reply({"Stacks": [self._stack(call).described()]})
        found = [one for one in self._in(call) if one.status != "DELETE_COMPLETE"]
        return call.reply({"Stacks": [one.described() for one in reversed(found)]})

    def _list_stacks(self, call: Call) -> HttpResponse:
        wanted = call.params.get("StackStatusFilter")
        found = [one for one in reversed(self._in(call)) if not wanted or one.status in wanted]
        return call.reply({"StackSummaries": [one.summary() for one in found]})

    def _get_template(self, call: Call) -> HttpResponse:
        version = self._stack(call).version
        if call.params.get("ChangeSetName"):
            version = self._change_set(call)[1].version
        processed = call.params.get("TemplateStage") == "Processed"
        text = json.dumps(version.processed, indent=2) if processed else version.text
        return call.reply({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]})

    def _summary(self, call: Call) -> HttpResponse:
        stack = self._stack(call) if call.params.get("StackName") else None
        template = read(self._text(call, stack))
        check_references(template) if not transforms(template) else None
        declared = (template.get("Parameters") or {}).items()
        parameters = [
            {"ParameterKey": name, "ParameterType": one.get("Type", "String"), "NoEcho": bool(one.get("NoEcho")),
             **({"DefaultValue": str(one["Default"])} if "Default" in one else {}),
             **({"Description": one["Description"]} if "Description" in one else {})}
            for name, one in declared
        ]  # fmt: skip
        needed = needed_capabilities(template)
        said: dict[str, Any] = {
            "Parameters": parameters,
            "Capabilities": needed,
            "DeclaredTransforms": transforms(template),
        }
        if template.get("Description"):
            said["Description"] = template["Description"]
        if needed:
            types = sorted({one["Type"] for one in template["Resources"].values() if "::IAM::" in one["Type"]})
            said["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(types)}]"
        if call.name == "GetTemplateSummary":
            said["ResourceTypes"] = [one["Type"] for one in template["Resources"].values()]
        return call.reply(said)

    def _events(self, call: Call) -> HttpResponse:
        return call.reply({"StackEvents": list(reversed(self._stack(call).events))})

    def _resources(self, call: Call) -> HttpResponse:
        stack, wanted = self._stack(call), call.params.get("LogicalResourceId")
        found = [stack.resource(one) for one in stack.resources.values() if wanted in (None, one.name)]
        return call.reply({"StackResources": found})

    def _resource(self, call: Call) -> HttpResponse:
        stack, name = self._stack(call), call.params["LogicalResourceId"]
        if name not in stack.resources:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return call.reply({"StackResourceDetail": stack.resource(stack.resources[name])})

    def _list_resources(self, call: Call) -> HttpResponse:
        stack = self._stack(call)
        return call.reply({"StackResourceSummaries": [stack.resource(one) for one in stack.resources.values()]})

    def _list_exports(self, call: Call) -> HttpResponse:
        found = [
            {"ExportingStackId": one.id, "Name": name, "Value": value}
            for one in self._alive(call)
            for name, value in one.exports().items()
        ]
        return call.reply({"Exports": found})

    def _list_imports(self, call: Call) -> HttpResponse:
        name = call.params["ExportName"]
        found = [one.name for one in self._alive(call) if name in one.version.imports]
        if not found:
            raise invalid(f"Export '{name}' is not imported by any stack.")
        return call.reply({"Imports": found})

    def _protect(self, call: Call) -> HttpResponse:
        stack = self._stack(call)
        stack.protected = bool(call.params["EnableTerminationProtection"])
        return call.reply({"StackId": stack.id})

    def _create_change_set(self, call: Call) -> HttpResponse:
        name, kind = call.params["ChangeSetName"], call.params.get("ChangeSetType", "UPDATE")
        stack = self._named(call, call.params["StackName"])
        if kind == "CREATE":
            if stack and stack.status != "REVIEW_IN_PROGRESS":
                raise invalid(
                    f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
                )
            stack = stack or self._new(call, call.params["StackName"])
        else:
            stack = self._stack(call)
            _updatable(stack)
        if name in stack.change_sets:
            raise AWSError(
                "AlreadyExistsException",
                f"ChangeSet {name} cannot be created due to a mismatch with existing attribute",
            )
        text = self._text(call, stack if kind == "UPDATE" else None)
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

    def _describe_change_set(self, call: Call) -> HttpResponse:
        stack, found = self._change_set(call)
        return call.reply(found.described(stack))

    def _list_change_sets(self, call: Call) -> HttpResponse:
        stack = self._stack(call)
        return call.reply({"Summaries": [one.summary(stack) for one in stack.change_sets.values()]})

    def _delete_change_set(self, call: Call) -> HttpResponse:
        stack, found = self._change_set(call)
        if found.execution == "EXECUTE_COMPLETE":
            words = f"An operation on this ChangeSet is in progress or was executed: [{found.id}]"
            raise AWSError("InvalidChangeSetStatus", words, 400)
        del stack.change_sets[found.name]
        return call.reply()

    def _execute(self, call: Call) -> HttpResponse:
        stack, found = self._change_set(call)
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

    def _told(self, call: Call, stack: Stack) -> tuple[Version, Values]:
        """Read what a call says that a stack is to be."""
        text = self._text(call, stack)
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
            for other in self._stacks.values():
                if other.region == stack.region and other.status != "DELETE_COMPLETE" and name in other.exports():
                    return other.exports()[name]
            raise invalid(f"No export named {name} found.")

        return Values(version.processed, {**names, **version.parameters}, imported)

    def _text(self, call: Call, stack: Stack | None) -> str:
        if call.params.get("TemplateBody"):
            return str(call.params["TemplateBody"])
        if call.params.get("TemplateURL"):
            return self._fetched(call.params["TemplateURL"], call.region)
        if stack and (
            call.params.get("UsePreviousTemplate") or call.name in ("GetTemplateSummary", "ExecuteChangeSet")
        ):
            return stack.version.text
        raise invalid("Either Template URL or Template Body must be specified.")

    def _fetched(self, address: str, region: str) -> str:
        """Return a template that lies in a bucket; its address names the bucket in the host or in the path."""
        place = urlsplit(address)
        path, host = unquote(place.path).lstrip("/"), place.hostname or ""
        bucket, key = (host.split(".s3")[0], path) if ".s3" in host else path.partition("/")[::2]
        body: bytes = (
            self._context.client("s3", "cloudformation", region).get_object(Bucket=bucket, Key=key)["Body"].read()
        )
        return body.decode()

    def _policies(self) -> dict[str, str]:
        pages = self._context.client("iam", "cloudformation").get_paginator("list_policies").paginate(Scope="AWS")
        return {one["PolicyName"]: one["Arn"] for page in pages for one in page["Policies"]}

    def _new(self, call: Call, name: str) -> Stack:
        arn = f"arn:aws:cloudformation:{call.region}:{call.account_id}:stack/{name}/{self._context.new_id()}"
        return Stack(arn, name, call.region, Version("", {"Resources": {}}, {}, {}))

    def _deployment(self, stack: Stack, values: Values) -> Deployment:
        return Deployment(stack, values, self._kind, self._site, self._stopping, self._in_use)

    def _in_use(self, stack: Stack, export: str) -> str:
        """Return the name of a stack that imports what ``stack`` exports."""
        return next((other.name for other in self._importing(stack, export)), "")

    def _importing(self, stack: Stack, export: str) -> list[Stack]:
        return [
            other
            for other in self._stacks.values()
            if other.region == stack.region and other.status != "DELETE_COMPLETE" and export in other.version.imports
        ]

    @functools.lru_cache  # noqa: B019  the plane lives as long as the cloud
    def _kind(self, name: str) -> Kind:
        if name in KINDS:
            return KINDS[name]
        if name.startswith("Custom::") or name == "AWS::CloudFormation::CustomResource":
            return CustomKind(name, self._post, self._answers)
        if name.startswith("AWS::EC2::"):
            self._wake("ec2")
        return MotoKind(name)

    def _site(self, stack: Stack, name: str, kind: str) -> Site:
        return Site(self._context, stack.region, stack.name, stack.id, name, kind)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="cloudformation", daemon=True)
        thread.start()
        thread.join(ANSWER_WITHIN_SECONDS)

    def _in(self, call: Call) -> list[Stack]:
        return [one for one in self._stacks.values() if one.region == call.region]

    def _alive(self, call: Call) -> list[Stack]:
        return [one for one in self._in(call) if one.status != "DELETE_COMPLETE"]

    def _named(self, call: Call, name: str) -> Stack | None:
        if name in self._stacks:
            return self._stacks[name]
        return next((one for one in self._alive(call) if one.name == name), None)

    def _stack(self, call: Call) -> Stack:
        name = call.params.get("StackName", "")
        stack = self._named(call, name)
        if stack is None:
            raise invalid(f"Stack with id {name} does not exist")
        return stack

    def _change_set(self, call: Call) -> tuple[Stack, ChangeSet]:
        name = call.params["ChangeSetName"]
        for stack in self._in(call):
            for found in stack.change_sets.values():
                in_stack = call.params.get("StackName") in (stack.name, stack.id)
                if found.id == name or (found.name == name and in_stack and stack.status != "DELETE_COMPLETE"):
                    return stack, found
        raise AWSError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


def _refuse(call: Call) -> HttpResponse:
    raise not_built(f"cloudformation {call.name}")


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
