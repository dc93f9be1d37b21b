"""The simulation of DAX against a plain model of what its caches hold."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from boto3.dynamodb.conditions import Attr, Key
from hypothesis import given
from hypothesis import strategies as st

from helpers.teaching.dax import Dax, draw, mean_read_ms

SIZE, TTL = 2, 10


class FakeTable:
    """A table that counts what reaches it."""

    key_schema: ClassVar = [{"AttributeName": "id", "KeyType": "HASH"}]

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.read = 0

    def get_item(self, Key: Any, ConsistentRead: bool = False) -> dict[str, Any]:
        self.read += 1
        return {"Item": dict(self.items[Key["id"]])} if Key["id"] in self.items else {}

    def query(self, **asked: Any) -> dict[str, Any]:
        self.read += 1
        return {"Items": [dict(item) for item in self.items.values()]}

    def put_item(self, Item: Any) -> dict[str, Any]:
        self.items[Item["id"]] = dict(Item)
        return {}

    def update_item(self, Key: Any, ReturnValues: str, **change: Any) -> dict[str, Any]:
        self.items[Key["id"]] = {**Key, **change["ExpressionAttributeValues"]}
        return {"Attributes": dict(self.items[Key["id"]])}

    def delete_item(self, Key: Any) -> dict[str, Any]:
        self.items.pop(Key["id"], None)
        return {}


class Model:
    """What a cache of two answers holds: a list, the least recently used first."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, Any, float]] = []

    def find(self, key: str, now: float) -> list[Any]:
        """Return the answer in a list, or an empty one; expired answers go."""
        self.kept = [each for each in self.kept if each[2] > now]
        found = [each for each in self.kept if each[0] == key]
        if found:
            self.kept.remove(found[0])
            self.kept.append(found[0])
        return [each[1] for each in found]

    def keep(self, key: str, answer: Any, now: float) -> None:
        """Keep an answer, in the place of the one that was not used for longest."""
        self.kept = [each for each in self.kept if each[0] != key and each[2] > now][-(SIZE - 1) :]
        self.kept.append((key, answer, now + TTL))


steps = st.lists(
    st.tuples(st.sampled_from(["get", "strong", "put", "update", "delete", "behind", "wait"]), st.sampled_from("abc")),
    max_size=40,
)


@given(steps)
def test_the_item_cache_answers_as_the_model_says(steps: list[tuple[str, str]]) -> None:
    table, model, now = FakeTable(), Model(), [0.0]
    dax = Dax(table, SIZE, TTL, lambda: now[0])
    for number, (action, key) in enumerate(steps):
        item, where = {"id": key, ":v": number}, {"Key": {"id": key}}
        if action == "wait":
            now[0] += 4
        elif action == "behind":
            table.put_item(item)
        elif action == "put":
            dax.put_item(Item=item)
            model.keep(key, {"Item": item}, now[0])
        elif action == "update":
            dax.update_item(**where, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": number})
            model.keep(key, {"Item": item}, now[0])
        elif action == "delete":
            dax.delete_item(**where)
            model.keep(key, {}, now[0])
        elif action == "strong":
            assert dax.get_item(**where, ConsistentRead=True) == FakeTable.get_item(table, **where)
        else:
            before, kept = table.read, model.find(key, now[0])
            answer = dax.get_item(**where)
            assert answer == (kept[0] if kept else FakeTable.get_item(table, **where))
            assert (table.read == before) is bool(kept)
            if not kept:
                model.keep(key, answer, now[0])


def test_a_query_is_kept_by_its_parameters_and_stays_as_it_was_after_a_write() -> None:
    table, now = FakeTable(), [0.0]
    dax = Dax(table, timer=lambda: now[0])
    asked = {"KeyConditionExpression": Key("id").eq("a") & Key("at").lt(3), "Limit": 5}
    same = {"KeyConditionExpression": Key("id").eq("a") & Key("at").lt(3), "Limit": 5}
    other = {**asked, "FilterExpression": Attr("x").exists()}
    assert dax.query(**asked) == {"Items": []}
    dax.put_item(Item={"id": "a"})
    assert (dax.query(**same), dax.query(**other)) == ({"Items": []}, {"Items": [{"id": "a"}]})
    assert dax.query(**same, ConsistentRead=True) == {"Items": [{"id": "a"}]}
    now[0] = 301
    assert dax.query(**same) == {"Items": [{"id": "a"}]}
    assert dict(dax.reads) == {"miss": 3, "hit": 1, "strong": 1}
    assert dax.hit_ratio == 0.2


def test_what_a_caller_changes_does_not_change_the_cache() -> None:
    dax = Dax(FakeTable(), timer=lambda: 0.0)
    item = {"id": "a", "tags": ["x"]}
    dax.put_item(Item=item)
    item["tags"].append("y")  # type: ignore[attr-defined]
    dax.get_item(Key={"id": "a"})["Item"]["tags"].append("z")
    assert dax.get_item(Key={"id": "a"})["Item"]["tags"] == ["x"]


def test_what_is_not_simulated_is_named() -> None:
    dax = Dax(FakeTable(), timer=lambda: 0.0)
    with pytest.raises(NotImplementedError, match="ProjectionExpression"):
        dax.get_item(Key={"id": "a"}, ProjectionExpression="id")
    with pytest.raises(NotImplementedError, match="ALL_OLD"):
        dax.update_item(Key={"id": "a"}, ReturnValues="ALL_OLD")


def test_the_mean_read_lies_between_a_hit_and_a_miss(capsys: pytest.CaptureFixture[str]) -> None:
    assert (mean_read_ms(1), mean_read_ms(0.5), mean_read_ms(0)) == (0.5, 3.0, 5.5)
    draw({1: 0.2, 100: 0.9})
    assert capsys.readouterr().out.splitlines()[-1] == (
        "From 1 to 100 items the hit ratio rises from 20% to 90%; the model's mean read falls from 4.5 to 1.0 ms "
        "(a hit 0.5 ms, a miss 5.5 ms)."
    )
