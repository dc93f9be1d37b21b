"""The lab order_queue: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result, eventually
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tests.labs.order_queue_workers import IDEMPOTENT, MENDED, REPORTS, SIMPLE
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "03_order_queue"
TASKS = ["worker", "mapping", "dead_letters", "partial", "idempotent", "repair"]


class Learner:
    """Somebody who works for Lena: what a learner's cells would do, and the checks."""

    def __init__(self, posters: Any, lab: Lab) -> None:
        self.posters, self.lab = posters, lab
        self.aws, self.sqs = boto3.client("lambda"), boto3.client("sqs")
        self.queue = self.sqs.get_queue_url(QueueName="poster-orders")["QueueUrl"]
        self.dead = ""

    def worker(self, code: str = SIMPLE, role_name: str = "poster-worker", **settings: Any) -> None:
        role = boto3.client("iam").get_role(RoleName=role_name)["Role"]["Arn"]
        files = {"app.py": code, "payments.py": self.posters.PAYMENTS}
        self.aws.create_function(
            FunctionName="charge-orders", Runtime="python3.13", Role=role, Handler="app.handler",
            Code={"ZipFile": package(files)}, **{"Timeout": 10, **settings},
        )  # fmt: skip

    def arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def set(self, url: str, **attributes: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def map(self, visibility: int = 60, **settings: Any) -> None:
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": self.arn(self.queue)}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        boto3.client("iam").put_role_policy(RoleName="poster-worker", PolicyName="read", PolicyDocument=policy)
        self.set(self.queue, VisibilityTimeout=str(visibility))
        self.uuid = self.aws.create_event_source_mapping(
            EventSourceArn=self.arn(self.queue), FunctionName="charge-orders", **settings
        )["UUID"]

    def dead_queue(self, name: str = "poster-orders-dead") -> None:
        self.dead = self.sqs.create_queue(QueueName=name)["QueueUrl"]

    def redrive(self, tries: int = 5) -> None:
        self.dead_queue()
        self.set(self.queue, RedrivePolicy=self.policy(self.dead, tries))

    def policy(self, url: str, tries: int = 5) -> str:
        return json.dumps({"deadLetterTargetArn": self.arn(url), "maxReceiveCount": tries})

    def line(self, code: str, asks: bool = True, **settings: Any) -> None:
        """Build everything, with this code."""
        self.worker(code)
        types = {"FunctionResponseTypes": ["ReportBatchItemFailures"]} if asks else {}
        self.map(**types, **settings)
        self.redrive()

    def day(self) -> None:
        """Leave what the morning and the evening leave: four dead letters and two charges."""
        for order, price in (("A-1", "24.50"), ("A-2", "24,50"), ("A-3", "9.00"), ("B-2", "12,00")):
            self.sqs.send_message(QueueUrl=self.dead, MessageBody=json.dumps({"order": order, "price": price}))
        for order in ("B-1", "B-3"):
            self.charge(order)

    def charge(self, order: str) -> None:
        row = {"charge_id": {"S": f"by hand, {order}"}, "order_id": {"S": order}, "cents": {"N": "1200"}}
        boto3.client("dynamodb").put_item(TableName="card-charges", Item=row)

    def move_back(self, delete_only: bool = False) -> None:
        while messages := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                if not delete_only:
                    self.sqs.send_message(QueueUrl=self.queue, MessageBody=message["Body"])
                self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"])

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=120, enforce_iam=True) as modules:
        posters = modules["posters"]
        posters.open_shop()
        yield Learner(posters, modules["checks"].lab)


def short_timeout(learner: Learner) -> None:
    learner.worker(Timeout=3)


def other_role(learner: Learner) -> None:
    trust = json.dumps(learner.posters.TRUST)
    boto3.client("iam").create_role(RoleName="my-role", AssumeRolePolicyDocument=trust)
    learner.worker(role_name="my-role")


def first_only(learner: Learner) -> None:
    learner.worker(SIMPLE + "        return\n")


def body_as_dictionary(learner: Learner) -> None:
    learner.worker(SIMPLE.replace('json.loads(record["body"])', 'record["body"]'))


def dollars(learner: Learner) -> None:
    learner.worker(SIMPLE.replace(" * 100", ""))


def charges_nobody(learner: Learner) -> None:
    learner.worker("def handler(event, context): return len(event['Records'])")


def no_mapping(learner: Learner) -> None:
    learner.worker()
    learner.set(learner.queue, VisibilityTimeout="60")


def default_visibility(learner: Learner) -> None:
    learner.worker()
    learner.map(visibility=30)


def disabled(learner: Learner) -> None:
    learner.worker()
    learner.map(Enabled=False)


def one_by_one(learner: Learner) -> None:
    learner.worker()
    learner.map(BatchSize=1)


def dead_letters_of_the_function(learner: Learner) -> None:
    learner.worker()
    learner.map()
    learner.dead_queue()
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    boto3.client("iam").put_role_policy(RoleName="poster-worker", PolicyName="send", PolicyDocument=policy)
    target = {"TargetArn": learner.arn(learner.dead)}
    learner.aws.update_function_configuration(FunctionName="charge-orders", DeadLetterConfig=target)


def no_redrive_policy(learner: Learner) -> None:
    learner.worker()
    learner.dead_queue()


def policy_on_the_wrong_queue(learner: Learner) -> None:
    learner.worker()
    learner.dead_queue()
    learner.set(learner.dead, RedrivePolicy=learner.policy(learner.queue))


def other_dead_queue(learner: Learner) -> None:
    learner.worker()
    learner.dead_queue("graveyard")
    learner.set(learner.queue, RedrivePolicy=learner.policy(learner.dead))


def one_try(learner: Learner) -> None:
    learner.worker()
    learner.redrive(tries=1)


def line_still_stopped(learner: Learner) -> None:
    learner.worker()
    learner.map(Enabled=False)
    learner.redrive()


def swallowed(learner: Learner) -> None:
    learner.line(REPORTS.replace("failed.append", "print"), asks=False)


def report_that_nobody_asks_for(learner: Learner) -> None:
    learner.line(REPORTS, asks=False)


def mapping_only(learner: Learner) -> None:
    learner.line(SIMPLE)


def order_numbers(learner: Learner) -> None:
    learner.line(REPORTS.replace('record["messageId"]', 'json.loads(record["body"])["order"]'))


def stops_at_the_first(learner: Learner) -> None:
    rest = 'failed += [{"itemIdentifier": r["messageId"]} for r in event["Records"][event["Records"].index(record):]]'
    code = REPORTS.replace('failed.append({"itemIdentifier": record["messageId"]})', f"{rest}\n            break")
    learner.line(code)


def empty_report(learner: Learner) -> None:
    learner.line(REPORTS.replace("failed.append", "print"))


def note_without_condition(learner: Learner) -> None:
    learner.line(IDEMPOTENT.replace(', ConditionExpression="attribute_not_exists(order_id)"', ""))


def second_copy_fails(learner: Learner) -> None:
    learner.line(IDEMPOTENT.replace("        return\n", "        raise\n"))


def note_stays(learner: Learner) -> None:
    learner.line(IDEMPOTENT.replace('dynamodb.delete_item(TableName="paid-orders", Key=note)', "pass"))


def note_before_the_price(learner: Learner) -> None:
    line = '    cents = round(float(order["price"]) * 100)\n'
    learner.line(IDEMPOTENT.replace(line, "").replace("        return\n", f"        return\n{line}"))


def in_memory(learner: Learner) -> None:
    seen = '\nseen = set()\ndef charge_once(order):\n    if order["order"] in seen:\n        return\n'
    code = REPORTS.replace("\ndef charge_once(order):\n", seen)
    learner.line(code.replace('["price"]) * 100))\n', '["price"]) * 100))\n    seen.add(order["order"])\n'))


def note_without_charge(learner: Learner) -> None:
    learner.line(IDEMPOTENT.replace('charge(order["order"], cents)', "pass"))


def not_moved(learner: Learner) -> None:
    learner.line(MENDED)
    learner.day()


def not_mended(learner: Learner) -> None:
    learner.line(IDEMPOTENT)
    learner.day()
    learner.move_back()
    assert learner.posters.wait_until(lambda: learner.posters.charges()["A-3"])


def comma_removed(learner: Learner) -> None:
    learner.line(MENDED.replace('(",", ".")', '(",", "")'))
    learner.day()


def thrown_away(learner: Learner) -> None:
    learner.line(MENDED)
    learner.day()
    learner.move_back(delete_only=True)


def unreadable_is_skipped(learner: Learner) -> None:
    skip = 'def charge_once(order):\n    if "," in order["price"]:\n        return\n'
    learner.line(IDEMPOTENT.replace("def charge_once(order):\n", skip))
    learner.day()


def charged_by_hand_too(learner: Learner) -> None:
    not_moved(learner)
    learner.charge("A-1")
    learner.move_back()


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("worker", short_timeout, "timeout is 3 s", ""),
    ("worker", other_role, "works as my-role", ""),
    ("worker", first_only, "charged only one of them", ""),
    ("worker", body_as_dictionary, "event of two messages, and it failed", "TypeError"),
    ("worker", dollars, "your function charged 24 and 9", ""),
    ("worker", charges_nobody, "charged nobody", ""),
    ("mapping", no_mapping, "no event source mapping leads", ""),
    ("mapping", default_visibility, "advises six times: 60 s", ""),
    ("mapping", disabled, "mapping is Disabled", ""),
    ("mapping", one_by_one, "at most 1 messages", ""),
    ("dead_letters", dead_letters_of_the_function, "is for asynchronous calls", ""),
    ("dead_letters", no_redrive_policy, "has no RedrivePolicy", ""),
    ("dead_letters", policy_on_the_wrong_queue, "redrive policy is on poster-orders-dead", ""),
    ("dead_letters", other_dead_queue, "points to graveyard", ""),
    ("dead_letters", one_try, "maxReceiveCount is 1", ""),
    ("dead_letters", line_still_stopped, "nobody polls the queue", ""),
    ("dead_letters", swallowed, "neither charged nor in a queue", ""),
    ("partial", report_that_nobody_asks_for, "the mapping does not ask", ""),
    ("partial", mapping_only, "the function raises its error", "KeyError"),
    ("partial", order_numbers, "knows a message by its `messageId`", ""),
    ("partial", stops_at_the_first, "stops at the first failure", ""),
    ("partial", empty_report, "reported no failure. Lambda", ""),
    ("idempotent", note_without_condition, "only if there is none yet", ""),
    ("idempotent", second_copy_fails, "reports the second copy", ""),
    ("idempotent", note_stays, "refuses (0 cents), twice", ""),
    ("idempotent", note_before_the_price, "has no price, twice", ""),
    ("idempotent", in_memory, "remembers in its own memory", ""),
    ("idempotent", note_without_charge, "charges nobody", ""),
    ("repair", not_moved, "still holds A-1, A-2, A-3, B-2", ""),
    ("repair", not_mended, "You moved the orders back", ""),
    ("repair", comma_removed, "charged 245000 cents", ""),
    ("repair", thrown_away, "charged for A-1, A-2, A-3, B-2", ""),
    ("repair", unreadable_is_skipped, "neither charged nor reported", ""),
    ("repair", charged_by_hand_too, "Charged more than once: A-1", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_a_check_leaves_everything_as_it_was(learner: Learner) -> None:
    learner.line(MENDED)
    learner.day()
    learner.move_back()
    assert learner.posters.wait_until(lambda: not learner.posters.messages_in(learner.queue))
    before = state(learner)
    assert {slug: result.state for slug, result in learner.lab.results().items()} == dict.fromkeys(TASKS, "right")
    assert state(learner) == before


def test_a_check_takes_back_an_order_that_nobody_could_charge(
    learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a dead-letter queue such an order would come back for days."""
    learner.worker("def handler(event, context): 1 / len(event['Records'][:0]) if event['Records'] else None")
    learner.map()
    impatient = partial(eventually, seconds=0.5)
    monkeypatch.setattr(sys.modules["checks"], "eventually", lambda condition, what: impatient(condition, what))
    assert "to be charged" in learner.result("mapping").message
    assert learner.posters.messages_in(learner.queue) == 0
    assert learner.aws.get_event_source_mapping(UUID=learner.uuid)["State"] == "Enabled"


def state(learner: Learner) -> Any:
    """Return what a check could change: the book, the notes, the queues, function and mapping."""
    posters, dynamodb = learner.posters, boto3.client("dynamodb")
    notes = sorted(row["order_id"]["S"] for row in dynamodb.scan(TableName="paid-orders")["Items"])
    mapping = learner.aws.get_event_source_mapping(UUID=learner.uuid)
    configuration = learner.aws.get_function_configuration(FunctionName="charge-orders")
    return (
        posters.charges(), notes, posters.messages_in(learner.queue), posters.messages_in(learner.dead),
        mapping["State"], configuration.get("Environment"), configuration["CodeSha256"],
    )  # fmt: skip


def test_before_a_task_is_begun_it_is_not_attempted(learner: Learner) -> None:
    learner.worker()
    learner.map()
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == {"worker": "right", "mapping": "right"} | dict.fromkeys(TASKS[2:], "not attempted")


def test_with_dead_letters_waiting_the_repair_is_not_attempted(learner: Learner) -> None:
    learner.line(IDEMPOTENT)
    learner.day()
    result = learner.result("repair")
    assert (result.state, "holds 4 messages" in result.message) == ("not attempted", True)
