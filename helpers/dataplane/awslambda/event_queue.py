"""Asynchronous invocations: the queue in front of every function, its retries, and where events end.

AWS: ``InvocationType=Event`` is answered at once; the event waits in a queue of Lambda's own. A function error is
retried after one and after two minutes; a throttled event is tried again for up to six hours, after 1 s growing to 5
minutes; then it goes to the dead-letter queue and the on-failure destination ("How Lambda handles errors and retries
with asynchronous invocation", Lambda Developer Guide). Here the same; the waits pass at the cloud's ``speed``.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from helpers.dataplane import tracing
from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.event_config import LONGEST_AGE_SECONDS, RETRIES, EventConfigs
from helpers.dataplane.awslambda.functions import Functions, Target
from helpers.dataplane.awslambda.invocation import Invoker, Request
from helpers.dataplane.awslambda.seams import kept_of
from helpers.dataplane.awslambda.telemetry import Telemetry
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.tracing import TraceHeader

WORKERS = 32
RETRY_SECONDS = 60
LONGEST_BACKOFF_SECONDS = 300


@dataclass
class Event:
    """An event that waits: ``since`` is the clock when it came, ``invocations`` how often it reached the function."""

    arn: str
    request: Request
    since: float
    invocations: int = 0
    throttles: int = 0


class EventQueue:
    """The queue, one dispatcher, and a pool of workers."""

    def __init__(
        self, context: Context, functions: Functions, invoker: Invoker, configs: EventConfigs, telemetry: Telemetry
    ) -> None:
        self._context, self._functions, self._invoker = context, functions, invoker
        self._configs, self._telemetry = configs, telemetry
        self._waiting: list[tuple[float, int, Event]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._workers: ThreadPoolExecutor | None = None

    def put(self, target: Target, request: Request) -> None:
        """Take an event and return at once."""
        header = self._invoker.traces.decided(target, TraceHeader.parse(request.trace_header))
        request = replace(request, trace_header=str(header))
        self._telemetry.count(target, "AsyncEventsReceived")
        self._schedule(Event(target.arn, request, self._context.clock.now()), 0.0)

    def stop(self) -> None:
        """Drop what waits and end the workers."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify()
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)

    def _schedule(self, event: Event, delay: float) -> None:
        with self._changed:
            if self._stopped:
                return
            if self._workers is None:
                self._workers = ThreadPoolExecutor(WORKERS, "async-invoke")
                threading.Thread(target=self._dispatch, name="event-queue", daemon=True).start()
            heapq.heappush(self._waiting, (self._context.clock.now() + delay, next(self._numbers), event))
            self._changed.notify()

    def _dispatch(self) -> None:
        clock = self._context.clock
        while True:
            with self._changed:
                while not self._stopped and (not self._waiting or self._waiting[0][0] > clock.now()):
                    pause = (self._waiting[0][0] - clock.now()) / clock.speed if self._waiting else None
                    self._changed.wait(pause)
                if self._stopped:
                    return
                event = heapq.heappop(self._waiting)[2]
                assert self._workers is not None
                self._workers.submit(self._handle, event)

    def _handle(self, event: Event) -> None:
        with tracing.carried(event.request.trace_header):
            self._run(event)

    def _run(self, event: Event) -> None:
        try:
            target = self._functions.find(event.arn)
        except AWSError:
            return
        config = self._configs.of(event.arn)
        longest = config.get("MaximumEventAgeInSeconds", LONGEST_AGE_SECONDS)
        age = self._context.clock.now() - event.since
        self._telemetry.measure(target, "AsyncEventAge", age * 1000)
        if age > longest:
            return self._give_up(event, target, "EventAgeExceeded", None)
        try:
            outcome = self._invoker.run(target, event.request)
        except AWSError as error:
            event.throttles += 1
            backoff = min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(event.throttles - 1, 10))
            if error.status != 429 and error.status < 500:
                return self._give_up(event, target, "RetriesExhausted", None)
            if self._functions.find(target.name, region=target.function.region).function.reserved_concurrency == 0:
                return self._give_up(event, target, "ZeroReservedConcurrency", None)
            return self._schedule(event, min(backoff, longest - age + 0.001))
        event.invocations += 1
        if outcome.function_error is None:
            self._deliver(event, target, "OnSuccess", "Success", outcome)
        elif event.invocations <= config.get("MaximumRetryAttempts", RETRIES):
            self._schedule(event, RETRY_SECONDS * event.invocations)
        else:
            self._give_up(event, target, "RetriesExhausted", outcome)

    def _give_up(self, event: Event, target: Target, condition: str, outcome: Outcome | None) -> None:
        self._deliver(event, target, "OnFailure", condition, outcome)
        self._telemetry.count(target, "AsyncEventsDropped")
        queue = kept_of(target.function).get("DeadLetterConfig", {}).get("TargetArn")
        if not queue:
            return
        message = _error_message(outcome) if outcome else "Rate Exceeded."
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": event.request.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200" if outcome else "429"},
            "ErrorMessage": {"DataType": "String", "StringValue": message[:1024] or "-"},
        }
        self._send(target, queue, event.request.payload.decode(), "DeadLetterErrors", attributes)

    def _deliver(self, event: Event, target: Target, when: str, condition: str, outcome: Outcome | None) -> None:
        destinations = self._configs.of(event.arn).get("DestinationConfig") or {}
        arn = (destinations.get(when) or {}).get("Destination")
        if arn:
            record = _record(event, target, condition, outcome)
            self._send(target, arn, json.dumps(record), "DestinationDeliveryFailures", {}, condition)

    def _send(
        self, target: Target, arn: str, body: str, metric: str, attributes: dict[str, Any], condition: str = ""
    ) -> None:
        service, name = arn.split(":")[2], arn.rpartition(":")[2]
        client = self._context.client(service, "lambda", arn.split(":")[3] or self._context.region)
        try:
            if service == "sqs":
                url = client.get_queue_url(QueueName=name)["QueueUrl"]
                client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
            elif service == "sns":
                client.publish(TopicArn=arn, Message=body, MessageAttributes=attributes)
            elif service == "lambda":
                client.invoke(FunctionName=arn, InvocationType="Event", Payload=body)
            elif service == "events":
                entry = _bus_entry(arn, target, body, "Success" if condition == "Success" else "Failure")
                client.put_events(Entries=[entry])
            elif service == "s3":
                moment = datetime.now(UTC)
                key = f"aws/lambda/{target.name}/{moment:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{self._context.new_id()}"
                client.put_object(Bucket=name, Key=key, Body=body.encode())
        except client.exceptions.ClientError:
            self._telemetry.count(target, metric)


def _record(event: Event, target: Target, condition: str, outcome: Outcome | None) -> dict[str, Any]:
    """Return the invocation record that a destination receives (Lambda Developer Guide, "Destinations")."""
    moment = datetime.now(UTC)
    arn = event.arn if len(event.arn.split(":")) > 7 else event.arn + ":$LATEST"
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": event.request.request_id,
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": event.invocations,
        },
        "requestPayload": json.loads(event.request.payload or b"{}"),
    }
    if outcome is not None:
        failed = {"functionError": outcome.function_error} if outcome.function_error else {}
        record["responseContext"] = {"statusCode": 200, "executedVersion": target.version, **failed}
        record["responsePayload"] = json.loads(outcome.payload or b"null")
    return record


def _bus_entry(arn: str, target: Target, body: str, result: str) -> dict[str, Any]:
    return {
        "EventBusName": arn,
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {result}",
        "Resources": [target.arn],
        "Detail": body,
    }


def _error_message(outcome: Outcome) -> str:
    try:
        body = json.loads(outcome.payload)
    except ValueError:
        return outcome.payload.decode("utf-8", "replace")
    return str(body.get("errorMessage", "")) if isinstance(body, dict) else str(body)
