"""What documents say: in the right places, also where documents are odd."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.dataplane.xray import documents
from helpers.dataplane.xray.documents import Readings, Service, inferred_segments, read
from helpers.dataplane.xray.filters import compiled
from helpers.dataplane.xray.service_graph import graph
from helpers.dataplane.xray.store import Traces
from helpers.dataplane.xray.summaries import summary
from tests.contract.traces import part, segment, shop, trace_id

AT = 1_790_000_000.0
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 600) | st.floats(-1, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = (
    "http",
    "aws",
    "cause",
    "annotations",
    "user",
    "origin",
    "error",
    "fault",
    "throttle",
    "metadata",
    "namespace",
)
HTTP = st.fixed_dictionaries(
    {}, optional={"request": ANYTHING, "response": st.fixed_dictionaries({"status": ANYTHING})}
)
ODD = st.fixed_dictionaries({}, optional={name: ANYTHING for name in FIELDS} | {"http": ANYTHING | HTTP})


def kept(*sent: Any) -> Traces:
    """Return a store that has taken documents."""
    traces = Traces()
    for document in sent:
        traces.put(json.dumps(document))
    return traces


@given(ODD, ODD, st.lists(st.integers(0, 2), max_size=3))
@settings(max_examples=150, deadline=None)
def test_odd_fields_are_passed_over(of_segment: Any, of_subsegment: Any, parents: list[int]) -> None:
    trace = trace_id(AT)
    inside = {**part("call", AT, 0.5), **of_subsegment}
    odd = {**segment(trace, "odd", AT, 1, inside), **of_segment}
    ids = [odd["id"], inside["id"], "0" * 16]
    others = [segment(trace, "other", AT, 1, parent_id=ids[place]) for place in parents]
    reading = Readings(kept(odd, *others)).all()[0]
    summary(reading, "123456789012")
    assert len(graph([reading], "123456789012")) >= 2
    for expression in ('user CONTAINS ""', "http.status > 5", "http.url", 'annotation.a != "b"', "service() { fault }"):
        compiled(expression)(reading)


def test_segments_that_call_each_other_end() -> None:
    trace = trace_id(AT)
    one, two = segment(trace, "one", AT, 1), segment(trace, "two", AT, 1)
    reading = Readings(kept(one | {"parent_id": two["id"]}, two | {"parent_id": one["id"]})).all()[0]
    assert len(graph([reading], "1")) == 2
    assert summary(reading, "1")["EntryPoint"]["Name"] == "one"


def test_a_trace_is_read_again_when_a_document_comes() -> None:
    front, below = shop(AT)
    traces = kept(front)
    readings = Readings(traces)
    first = readings.all()[0]
    assert readings.all()[0] is first
    assert Service("orders", "remote") in first.services
    traces.put(json.dumps(below))
    assert Service("orders", "") in readings.all()[0].services
    assert Service("orders", "remote") not in readings.all()[0].services


def test_the_root_is_the_first_segment_that_nobody_called() -> None:
    trace = trace_id(AT)
    stranger = segment(trace, "called from elsewhere", AT, 1, parent_id="0" * 16)
    root = segment(trace, "root", AT + 1, 1)
    assert Readings(kept(stranger, root)).all()[0].root["name"] == "root"
    assert Readings(kept(stranger)).all()[0].root["name"] == "called from elsewhere"


def test_inferred_segments_are_the_same_each_time() -> None:
    trace = kept(shop(AT)[0]).all()[0]
    first = inferred_segments(trace)
    assert [one["name"] for one in first] == ["DynamoDB", "orders"]
    assert inferred_segments(trace) == first
    assert len({one["id"] for one in first} | {one["parent_id"] for one in first}) == 4


def test_a_subsegment_that_outlives_its_segment_is_in_the_duration_only() -> None:
    late = segment(trace_id(AT), "shop", AT, 1, part("mail", AT + 0.5, 2))
    assert (documents.response_time(late), documents.duration(late)) == (1, 2.5)
    reading = read(kept(late).all()[0])
    assert reading.end - reading.start == 2.5
