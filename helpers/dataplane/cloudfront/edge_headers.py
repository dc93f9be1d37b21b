"""Which headers edge functions see and may change.

AWS: some headers are hidden from functions of both kinds, and adding them is an error; others can be read and not
changed ("Restrictions on all edge functions", CloudFront Developer Guide).
"""

from __future__ import annotations

import re

from werkzeug.datastructures import Headers

_DISALLOWED = re.compile(
    r"connection|expect|keep-alive|proxy-(authenticate|authorization|connection)|trailer|upgrade|x-accel-"
    r"(buffering|charset|limit-rate|redirect)|x-amz-cf-.*|x-amzn-(auth|cf-billing|cf-id|cf-xff|errortype|fle-profile|"
    r"header-count|header-order|lambda-integration-tag|requestid)|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip"
)
_READ_ONLY = {
    "viewer-request": ("Content-Length", "Host", "Transfer-Encoding", "Via"),
    "origin-request": (
        "Accept-Encoding", "Content-Length", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
        "Transfer-Encoding", "Via",
    ),
    "origin-response": ("Transfer-Encoding", "Via"),
    "viewer-response": ("Warning", "Via"),
}  # fmt: skip


def visible(headers: Headers) -> list[tuple[str, str]]:
    """Return what a function sees."""
    return [(name, value) for name, value in headers if not _DISALLOWED.fullmatch(name.lower())]


def changed(given: list[tuple[str, str]], before: Headers, event: str) -> Headers:
    """Return the headers that a function wants, with those that it did not see.

    Raises
    ------
    ValueError
        A header that it may not add or change.
    """
    for name, _ in given:
        if _DISALLOWED.fullmatch(name.lower()):
            raise ValueError(f"The function tried to add a disallowed header ({name}).")
    headers = Headers([(name, value) for name, value in before if _DISALLOWED.fullmatch(name.lower())] + given)
    if any(headers.getlist(name) != before.getlist(name) for name in _READ_ONLY[event]):
        raise ValueError("The function tried to add, delete, or change a read-only header.")
    return headers
