"""Lambda's data plane: which operations it takes over from moto, and how its parts are joined.

moto keeps functions, versions, aliases, layers and policies. Here: everything that happens when a function is called,
and the checks and settings of the control plane that moto lacks.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Mapping
from socketserver import BaseRequestHandler
from typing import Any
from urllib.parse import urlencode

from moto.awslambda.models import LambdaFunction

from helpers.dataplane.awslambda import rules, runtimes, seams
from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.event_config import EventConfigs
from helpers.dataplane.awslambda.event_queue import EventQueue
from helpers.dataplane.awslambda.event_sources.mappings import EventSources
from helpers.dataplane.awslambda.event_sources.poller import Services
from helpers.dataplane.awslambda.fleet import Fleet
from helpers.dataplane.awslambda.function_url import FunctionUrls
from helpers.dataplane.awslambda.functions import Functions, split
from helpers.dataplane.awslambda.invocation import Invoker, Request
from helpers.dataplane.awslambda.network import ADDRESS, Networks
from helpers.dataplane.awslambda.provisioned import ProvisionedConcurrency
from helpers.dataplane.awslambda.telemetry import Telemetry, tail
from helpers.dataplane.awslambda.traces import is_active
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.resources import resource_of
from helpers.dataplane.web import HttpResponse


class LambdaPlane:
    """The data plane of one account's Lambda."""

    service = "lambda"

    def __init__(self, context: Context, seed: int = 0) -> None:
        self._context = context
        self.functions = Functions(context, random.Random(seed))
        self.networks = Networks(context, self.functions)
        self.functions.gate = self.networks.address_of
        self._fleet = Fleet(context, self._reserved)
        telemetry = Telemetry(context)
        self.invoker = Invoker(context, self.functions, self._fleet, telemetry)
        make = self.invoker.environment
        self._provisioned = ProvisionedConcurrency(context, self.functions, self._fleet, self._reserved, make)
        self._configs = EventConfigs(self.functions)
        self.queue = EventQueue(context, self.functions, self.invoker, self._configs, telemetry)
        self._urls = FunctionUrls(context, self.functions, self.invoker)
        self._sources = EventSources(Services(context, self.functions, self.invoker, telemetry))
        self.arrivals = self._sources.arrivals
        seams.install(self._for_moto)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "Invoke": self._invoke,
            "CreateFunction": self._create_function,
            "UpdateFunctionConfiguration": self._update_configuration,
            "UpdateFunctionCode": self._update_code,
            "PublishVersion": self._publish,
            "DeleteFunction": self._delete_function,
            "PublishLayerVersion": self._publish_layer,
            "CreateAlias": self._write_alias,
            "UpdateAlias": self._write_alias,
            "DeleteAlias": self._delete_alias,
            "AddPermission": self._add_permission,
            "GetPolicy": self._get_policy,
            "PutFunctionConcurrency": self._put_concurrency,
            "GetAccountSettings": self._account_settings,
            "PutFunctionEventInvokeConfig": self._configs.put,
            "UpdateFunctionEventInvokeConfig": self._configs.update,
            "GetFunctionEventInvokeConfig": self._configs.get,
            "DeleteFunctionEventInvokeConfig": self._configs.delete,
            "ListFunctionEventInvokeConfigs": self._configs.list,
            "CreateFunctionUrlConfig": self._urls.create,
            "UpdateFunctionUrlConfig": self._urls.create,
            **self._provisioned.operations(),
            **self._sources.operations(),
        }

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"lambda-url": self._urls.answer, ADDRESS: self.networks.answer}

    def stop(self) -> None:
        """Stop the pollers, the queue and every execution environment; moto gets its own methods back."""
        seams.remove()
        self._sources.stop()
        self.queue.stop()
        self._fleet.stop()
        self.invoker.traces.stop()
        self.networks.stop()

    def listen(self, interface: str, port: int, handler: type[BaseRequestHandler]) -> None:
        """Let a program answer at a network interface; environments that know nothing of it end."""
        self.networks.listen(interface, port, handler)
        self._fleet.retire(lambda member: True)

    def statements(self, arn: str) -> list[dict[str, Any]]:
        """Return the statements of a function's resource policy, of all its versions and aliases.

        Raises
        ------
        AWSError
            ``ResourceNotFoundException``.
        """
        name = self.functions.find(arn).name
        versions = self.functions.backend(arn.split(":")[3]).list_versions_by_function(name)
        return [statement for version in versions for statement in version.policy.statements]

    def push(self, arn: str, payload: bytes, source: str) -> None:
        """Put an event of another service, ``source``, into the function's queue; what may do so is checked before.

        Raises
        ------
        AWSError
            ``ResourceNotFoundException``, or the event is too large or not JSON.
        """
        rules.check_payload(payload, "Event")
        self.queue.put(self.functions.find(arn), Request(payload, source, self._context.new_id()))

    def call(self, arn: str, payload: bytes, source: str) -> Outcome:
        """Run a function for another service, ``source``, that waits for its outcome.

        Raises
        ------
        AWSError
            ``ResourceNotFoundException``, ``TooManyRequestsException``, or the event is too large.
        """
        rules.check_payload(payload, "RequestResponse")
        return self.invoker.run(self.functions.find(arn), Request(payload, source, self._context.new_id()))

    def _invoke(self, call: Call) -> HttpResponse:
        given = call.params
        kind, payload = given.get("InvocationType") or "RequestResponse", given.get("Payload") or b""
        target = self.functions.find(given["FunctionName"], given.get("Qualifier"), call.region)
        self.networks.check_ready(target.function, to_invoke=True)
        rules.check_payload(payload, kind)
        if kind == "DryRun":
            return call.reply({}, 204)
        if kind == "Event":
            self.queue.put(target, Request(payload, call.caller.name, call.request_id))
            return call.reply({}, 202)
        context = rules.read_client_context(given.get("ClientContext") or "")
        request = Request(payload, call.caller.name, call.request_id, context)
        outcome = self.invoker.run(target, request)
        headers = {"X_Amz_Executed_Version": target.version}
        if outcome.function_error:
            headers["X_Amz_Function_Error"] = outcome.function_error
        if given.get("LogType") == "Tail":
            headers["X_Amz_Log_Result"] = tail(outcome.log)
        response = call.reply({}, 200, **headers)
        response.body = outcome.payload
        return response

    def _for_moto(self, function: LambdaFunction, event: str | None = None) -> tuple[str, bool, str]:
        return self.invoker.run_for_moto(function, event)

    def _reserved(self) -> dict[str, int]:
        return {
            function.function_name: int(function.reserved_concurrency)
            for function in self.functions.all()
            if function.reserved_concurrency is not None
        }

    def _create_function(self, call: Call) -> HttpResponse:
        rules.check_configuration(call.params, self._context.identities)
        runtimes.check(call.params)
        self._check_layers(call)
        rules.check_code_region((call.params.get("Code") or {}).get("S3Bucket"), call)
        rules.check_package((call.params.get("Code") or {}).get("ZipFile"), len(call.request.body), call.name)
        if is_active(call.params):
            rules.check_tracing(call.params["Role"], self._context.identities)
        connection = self.networks.plan(call.params)
        response = forward(call)
        if response.status < 400:
            function = self.functions.find(call.params["FunctionName"], region=call.region).function
            seams.keep(function, call.params)
            if connection is not None:
                self.networks.connect(function, connection, new=True)
            body = function.get_configuration(on_create=True)
            if call.params.get("Publish"):
                body["Version"] = "1"
            return call.reply(body, 201)
        return response

    def _update_configuration(self, call: Call) -> HttpResponse:
        rules.check_unpublished(split(call.params["FunctionName"])[1], "configuration")
        rules.check_configuration(call.params, self._context.identities)
        runtimes.check(call.params)
        self._check_layers(call)
        function = self.functions.find(call.params["FunctionName"], region=call.region).function
        self.networks.check_ready(function)
        if is_active(call.params):
            rules.check_tracing(call.params.get("Role") or function.role, self._context.identities)
        connection = self.networks.plan(call.params, function)
        response = forward(call)
        if response.status < 400:
            seams.keep(function, call.params)
            seams.changed(function)
            if "VpcConfig" in call.params:
                self.networks.connect(function, connection)
                self._fleet.retire(lambda member: member.key[0] == function.function_name)
            return call.reply(function.get_configuration())
        return response

    def _check_layers(self, call: Call) -> None:
        for arn in call.params.get("Layers") or []:
            rules.check_layer_region(arn, call.region)
            if self.functions.layer(arn, in_use=False) is None:
                raise rules.invalid(f"Layer version {arn} does not exist.")

    def _update_code(self, call: Call) -> HttpResponse:
        given = call.params
        rules.check_unpublished(split(given["FunctionName"])[1], "code")
        rules.check_code_region(given.get("S3Bucket"), call)
        rules.check_package(given.get("ZipFile"), len(call.request.body), call.name)
        function = self.functions.find(given["FunctionName"], region=call.region).function
        self.networks.check_ready(function)
        publish = self._publish if given.get("Publish") else forward
        seams.changed(function)
        if set(given) - {"FunctionName", "ZipFile", "Publish"} or not given.get("ZipFile"):
            return publish(call)
        if base64.b64encode(hashlib.sha256(given["ZipFile"]).digest()).decode() != function.code_sha_256:
            return publish(call)
        # The same code again: for moto that would be a change, and worth a new version; for AWS it is not.
        if given.get("Publish"):
            function = self.functions.backend(call.region).publish_version(function.function_name) or function
        return call.reply(function.get_configuration())

    def _publish(self, call: Call) -> HttpResponse:
        function = self.functions.find(call.params["FunctionName"], region=call.region).function
        self.networks.check_ready(function)
        response = forward(call)
        if response.status < 400:  # moto forgets this when it publishes version 1, and would publish it again as 2
            function.code_or_config_updated = False
        return response

    def _delete_function(self, call: Call) -> HttpResponse:
        response = forward(call)
        name = split(call.params["FunctionName"])[0]
        if response.status < 400:
            self._provisioned.forget(name, call.params.get("Qualifier") or "")
        if response.status < 400 and not call.params.get("Qualifier"):
            self._fleet.retire(lambda member: member.key[0] == name)
        self.networks.release()
        return response

    def _publish_layer(self, call: Call) -> HttpResponse:
        rules.check_package((call.params.get("Content") or {}).get("ZipFile"), len(call.request.body), call.name)
        return forward(call)

    def _write_alias(self, call: Call) -> HttpResponse:
        given = call.params
        name, routing = given["FunctionName"], given.get("RoutingConfig") or {}
        version = given.get("FunctionVersion") or self.functions.primary(name, given["Name"], call.region)
        rules.check_weights(routing, version)
        for other in routing.get("AdditionalVersionWeights") or {}:
            self.functions.find(name, other, call.region)
        response = forward(call)
        self._provisioned.follow(split(name)[0], given["Name"], call.region)
        return response

    def _delete_alias(self, call: Call) -> HttpResponse:
        self._provisioned.forget(split(call.params["FunctionName"])[0], call.params["Name"])
        return forward(call)

    def _add_permission(self, call: Call) -> HttpResponse:
        """Take the alias or version from the function's name too (``f:live``); moto looks for it in the query alone."""
        qualifier = split(call.params["FunctionName"])[1]
        if qualifier and not call.params.get("Qualifier"):
            call.request.query = urlencode({"Qualifier": qualifier})
        return forward(call)

    def _get_policy(self, call: Call) -> HttpResponse:
        """Return the statements for what was asked for: each version and alias has a policy of its own."""
        response = forward(call)
        if response.status >= 400:
            return response
        asked = resource_of(call)
        found = json.loads(response.body)
        policy = json.loads(found["Policy"])
        policy["Statement"] = [each for each in policy["Statement"] if each["Resource"] == asked]
        if not policy["Statement"]:
            raise AWSError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return call.reply({**found, "Policy": json.dumps(policy)})

    def _put_concurrency(self, call: Call) -> HttpResponse:
        name = self.functions.find(call.params["FunctionName"], region=call.region).name
        elsewhere = sum(count for other, count in self._reserved().items() if other != name)
        wanted, provisioned = int(call.params["ReservedConcurrentExecutions"]), self._provisioned.of_function(name)
        rules.check_reservation(wanted, elsewhere, self._context.quotas)
        if wanted < provisioned:
            raise rules.invalid(
                f"ReservedConcurrentExecutions {wanted} is lower than the function's provisioned "
                f"concurrency [{provisioned}]"
            )
        return forward(call)

    def _account_settings(self, call: Call) -> HttpResponse:
        total = self._context.quotas["lambda.concurrent_executions"]
        functions = list(self.functions.all())
        return call.reply(
            {
                "AccountLimit": {
                    "TotalCodeSize": 300 * 1024**3,
                    "CodeSizeUnzipped": rules.MOST_UNZIPPED_BYTES,
                    "CodeSizeZipped": 50 * 1024 * 1024,
                    "ConcurrentExecutions": total,
                    "UnreservedConcurrentExecutions": total - sum(self._reserved().values()),
                },
                "AccountUsage": {
                    "TotalCodeSize": sum(function.code_size for function in functions),
                    "FunctionCount": len(functions),
                },
            }
        )
