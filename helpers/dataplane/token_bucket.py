"""The token bucket: how AWS limits a rate and still lets short bursts through.

AWS: API Gateway throttles "using the token bucket algorithm, where a token counts for a request" ("Throttle requests to
your REST APIs for better throughput", API Gateway Developer Guide). DynamoDB keeps up to 300 seconds of unused capacity
for bursts ("Burst and adaptive capacity", DynamoDB Developer Guide). Here both are this class, on the cloud's clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class TokenBucket:
    """Holds up to ``burst`` tokens and gains ``rate`` of them each second; what does not fit is lost.

    Parameters
    ----------
    rate:
        Tokens a second, in AWS's seconds.
    burst:
        The most tokens that it holds.
    now:
        Returns AWS's seconds, such as ``Clock.now``; it never goes back.
    tokens:
        How many it holds at the start; without it, it is full.
    """

    def __init__(self, rate: float, burst: float, now: Callable[[], float], tokens: float | None = None) -> None:
        self.rate, self.burst, self._now = rate, burst, now
        self._tokens = burst if tokens is None else min(tokens, burst)
        self._filled = now()
        self._lock = threading.Lock()

    @property
    def tokens(self) -> float:
        """How many it holds now; negative while it is in debt."""
        with self._lock:
            return self._fill()

    def take(self, count: float = 1) -> bool:
        """Take ``count`` tokens if it holds so many; return whether it did."""
        with self._lock:
            if self._fill() < count:
                return False
            self._tokens -= count
            return True

    def settle(self, count: float) -> None:
        """Take ``count`` tokens whether it holds them or not (it may fall into debt); a negative count gives back."""
        with self._lock:
            self._tokens = min(self.burst, self._fill() - count)

    def change(self, rate: float, burst: float) -> None:
        """Change its rate and size from now on; what it holds stays, as far as it fits."""
        with self._lock:
            self._fill()
            self.rate, self.burst = rate, burst
            self._tokens = min(self._tokens, burst)

    def _fill(self) -> float:
        now = self._now()
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        return self._tokens
