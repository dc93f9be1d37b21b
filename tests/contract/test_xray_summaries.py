"""What X-Ray promises about the summaries of traces."""

from __future__ import annotations

from typing import Any

from tests.contract.subjects import Subject, promise, refused
from tests.contract.traces import found, part, put, segment, shop, summaries, trace_id

DATA = "AWS X-Ray Developer Guide, Getting data from AWS X-Ray"
SUMMARY = "AWS X-Ray API Reference, TraceSummary"
ASKED = "AWS X-Ray API Reference, GetTraceSummaries"
CONCEPTS = "AWS X-Ray Developer Guide, AWS X-Ray concepts"
AT = 1_790_000_000.0
FRAME = {"StartTime": AT - 60, "EndTime": AT + 60}


def names(services: list[Any]) -> list[str]:
    """Return the names of services."""
    return [service["Name"] for service in services]


@promise(SUMMARY, "a summary has the root's response time and HTTP data, and the duration until the last segment ended")
def test_times(aws: Subject) -> None:
    front, below = shop(AT)
    late = segment(front["trace_id"], "mailer", AT + 0.5, 1.5, parent_id=front["id"])
    put(aws, front, below, late)
    summary = summaries(aws, **FRAME)[0]
    assert (summary["ResponseTime"], summary["Duration"]) == (1.0, 2.0)
    assert summary["StartTime"].timestamp() == AT
    http = {"HttpURL": "http://shop.example.com/api/order", "HttpMethod": "POST", "HttpStatus": 200}
    assert summary["Http"] == {**http, "ClientIp": "198.51.100.7"}


@promise(
    SUMMARY, "HasFault and HasError tell of the root segment, HasThrottle of any segment, IsPartial of any in progress"
)
def test_flags(aws: Subject) -> None:
    trace = trace_id(AT)
    call = part("orders", AT, 0.5, namespace="remote", status=429)
    below = segment(trace, "orders", AT, 0.5, parent_id=call["id"], status=429)
    put(aws, segment(trace, "shop", AT, 1, call, status=500), below)
    flags = ("HasFault", "HasError", "HasThrottle", "IsPartial")
    assert [summaries(aws, **FRAME)[0][flag] for flag in flags] == [True, False, True, False]
    put(aws, segment(trace, "mailer", AT, None, parent_id=call["id"]))
    assert summaries(aws, **FRAME)[0]["IsPartial"]


@promise(SUMMARY, "a summary lists annotations with their values, users, services and the entry point")
def test_indexed(aws: Subject) -> None:
    put(aws, *shop(AT, user="alice", annotations={"order": 7, "kind": "gift", "vip": False}))
    summary = summaries(aws, **FRAME)[0]
    values = {key: [one["AnnotationValue"] for one in found] for key, found in summary["Annotations"].items()}
    assert values == {
        "order": [{"NumberValue": 7}],
        "kind": [{"StringValue": "gift"}],
        "vip": [{"BooleanValue": False}],
    }
    assert names(summary["Annotations"]["order"][0]["ServiceIds"]) == ["shop"]
    assert [(user["UserName"], names(user["ServiceIds"])) for user in summary["Users"]] == [("alice", ["shop"])]
    assert sorted(names(summary["ServiceIds"])) == ["carts", "orders", "shop"]
    assert (summary["EntryPoint"]["Name"], summary["EntryPoint"]["Type"]) == ("shop", "AWS::EC2::Instance")


@promise(CONCEPTS, "up to 50 annotations of a trace are indexed")
def test_most_annotations(aws: Subject) -> None:
    put(aws, segment(trace_id(AT), "shop", AT, 1, annotations={f"key{number}": number for number in range(60)}))
    assert len(summaries(aws, **FRAME)[0]["Annotations"]) == 50


@promise(SUMMARY, "FaultRootCauses lead from the entry point to the entity that failed, with its exception")
def test_root_causes(aws: Subject) -> None:
    put(aws, *shop(AT, broken=True))
    put(aws, *shop(AT + 1))
    fine, broken = summaries(aws, **FRAME)
    services = broken["FaultRootCauses"][0]["Services"]
    paths = [(service["Name"], names(service["EntityPath"])) for service in services]
    assert paths == [("shop", ["shop", "orders"]), ("orders", ["orders", "look up"])]
    assert services[1]["EntityPath"][1]["Exceptions"] == [{"Name": "KeyError", "Message": "no such order"}]
    assert (fine["FaultRootCauses"], broken["ErrorRootCauses"]) == ([], [])


@promise(DATA, "by TraceId, the default, a trace belongs to the time in its id, from the start and before the end")
def test_by_id(aws: Subject) -> None:
    trace = trace_id(AT)
    put(aws, segment(trace, "shop", AT + 3600, 1))
    assert found(aws, "", StartTime=AT, EndTime=AT + 1) == {trace}
    assert found(aws, "", StartTime=AT - 1, EndTime=AT) == set()
    assert found(aws, "", StartTime=AT + 3600, EndTime=AT + 3601) == set()


@promise(DATA, "by Event, a trace belongs to all times at which it was active, whenever it began")
def test_by_event(aws: Subject) -> None:
    trace = trace_id(AT)
    put(aws, segment(trace, "shop", AT, 100))
    assert found(aws, "", StartTime=AT + 50, EndTime=AT + 60, TimeRangeType="Event") == {trace}
    assert found(aws, "", StartTime=AT + 50, EndTime=AT + 60) == set()
    assert found(aws, "", StartTime=AT + 110, EndTime=AT + 120, TimeRangeType="Event") == set()


@promise(ASKED, "by Service, a trace belongs to the time at which a segment ended")
def test_by_service(aws: Subject) -> None:
    trace = trace_id(AT)
    put(aws, segment(trace, "shop", AT, 100))
    assert found(aws, "", StartTime=AT + 99, EndTime=AT + 101, TimeRangeType="Service") == {trace}
    assert found(aws, "", StartTime=AT + 50, EndTime=AT + 60, TimeRangeType="Service") == set()


@promise(
    ASKED, "the first page has the newest traces, NextToken leads to the others; filtered traces count as processed"
)
def test_pages(aws: Subject) -> None:
    traces = [put(aws, segment(trace_id(AT + number / 10), "shop", AT + number / 10, 1)) for number in range(250)]
    put(aws, segment(trace_id(AT), "shop", AT, 1, fault=True))
    pages = aws.client("xray").get_paginator("get_trace_summaries").paginate(**FRAME, FilterExpression="ok")
    told = [page for page in pages]
    assert len(told) > 1
    assert [one["Id"] for page in told for one in page["TraceSummaries"]] == traces[::-1]
    assert told[0]["TracesProcessedCount"] == 251


@promise("AWS X-Ray Developer Guide, Configuring groups in the X-Ray console", "a time frame is six hours long at most")
def test_longest_frame(aws: Subject) -> None:
    assert summaries(aws, StartTime=AT, EndTime=AT + 6 * 3600) == []
    with refused("InvalidRequestException", "6 hours"):
        summaries(aws, StartTime=AT, EndTime=AT + 6 * 3600 + 1)


def test_a_frame_that_ends_before_it_begins_is_refused(aws: Subject) -> None:
    with refused("InvalidRequestException"):
        summaries(aws, StartTime=AT, EndTime=AT - 1)


def test_sampling_of_summaries_is_not_built(aws: Subject) -> None:
    with refused("NotImplementedException", "Sampling", 501):
        summaries(aws, Sampling=True)
