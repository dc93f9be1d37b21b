"""The clock: waits are shorter by the speed, numbers stay AWS's."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane import clock
from helpers.dataplane.clock import Clock


class Time:
    """A time that moves only when it is told to."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def monotonic(self) -> float:
        """Return the moment."""
        return self.moment

    def time(self) -> float:
        """Return the moment, as seconds since the epoch."""
        return self.moment + 1_700_000_000


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Put a time that stands still into the module."""
    still = Time()
    monkeypatch.setattr(clock, "time", still)
    return still


def test_time_runs_faster(moved: Time) -> None:
    ours = Clock(60)
    assert ours.now() == 0
    assert ours.time() == moved.time()
    moved.moment += 2
    assert ours.now() == 120
    assert ours.time() == moved.time() - 2 + 120


def test_real_time_is_the_default(moved: Time) -> None:
    ours = Clock()
    moved.moment += 5
    assert ours.now() == 5


class Event(threading.Event):
    """An event that notes how long it is waited for, instead of waiting."""

    def wait(self, timeout: float | None = None) -> bool:
        """Note the time."""
        self.waited = timeout
        return self.is_set()


@given(st.floats(1, 10_000), st.floats(-10, 1e6))
def test_waits_are_shorter_by_the_speed(speed: float, seconds: float) -> None:
    event = Event()
    assert Clock(speed).wait(seconds, event) is False
    assert event.waited == max(0.0, seconds) / speed


def test_a_time_without_a_zone_is_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with monkeypatch.context() as there:
            there.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            assert clock.seconds_of(datetime(1970, 1, 1, 0, 1)) == 60
            assert clock.seconds_of(datetime(1970, 1, 1, 0, 1, tzinfo=UTC)) == 60
    finally:
        time.tzset()


def test_a_wait_ends_with_its_event() -> None:
    event = threading.Event()
    threading.Timer(0.05, event.set).start()
    began = time.monotonic()
    assert Clock(1).wait(60, event) is True
    assert time.monotonic() - began < 30


def test_a_wait_without_event_ends_by_itself() -> None:
    assert Clock(10_000).wait(60) is False


@pytest.mark.parametrize("speed", [0, 0.5, -1, math.nan, math.inf, -math.inf])
def test_time_does_not_stand_still_or_run_backwards(speed: Any) -> None:
    with pytest.raises(ValueError, match=r"it must be 1 \(real time\) or more, such as 60 \(a minute lasts a second\)"):
        Clock(speed)
