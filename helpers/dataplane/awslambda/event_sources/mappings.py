"""The API of event source mappings: create, get, list, update, delete.

AWS: API_CreateEventSourceMapping and its siblings, Lambda API Reference. A change takes some seconds there
(``Creating``, ``Updating``, ``Disabling``, ...); here it is in force when the call returns: the answer to the call
names the transitional state, as AWS's does, and the next Get the settled one. moto's own mappings call the function
from inside PutItem or SendMessage; they are taken off the queue, table or stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Given
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.dynamodb.models import dynamodb_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends

from helpers.dataplane.awslambda.event_sources import checks
from helpers.dataplane.awslambda.event_sources.arrivals import Arrivals
from helpers.dataplane.awslambda.event_sources.poller import Mapping, Poller, Services
from helpers.dataplane.awslambda.event_sources.sqs import SqsPoller
from helpers.dataplane.awslambda.event_sources.streams import StreamPoller
from helpers.dataplane.awslambda.functions import split
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.record import Use
from helpers.dataplane.sqs import Queues
from helpers.dataplane.standing import POLLS_AN_HOUR, Thing
from helpers.dataplane.web import HttpResponse

_STOP_SECONDS = 1.0
_NOT_SETTINGS = ("EventSourceArn", "FunctionName", "Enabled", "Tags", "UUID")


class EventSources:
    """The mappings of one account and their pollers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pollers: dict[str, Poller] = {}
        self._queues, self.arrivals = Queues(services.context.clock), Arrivals(services.context.clock)
        services.context.standing.watch(self._idle_polls)
        self._queues.install()
        self.arrivals.install()

    def operations(self) -> Given[str, Operation]:
        """Return what answers which operation."""
        return {
            "CreateEventSourceMapping": self._create,
            "GetEventSourceMapping": self._get,
            "ListEventSourceMappings": self._list,
            "UpdateEventSourceMapping": self._update,
            "DeleteEventSourceMapping": self._delete,
        }

    def stop(self) -> None:
        """End all pollers; moto gets its own methods back."""
        for poller in self._pollers.values():
            poller.close()
        for poller in self._pollers.values():
            poller.join(_STOP_SECONDS)
        self._pollers.clear()
        self._queues.remove()
        self.arrivals.remove()

    def _idle_polls(self) -> Iterator[Thing]:
        for poller in list(self._pollers.values()):
            mapping = poller.mapping
            if mapping.enabled and mapping.service == "sqs":
                fifo = "fifo" if mapping.source_arn.endswith(".fifo") else ""
                yield Use("sqs", "polls of an idle queue", fifo), mapping.uuid, POLLS_AN_HOUR

    def _create(self, call: Call) -> HttpResponse:
        mapping = self._made(self._backend(call.region), call.params)
        state = "Creating" if call.params.get("Enabled") is not False else "Disabled"
        return call.reply(self._described(mapping, state), 202)

    def _get(self, call: Call) -> HttpResponse:
        return call.reply(self._described(self._found(call).mapping))

    def _list(self, call: Call) -> HttpResponse:
        source, name = call.params.get("EventSourceArn"), call.params.get("FunctionName")
        arn = self._services.functions.find(name, region=call.region).arn if name else ""
        mappings = [poller.mapping for poller in self._pollers.values() if poller.mapping.region == call.region]
        found = [
            self._described(mapping)
            for mapping in mappings
            if (not source or mapping.source_arn == source) and (not name or mapping.function_arn == arn)
        ]
        return call.reply({"EventSourceMappings": found})

    def _update(self, call: Call) -> HttpResponse:
        poller = self._found(call)
        before = poller.mapping.enabled
        self._change(poller, call.params)
        changed = "Enabling" if poller.mapping.enabled else "Disabling"
        state = changed if poller.mapping.enabled != before else "Updating"
        return call.reply(self._described(poller.mapping, state), 202)

    def _delete(self, call: Call) -> HttpResponse:
        poller = self._pollers.pop(self._found(call).mapping.uuid)
        poller.close()
        poller.join(_STOP_SECONDS)
        self._backend(call.region)._event_source_mappings.pop(poller.mapping.uuid, None)
        return call.reply(self._described(poller.mapping, "Deleting"), 202)

    def _backend(self, region: str) -> LambdaBackend:
        return self._services.functions.backend(region)

    def _found(self, call: Call) -> Poller:
        poller = self._pollers.get(call.params["UUID"])
        if poller is None or poller.mapping.region != call.region:
            message = "The resource you requested does not exist."
            raise AWSError("ResourceNotFoundException", message, 404, Type="User")
        return poller

    def _made(self, backend: LambdaBackend, spec: Given[str, Any]) -> Mapping:
        checks.check_new(spec)
        settings = checks.with_defaults(spec["EventSourceArn"], _settings(spec))
        target = checks.target_of(self._services, spec["FunctionName"], backend.region_name)
        patterns = checks.check_settings(self._services, spec["EventSourceArn"], target, settings)
        checks.check_is_new(target, spec["EventSourceArn"], [poller.mapping for poller in self._pollers.values()])
        made = backend.create_event_source_mapping({**spec, "FunctionName": split(spec["FunctionName"])[0]})
        self._take_off(backend, made)
        enabled = spec.get("Enabled") is not False
        now = self._services.context.clock.time()
        mapping = Mapping(
            made.uuid, backend.region_name, made.event_source_arn, target.arn, settings, enabled, now, patterns=patterns
        )
        self._pollers[made.uuid] = self._poller(mapping)
        if enabled:
            self._pollers[made.uuid].start()
        return mapping

    def _poller(self, mapping: Mapping) -> Poller:
        if mapping.service == "sqs":
            return SqsPoller(mapping, self._services, self._queues)
        return StreamPoller(mapping, self._services, self.arrivals)

    def _take_off(self, backend: LambdaBackend, made: EventSourceMapping) -> None:
        """Keep moto from calling the function itself when a message, an item or a record is put."""
        account, region = backend.account_id, backend.region_name
        resource = made.event_source_arn.split(":", 5)[5]
        name = resource.split("/")[1] if "/" in resource else resource
        owners: dict[str, dict[str, Any]] = {
            "sqs": sqs_backends[account][region].queues,
            "dynamodb": dynamodb_backends[account][region].tables,
            "kinesis": kinesis_backends[account][region].streams,
        }
        owners[made.event_source_arn.split(":")[2]][name].lambda_event_source_mappings.clear()

    def _change(self, poller: Poller, spec: Given[str, Any]) -> None:
        mapping = poller.mapping
        settings = {**mapping.settings, **_settings(spec)}
        if settings != mapping.settings or spec.get("FunctionName"):
            target = checks.target_of(self._services, spec.get("FunctionName") or mapping.function_arn, mapping.region)
            patterns = checks.check_settings(self._services, mapping.source_arn, target, settings)
            with poller.settings_in_use:
                mapping.patterns, mapping.settings, mapping.function_arn = patterns, settings, target.arn
        mapping.modified = self._services.context.clock.time()
        enabled = mapping.enabled if spec.get("Enabled") is None else bool(spec["Enabled"])
        if enabled != mapping.enabled:
            mapping.enabled = enabled
            (poller.start if enabled else poller.stop)()
            if not enabled:
                poller.join(_STOP_SECONDS)

    def _described(self, mapping: Mapping, state: str = "") -> dict[str, Any]:
        stream, account = mapping.service != "sqs", self._services.context.account_id
        described = {
            **mapping.settings,
            "UUID": mapping.uuid,
            "EventSourceArn": mapping.source_arn,
            "FunctionArn": mapping.function_arn,
            "LastModified": mapping.modified,
            "State": state or ("Enabled" if mapping.enabled else "Disabled"),
            "StateTransitionReason": "User action" if stream else "USER_INITIATED",
            "EventSourceMappingArn": f"arn:aws:lambda:{mapping.region}:{account}:event-source-mapping:{mapping.uuid}",
        }
        return {**described, "LastProcessingResult": mapping.last_result} if stream else described


def _settings(given: Given[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in _NOT_SETTINGS and value is not None}
