"""The cloud's clock.

AWS waits a minute before it retries an asynchronous event; a lesson does not have that minute. The clock shortens the
*waits* of the data planes by ``speed``; what is printed stays in AWS's seconds.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime
from typing import Any


class Clock:
    """Waits in AWS's seconds, spent ``speed`` times faster.

    Parameters
    ----------
    speed:
        How many of AWS's seconds pass in one of ours, at least 1.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not 1 <= speed < math.inf:
            raise ValueError(
                f"speed is {speed}: it must be 1 (real time) or more, such as 60 (a minute lasts a second)"
            )
        self.speed = speed
        self._started, self._began = time.monotonic(), time.time()

    def time(self) -> float:
        """Return AWS's time of day in seconds since the epoch: it began as ours and runs ``speed`` times faster."""
        return self._began + self.now()

    def at(self, moment: float) -> float:
        """Return what this clock showed when a watch showed ``moment`` (seconds since the epoch).

        Before the cloud started there was one time only; what a watch does not show yet was read from this clock.
        """
        passed = moment - self._began
        return self._began + passed * self.speed if 0 <= passed <= self.now() / self.speed else moment

    def now(self) -> float:
        """Return AWS's seconds since the cloud started, for intervals (token buckets, caches, maximum ages)."""
        return (time.monotonic() - self._started) * self.speed

    def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
        """Wait ``seconds`` of AWS's time, or until the event is set; return whether the event was set."""
        return (until or threading.Event()).wait(max(0.0, seconds) / self.speed)


def seconds_of(moment: Any) -> float:
    """Return a time, a datetime or a number, in seconds since the epoch; without a time zone it is UTC, as moto's."""
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() if isinstance(moment, datetime) else float(moment)


def as_moto_keeps(moment: float) -> datetime:
    """Return a time in seconds since the epoch as moto keeps times: in UTC, without saying so."""
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
