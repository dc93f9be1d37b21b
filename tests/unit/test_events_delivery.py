"""The parts between services: templates, the timetable, the places taken over from moto."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from moto.cognitoidp.models import CognitoIdpUserPool
from moto.ec2.models.instances import InstanceBackend
from moto.events.models import EventsBackend, Rule
from moto.logs.models import LogStream
from moto.s3 import notifications
from moto.s3.models import S3Backend
from moto.sns.models import Subscription

from helpers import cloud
from helpers.dataplane.clock import Clock
from helpers.dataplane.input_transformers import fill, value_at
from helpers.dataplane.timetable import Timetable


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", {"a": [{"b-c": 1}], "d.e": 2}),
        ("$.a[0].b-c", 1),
        ("$['d.e']", 2),
        ("$.a[3]", None),
        ("$.x.y", None),
    ],
)
def test_paths(path: str, found: Any) -> None:
    assert value_at({"a": [{"b-c": 1}], "d.e": 2}, path) == found


def test_a_template_is_json_whatever_the_values_hold() -> None:
    values = {"text": 'a "quoted"\nline', "thing": {"n": 1}, "none": None, "n": 2}
    template = '{"t": "<text>!", "x": "is <thing>", "thing": <thing>, "none": <none>, "n": <n>, "other": "<other>"}'
    assert json.loads(fill(template, values)) == {
        "t": 'a "quoted"\nline!', "x": 'is {"n":1}', "thing": {"n": 1}, "none": "", "n": 2, "other": "<other>",
    }  # fmt: skip


def test_the_timetable_does_things_in_their_order_and_again() -> None:
    clock, done, enough, entered = Clock(1000), [], threading.Event(), threading.Event()
    table, now = Timetable(clock), clock.time()

    def again(due: float) -> float | None:
        done.append(("again", round(due - now)))
        if len(done) > 4:
            enough.set()
            return None
        return due + 60

    def first(due: float) -> None:
        entered.wait(20)

    table.put("first", now, first)
    table.put("once", now + 90, lambda due: done.append(("once", round(due - now))))
    table.put("again", now + 30, again)
    table.put("never", now + 10, lambda due: done.append(("never", 0)))
    table.drop("never")
    entered.set()
    assert enough.wait(20)
    table.stop()
    assert done == [("again", 30), ("once", 90), ("again", 90), ("again", 150), ("again", 210)]


def test_the_timetable_stops_at_once_and_sleeps_when_there_is_nothing_to_do() -> None:
    table = Timetable(Clock())
    table.put("far", time.time() + 86400, lambda due: None)
    table.drop("far")
    used = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - used < 0.1
    started = time.monotonic()
    table.stop()
    assert time.monotonic() - started < 4.5, "less than it waits for a thread that does not end"
    assert table._thread is not None and not table._thread.is_alive()


def test_moto_gets_its_own_methods_back() -> None:
    places = [
        (notifications, "send_event"), (S3Backend, "delete_object"), (Subscription, "publish"),
        (Rule, "send_to_targets"), (EventsBackend, "put_rule"), (LogStream, "_send_log_events"),
        (InstanceBackend, "run_instances"), (CognitoIdpUserPool, "create_jwt"),
    ]  # fmt: skip
    before = [vars(owner)[name] for owner, name in places]
    running = cloud.start()
    assert vars(Subscription)["publish"] is not before[2]
    running._backend.door.wake("ec2")
    running._backend.door.wake("cognito-idp")
    assert all(vars(owner)[name] is not old for (owner, name), old in zip(places, before, strict=True))
    cloud.stop()
    assert [vars(owner)[name] for owner, name in places] == before
