"""The trace header: what is written is read again, and nothing in it breaks the reader."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane import tracing
from helpers.dataplane.tracing import TraceHeader


def digits(count: int) -> st.SearchStrategy[str]:
    """Return hexadecimal texts of a length."""
    return st.text("0123456789abcdef", min_size=count, max_size=count)


roots = st.tuples(digits(8), digits(24)).map(lambda parts: "-".join(("1", *parts)))
extras = st.tuples(st.sampled_from(["Self", "Lineage", "Colour"]), st.text("abc:012-", min_size=1, max_size=9))
headers = st.builds(
    TraceHeader,
    root=st.just("") | roots,
    parent=st.just("") | digits(16),
    sampled=st.none() | st.booleans(),
    rest=st.lists(extras, max_size=3).map(tuple),
)


@given(headers)
def test_what_is_written_is_read(header: TraceHeader) -> None:
    assert TraceHeader.parse(str(header)) == header


@given(st.text())
def test_anything_can_be_read(text: str) -> None:
    header = TraceHeader.parse(text)
    assert TraceHeader.parse(str(header)) == header


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("Sampled=?", ""),
        (
            " root = 1-5759E988-BD862E3FE1BE46A994272793 ; sampled=0 ",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        ),
        ("Root=1-5759e988;Parent=xyz;Sampled=yes", ""),
        ("Root=2-5759e988-bd862e3fe1be46a994272793;Self=1-a;Sampled=1", "Sampled=1;Self=1-a"),
        ("Lineage=1:a3b2:0", "Lineage=1:a3b2:0"),
        (";;=;a=;=b;Parent=53995c3f42cd8ad8", "Parent=53995c3f42cd8ad8"),
    ],
)
def test_odd_headers(text: str, read: str) -> None:
    assert str(TraceHeader.parse(text)) == read


def test_a_new_id_is_one_of_its_kind() -> None:
    first, second = tracing.new_trace_id(), tracing.new_trace_id()
    assert first != second and TraceHeader.parse(f"Root={first}").root == first


def test_each_thread_has_its_own_header() -> None:
    seen: list[str] = []
    with tracing.carried("Root=a"):
        with tracing.carried("Root=b"):
            other = threading.Thread(target=lambda: seen.append(tracing.current()))
            other.start()
            other.join()
            assert tracing.current() == "Root=b"
        assert tracing.current() == "Root=a"
    assert (seen, tracing.current()) == ([""], "")
