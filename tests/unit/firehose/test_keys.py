"""Names of Firehose's files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.call import AWSError
from helpers.dataplane.firehose import keys

MOMENT = datetime(2018, 8, 27, 10, 30, 5, tzinfo=UTC)
TYPE = "!{firehose:error-output-type}"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "good", "bad"),
    [
        ("", "", "2018/08/27/10/", "processing-failed/2018/08/27/10/"),
        ("", f"failures/{TYPE}/", "2018/08/27/10/", "failures/processing-failed/"),
        ("mine-", "", "mine-2018/08/27/10/", "mine-processing-failed/2018/08/27/10/"),
        ("", "errors/", "2018/08/27/10/", "errors/processing-failed/2018/08/27/10/"),
        (
            "p/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/",
            f"e/year=!{{timestamp:yyyy}}/{TYPE}",
            "p/year=2018/month=08/day=27/hour=10/",
            "e/year=2018/processing-failed",
        ),
        (
            "dt=!{timestamp:yyyy'-'MM'-'dd}/!{timestamp:'at' mm.ss}/",
            TYPE,
            "dt=2018-08-27/at 30.05/",
            "processing-failed",
        ),
    ],
)
def test_prefixes_as_in_the_guide(prefix: str, error_prefix: str, good: str, bad: str) -> None:
    keys.check(prefix, error_prefix)
    assert keys.file_key(prefix, error_prefix, MOMENT) == good
    assert keys.file_key(prefix, error_prefix, MOMENT, keys.FAILED) == bad


@given(st.text(st.characters(exclude_characters="!{}"), max_size=20))
def test_a_prefix_without_expressions_stays_as_it_is(text: str) -> None:
    assert keys.evaluated(text, MOMENT) == text
    assert keys.file_key(text, "", MOMENT) == f"{text}2018/08/27/10/"


@given(st.text(st.characters(exclude_characters="'}"), max_size=20))
def test_quoted_text_of_a_pattern_stays_as_it_is(text: str) -> None:
    assert keys.evaluated(f"!{{timestamp:'{text}'yyyy}}", MOMENT) == f"{text}2018"


@pytest.mark.parametrize(
    "prefix", ["!{firehose:random-string}/", "!{partitionKeyFromQuery:id}/", "!{timestamp:EEE}/", "!{timestamp:y}/"]
)
def test_what_is_not_built_is_refused(prefix: str) -> None:
    with pytest.raises(AWSError) as refused:
        keys.check(prefix, TYPE)
    assert refused.value.status == 501


def test_an_unknown_namespace_is_refused() -> None:
    with pytest.raises(AWSError, match="InvalidArgumentException"):
        keys.check("!{time:yyyy}/", TYPE)
