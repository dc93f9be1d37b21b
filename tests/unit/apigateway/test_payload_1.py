"""Payload format 1.0 of HTTP APIs: names of headers know no case, names in a query do."""

from __future__ import annotations

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.v2 import payload_1
from helpers.dataplane.web import HttpRequest


def test_query_names_differ_by_case() -> None:
    request = HttpRequest("GET", "/teas", "tag=a&Tag=b&tag=c", Headers([("X-Cup", "1"), ("X-Cup", "2")]))
    newer = {
        "version": "2.0",
        "routeKey": "GET /teas",
        "rawPath": "/teas",
        "isBase64Encoded": False,
        "requestContext": {
            **dict.fromkeys(("accountId", "apiId", "domainName", "domainPrefix", "requestId", "stage", "time"), "x"),
            "timeEpoch": 1,
            "http": {"method": "GET", "path": "/teas", "protocol": "HTTP/1.1", "sourceIp": "", "userAgent": ""},
        },
    }

    event = payload_1.event_of(newer, request)

    assert event["multiValueQueryStringParameters"] == {"tag": ["a", "c"], "Tag": ["b"]}
    assert event["multiValueHeaders"] == {"X-Cup": ["1", "2"]}
