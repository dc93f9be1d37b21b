"""The lab capacity_plan: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, assert_wrong, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "12_capacity_plan"
TASKS = ["table", "ask", "index", "units", "positions", "mode", "guard"]
PLAN = {"check_in": "3", "check_out": "3", "rides_of": "4", "open_rides": "0.5"}
SPEED = 300


class Learner:
    """Somebody who plans for Owl Line: what a learner's cells would do, and the checks."""

    def __init__(self, owl: Any, lab: Lab) -> None:
        self.owl, self.lab = owl, lab
        self.aws = boto3.client("dynamodb")
        self.rides, self.plan = (boto3.resource("dynamodb").Table(name) for name in ("rides", "plan"))

    def table(self, name: str, *keys: str, write: int = 0, read: int = 1) -> None:
        units = {"ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write}}
        self.aws.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": k, "KeyType": kind} for k, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            **(units if write else {"BillingMode": "PAY_PER_REQUEST"}),
        )

    def index(self, *keys: str, projection: str = "KEYS_ONLY") -> None:
        schema = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)]
        index = {"IndexName": "open", "KeySchema": schema, "Projection": {"ProjectionType": projection}}
        self.rides.update(
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in sorted({"rider", "started", *keys})
            ],
            GlobalSecondaryIndexUpdates=[{"Create": index}],
        )

    def answer(self, question: str, function: Callable[[str], Any]) -> None:
        self.owl.answers(question)(function)

    def filled(self) -> None:
        """Do the first task."""
        self.table("rides", "rider", "started")
        self.owl.fill()

    def asked(self) -> None:
        """Do the first two tasks."""
        self.filled()
        self.answer("rides_of", lambda rider: self.newest(rider))

    def newest(self, rider: str, **more: Any) -> Any:
        condition = Key("rider").eq(rider)
        return self.rides.query(KeyConditionExpression=condition, ScanIndexForward=False, **more)["Items"]

    def by_line(self, line: str, **more: Any) -> Any:
        return self.rides.query(IndexName="open", KeyConditionExpression=Key("line").eq(line), **more)["Items"]

    def indexed(self) -> None:
        """Do the first three tasks."""
        self.asked()
        self.index("line", "open_since")
        self.answer("open_rides", self.by_line)

    def planned(self, **other: str) -> None:
        """Do the first four tasks, perhaps with other numbers."""
        self.indexed()
        for pattern, units in {**PLAN, **other}.items():
            self.plan.put_item(Item={"pattern": pattern, "units": Decimal(units)})

    def provisioned(self, write: int) -> None:
        """Have the answers to the first questions, and provisioned rides without an index."""
        self.table("rides", "rider", "started", write=write)
        self.owl.fill()
        self.answer("rides_of", self.newest)

    def guarded(self, most: int) -> None:
        self.asked()
        self.aws.update_table(TableName="rides", OnDemandThroughput={"MaxWriteRequestUnits": most})

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=SPEED) as modules:
        owl = modules["owl"]
        owl.board()
        yield Learner(owl, modules["checks"].lab)


def scanning(learner: Learner) -> None:
    learner.filled()
    learner.answer("rides_of", lambda rider: learner.rides.scan(FilterExpression=Attr("rider").eq(rider))["Items"])


def oldest_first(learner: Learner) -> None:
    learner.filled()
    learner.answer("rides_of", lambda rider: learner.newest(rider)[::-1])


def one_page(learner: Learner) -> None:
    learner.filled()
    learner.answer("rides_of", lambda rider: learner.newest(rider, Limit=5))


def strong(learner: Learner) -> None:
    learner.filled()
    learner.answer("rides_of", lambda rider: learner.newest(rider, ConsistentRead=True))


def whole_answer(learner: Learner) -> None:
    learner.filled()
    learner.answer("rides_of", lambda rider: learner.rides.query(KeyConditionExpression=Key("rider").eq(rider)))


def finished_too(learner: Learner) -> None:
    learner.asked()
    learner.index("line", "started", projection="ALL")
    learner.answer("open_rides", lambda line: learner.by_line(line, FilterExpression=Attr("open_since").exists()))


def all_attributes(learner: Learner) -> None:
    learner.asked()
    learner.index("line", "open_since", projection="ALL")
    learner.answer("open_rides", learner.by_line)


def one_ride(learner: Learner) -> None:
    learner.asked()
    learner.index("line", "open_since")
    learner.answer("open_rides", lambda line: learner.by_line(line, Limit=1))


def scanned_index(learner: Learner) -> None:
    learner.asked()
    learner.index("line", "open_since")
    learner.answer("open_rides", lambda line: learner.rides.scan(FilterExpression=Attr("line").eq(line))["Items"])


def half_a_plan(learner: Learner) -> None:
    learner.indexed()
    learner.plan.put_item(Item={"pattern": "check_in", "units": 3})


def guarded_wildly(learner: Learner) -> None:
    learner.guarded(4000)


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("table", lambda learner: learner.table("rides", "line", "started"), "Eight lines are eight partition key", ""),
    ("table", lambda learner: learner.table("rides", "started"), "The partition key is `started`", ""),
    ("table", lambda learner: learner.table("rides", "rider"), "the second ride would replace the first", ""),
    ("table", lambda learner: learner.table("rides", "rider", "line"), "ordered by `line`", ""),
    ("ask", scanning, "reads the whole table", ""),
    ("ask", oldest_first, "the newest is not the first", ""),
    ("ask", one_page, "your function returned 5 rides", ""),
    ("ask", strong, "Right rides, but 8 read units", ""),
    ("ask", whole_answer, "should return a list of rides", ""),
    ("index", finished_too, "holds finished rides, too", ""),
    ("index", all_attributes, "keeps more of each ride than you need", ""),
    ("index", one_ride, "You returned 1 rides", ""),
    ("units", half_a_plan, "no item with the pattern `check_out`", ""),
    ("units", lambda learner: learner.planned(check_in="2"), "The index is written, too", ""),
    ("units", lambda learner: learner.planned(rides_of="8"), "would be strongly consistent reads", ""),
    ("units", lambda learner: learner.planned(open_rides="6"), "the plan says 6, DynamoDB counts 0.5", ""),
    (
        "positions",
        lambda learner: learner.table("positions", "bus"),
        "On-demand, these steady writes cost 9.86 USD",
        "",
    ),
    ("positions", lambda learner: learner.table("positions", "bus", write=20), "most of them are never used", ""),
    (
        "positions",
        lambda learner: learner.table("positions", "bus", write=2),
        "TableWriteProvisionedThroughputExce",
        "",
    ),
    ("positions", lambda learner: learner.table("positions", "bus", write=5), "with 5 units, out of saved burst", ""),
    ("mode", lambda learner: learner.provisioned(60), "The peak lasts two hours a day", ""),
    ("mode", lambda learner: learner.provisioned(10), "`rides` held the traffic of 40 write units a second", ""),
    ("mode", lambda learner: learner.provisioned(38), "It held for ten minutes, out of saved", ""),
    ("guard", lambda learner: learner.guarded(20), "is below the peak of 40 units", ""),
    ("guard", guarded_wildly, "could still write 100 times the peak", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_an_index_that_is_not_asked_is_not_enough(learner: Learner) -> None:
    scanned_index(learner)
    assert_wrong(learner.result("index"), "reads the whole table", "")


@pytest.mark.parametrize("done", range(5))
def test_after_each_task_the_next_is_not_attempted(learner: Learner, done: int) -> None:
    [lambda: None, learner.filled, learner.asked, learner.indexed, learner.planned][done]()
    states = [learner.result(task).state for task in TASKS[: done + 1]]
    assert states == ["right"] * done + ["not attempted"]
    assert learner.result("positions").state == learner.result("guard").state == "not attempted"


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.planned()
    learner.table("positions", "bus", write=7)
    learner.aws.update_table(TableName="rides", OnDemandThroughput={"MaxWriteRequestUnits": 60})
    for _ in range(2):
        assert {result.state for result in learner.lab.results().values()} == {"right"}


def test_rides_that_cannot_be_written_say_why(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.owl.fill()
    assert "AWS said: Requested resource not found" in capsys.readouterr().out
