"""What one request costs beyond being a request: steps of its size, and what leaves AWS.

AWS: a request to SQS, a publish to SNS and an event of EventBridge count once for each 64 KB (the services' pricing
pages); a record that is put into a stream of Kinesis counts in steps of 25 KB, on demand by its bytes; ReceiveMessage
and DeleteMessageBatch of Lambda's pollers count as anybody's ("Why are my Amazon SQS charges higher than expected?",
AWS Knowledge Center). Data that leave for the internet cost by the GB: here the bodies of what APIs and function
addresses answer, and of S3's objects for whoever is no service and no function. Not counted: headers, and the answers
of other services' API calls. A user of a user pool counts once, when something was done for them: an administrator
made, changed or read them, they signed up or in (Amazon Cognito Pricing).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from helpers.dataplane.call import Call
from helpers.dataplane.record import Record, Use
from helpers.dataplane.web import HttpRequest, HttpResponse

_STEP, _PUT_STEP = 64 * 1024, 25 * 1024
_CLOUDFRONT = ".cloudfront.net"
_OUTSIDE = ("you", "anonymous", "user ", "role ")
"""How the names of callers begin who are no service and no function."""


def count_call(record: Record, call: Call, response: HttpResponse, polled: bool) -> None:
    """Count what an API call that was answered costs beyond the call itself; ``polled`` if Lambda's pollers made it."""
    if (call.service, call.name) in _SIZES:
        requests = _steps(_SIZES[call.service, call.name](call, response))
        meter = requests if polled else requests - 1  # the record has all calls but a poller's
        if meter and not (polled and call.name == "ReceiveMessage" and b'"Messages"' not in response.body):
            fifo = "fifo" if str(call.params.get("QueueUrl", "")).endswith(".fifo") else ""
            record.meter(call.service, "more requests", meter, fifo)
    elif (call.service, call.name) == ("s3", "GetObject"):
        if call.caller.name.startswith(_OUTSIDE) and _CLOUDFRONT not in call.request.headers.get("Via", ""):
            record.meter("transfer", "bytes", len(response.body))
    elif call.service == "kinesis":
        _count_stream(record, call)
    elif call.service == "cognito-idp":
        _count_user(record, call)


def count_answer(record: Record, address: str, request: HttpRequest, response: HttpResponse) -> None:
    """Count the bytes that leave by an answer of an API, of a function's address or of a distribution."""
    if address == "cloudfront":
        record.meter("cloudfront", "requests")
        record.meter("cloudfront", "bytes", len(response.body))
    elif address in ("execute-api", "lambda-url") and _CLOUDFRONT not in request.headers.get("Via", ""):
        record.meter("transfer", "bytes", len(response.body))


def _count_stream(record: Record, call: Call) -> None:
    if call.name in ("PutRecord", "PutRecords"):
        from moto.kinesis.models import kinesis_backends  # in use by now

        name = call.params.get("StreamName") or call.params["StreamARN"].rpartition("/")[2]
        stream = kinesis_backends[call.account_id][call.region].streams[name]
        sizes = [_length(each["Data"]) for each in call.params.get("Records", [call.params])]
        if stream.stream_mode["StreamMode"] == "ON_DEMAND":
            record.meter("kinesis", "bytes in", sum(math.ceil(size / 1024) * 1024 for size in sizes))
        else:
            record.meter("kinesis", "put units", sum(max(1, math.ceil(size / _PUT_STEP)) for size in sizes))


def _count_user(record: Record, call: Call) -> None:
    from moto.cognitoidp.models import cognitoidp_backends  # in use by now

    given = call.params
    name = given.get("Username") or (given.get("AuthParameters") or {}).get("USERNAME")
    pools = cognitoidp_backends[call.account_id][call.region].user_pools.values()
    for pool in pools if name and record.standing else ():
        if given.get("UserPoolId") == pool.id or given.get("ClientId") in pool.clients:
            tier = pool.extended_config.get("UserPoolTier") or "ESSENTIALS"
            record.standing.note(Use("cognito-idp", "active users", tier), f"{pool.id}/{name}")  # type: ignore[union-attr]


def _steps(size: int) -> int:
    return max(1, math.ceil(size / _STEP))


def event_steps(entry: Mapping[str, Any]) -> int:
    """Return for how many an event counts that is given to PutEvents."""
    texts = (entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *entry.get("Resources", []))
    return _steps(sum(_length(text) for text in texts if text) + (14 if entry.get("Time") else 0))


def _length(text: Any) -> int:
    return len(text.encode() if isinstance(text, str) else text)


def _sent(call: Call, _: HttpResponse) -> int:
    return _length(call.params.get("MessageBody") or call.params.get("Message") or "")


def _batch(call: Call, _: HttpResponse) -> int:
    entries = call.params.get("Entries") or call.params.get("PublishBatchRequestEntries") or []
    return sum(_length(each.get("MessageBody") or each.get("Message") or "") for each in entries)


def _received(_: Call, response: HttpResponse) -> int:
    if len(response.body) <= _STEP:
        return 0
    return sum(_length(each["Body"]) for each in json.loads(response.body).get("Messages", []))


_SIZES: Mapping[tuple[str, str], Callable[[Call, HttpResponse], int]] = {
    ("sqs", "SendMessage"): _sent,
    ("sqs", "SendMessageBatch"): _batch,
    ("sqs", "ReceiveMessage"): _received,
    ("sqs", "DeleteMessageBatch"): lambda *_: 0,
    ("sns", "Publish"): _sent,
    ("sns", "PublishBatch"): _batch,
}
