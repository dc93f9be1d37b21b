"""What is asked of stacks: the operations that only read, and the look-ups that all operations share.

AWS: DescribeStacks, ListStacks, GetTemplate and their like (CloudFormation API Reference).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.cloudformation.change_sets import ChangeSet
from helpers.dataplane.cloudformation.stacks import Stack
from helpers.dataplane.cloudformation.template import check_references, invalid, needed_capabilities, read, transforms
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse


class Reports:
    """All stacks of one account, to look at."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.stacks: dict[str, Stack] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what it answers, by the operation's name."""
        return {
            "DescribeStacks": self._describe_stacks, "ListStacks": self._list_stacks, "GetTemplate": self._get_template,
            "DescribeStackEvents": self._events, "DescribeStackResources": self._resources,
            "DescribeStackResource": self._resource, "ListStackResources": self._list_resources,
            "GetTemplateSummary": self._summary, "ValidateTemplate": self._summary, "ListExports": self._list_exports,
            "ListImports": self._list_imports, "DescribeChangeSet": self._describe_change_set,
            "ListChangeSets": self._list_change_sets,
        }  # fmt: skip

    def named(self, call: Call, name: str) -> Stack | None:
        """Return the stack of this name or id; one that was deleted by its id only."""
        if name in self.stacks:
            return self.stacks[name]
        return next((one for one in self._alive(call) if one.name == name), None)

    def stack(self, call: Call) -> Stack:
        """Return the stack that a call names, or refuse."""
        name = call.params.get("StackName", "")
        stack = self.named(call, name)
        if stack is None:
            raise invalid(f"Stack with id {name} does not exist")
        return stack

    def change_set(self, call: Call) -> tuple[Stack, ChangeSet]:
        """Return the change set that a call names, and its stack."""
        name = call.params["ChangeSetName"]
        for stack in self._in(call):
            for found in stack.change_sets.values():
                in_stack = call.params.get("StackName") in (stack.name, stack.id)
                if found.id == name or (found.name == name and in_stack and stack.status != "DELETE_COMPLETE"):
                    return stack, found
        raise AWSError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)

    def others(self, stack: Stack) -> list[Stack]:
        """Return the other stacks of the same Region that are alive."""
        alive = [one for one in self.stacks.values() if one.status != "DELETE_COMPLETE"]
        return [one for one in alive if one.region == stack.region and one is not stack]

    def text(self, call: Call, stack: Stack | None) -> str:
        """Return the template that a call brings, or names, or means."""
        if call.params.get("TemplateBody"):
            return str(call.params["TemplateBody"])
        if call.params.get("TemplateURL"):
            return self._fetched(call.params["TemplateURL"], call.region)
        if stack and (
            call.params.get("UsePreviousTemplate") or call.name in ("GetTemplateSummary", "ExecuteChangeSet")
        ):
            return stack.version.text
        raise invalid("Either Template URL or Template Body must be specified.")

    def _describe_stacks(self, call: Call) -> HttpResponse:
        if call.params.get("StackName"):
            return call.reply({"Stacks": [self.stack(call).described()]})
        found = [one for one in self._in(call) if one.status != "DELETE_COMPLETE"]
        return call.reply({"Stacks": [one.described() for one in reversed(found)]})

    def _list_stacks(self, call: Call) -> HttpResponse:
        wanted = call.params.get("StackStatusFilter")
        found = [one for one in reversed(self._in(call)) if not wanted or one.status in wanted]
        return call.reply({"StackSummaries": [one.summary() for one in found]})

    def _get_template(self, call: Call) -> HttpResponse:
        version = self.stack(call).version
        if call.params.get("ChangeSetName"):
            version = self.change_set(call)[1].version
        processed = call.params.get("TemplateStage") == "Processed"
        text = json.dumps(version.processed, indent=2) if processed else version.text
        return call.reply({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]})

    def _summary(self, call: Call) -> HttpResponse:
        stack = self.stack(call) if call.params.get("StackName") else None
        template = read(self.text(call, stack))
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
        return call.reply({"StackEvents": list(reversed(self.stack(call).events))})

    def _resources(self, call: Call) -> HttpResponse:
        stack, wanted = self.stack(call), call.params.get("LogicalResourceId")
        found = [stack.resource(one) for one in stack.resources.values() if wanted in (None, one.name)]
        return call.reply({"StackResources": found})

    def _resource(self, call: Call) -> HttpResponse:
        stack, name = self.stack(call), call.params["LogicalResourceId"]
        if name not in stack.resources:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return call.reply({"StackResourceDetail": stack.resource(stack.resources[name])})

    def _list_resources(self, call: Call) -> HttpResponse:
        stack = self.stack(call)
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

    def _describe_change_set(self, call: Call) -> HttpResponse:
        stack, found = self.change_set(call)
        return call.reply(found.described(stack))

    def _list_change_sets(self, call: Call) -> HttpResponse:
        stack = self.stack(call)
        return call.reply({"Summaries": [one.summary(stack) for one in stack.change_sets.values()]})

    def _fetched(self, address: str, region: str) -> str:
        """Return a template that lies in a bucket; its address names the bucket in the host or in the path."""
        place = urlsplit(address)
        path, host = unquote(place.path).lstrip("/"), place.hostname or ""
        bucket, key = (host.split(".s3")[0], path) if ".s3" in host else path.partition("/")[::2]
        body: bytes = (
            self._context.client("s3", "cloudformation", region).get_object(Bucket=bucket, Key=key)["Body"].read()
        )
        return body.decode()

    def _in(self, call: Call) -> list[Stack]:
        return [one for one in self.stacks.values() if one.region == call.region]

    def _alive(self, call: Call) -> list[Stack]:
        return [one for one in self._in(call) if one.status != "DELETE_COMPLETE"]
