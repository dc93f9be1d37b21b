"""The cache of an edge location: how long an answer lasts, and how an invalidation ends it early.

AWS: the origin's Cache-Control and Expires decide within the bounds of the cache policy ("Manage how long content
stays in the cache"); errors last for 10 seconds unless told otherwise ("How CloudFront processes HTTP 4xx and 5xx
status codes from your origin"); an invalidation names paths, ``*`` at the end stands for all that begin so
("Invalidate files to remove content", CloudFront Developer Guide). Times are the cloud's clock's; a date in Expires
is the origin's, which runs by this machine's own clock.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from werkzeug.datastructures import Headers

from helpers.dataplane.cloudfront.request_policies import CachePolicy
from helpers.dataplane.web import HttpResponse

ERROR_SECONDS = 10
_CACHED_ERRORS = frozenset({404, 405, 414, 500, 501, 502, 503, 504})
_CACHED_IF_TOLD = frozenset({400, 403, 412, 415})
_SECONDS = re.compile(r"\b(s-maxage|max-age)\s*=\s*\"?(\d+)", re.IGNORECASE)
_NEVER = re.compile(r"\b(no-cache|no-store|private)\b", re.IGNORECASE)


@dataclass
class Entry:
    """A cached answer; ``path`` is what an invalidation must name, times are in seconds of the cloud's clock."""

    response: HttpResponse
    path: str
    stored: float
    expires: float
    error: bool = False
    """Whether the origin answered with an error, even if a page of the distribution's own stands for it."""


class EdgeCache:
    """What one edge location keeps, for all distributions."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, Entry] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Entry | None:
        """Return what is kept under a key, fresh or not."""
        return self._entries.get(key)

    def put(self, key: Hashable, entry: Entry) -> None:
        """Keep an answer."""
        with self._lock:
            self._entries[key] = entry

    def invalidate(self, distribution_id: str, patterns: Iterable[str]) -> None:
        """Forget the answers of a distribution whose paths match; keys begin with the distribution's id."""
        wanted = [f"/{pattern.lstrip('/')}" for pattern in patterns]
        with self._lock:
            for key, entry in list(self._entries.items()):
                assert isinstance(key, tuple)
                if key[0] == distribution_id and any(_matches(entry.path, pattern) for pattern in wanted):
                    del self._entries[key]


def _matches(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def lifetime(headers: Headers, policy: CachePolicy, now: float) -> float:
    """Return for how many seconds an answer without an error lasts; ``now`` in seconds since the epoch."""
    control = ", ".join(headers.getlist("Cache-Control"))
    if _NEVER.search(control):
        return policy.min_ttl
    wanted = _told(control)
    if wanted is None:
        wanted = _until(headers.get("Expires", ""), now)
    if wanted is None:
        return max(policy.min_ttl, policy.default_ttl)
    return min(max(wanted, policy.min_ttl), policy.max_ttl)


def error_lifetime(status: int, headers: Headers, least: float) -> float:
    """Return for how many seconds an error of the origin lasts; ``least`` is the error caching minimum TTL."""
    told = _told(", ".join(headers.getlist("Cache-Control")))
    if status in _CACHED_ERRORS or (status in _CACHED_IF_TOLD and told is not None):
        return max(least, told or 0)
    return 0


def _told(control: str) -> float | None:
    """Return what Cache-Control says; ``s-maxage`` is meant for caches like this one."""
    seconds = {name.lower(): float(value) for name, value in _SECONDS.findall(control)}
    return seconds.get("s-maxage", seconds.get("max-age"))


def _until(expires: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(expires).timestamp() - now)
    except ValueError:
        return None
