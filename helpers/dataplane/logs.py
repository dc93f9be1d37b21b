"""CloudWatch Logs: subscriptions, which push the log events that fit a pattern to a function.

AWS: the function gets ``{"awslogs": {"data": ...}}``, a gzipped JSON document in base64 ("Subscription filters with AWS
Lambda", CloudWatch Logs User Guide); it must let ``logs.amazonaws.com`` call it when the filter is made. Log groups,
filters and the delivery to streams are moto's; its FilterLogEvents reads patterns as subscriptions do here. CloudWatch
gets IncomingLogEvents and IncomingBytes ("Monitoring with CloudWatch metrics", the same guide); what subscriptions
forward, and what metric filters and embedded metrics cost or miss, is not counted.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

from moto.logs import models
from moto.logs.models import LogStream

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, as_json, service_of
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.log_patterns import compile_pattern
from helpers.dataplane.metrics import measure
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

_REFUSED = (
    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
    "function."
)


class LogsPlane:
    """The part of CloudWatch Logs that moto leaves out: patterns, and who may be called."""

    service = "logs"

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post
        self._seams = Seams()
        self._send_log_events = LogStream._send_log_events
        self._seams.put(LogStream, "_send_log_events", self._push)
        self._seams.put(models, "EventMessageFilter", _Filter)
        self._put_log_events = LogStream.put_log_events
        self._seams.put(LogStream, "put_log_events", self._taken)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {"PutSubscriptionFilter": self._put_filter, "FilterLogEvents": self._filter}

    def addresses(self) -> Mapping[str, Address]:
        """CloudWatch Logs has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def _put_filter(self, call: Call) -> HttpResponse:
        given = call.params
        _check(given.get("filterPattern") or "")
        source = f"arn:aws:logs:{call.region}:{call.account_id}:log-group:{given['logGroupName']}:*"
        arn = given["destinationArn"]
        if service_of(arn) == "lambda" and not self._post.may("logs", source, arn):
            raise AWSError("InvalidParameterException", _REFUSED, 400)
        return forward(call)

    def _filter(self, call: Call) -> HttpResponse:
        _check(call.params.get("filterPattern") or "")
        return forward(call)

    def _taken(self, stream: LogStream, log_events: list[dict[str, Any]]) -> str:
        """Take the place of moto's: what is taken in is paid for and counted, for the group and for all of them."""
        size = sum(len(event["message"].encode()) for event in log_events)
        self._context.record.meter("logs", "bytes", size)
        for dimensions in ({"LogGroupName": stream.log_group.name}, {}) if log_events else ():
            account, region = self._context.account_id, stream.region
            measure(account, region, "AWS/Logs", {"IncomingLogEvents": len(log_events)}, dimensions, "None")
            measure(account, region, "AWS/Logs", {"IncomingBytes": size}, dimensions, "Bytes")
        return self._put_log_events(stream, log_events)

    def _push(
        self, stream: LogStream, service: str, destination_arn: str, filter_name: str, log_events: list[dict[str, Any]]
    ) -> None:
        """Take the place of moto's own delivery."""
        fits = compile_pattern(stream.log_group.subscription_filters[filter_name].filter_pattern or "")
        wanted = [event for event in log_events if fits(event["message"])]
        if not wanted:
            return
        if service != "lambda":
            self._send_log_events(stream, service, destination_arn, filter_name, wanted)
            return
        group = stream.log_group.name
        data = {
            "messageType": "DATA_MESSAGE",
            "owner": self._context.account_id,
            "logGroup": group,
            "logStream": stream.log_stream_name,
            "subscriptionFilters": [filter_name],
            "logEvents": [{**event, "id": f"{int(event['id']):056d}"} for event in wanted],
        }
        packed = base64.b64encode(gzip.compress(as_json(data).encode(), mtime=0)).decode()
        source = f"arn:aws:logs:{stream.region}:{self._context.account_id}:log-group:{group}:*"
        action = f"{len(wanted)} log event{'s' if len(wanted) > 1 else ''}"
        body = as_json({"awslogs": {"data": packed}})
        try:
            self._post.send(Delivery("logs", source, destination_arn, body, action, group))
        except AWSError:
            return  # the log was written; that nobody heard of it is in the record


class _Filter:
    """Stands for moto's ``EventMessageFilter``, which takes most patterns for 'everything'."""

    def __init__(self, pattern: str) -> None:
        self.matches = compile_pattern(pattern or "")


def _check(pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except NotImplementedError as error:
        message = f"{error} are not built in this local cloud; AWS has them"
        raise AWSError("NotImplementedException", message, 501) from None
    except ValueError:
        raise AWSError("InvalidParameterException", "Invalid filter pattern", 400) from None
