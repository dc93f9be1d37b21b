"""Checks of the lab nightly_report: they let nights pass, spoil some, and look at what is left in the morning."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import farm
from farm import BUCKET, CLOCK_ROLE, FUNCTION, ORDERS, SCHEDULE, UNDELIVERED
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching.checks import Lab, eventually, not_attempted, wrong
from helpers.teaching.lookups import found

ZONE = ZoneInfo(farm.ZONE)
WINTER, SUMMER = "2024-01-15T23:30:00Z", "2024-07-16T22:30:00Z"
"""Half past midnight in Zurich, of a Tuesday and a Wednesday."""

lab = Lab("nightly_report")


def configuration() -> dict[str, Any]:
    """Return the configuration of farm-report; without the function nothing is attempted."""
    told = found(boto3.client("lambda").get_function_configuration, FunctionName=FUNCTION)
    if told is None:
        not_attempted(f"There is no function called {FUNCTION} yet.")
    return told


def schedule() -> dict[str, Any]:
    """Return the schedule farm-night; without it nothing is attempted."""
    told = found(boto3.client("scheduler").get_schedule, Name=SCHEDULE)
    if told is None:
        not_attempted(f"There is no schedule called {SCHEDULE} yet.")
    return told


def local(moment: str) -> datetime:
    """Return a time of an event by the farm's clocks."""
    return datetime.fromisoformat(moment).astimezone(ZONE)


@lab.task("report", hints=HINTS["report"], why=WHY["report"])
def report() -> None:
    """Called for a night, the function writes the report of the day that begins."""
    configuration()
    for season, moment in (("winter", WINTER), ("summer", SUMMER)):
        day = local(moment)
        key, weekday = f"reports/{day:%Y-%m-%d}.json", f"{day:%A}".lower()
        found = report_of(moment, key)
        asked = f"In {season} it is {day:%H:%M} in Zurich at `{moment}`, and {weekday.title()} has begun."
        if found.get("weekday") != weekday:
            wrong(f"{asked} The report in `{key}` is for `{json.dumps(found.get('weekday'))}`.")
        if found.get("time") != moment:
            wrong(f"The report must have the event's `time`, `{moment}`; it has `{json.dumps(found.get('time'))}`.")
        for number, what in enumerate(("milk", "eggs")):
            total = sum(order[number] for order in ORDERS[weekday].values())
            if found.get(what) != total:
                wrong(f"On {weekday.title()} the orders need {total} {what}; the report says {found.get(what)}.")


def report_of(moment: str, key: str) -> dict[str, Any]:
    """Call the function for a night and return the report that it writes; that goes afterwards."""
    s3 = boto3.client("s3")
    before = _keys(moment)
    response = boto3.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(farm.night(moment)))
    payload = json.loads(response["Payload"].read() or b"null")
    if "FunctionError" in response:
        wrong(f"We called the function for the night of `{moment}`, and it failed.", said=payload)
    written = _keys(moment) - before
    try:
        if key not in written:
            other = f" It wrote `{min(written)}`." if written else ""
            wrong(f"For the night of `{moment}` there is no report in `{key}`.{other}")
        return dict(json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()))
    finally:
        for each in written:
            s3.delete_object(Bucket=BUCKET, Key=each)


def _keys(moment: str) -> set[str]:
    """Return the reports' keys of a night's month."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"reports/{moment[:7]}")
    return {entry["Key"] for entry in listed.get("Contents", [])}


@lab.task("schedule", hints=HINTS["schedule"], why=WHY["schedule"])
def nights() -> None:
    """Reports come by themselves, at half past midnight in Zurich, from Monday to Saturday."""
    schedule()
    before, mark, began = farm.newest_report(), cloud.current().record.mark(), time.monotonic()
    times: list[datetime] = []

    def a_week_has_passed() -> bool:
        tries = [entry for entry in cloud.current().record.since(mark, ["event"]) if entry.source == "scheduler"]
        times[:] = sorted(local(found["time"]) for found in farm.reports_after(before))
        wrong_nights(times)
        if not times:
            no_nights([entry.outcome for entry in tries], time.monotonic() - began)
        return len(times) > 4 and times[-1] - times[0] > timedelta(days=7)

    eventually(a_week_has_passed, "a week of reports", seconds=20)
    lacking = [name for name in ORDERS if name.title() not in {f"{moment:%A}" for moment in times}]
    if len(lacking) > 1:
        wrong(f"A week has passed, and there was no report for {lacking[0].title()}.")


def wrong_nights(times: list[datetime]) -> None:
    """Say so when a report was made at another hour than the farm's, or for a Sunday."""
    strange = [moment for moment in times if f"{moment:%H:%M}" != "00:30"]
    if strange:
        zone = schedule()["ScheduleExpressionTimezone"]
        wrong(
            f"A report was made at {strange[0]:%H:%M} by the farm's clocks, and it must be 00:30. The schedule's time "
            f"zone is {zone}."
        )
    if any(f"{moment:%A}" == "Sunday" for moment in times):
        wrong("There was a report for a Sunday, when nobody drives.")


def no_nights(outcomes: list[str], waited: float) -> None:
    """Say why no report came in ``waited`` seconds, each of them a day, as soon as it is certain."""
    refused = [outcome for outcome in outcomes if outcome != "ok"]
    if refused:
        wrong("The schedule is on time, but it may not call the function: look at its role.", said=refused[0])
    if not outcomes and waited > 8:
        wrong("We waited for more than a week, and the schedule called nobody. Is it enabled, and for which time?")
    if len(outcomes) > 5:
        wrong("The schedule called its target, but no report came of it. Does its event have a `time`?")


@lab.task("failed", hints=HINTS["failed"], why=WHY["failed"])
def failed() -> None:
    """A night that fails is tried once more, and then lies in the queue failed-nights."""
    configuration()
    client = boto3.client("lambda")
    asked = found(client.get_function_event_invoke_config, FunctionName=FUNCTION)
    if asked is None and not configuration().get("DeadLetterConfig"):
        not_attempted("The function says nothing yet about nights that fail.")
    if not configuration().get("DeadLetterConfig") and not (asked or {}).get("DestinationConfig", {}).get("OnFailure"):
        wrong("A night that fails is tried again and then forgotten: the function has no on-failure destination.")
    night = eventually(farm.fail_a_night, "a night that fails to arrive in the queue", seconds=8)
    if "requestContext" not in night:
        wrong(
            "The queue has the event, but not why it failed: that is a dead-letter queue. Use an on-failure "
            "destination instead."
        )
    count = night["requestContext"]["approximateInvokeCount"]
    if count != 2:
        wrong(
            f"The failed night is in the queue, after {count} of 2 tries: let Lambda try once more, not less or more."
        )


@lab.task("undelivered", hints=HINTS["undelivered"], why=WHY["undelivered"])
def undelivered() -> None:
    """A night on which the schedule cannot call the function is tried again, and then lies in the other queue."""
    target = schedule()["Target"]
    if not target.get("DeadLetterConfig"):
        not_attempted("The schedule has no dead-letter queue yet.")
    mark, before = cloud.current().record.mark(), {message["MessageId"] for message in farm.messages(UNDELIVERED)}
    with locked_out():
        eventually(lambda: lost_night(before, mark), "a lost night in the queue", seconds=12)
    tries = target["RetryPolicy"].get("MaximumRetryAttempts", 185)
    if tries != 3:
        wrong(f"The lost night is in the queue, but the schedule may try {tries} more times before. The farm wants 3.")
    zone = schedule()["ScheduleExpressionTimezone"]
    if zone != farm.ZONE:
        wrong(f"The lost night is in the queue, but the schedule's time zone is {zone} now: an update replaces all.")


def lost_night(before: set[str], mark: int) -> bool:
    """Return whether the schedule sent a message to the queue undelivered-nights that was not there before.

    When it gave up and the message is not there, say why.
    """
    buried = [entry for entry in cloud.current().record.since(mark, ["event"]) if entry.action == "dead letter"]
    new = [message for message in farm.messages(UNDELIVERED) if message["MessageId"] not in before]
    if any("SCHEDULE_ARN" in message.get("MessageAttributes", {}) for message in new):
        return True
    if any(entry.outcome != "ok" for entry in buried):
        wrong(
            "We locked the schedule out of the function. It gave up and turned to its queue, but its role may not send "
            "there.",
            said=buried[0].outcome,
        )
    if buried:
        wrong(
            f"We locked the schedule out of the function, and the lost night went to another queue than {UNDELIVERED}."
        )
    return False


@contextmanager
def locked_out() -> Iterator[None]:
    """Forbid the schedule's role to call the function for a while."""
    iam = boto3.client("iam")
    deny = {"Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": "*"}
    iam.put_role_policy(RoleName=CLOCK_ROLE, PolicyName="locked-out", PolicyDocument=farm.policy(deny))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=CLOCK_ROLE, PolicyName="locked-out")
