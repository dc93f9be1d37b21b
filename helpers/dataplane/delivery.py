"""Handing an event over: from the service in which something happened to the function, queue, topic or bus that waits.

AWS: each service delivers on its own behalf and is refused unless the target's resource policy names it, or a role is
given that may. A function gets the event through Lambda's asynchronous queue ("Invoking a Lambda function
asynchronously", Lambda Developer Guide), so whoever caused it never waits. Here: the same; queues, topics and buses,
which run nobody's code, take the event at once. Each delivery is one ``event`` entry in the record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from moto.core.exceptions import ServiceException
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import Queue, sqs_backends

from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.plane import LambdaPlane
from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.policies import Asked, Verdict, decide

T = TypeVar("T")
_IN_THEIR_OWNERS_NAME = ("cloudwatch",)
"""Services that publish in their owner's name, as the policy lets them that a new topic has ("Example cases for Amazon
SNS access control", aws:SourceOwner, SNS Developer Guide)."""


@dataclass(frozen=True)
class Delivery:
    """One event on its way. ``action`` and ``subject`` are for the record: what happened, and to what."""

    service: str
    source_arn: str
    target_arn: str
    body: str
    action: str
    subject: str
    role: str = ""
    """The ARN of the role with which the service acts; without one the target's policy decides."""
    options: dict[str, Any] = field(default_factory=dict)
    """What a target takes besides: ``attributes`` and ``group_id`` of a message, ``subject`` of a notification."""
    trusted: bool = False
    """Whether the service acts with the permissions of its caller, so that nothing is asked."""


@dataclass(frozen=True)
class Taker:
    """What takes events for the ARNs of one service: the permission it wants, and where its policies are."""

    action: str
    take: Callable[[Delivery], None]
    statements: Callable[[str], list[dict[str, Any]]] | None = None
    """Returns the statements of a target's policy; None where only a role or the service itself may deliver."""


class Post:
    """Delivers events to the targets of one account; a service adds what it takes to ``takers``."""

    def __init__(self, context: Context, functions: LambdaPlane) -> None:
        self._context, self._functions = context, functions
        self.takers = {
            "lambda": Taker("lambda:InvokeFunction", self._to_function, functions.statements),
            "sqs": Taker("sqs:SendMessage", self._to_queue, self._queue_statements),
        }

    def may(self, service: str, source_arn: str, target_arn: str) -> bool:
        """Return whether the target exists and its policy lets the service deliver on behalf of ``source_arn``."""
        try:
            return self._policy_allows(service, source_arn, target_arn)
        except AWSError:
            return False

    def send(self, delivery: Delivery) -> None:
        """Hand an event over, and write that down.

        Raises
        ------
        AWSError
            The target is not there, or refuses.
        """
        self._written_down(delivery, lambda: self._taker(delivery.target_arn).take(delivery))

    def ask(self, delivery: Delivery) -> Outcome:
        """Call a function synchronously and return its outcome, and write that down.

        Raises
        ------
        AWSError
            The function is not there, refuses, or is throttled.
        """
        body = delivery.body.encode()
        arn, service = delivery.target_arn, delivery.service
        return self._written_down(delivery, lambda: self._functions.call(arn, body, service), awaited=True)

    def _written_down(self, delivery: Delivery, act: Callable[[], T], **detail: bool) -> T:
        started, outcome = time.time(), "ok"
        target = delivery.target_arn.split(":")
        name = f"function {target[6]}" if target[2] == "lambda" else target[2]
        try:
            self._check(delivery)
            return act()
        except AWSError as error:
            outcome = error.code
            raise
        finally:
            self._context.record.add(
                "event", delivery.service, name, delivery.action,
                subject=delivery.subject, outcome=outcome, started=started, milliseconds=(time.time() - started) * 1000,
                **detail,
            )  # fmt: skip

    def _check(self, delivery: Delivery) -> None:
        arn = delivery.target_arn
        if delivery.trusted:
            return
        if delivery.role:
            who, allowed = delivery.role, self._role_may(delivery.role, arn)
        else:
            who = f"{delivery.service}.amazonaws.com"
            allowed = self._policy_allows(delivery.service, delivery.source_arn, arn)
        if not allowed:
            message = f"User: {who} is not authorized to perform: {self._taker(arn).action} on resource: {arn}"
            raise AWSError("AccessDeniedException", message, 403)

    def _taker(self, arn: str) -> Taker:
        service = service_of(arn)
        if service not in self.takers:
            raise not_built(f"delivering events to {service or arn}")
        return self.takers[service]

    def _policy_allows(self, service: str, source_arn: str, target_arn: str) -> bool:
        taker = self._taker(target_arn)
        if taker.statements is None:
            return True
        account = self._context.account_id
        owner = account if service in _IN_THEIR_OWNERS_NAME else None
        values = {"aws:sourcearn": source_arn, "aws:sourceaccount": account, "aws:sourceowner": owner}
        asked = Asked(taker.action, target_arn, service=service, values=values)
        return decide([{"Statement": taker.statements(target_arn)}], asked, of_resource=True) is Verdict.ALLOW

    def _role_may(self, role: str, arn: str) -> bool:
        identities = self._context.identities
        return identities.role(role) is not None and identities.role_may(role, self._taker(arn).action, arn)

    def _to_function(self, delivery: Delivery) -> None:
        self._functions.push(delivery.target_arn, delivery.body.encode(), delivery.service)

    def _queue_statements(self, arn: str) -> list[dict[str, Any]]:
        statements = self.queue(arn)._policy_json.get("Statement", [])
        return statements if isinstance(statements, list) else [statements]

    def queue(self, arn: str) -> Queue:
        """Return moto's queue of that ARN.

        Raises
        ------
        AWSError
            There is none.
        """
        try:
            return sqs_backends[self._context.account_id][arn.split(":")[3]].get_queue(arn.rpartition(":")[2])
        except QueueDoesNotExist as error:
            raise AWSError("AWS.SimpleQueueService.NonExistentQueue", str(error), 400) from None

    def _to_queue(self, delivery: Delivery) -> None:
        queue, options = self.queue(delivery.target_arn), delivery.options
        try:
            sqs_backends[self._context.account_id][queue.region].send_message(
                queue.name,
                delivery.body,
                message_attributes=options.get("attributes"),
                group_id=options.get("group_id"),
                deduplication_id=options.get("deduplication_id"),
            )
        except ServiceException as error:
            raise AWSError(error.code, str(error.message), 400) from None


def service_of(arn: str) -> str:
    """Return the service in an ARN."""
    return (arn.split(":") + [""] * 3)[2]


def iso(moment: float, digits: int = 0) -> str:
    """Return a time in seconds since the epoch as services write it, with ``digits`` (0 or 3) after the second."""
    date = datetime.fromtimestamp(moment, UTC)
    return f"{date:%Y-%m-%dT%H:%M:%S}" + (f".{date.microsecond // 1000:03d}Z" if digits else "Z")


def as_json(value: Any) -> str:
    """Return ``value`` as services write their events: compact JSON."""
    return json.dumps(value, separators=(",", ":"))
