"""What X-Ray promises about filter expressions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.subjects import Subject, promise, refused
from tests.contract.traces import found, part, put, segment, shop, summaries, trace_id

EXPRESSIONS = "AWS X-Ray Developer Guide, Use filter expressions"
DOCUMENTS = "AWS X-Ray Developer Guide, AWS X-Ray segment documents"
AT = 1_790_000_000.0
FRAME = {"StartTime": AT - 60, "EndTime": AT + 60}


@pytest.fixture
def two(aws: Subject) -> tuple[Subject, str, str]:
    """Return an account with two traces of a shop, and their ids: one that went well, one that went wrong below."""
    fine = put(aws, *shop(AT, user="alice", annotations={"order": 7, "kind": "gift", "vip": True}))
    broken = put(aws, *shop(AT, broken=True))
    return aws, fine, broken


@promise(EXPRESSIONS, "ok, error and fault tell of the response of the trace's root: 2XX, 4XX, 5XX")
def test_outcomes(two: Any) -> None:
    aws, fine, broken = two
    missing, began = trace_id(AT), AT
    put(aws, segment(missing, "shop", began, 1, status=404))
    assert found(aws, "ok", **FRAME) == {fine}
    assert found(aws, "fault = true", **FRAME) == {broken}
    assert found(aws, "error", **FRAME) == {missing}
    assert found(aws, "!ok", **FRAME) == {broken, missing}


@promise(
    EXPRESSIONS, "an error below that the application handles is found by service() { }, not by the simple keyword"
)
def test_handled(aws: Subject) -> None:
    trace = trace_id(AT)
    call = part("orders", AT, 0.5, namespace="remote", status=500)
    put(aws, segment(trace, "shop", AT, 1, call, status=200))
    assert found(aws, "fault", **FRAME) == set()
    assert found(aws, "service() { fault }", **FRAME) == {trace}
    assert found(aws, 'service("orders") { fault }', **FRAME) == {trace}
    assert found(aws, 'service("shop") { fault }', **FRAME) == set()


@promise(EXPRESSIONS, "responsetime and duration are compared as numbers, joined by AND and OR")
def test_numbers(aws: Subject) -> None:
    slow, quick = trace_id(AT), trace_id(AT)
    put(aws, segment(slow, "shop", AT, 6))
    put(aws, segment(quick, "shop", AT, 1))
    assert found(aws, "responsetime > 5", **FRAME) == {slow}
    assert found(aws, "duration >= 5 AND duration <= 8", **FRAME) == {slow}
    assert found(aws, "ok !partial duration <3", **FRAME) == {quick}
    assert found(aws, "duration < 2 OR duration > 5", **FRAME) == {slow, quick}


@promise(EXPRESSIONS, "texts are compared by =, CONTAINS, BEGINSWITH and ENDSWITH; the empty text finds any")
def test_texts(two: Any) -> None:
    aws, fine, broken = two
    assert found(aws, 'http.url CONTAINS "/api/"', **FRAME) == {fine, broken}
    assert found(aws, 'http.url BEGINSWITH "http://shop" AND http.url ENDSWITH "/order"', **FRAME) == {fine, broken}
    assert found(aws, 'http.url ENDSWITH "/api"', **FRAME) == set()
    assert found(aws, 'user CONTAINS ""', **FRAME) == {fine}
    assert found(aws, 'user = "alice" AND http.method = "POST"', **FRAME) == {fine}


@promise(EXPRESSIONS, "annotations are found by their key and compared as texts, numbers or booleans")
def test_annotations(two: Any) -> None:
    aws, fine, broken = two
    for expression in ("annotation.order > 6", 'annotation.kind = "gift"', "annotation.vip", "annotation.vip = true"):
        assert found(aws, expression, **FRAME) == {fine}, expression
    assert found(aws, "!annotation.order", **FRAME) == {broken}
    assert found(aws, "annotation.order > 7", **FRAME) == set()


@promise(EXPRESSIONS, "annotations of subsegments are found, metadata is not")
def test_of_subsegments(aws: Subject) -> None:
    trace = trace_id(AT)
    put(
        aws,
        segment(trace, "shop", AT, 1, part("work", AT, 1, annotations={"step": "pay"}, metadata={"m": {"size": 3}})),
    )
    assert found(aws, 'annotation.step = "pay"', **FRAME) == {trace}
    assert found(aws, "annotation.size", **FRAME) == set()


@promise(DOCUMENTS, "annotations whose keys have other signs than letters, digits and underscores are not indexed")
def test_keys(aws: Subject) -> None:
    put(aws, segment(trace_id(AT), "shop", AT, 1, annotations={"order id": 1, "order_id": 2}))
    assert set(summaries(aws, **FRAME)[0]["Annotations"]) == {"order_id"}


@promise(EXPRESSIONS, "edge(a, b) finds requests from one service to another; a filter looks at what the caller saw")
def test_edges(two: Any) -> None:
    aws, fine, broken = two
    assert found(aws, 'edge("shop", "orders")', **FRAME) == {fine, broken}
    assert found(aws, 'edge("shop", "orders") { fault }', **FRAME) == {broken}
    assert found(aws, 'edge("orders", "shop")', **FRAME) == set()
    assert found(aws, '!edge("shop", "orders") { fault }', **FRAME) == {fine}


@promise(EXPRESSIONS, "id() names a service by its type, with or without a name")
def test_types(two: Any) -> None:
    aws, fine, broken = two
    assert found(aws, 'service(id(type: "AWS::DynamoDB::Table"))', **FRAME) == {fine, broken}
    assert found(aws, 'service(id(name: "shop", type: "AWS::EC2::Instance")) { fault }', **FRAME) == {broken}
    assert found(aws, 'service(id(name: "shop", type: "AWS::Lambda"))', **FRAME) == set()


@promise(
    EXPRESSIONS, "root finds a service as the entry point of a trace, inferred a trace with services that sent nothing"
)
def test_roots(two: Any) -> None:
    aws, _, broken = two
    assert found(aws, 'service("shop") {root = true and fault = true}', **FRAME) == {broken}
    assert found(aws, 'service("orders") { root }', **FRAME) == set()
    assert len(found(aws, "inferred", **FRAME)) == 2


@promise(EXPRESSIONS, "partial finds a trace with a segment in progress, until the whole segment comes")
def test_partial(aws: Subject) -> None:
    trace = trace_id(AT)
    begun = segment(trace, "shop", AT, None)
    put(aws, begun)
    assert found(aws, "partial", **FRAME) == {trace}
    put(aws, segment(trace, "shop", AT, 1) | {"id": begun["id"]})
    assert found(aws, "partial", **FRAME) == set()


@promise("AWS X-Ray API Reference, GetTraceSummaries", "a wrong expression is an InvalidRequestException")
def test_wrong(aws: Subject) -> None:
    for expression in ("fault AND", "colour = 3", "responsetime > 'a'", 'service("a"'):
        with refused("InvalidRequestException", "at character"):
            summaries(aws, expression)


@promise(EXPRESSIONS, "an annotation cannot stand inside of service or edge")
def test_annotation_inside(aws: Subject) -> None:
    with refused("InvalidRequestException", "annotation.a"):
        summaries(aws, 'service("shop") { annotation.a = 1 }')


def test_root_causes_are_not_built(aws: Subject) -> None:
    with refused("NotImplementedException", "rootcause.fault.service", 501):
        summaries(aws, 'rootcause.fault.service { name = "Auth" }')
