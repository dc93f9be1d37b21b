"""The arithmetic of DynamoDB's capacity units, and of target tracking, against plain restatements of AWS's rules."""

from __future__ import annotations

import base64
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from helpers.dataplane.dynamodb import capacity
from helpers.dataplane.dynamodb.autoscaling import wanted_units
from helpers.dataplane.dynamodb.item_size import item_size

NAMES = st.text(min_size=1, max_size=6)
DIGITS = st.integers(0, 10**12).map(str)
PLAIN = st.one_of(
    st.text(max_size=40).map(lambda text: {"S": text}),
    DIGITS.map(lambda digits: {"N": digits}),
    st.binary(max_size=40).map(lambda blob: {"B": blob}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    st.lists(st.text(min_size=1, max_size=9), min_size=1, unique=True).map(lambda texts: {"SS": texts}),
    st.lists(DIGITS, min_size=1, unique=True).map(lambda numbers: {"NS": numbers}),
)
VALUES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda values: {"L": values}),
        st.dictionaries(NAMES, inner, max_size=4).map(lambda values: {"M": values}),
    ),
    max_leaves=12,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=6)
TEXTS = st.dictionaries(st.sampled_from(["id", "city", "note", "extra"]), st.sampled_from(["", "a", "b" * 1500]))


def bytes_of(value: dict[str, Any]) -> int:
    """Restate the guide's list: what a value takes without its name."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        significant = content.strip("0")
        return math.ceil(len(significant) / 2) + 1
    if kind == "B":
        return len(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "SS":
        return sum(len(text.encode()) for text in content)
    if kind == "NS":
        return sum(bytes_of({"N": number}) for number in content)
    if kind == "L":
        return 3 + sum(bytes_of(inner) + 1 for inner in content)
    return 3 + sum(len(name.encode()) + bytes_of(inner) + 1 for name, inner in content.items())


@settings(max_examples=50)
@given(ITEMS)
def test_an_item_has_the_size_that_the_guide_gives_it(item: dict[str, Any]) -> None:
    assert item_size(item) == sum(len(name.encode()) + bytes_of(value) for name, value in item.items())


@settings(max_examples=50)
@given(ITEMS)
def test_an_item_has_the_same_size_in_motos_hands(item: dict[str, Any]) -> None:
    kept = Item(DynamoType({"S": "1"}), None, {})
    for name, value in item.items():
        dict.__setitem__(kept.attrs, name, DynamoType(value))
    assert item_size(kept) == item_size(item)


def test_numbers_are_measured_by_their_significant_digits() -> None:
    sizes = {"0": 1, "7": 2, "-7": 2, "100": 2, "1234": 3, "0.0012": 2, "12.5": 3, "1E10": 2, "-1.5e-7": 2}
    assert {number: item_size({"": {"N": number}}) for number in sizes} == sizes


def test_a_blob_counts_its_raw_bytes_also_in_base64() -> None:
    assert item_size({"b": {"B": base64.b64encode(b"12345").decode()}}) == 6


@given(st.integers(0, 2_000_000))
def test_reads_go_in_steps_of_4_kb_and_writes_of_1_kb(size: int) -> None:
    assert capacity.read_units(size, capacity.STRONG) == max(1, math.ceil(size / 4096))
    assert capacity.read_units(size, capacity.EVENTUAL) * 2 == capacity.read_units(size, capacity.STRONG)
    assert capacity.read_units(size, capacity.TRANSACTIONAL) == capacity.read_units(size, capacity.STRONG) * 2
    assert capacity.write_units(size) == max(1, math.ceil(size / 1024))


@given(TEXTS, TEXTS)
def test_an_index_costs_what_the_guide_says(old: dict[str, str], new: dict[str, str]) -> None:
    """An index on city that keeps city, id and note: a put, a delete, both, an update, or nothing."""
    before, after = ({name: {"S": text} for name, text in one.items()} for one in (old, new))
    cost = capacity.write_cost(indexed(), before, after)
    kept = [
        {name: one[name] for name in ("id", "city", "note") if name in one} if "city" in one else None
        for one in (old, new)
    ]
    steps = [
        math.ceil(max(1, sum(len(k + v) for k, v in one.items())) / 1024) if one is not None else 0 for one in kept
    ]
    if kept[0] == kept[1]:
        expected = 0
    elif kept[0] is not None and kept[1] is not None and kept[0]["city"] == kept[1]["city"]:
        expected = max(steps)
    else:
        expected = sum(steps)
    assert cost.indexes["by_city"] == expected
    assert cost.total == cost.table + expected


def indexed() -> Table:
    """Return a table with a global index."""
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]}
    index = {
        "IndexName": "by_city",
        "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}],
        "Projection": projection,
    }
    return Table(
        "t", "123456789012", "us-east-1", [{"AttributeName": "id", "KeyType": "HASH"}],
        [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "city")],
        billing_mode="PAY_PER_REQUEST", global_indexes=[index],
    )  # fmt: skip


RATES = st.lists(st.one_of(st.none(), st.floats(0, 200)), min_size=15, max_size=15)


@given(RATES, st.integers(1, 100), st.integers(20, 90))
def test_units_move_only_after_two_minutes_above_or_fifteen_far_below(
    newest: list[float | None], units: int, percent: int
) -> None:
    goal, minute = percent / 100, 1000
    rates = {minute - ago: rate for ago, rate in enumerate(newest, 1) if rate is not None}
    wanted = wanted_units(rates, minute, units, goal)
    if wanted > units:
        assert all(rate is not None and rate > goal * units for rate in newest[:2])
        assert (newest[0] or 0) <= goal * wanted
    if wanted < units:
        assert all(rate is not None and rate < (goal - 0.2) * units for rate in newest)
        assert all((rate or 0) <= goal * wanted + 1e-9 for rate in newest)
    if wanted == units:
        above = all(rate is not None and rate > goal * units for rate in newest[:2])
        assert not above


def test_the_present_minute_does_not_count() -> None:
    assert wanted_units({10: 500.0, 9: 500.0}, 10, 10, 0.7) == 10
    assert wanted_units({9: 70.0, 8: 500.0}, 10, 10, 0.7) == 100
