"""What X-Ray promises about service graphs."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.subjects import Subject, promise, refused
from tests.contract.traces import part, put, segment, shop, trace_id

DATA = "AWS X-Ray Developer Guide, Getting data from AWS X-Ray"
CONCEPTS = "AWS X-Ray Developer Guide, AWS X-Ray concepts"
DOCUMENTS = "AWS X-Ray Developer Guide, AWS X-Ray segment documents"
AT = 1_790_000_000.0


def graph(aws: Subject, **more: Any) -> dict[tuple[str, str], Any]:
    """Return the services of a time frame by name and type; each edge has its target's name and type as ``to``."""
    frame = {"StartTime": AT - 60, "EndTime": AT + 60, **more}
    return named(aws.client("xray").get_service_graph(**frame)["Services"])


def named(services: list[Any]) -> dict[tuple[str, str], Any]:
    keys = {service["ReferenceId"]: (service["Name"], service.get("Type", "")) for service in services}
    for service in services:
        service["to"] = {keys[edge["ReferenceId"]]: edge for edge in service["Edges"]}
    return {keys[service["ReferenceId"]]: service for service in services}


SHOP, ORDERS, TABLE, CLIENT = ("shop", "AWS::EC2::Instance"), ("orders", ""), ("carts", "AWS::DynamoDB::Table"), (
    "shop", "client")  # fmt: skip


def counts(statistics: Any) -> list[int]:
    """Return how many were ok, errors, throttles, faults, and all."""
    errors = statistics["ErrorStatistics"]
    faults = statistics["FaultStatistics"]["TotalCount"]
    return [statistics["OkCount"], errors["OtherCount"], errors["ThrottleCount"], faults, statistics["TotalCount"]]


@promise(DATA, "a graph has a client node, the services with their types, the root marked, and edges between them")
def test_nodes(aws: Subject) -> None:
    put(aws, *shop(AT))
    services = graph(aws)
    assert set(services) == {CLIENT, SHOP, ORDERS, TABLE}
    assert {key: set(service["to"]) for key, service in services.items()} == {
        CLIENT: {SHOP}, SHOP: {ORDERS, TABLE}, ORDERS: set(), TABLE: set()
    }  # fmt: skip
    assert [key for key, service in services.items() if service.get("Root")] == [SHOP]
    states = {key: service["State"] for key, service in services.items()}
    assert states == {CLIENT: "unknown", SHOP: "active", ORDERS: "active", TABLE: "unknown"}


@promise(
    CONCEPTS, "a service that sends no segment is inferred from the caller's subsegment; its own segment replaces that"
)
def test_inferred(aws: Subject) -> None:
    trace = trace_id(AT)
    call = part("orders", AT, 0.6, namespace="remote")
    put(aws, segment(trace, "shop", AT, 1, call))
    assert set(graph(aws)) == {("shop", ""), ("shop", "client"), ("orders", "remote")}
    put(aws, segment(trace, "orders", AT + 0.1, 0.4, parent_id=call["id"], origin="AWS::ECS::Container"))
    services = graph(aws)
    assert set(services) == {("shop", ""), ("shop", "client"), ("orders", "AWS::ECS::Container")}


@promise(CONCEPTS, "a node tells of the service's own segments, an edge of what the caller saw")
def test_two_views(aws: Subject) -> None:
    put(aws, *shop(AT))
    services = graph(aws)
    assert services[ORDERS]["SummaryStatistics"]["TotalResponseTime"] == 0.5
    along = services[SHOP]["to"][ORDERS]
    assert along["SummaryStatistics"]["TotalResponseTime"] == 0.6
    assert along["ResponseTimeHistogram"] == [{"Value": 0.6, "Count": 1}]


@promise(DATA, "statistics count what went well, errors, throttles and faults, and add up")
def test_statistics(aws: Subject) -> None:
    for status in (200, 201, 404, 429, 500, 503):
        put(aws, segment(trace_id(AT), "shop", AT, 0.5, status=status, origin="AWS::EC2::Instance"))
    put(aws, segment(trace_id(AT), "shop", AT, None, origin="AWS::EC2::Instance"))
    services = graph(aws)
    assert counts(services[SHOP]["SummaryStatistics"]) == [2, 1, 1, 2, 6]
    assert counts(services[CLIENT]["to"][SHOP]["SummaryStatistics"]) == [2, 1, 1, 2, 6]
    assert services[SHOP]["SummaryStatistics"]["TotalResponseTime"] == 3
    assert services[SHOP]["ResponseTimeHistogram"] == [{"Value": 0.5, "Count": 6}]


@promise(DATA, "the Lambda service and the function are two nodes of one name, joined by an edge")
def test_lambda(aws: Subject) -> None:
    trace = trace_id(AT)
    service = segment(trace, "random-name", AT, 1, origin="AWS::Lambda")
    put(aws, service, segment(trace, "random-name", AT, 1, parent_id=service["id"], origin="AWS::Lambda::Function"))
    services = graph(aws)
    assert set(services[("random-name", "AWS::Lambda")]["to"]) == {("random-name", "AWS::Lambda::Function")}
    assert set(services[("random-name", "client")]["to"]) == {("random-name", "AWS::Lambda")}


@promise(DOCUMENTS, "a subsegment that was sent alone counts when its segment is there, in any order")
def test_alone(aws: Subject) -> None:
    trace = trace_id(AT)
    whole = segment(trace, "shop", AT, 1)
    table = part("DynamoDB", AT, 0.1, namespace="aws", aws={"table_name": "carts"})
    put(aws, {**table, "type": "subsegment", "trace_id": trace, "parent_id": whole["id"]})
    put(aws, whole)
    assert set(graph(aws)[("shop", "")]["to"]) == {TABLE}


@promise(DATA, "a full trace has the inferred segments, marked so, with the caller's subsegment as their parent")
def test_inferred_segments(aws: Subject) -> None:
    front, below = shop(AT)
    trace = put(aws, front, below)
    segments = aws.client("xray").batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]
    inferred = [one for one in (json.loads(each["Document"]) for each in segments) if one.get("inferred")]
    told = [(one["name"], one["origin"], one["parent_id"]) for one in inferred]
    assert told == [("DynamoDB", "AWS::DynamoDB::Table", front["subsegments"][0]["id"])]


@promise("AWS X-Ray API Reference, GetServiceGraph", "the graph is of the traces of a time frame")
def test_frame(aws: Subject) -> None:
    put(aws, *shop(AT))
    assert set(graph(aws, StartTime=AT, EndTime=AT + 1)) == {CLIENT, SHOP, ORDERS, TABLE}
    assert graph(aws, StartTime=AT + 60, EndTime=AT + 120) == {}


@promise("AWS X-Ray API Reference, GetTraceGraph", "the graph of traces by their ids, five at most")
def test_of_traces(aws: Subject) -> None:
    one, two = put(aws, *shop(AT)), put(aws, segment(trace_id(AT), "other", AT, 1))
    services = named(aws.client("xray").get_trace_graph(TraceIds=[one])["Services"])
    assert set(services) == {CLIENT, SHOP, ORDERS, TABLE}
    both = aws.client("xray").get_trace_graph(TraceIds=[one, two])["Services"]
    assert len(both) == 6
    with refused("InvalidRequestException"):
        aws.client("xray").get_trace_graph(TraceIds=[one] * 6)
