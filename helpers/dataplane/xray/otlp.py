"""OpenTelemetry's traces as X-Ray's: what the CloudWatch agent and the collector do between an application and X-Ray.

AWS: new applications use OpenTelemetry; the agent takes OTLP by HTTP and translates. A span without a parent, or one
that serves a request, becomes a segment named as its service; others become subsegments. A W3C trace id is written in
X-Ray's form. The attributes that ``aws.xray.annotations`` lists become annotations, the others metadata ("Migrating
from X-Ray instrumentation to OpenTelemetry", X-Ray Developer Guide; README of the collector's awsxray exporter).

Differs: of the semantic conventions only HTTP, AWS calls, exceptions and the user are read.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

LISTED = "aws.xray.annotations"
_HTTP: dict[str, dict[str, tuple[str, ...]]] = {
    "request": {"method": ("http.request.method", "http.method"), "url": ("url.full", "http.url"),
                "user_agent": ("user_agent.original", "http.user_agent"), "client_ip": ("client.address",)},
    "response": {"status": ("http.response.status_code", "http.status_code")},
}  # fmt: skip


def segments_of(body: bytes, encoding: str = "") -> list[str]:
    """Return the segment documents of an OTLP request in protobuf; ``encoding`` is its Content-Encoding.

    Raises
    ------
    ValueError
        It is not OTLP.
    """
    try:
        request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if encoding == "gzip" else body)
    except (DecodeError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"this is not OTLP: {error}") from None
    return [json.dumps(document) for document in _documents(request)]


def _documents(request: ExportTraceServiceRequest) -> Iterator[dict[str, Any]]:
    for group in request.resource_spans:
        resource = _values(group.resource.attributes)
        for scope in group.scope_spans:
            yield from (_document(span, resource) for span in scope.spans)


def _document(span: Span, resource: Mapping[str, Any]) -> dict[str, Any]:
    values, parent = _values(span.attributes), span.parent_span_id.hex()
    serves = not parent or span.kind == Span.SPAN_KIND_SERVER
    document: dict[str, Any] = {
        "id": span.span_id.hex(),
        "trace_id": trace_id(span.trace_id.hex()),
        "name": str(resource.get("service.name") or span.name) if serves else _name(span, values),
        "start_time": span.start_time_unix_nano / 1e9,
        "end_time": span.end_time_unix_nano / 1e9,
        **({"parent_id": parent} if parent else {}),
        **_errors(span, values),
        **_split(values),
    }
    if http := {side: found for side, names in _HTTP.items() if (found := _found(values, names))}:
        document["http"] = http
    if links := [{"trace_id": trace_id(link.trace_id.hex()), "id": link.span_id.hex()} for link in span.links]:
        document["links"] = links
    if serves:
        return document | ({"user": str(values["enduser.id"])} if "enduser.id" in values else {})
    document["type"] = "subsegment"
    if values.get("rpc.system") in ("aws-api", "aws_api"):
        tables = values.get("aws.dynamodb.table_names")
        named = {"table_name": tables[0]} if tables else {}
        document |= {"namespace": "aws", "aws": {"operation": str(values.get("rpc.method", "")), **named}}
    elif span.kind == Span.SPAN_KIND_CLIENT:
        document["namespace"] = "remote"
    return document


def trace_id(digits: str) -> str:
    """Return a W3C trace id of 32 hexadecimal digits in X-Ray's form."""
    return f"1-{digits[:8]}-{digits[8:]}"


def _name(span: Span, values: Mapping[str, Any]) -> str:
    if span.kind != Span.SPAN_KIND_CLIENT:
        return str(span.name)
    host = urlsplit(str(_first(values, _HTTP["request"]["url"]) or "")).hostname
    return str(values.get("peer.service") or values.get("rpc.service") or host or span.name)


def _found(values: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {name: found for name, keys in names.items() if (found := _first(values, keys)) is not None}


def _first(values: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((values[key] for key in keys if key in values), None)


def _split(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return annotations and metadata."""
    listed = set(values.get(LISTED) or ())
    annotations = {key.replace(".", "_"): value for key, value in values.items() if key in listed}
    metadata = {key: value for key, value in values.items() if key not in listed and key != LISTED}
    found = {"annotations": annotations, "metadata": {"default": metadata} if metadata else {}}
    return {name: value for name, value in found.items() if value}


def _errors(span: Span, values: Mapping[str, Any]) -> dict[str, Any]:
    status = int(_first(values, _HTTP["response"]["status"]) or 0)
    failed = span.status.code == Status.STATUS_CODE_ERROR
    if not failed and status < 400:
        return {}
    flags = {"error": True} if 400 <= status < 500 else {"fault": True}
    flags |= {"throttle": True} if status == 429 else {}
    told = [_values(event.attributes) for event in span.events if event.name == "exception"]
    exceptions = [
        {"id": span.span_id.hex(), "type": each.get("exception.type", ""), "message": each.get("exception.message", "")}
        for each in told
    ]
    return flags | ({"cause": {"working_directory": "", "exceptions": exceptions}} if exceptions else {})


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return _values(value.kvlist_value.values)
    return getattr(value, kind) if kind and kind != "bytes_value" else None
