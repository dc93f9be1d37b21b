"""SNS: a message to a topic goes to each subscription whose filter policy wants it.

AWS: "Amazon SNS subscription filter policies" and "Fanout to Lambda functions" (SNS Developer Guide): a function gets
one record a call, through Lambda's asynchronous queue; a queue gets a JSON envelope, or the bare message with
RawMessageDelivery. What a subscriber's policy refuses goes to the subscription's dead-letter queue, or is lost. Topics,
subscriptions and the signed envelope are moto's. CloudWatch gets the numbers of messages and notifications ("Monitoring
Amazon SNS topics using CloudWatch").

Differs: nothing is sent to telephones and mailboxes, and nothing leaves this machine: HTTP endpoints are refused.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from moto.core.exceptions import ServiceException
from moto.sns.models import Subscription, Topic, sns_backends

from helpers.dataplane import event_patterns
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, Taker, as_json, service_of
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.metrics import measure
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

_ENVELOPE = (
    "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
    "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
)  # fmt: skip


class SnsPlane:
    """The part of SNS that moto leaves out: filters, functions, and queues whose policies decide."""

    service = "sns"

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post
        post.takers["sns"] = Taker("sns:Publish", self._publish, lambda arn: self._topic(arn)._policy_json["Statement"])
        self._seams = Seams()
        self._of_publish = Topic.publish
        self._seams.put(Topic, "publish", self._published)
        self._seams.put(Subscription, "publish", self._offer)
        self._seams.put(Subscription, "private_key", lambda subscription: _private_key())

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {"Subscribe": self._subscribe}

    def addresses(self) -> Mapping[str, Address]:
        """SNS has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def _subscribe(self, call: Call) -> HttpResponse:
        protocol, endpoint = call.params["Protocol"], call.params.get("Endpoint") or ""
        if protocol in ("http", "https", "firehose"):
            raise not_built(f"a subscription with the protocol {protocol}")
        if protocol in ("lambda", "sqs") and service_of(endpoint) != protocol:
            name = "Lambda" if protocol == "lambda" else "SQS"
            raise AWSError("InvalidParameter", f"Invalid parameter: {name} endpoint ARN", 400)
        return forward(call)

    def _topic(self, arn: str) -> Topic:
        topic = sns_backends[self._context.account_id][arn.split(":")[3]].topics.get(arn)
        if topic is None:
            raise AWSError("NotFound", "Topic does not exist", 404)
        return topic

    def _publish(self, delivery: Delivery) -> None:
        """Publish what another service sends to a topic."""
        topic, subject = self._topic(delivery.target_arn), delivery.options.get("subject")
        try:
            topic.sns_backend.publish(
                delivery.body, arn=topic.arn, subject=subject, group_id=delivery.options.get("group_id")
            )
        except ServiceException as error:
            raise AWSError(error.code, str(error.message), 400) from None

    def _published(self, topic: Topic, *given: Any, **named: Any) -> str:
        """Take the place of moto's ``Topic.publish``: the message counts."""
        self._count(topic, "NumberOfMessagesPublished")
        return self._of_publish(topic, *given, **named)

    def _count(self, topic: Topic, metric: str) -> None:
        measure(self._context.account_id, topic.arn.split(":")[3], "AWS/SNS", {metric: 1}, {"TopicName": topic.name})

    def _offer(
        self,
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        """Take the place of moto's ``Subscription.publish``."""
        if not wants(subscription, message, message_attributes or {}) or subscription.protocol not in ("lambda", "sqs"):
            return
        if message_structure == "json":
            message = subscription._parse_message_structure(message, subscription.protocol)
        options: dict[str, Any] = {"group_id": group_id, "deduplication_id": deduplication_id}
        if _raw(subscription):
            body, options["attributes"] = message, _as_sqs(message_attributes or {})
        else:
            envelope = subscription.get_post_data(message, message_id, subject, message_attributes)
            where = f"https://sns.{subscription.arn.split(':')[3]}.amazonaws.com"
            envelope["UnsubscribeURL"] = f"{where}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}"
            body = _record(subscription, envelope) if subscription.protocol == "lambda" else _enveloped(envelope)
        self._send(subscription, body, options)

    def _send(self, subscription: Subscription, body: str, options: dict[str, Any]) -> None:
        topic = subscription.topic
        delivery = Delivery("sns", topic.arn, subscription.endpoint, body, "Notification", topic.name, options=options)
        try:
            self._post.send(delivery)
            self._count(topic, "NumberOfNotificationsDelivered")
        except AWSError:
            self._count(topic, "NumberOfNotificationsFailed")
            redrive = json.loads(subscription.attributes.get("RedrivePolicy") or "{}")
            queue = redrive.get("deadLetterTargetArn")
            if queue:
                self._bury(Delivery("sns", topic.arn, queue, body, "dead letter", topic.name, options=options))

    def _bury(self, delivery: Delivery) -> None:
        try:
            self._post.send(delivery)
        except AWSError:
            return  # lost, as on AWS: the record has the refusal


def wants(subscription: Subscription, message: str, attributes: Mapping[str, Any]) -> bool:
    """Return whether a subscription's filter policy lets a message through."""
    policy = subscription._filter_policy
    if not policy:
        return True
    if subscription.attributes.get("FilterPolicyScope") != "MessageBody":
        return event_patterns.matches(policy, {name: _value(one) for name, one in attributes.items()})
    try:
        body = json.loads(message)
    except ValueError:
        return False
    return isinstance(body, dict) and event_patterns.matches(policy, body)


def _value(attribute: Mapping[str, Any]) -> Any:
    """Return the value that a filter policy compares: a number, a list, or a text."""
    if attribute["Type"].startswith("Number") or attribute["Type"] == "String.Array":
        return json.loads(str(attribute["Value"]))
    return attribute["Value"]


def _raw(subscription: Subscription) -> bool:
    return str(subscription.attributes.get("RawMessageDelivery")).lower() == "true" and subscription.protocol == "sqs"


def _enveloped(envelope: dict[str, Any]) -> str:
    """Return the message of a queue, as SNS lays it out."""
    ordered = {name: envelope[name] for name in _ENVELOPE if name in envelope}
    return json.dumps(ordered, indent=2, separators=(",", " : "))


def _record(subscription: Subscription, envelope: dict[str, Any]) -> str:
    """Return the event of a function: the envelope, with two of its names written otherwise."""
    renamed = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    told = {renamed.get(name, name): envelope.get(name) for name in _ENVELOPE}
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription.arn}
    return as_json({"Records": [{**record, "Sns": {**told, "MessageAttributes": told["MessageAttributes"] or {}}}]})


def _as_sqs(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message's attributes as SQS takes them."""
    return {
        name: {
            "DataType": one["Type"],
            "BinaryValue" if one["Type"].startswith("Binary") else "StringValue": (
                one["Value"] if one["Type"].startswith("Binary") else str(one["Value"])
            ),
        }
        for name, one in attributes.items()
    }


@functools.cache
def _private_key() -> rsa.RSAPrivateKey:
    """Return the key that signs all messages; moto would make one for each subscription, which takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
