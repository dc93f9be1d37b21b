"""CloudWatch's alarms: evaluated at the end of each period, with history, messages to topics and events.

AWS: "Using Amazon CloudWatch alarms" (CloudWatch User Guide) and API_PutMetricAlarm: a new alarm is in
INSUFFICIENT_DATA and then evaluated; each change of state runs the actions of the new state, once, and sends an event
to EventBridge. SetAlarmState lasts until the next evaluation. Alarms, dashboards and metrics are moto's.

Time: periods are those of the cloud's clock. AWS/DynamoDB's metrics are dated by it; all other data are dated by the
learner's watch, so that GetMetricStatistics with ``now`` finds them, and an alarm counts a datum at the moment that the
cloud's clock showed then (``Clock.at``). At ``speed=60`` an alarm with a period of a minute is looked at each second.
Nothing is looked at while no alarm has data in the periods that it would fetch.

Differs: evaluated once a period, on AWS once a minute (or each 10 s); actions are topics. Not built, and answered so:
alarms on expressions, percentiles, anomalies and queries, composite alarms, other actions.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend, Statistics, cloudwatch_backends

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.clock import as_moto_keeps, seconds_of
from helpers.dataplane.cloudwatch import evaluation, messages, one_metric
from helpers.dataplane.cloudwatch.evaluation import Point
from helpers.dataplane.cloudwatch.rules import check
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, service_of
from helpers.dataplane.events import EventsPlane
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

_CLOUD_DATED = "AWS/DynamoDB"
_HISTORY = 100


class CloudWatchPlane:
    """The part of CloudWatch that moto leaves out: alarms that change their state."""

    service = "cloudwatch"

    def __init__(self, context: Context, post: Post, bus: EventsPlane, timetable: Timetable) -> None:
        self._context, self._post, self._bus, self._timetable = context, post, bus, timetable
        self._history: list[dict[str, Any]] = []
        self._changing = threading.RLock()
        self._put_alarm, self._put_data = CloudWatchBackend.put_metric_alarm, CloudWatchBackend.put_metric_data
        self._seams = Seams()
        one_metric.install(self._seams)
        self._seams.put(CloudWatchBackend, "put_metric_alarm", self._made)
        self._seams.put(CloudWatchBackend, "put_metric_data", self._arrived)
        self._seams.put(Alarm, "update_state", self._changed)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "PutMetricAlarm": self._put_metric_alarm,
            "PutCompositeAlarm": self._put_composite_alarm,
            "GetMetricData": self._get_metric_data,
            "DescribeAlarmHistory": self._describe_history,
        }

    def addresses(self) -> Mapping[str, Address]:
        """CloudWatch has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def _put_metric_alarm(self, call: Call) -> HttpResponse:
        check(call.params)
        return forward(call)

    def _put_composite_alarm(self, call: Call) -> HttpResponse:
        raise not_built("a composite alarm")

    def _get_metric_data(self, call: Call) -> HttpResponse:
        if any("Expression" in query for query in call.params["MetricDataQueries"]):
            raise not_built("an expression in GetMetricData")
        return forward(call)

    def _describe_history(self, call: Call) -> HttpResponse:
        given = call.params
        kinds = {name: given[name] for name in ("AlarmName", "HistoryItemType") if name in given}
        found = [item for item in self._history if item["Region"] == call.region and kinds.items() <= item.items()]
        if given.get("ScanBy") != "TimestampAscending":
            found = found[::-1]
        told = [{name: value for name, value in item.items() if name != "Region"} for item in found]
        return call.reply({"AlarmHistoryItems": told[: given.get("MaxRecords", _HISTORY)]})

    def _made(self, backend: CloudWatchBackend, *, name: str, **given: Any) -> Alarm:
        """Take the place of moto's, also for auto scaling: a new alarm has no data, a changed one keeps its state."""
        before = backend.alarms.get(name)
        alarm = self._put_alarm(backend, name=name, **given)
        alarm.configuration_updated_timestamp = self._now()
        if _of_auto_scaling(alarm):
            return alarm
        kept = before or alarm
        alarm.state_value = kept.state_value if before else evaluation.UNKNOWN
        alarm.state_reason, alarm.state_reason_data = kept.state_reason, kept.state_reason_data
        alarm.state_updated_timestamp = kept.state_updated_timestamp if before else self._now()
        self._schedule(backend, alarm)
        return alarm

    def _arrived(self, backend: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        self._put_data(backend, namespace, metric_data)
        names = {each["MetricName"] for each in metric_data} if backend.alarms else ()
        for alarm in list(backend.alarms.values()):
            if alarm.namespace == namespace and alarm.metric_name in names:
                self._schedule(backend, alarm)

    def _schedule(self, backend: CloudWatchBackend, alarm: Alarm) -> None:
        """Look at an alarm when the present period is over; at those of auto scaling it looks itself."""
        if _of_auto_scaling(alarm):
            return
        key = ("alarm", backend.region_name, alarm.name)
        due = (self._context.clock.time() // alarm.period + 1) * alarm.period
        self._timetable.put(key, due, lambda due: self._evaluate(backend, alarm, due))

    def _evaluate(self, backend: CloudWatchBackend, alarm: Alarm, due: float) -> float | None:
        if backend.alarms.get(alarm.name) is not alarm:
            return None
        points = self._points(backend, alarm, due)
        new = evaluation.state(alarm, points)
        if new != alarm.state_value:
            reason, used = evaluation.reason(alarm, points, new), evaluation.real_points(alarm, points)
            alarm.update_state(reason, messages.reason_data(alarm, used, self._now()), new)
        late = math.floor((self._context.clock.time() - due) / alarm.period) * alarm.period
        more = alarm.namespace == _CLOUD_DATED or late > 0 or any(point.value is not None for point in points)
        return due + max(late, alarm.period) if more else None

    def _points(self, backend: CloudWatchBackend, alarm: Alarm, end: float) -> list[Point]:
        """Return the statistic of each of the newest periods before ``end``, the oldest first."""
        dimensions = [{"Name": str(each.name), "Value": str(each.value)} for each in alarm.dimensions]
        count = evaluation.fetched(alarm)
        periods = [as_moto_keeps(end - ago * alarm.period) for ago in range(count, 0, -1)]
        found = [Statistics([alarm.statistic], began) for began in periods]
        for datum in one_metric.data_of(backend, alarm.namespace, alarm.metric_name, dimensions):
            place = count - math.ceil((end - self._moment(alarm, datum.timestamp)) / alarm.period)
            if 0 <= place < count and alarm.unit in (None, datum.unit):
                found[place].metric_data.append(datum)
        values = [each.get_statistics_for_type(alarm.statistic) if each.metric_data else None for each in found]
        return [Point(*both) for both in zip(periods, (None if v is None else float(v) for v in values), strict=True)]

    def _moment(self, alarm: Alarm, timestamp: datetime) -> float:
        moment = seconds_of(timestamp)
        return moment if alarm.namespace == _CLOUD_DATED else self._context.clock.at(moment)

    def _now(self) -> datetime:
        return as_moto_keeps(self._context.clock.time())

    def _changed(self, alarm: Alarm, reason: str, reason_data: str, state_value: str) -> None:
        """Take the place of moto's: a change is dated by the cloud's clock, kept, told and acted upon."""
        with self._changing:  # an evaluation waits until the actions of the state before have run
            self._change(alarm, reason, reason_data, state_value)

    def _change(self, alarm: Alarm, reason: str, reason_data: str, state_value: str) -> None:
        before = messages.state_of(alarm)
        alarm.state_reason, alarm.state_reason_data = reason, reason_data or "{}"
        alarm.state_value = state_value
        alarm.state_updated_timestamp = self._now()
        backend = cloudwatch_backends[self._context.account_id][alarm.region_name]
        if before["value"] == state_value:
            return
        summary = f"Alarm updated from {before['value']} to {state_value}"
        self._note(alarm, "StateUpdate", summary, messages.update_data(before, messages.state_of(alarm)))
        entry = messages.event(alarm, before, self._context.new_id())
        self._bus.emit("cloudwatch", entry["detail-type"], alarm.name, entry, alarm.region_name)
        self._schedule(backend, alarm)
        if alarm.actions_enabled:
            self._act(alarm, before["value"])

    def _act(self, alarm: Alarm, before: str) -> None:
        actions = {
            evaluation.ALARM: alarm.alarm_actions,
            evaluation.OK: alarm.ok_actions,
            evaluation.UNKNOWN: alarm.insufficient_data_actions,
        }[alarm.state_value]
        for arn in actions:
            if service_of(arn) != "sns":
                continue
            options = {"subject": messages.subject(alarm, alarm.state_value)}
            body = messages.message(alarm, self._context.account_id, before)
            action = f"{alarm.state_value} {alarm.name}"
            summary = f"Successfully executed action {arn}"
            try:
                self._post.send(Delivery("cloudwatch", alarm.alarm_arn, arn, body, action, alarm.name, options=options))
            except AWSError as error:
                summary = f"Failed to execute action {arn}. Received error: {error.message}"
            self._note(alarm, "Action", summary)

    def _note(self, alarm: Alarm, kind: str, summary: str, data: str = "{}") -> None:
        self._history.append(
            {
                "AlarmName": alarm.name,
                "AlarmType": "MetricAlarm",
                "Timestamp": self._now(),
                "HistoryItemType": kind,
                "HistorySummary": summary,
                "HistoryData": data,
                "Region": alarm.region_name,
            }
        )


def _of_auto_scaling(alarm: Alarm) -> bool:
    return any(service_of(action) == "autoscaling" for action in alarm.alarm_actions)
