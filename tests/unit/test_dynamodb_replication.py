"""Global tables under random writes: the replicas become equal, the last write wins, and nothing is lost."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import cloud
from helpers.cloud import Cloud
from helpers.dataplane.record import Use

REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"]
KEYS = "abc"
numbers = itertools.count(1)
writes = st.tuples(st.sampled_from(["put", "update", "delete"]), st.integers(0, 2), st.sampled_from(KEYS))
cuts = st.tuples(st.sampled_from(["pause", "resume"]), st.integers(0, 2), st.just(""))


@pytest.fixture(scope="module")
def running() -> Iterator[Cloud]:
    """Start a cloud in which a second is a millisecond."""
    yield cloud.start(speed=1000)
    cloud.stop()


def wait(condition: Any) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the replicas did not become equal"
        time.sleep(0.002)


def spread() -> tuple[str, list[Any]]:
    """Create a table with three replicas; return its name and the clients of their Regions."""
    name, clients = f"tea{next(numbers)}", [boto3.client("dynamodb", region) for region in REGIONS]
    clients[0].create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    new = [{"Create": {"RegionName": region}} for region in REGIONS[1:]]
    clients[0].update_table(TableName=name, ReplicaUpdates=new)
    described = clients[0].describe_table
    wait(lambda: {each["ReplicaStatus"] for each in described(TableName=name)["Table"]["Replicas"]} == {"ACTIVE"})
    return name, clients


def write(client: Any, name: str, action: str, key: str, value: int) -> bool:
    """Do one write; return whether it changed something."""
    where = {"TableName": name, "Key": {"id": {"S": key}}}
    if action == "delete":
        return "Attributes" in client.delete_item(**where, ReturnValues="ALL_OLD")
    if action == "update":
        set_value = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": {"N": str(value)}}}
        client.update_item(**where, **set_value)
    else:
        client.put_item(TableName=name, Item={"id": {"S": key}, "v": {"N": str(value)}})
    return True


def content(client: Any, name: str) -> dict[str, int]:
    """Return what a Region has."""
    return {item["id"]["S"]: int(item["v"]["N"]) for item in client.scan(TableName=name)["Items"]}


@settings(max_examples=25, deadline=None)
@given(st.lists(writes | cuts, max_size=20))
def test_the_last_write_wins_in_all_regions_whenever_one_was_cut_off(
    running: Cloud, steps: list[tuple[str, int, str]]
) -> None:
    name, clients = spread()
    expected: dict[str, int] = {}
    for value, (action, place, key) in enumerate(steps):
        if action in ("pause", "resume"):
            getattr(running, f"{action}_replication")(REGIONS[place])
            continue
        changed = write(clients[place], name, action, key, value)
        if action != "delete":
            expected[key] = value
        elif changed:  # deleting what a Region does not have is no change there
            expected.pop(key, None)
    for region in REGIONS:
        running.resume_replication(region)
    wait(lambda: all(content(client, name) == expected for client in clients))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.lists(writes, min_size=10, max_size=15), min_size=3, max_size=3), st.integers(0, 2))
def test_replicas_become_equal_after_writes_at_the_same_time(
    running: Cloud, parts: list[list[tuple[str, int, str]]], cut: int
) -> None:
    name, clients = spread()
    running.pause_replication(REGIONS[cut])

    def work(place: int) -> None:
        for number, (action, _, key) in enumerate(parts[place]):
            write(clients[place], name, action, key, 100 * place + number)
        write(clients[place], name, "put", f"own{place}", place)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running.resume_replication(REGIONS[cut])
    own = {f"own{place}": place for place in range(3)}
    wait(lambda: all(own.items() <= content(client, name).items() for client in clients))
    wait(lambda: content(clients[0], name) == content(clients[1], name) == content(clients[2], name))


def test_conditions_hold_when_many_write_at_once(running: Cloud) -> None:
    name, (client, *_) = spread()
    client.put_item(TableName=name, Item={"id": {"S": "tins"}, "v": {"N": "5"}})
    take: dict[str, Any] = {
        "TableName": name, "Key": {"id": {"S": "tins"}}, "UpdateExpression": "SET v = v - :one",
        "ConditionExpression": "v >= :one", "ExpressionAttributeValues": {":one": {"N": "1"}},
    }  # fmt: skip
    sold = []

    def buy() -> None:
        try:
            client.update_item(**take)
            sold.append(1)
        except client.exceptions.ConditionalCheckFailedException:
            pass

    buyers = [threading.Thread(target=buy) for _ in range(20)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    assert (len(sold), content(client, name)) == (5, {"tins": 0})


def test_each_replica_that_gets_a_write_costs_units(running: Cloud) -> None:
    units = Use("dynamodb", "write request units")
    name, clients = spread()
    before = running.record.used().get(units, 0)
    clients[0].put_item(TableName=name, Item={"id": {"S": "a"}, "text": {"S": "x" * 1500}})
    wait(lambda: all(client.scan(TableName=name)["Count"] for client in clients))
    wait(lambda: running.record.used()[units] - before == 3 * 2)
