"""How batches are cut, and what an answer of a function says about them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.event_sources.poller import MOST_PAYLOAD_BYTES, failures_in, fitting

MESSAGES = ["m1", "m2", "m3"]


@given(st.lists(st.integers(1, MOST_PAYLOAD_BYTES // 2), min_size=1, max_size=12))
def test_a_batch_is_as_large_as_an_event_may_be(sizes: list[int]) -> None:
    count = fitting(sizes)
    event = len(b'{"Records":[]}') + sum(sizes[:count]) + count - 1
    assert 1 <= count <= len(sizes)
    assert event <= MOST_PAYLOAD_BYTES
    assert count == len(sizes) or event + sizes[count] + 2 > MOST_PAYLOAD_BYTES


@given(st.lists(st.sampled_from(MESSAGES)))
def test_reported_failures(failed: list[str]) -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
    assert failures_in(json.dumps(answer).encode(), MESSAGES) == set(failed)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["batchItemFailures", "itemIdentifier", "x"]), inner)))  # fmt: skip
def test_any_answer_is_understood_or_fails_the_batch(answer: Any) -> None:
    found = failures_in(json.dumps(answer).encode(), MESSAGES)
    assert found is None or found <= set(MESSAGES)


def test_no_json_fails_the_batch() -> None:
    assert failures_in(b"not json", MESSAGES) is None
