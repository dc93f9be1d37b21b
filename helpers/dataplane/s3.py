"""S3: event notifications. A bucket tells a function, a queue, a topic or EventBridge what happened to its objects.

AWS: "Amazon S3 Event Notifications" (Amazon S3 User Guide); the message is in "Event message structure", EventBridge's
form of it in "EventBridge event message structure". A destination that S3 may not call is refused when the notification
is configured. Here: ObjectCreated (Put, Post, Copy, CompleteMultipartUpload), ObjectRemoved (Delete,
DeleteMarkerCreated), ObjectTagging and ObjectAcl, which moto notices; buckets and objects are moto's.

Differs: rules that overlap are taken (AWS refuses them); the owner's canonical user id is invented. Who may do what
with a bucket: ``s3_access.py``; what CloudWatch hears: ``s3_metrics.py``.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, as_json, iso
from helpers.dataplane.events import EventsPlane
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.regions import region_of
from helpers.dataplane.s3_access import ADDRESS, BucketAccess
from helpers.dataplane.s3_metrics import BucketMetrics
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

_WRITES = {
    "PutObject": "ObjectCreated:Put",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
    "DeleteObject": "ObjectRemoved",
    "DeleteObjects": "ObjectRemoved",
    "PutObjectTagging": "ObjectTagging",
    "DeleteObjectTagging": "ObjectTagging",
    "PutObjectAcl": "ObjectAcl",
}
"""The events that an operation causes; moto notices more, such as tags at each PutObject."""
_ELSEWHERE = "The notification destination service region is not valid for the bucket location constraint"
_REFUSED = "Unable to validate the following destination configurations"
_DESTINATIONS = {
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
    "QueueConfigurations": "QueueArn",
    "TopicConfigurations": "TopicArn",
}
_EMPTY_ETAG = hashlib.md5(usedforsecurity=False).hexdigest()
_REASONS = {"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject", "Delete": "DeleteObject"}


class S3Plane:
    """The part of S3 that moto leaves out: it watches moto's buckets and tells who wants to know."""

    service = "s3"

    def __init__(self, context: Context, post: Post, bus: EventsPlane) -> None:
        self._context, self._post, self._bus = context, post, bus
        self._current = threading.local()
        self._numbers = itertools.count(1)
        self._seams = Seams()
        self._seams.put(notifications, "send_event", self._notice)
        self._seams.put(notifications, "send_test_event", self._send_test_events)
        self._seams.put(S3Backend, "delete_object", self._deleting(S3Backend.delete_object))
        self._access = BucketAccess(context, self._seams)
        self._metrics = BucketMetrics(context, self._seams)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        writes = {name: self._write for name in _WRITES}
        shared = {**self._access.operations(), **self._metrics.operations()}
        return {**writes, "PutBucketNotificationConfiguration": self._configure, **shared}

    def addresses(self) -> Mapping[str, Address]:
        """S3 has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def _write(self, call: Call) -> HttpResponse:
        """Let moto do it, then tell what it did: nobody hears of an object before it is there."""
        noticed: list[tuple[FakeBucket, str, Any]] = []
        self._current.noticed = noticed
        try:
            response = forward(call)
        finally:
            self._current.noticed = None
        for bucket, event, key in noticed:
            if event.startswith(_WRITES[call.name]):
                self._tell(bucket, event, key, call)
        return response

    def _notice(self, account_id: str, event_name: str, bucket: FakeBucket, key: Any) -> None:
        """Take a notice from moto; its own of removals are incomplete, see ``_deleting``."""
        event = str(getattr(event_name, "value", event_name)).removeprefix("s3:")
        if not event.startswith("ObjectRemoved"):
            self._take(bucket, event, key)

    def _take(self, bucket: FakeBucket, event: str, key: Any) -> None:
        noticed = getattr(self._current, "noticed", None)
        if noticed is not None:
            noticed.append((bucket, event, key))
        else:
            self._tell(bucket, event, key, None)

    def _deleting(self, delete: Any) -> Any:
        def delete_object(backend: S3Backend, bucket_name: str, key_name: str, *rest: Any, **named: Any) -> Any:
            bucket = backend.get_bucket(bucket_name)
            version = named.get("version_id") or (rest[0] if rest else None)
            before = [key for key in bucket.keys.getlist(key_name, []) if version in (None, str(key.version_id))]
            done, meta = delete(backend, bucket_name, key_name, *rest, **named)
            if done and before and version is None and bucket.is_versioned:
                self._take(bucket, "ObjectRemoved:DeleteMarkerCreated", bucket.keys.get(key_name))
            elif done and before:
                self._take(bucket, "ObjectRemoved:Delete", before[-1])
            return done, meta

        return delete_object

    def _tell(self, bucket: FakeBucket, event: str, key: Any, call: Call | None) -> None:
        configuration = bucket.notification_configuration
        if configuration is None:
            return
        happened = _Happened(self._context, bucket, event, key, call, next(self._numbers))
        for notification in [*configuration.cloud_function, *configuration.queue, *configuration.topic]:
            if notification.matches(f"s3:{event}", key.name):
                self._deliver(bucket, notification.arn, as_json(happened.records(notification.id)), event)
        if configuration.event_bridge is not None:
            self._bus.emit("s3", event, bucket.name, happened.entry(), bucket.region_name)

    def _deliver(self, bucket: FakeBucket, arn: str, body: str, action: str) -> None:
        options = {"subject": "Amazon S3 Notification"}
        try:
            self._post.send(Delivery("s3", bucket.arn, arn, body, action, bucket.name, options=options))
        except AWSError:
            return  # S3 has nobody to tell: the record has the refusal

    def _configure(self, call: Call) -> HttpResponse:
        given = call.params.get("NotificationConfiguration") or {}
        bucket, region = f"arn:aws:s3:::{call.params['Bucket']}", region_of(call)
        arns = [one[member] for name, member in _DESTINATIONS.items() for one in given.get(name) or []]
        if any(arn.split(":")[3:4] != [region] for arn in arns):
            raise AWSError("InvalidArgument", _ELSEWHERE, 400)
        if not call.params.get("SkipDestinationValidation"):
            for arn in arns:
                if not self._post.may("s3", bucket, arn):
                    raise AWSError("InvalidArgument", _REFUSED, 400, ArgumentName=arn)
        return forward(call)

    def _send_test_events(self, account_id: str, bucket: FakeBucket) -> None:
        configuration = bucket.notification_configuration
        assert configuration is not None
        for arn in dict.fromkeys(one.arn for one in [*configuration.queue, *configuration.topic]):
            request, host = _request_ids(self._context.new_id())
            test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": iso(time.time(), 3)}
            test |= {"Bucket": bucket.name, "RequestId": request, "HostId": host}
            self._deliver(bucket, arn, as_json(test), "s3:TestEvent")


class _Happened:
    """One thing that happened to one object, in the forms in which S3 tells it."""

    def __init__(
        self, context: Context, bucket: FakeBucket, event: str, key: Any, call: Call | None, number: int
    ) -> None:
        self._context, self._bucket, self._event, self._call = context, bucket, event, call
        self._moment = time.time()
        self._request_id, self._host_id = _request_ids(call.request_id if call else context.new_id())
        self._object: dict[str, Any] = {"key": key.name}
        if event.startswith("ObjectCreated"):
            self._object |= {"size": key.size, "eTag": key.etag.strip('"')}
        elif isinstance(key, FakeDeleteMarker):
            self._object |= {"eTag": _EMPTY_ETAG}
        if bucket.is_versioned:
            self._object |= {"versionId": key.version_id}
        self._object |= {"sequencer": f"{int(self._moment * 1000):012X}{number:06X}"}

    def records(self, configuration_id: str) -> dict[str, Any]:
        """Return the message to a function, a queue or a topic."""
        owner = {"principalId": "A" + hashlib.sha256(self._context.account_id.encode()).hexdigest()[:13].upper()}
        who = self._context.identities.unique_id(self._call.caller) if self._call else self._context.account_id
        bucket = {"name": self._bucket.name, "ownerIdentity": owner, "arn": self._bucket.arn}
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self._bucket.region_name,
            "eventTime": iso(self._moment, 3),
            "eventName": self._event,
            "userIdentity": {"principalId": f"AWS:{who}"},
            "requestParameters": {"sourceIPAddress": ADDRESS},
            "responseElements": {"x-amz-request-id": self._request_id, "x-amz-id-2": self._host_id},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": configuration_id,
                "bucket": bucket,
                "object": self._object | {"key": quote_plus(self._object["key"], safe="/")},
            },
        }
        return {"Records": [record]}

    def entry(self) -> dict[str, Any]:
        """Return the event for EventBridge, where the key is written as it is."""
        family, _, what = self._event.partition(":")
        names = {"eTag": "etag", "versionId": "version-id"}
        detail: dict[str, Any] = {
            "version": "0",
            "bucket": {"name": self._bucket.name},
            "object": {names.get(name, name): value for name, value in self._object.items()},
            "request-id": self._request_id,
            "requester": self._context.account_id,
            "source-ip-address": ADDRESS,
        }
        if family in ("ObjectCreated", "ObjectRemoved"):
            detail["reason"] = _REASONS.get(what, "DeleteObject" if family == "ObjectRemoved" else what)
        if family == "ObjectRemoved":
            detail["deletion-type"] = "Permanently Deleted" if what == "Delete" else "Delete Marker Created"
        kind = notifications._detail_type(f"s3:{self._event}")
        return {"source": "aws.s3", "detail-type": kind, "resources": [self._bucket.arn], "detail": detail}


def _request_ids(seed: str) -> tuple[str, str]:
    """Return a request's two ids in S3's form."""
    digest = hashlib.sha256(seed.encode()).hexdigest().upper()
    return digest[:16], digest
