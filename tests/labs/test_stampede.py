"""The lab stampede: each wrong answer gets its own reason, and each task leads to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "05_stampede"
TASKS = ["reserve", "cap", "switch_off", "provision", "retry", "buffer"]
CHECKOUT, CATALOGUE, SUGGEST = "records-checkout", "records-catalogue", "records-suggest"


class Learner:
    """Somebody who prepares the record shop: what a learner's cells would do, and the checks."""

    def __init__(self, records: Any, lab: Lab) -> None:
        self.records, self.lab = records, lab
        self.aws = records.impatient()

    def reserve(self, count: int, name: str = CHECKOUT) -> None:
        self.aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)

    def provision(self, count: int, name: str = CHECKOUT, qualifier: str = "live") -> None:
        self.aws.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
        )

    def till(self, attempts: int) -> Any:
        return boto3.client("lambda", config=Config(retries={"mode": "standard", "total_max_attempts": attempts}))

    def send(self, kind: str) -> Callable[[str], None]:
        def send(order: str) -> None:
            event = json.dumps({"order": order})
            self.aws.invoke(FunctionName="records-mailer", InvocationType=kind, Payload=event)

        return send

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=20, quotas={"lambda.concurrent_executions": 12}) as modules:
        records = modules["records"]
        records.open_shop()
        yield Learner(records, modules["checks"].lab)


def too_few(learner: Learner) -> None:
    learner.reserve(2)


def too_many(learner: Learner) -> None:
    learner.reserve(8)


def nobody_pays(learner: Learner) -> None:
    learner.reserve(0)


def other_function(learner: Learner) -> None:
    learner.reserve(4, CATALOGUE)


def no_pages(learner: Learner) -> None:
    learner.reserve(0, CATALOGUE)


def five_pages(learner: Learner) -> None:
    learner.reserve(5, CATALOGUE)


def two_pages(learner: Learner) -> None:
    learner.reserve(2, CATALOGUE)


def deleted(learner: Learner) -> None:
    learner.aws.delete_function(FunctionName=SUGGEST)


def still_one(learner: Learner) -> None:
    learner.reserve(1, SUGGEST)


def one_ready(learner: Learner) -> None:
    learner.provision(1)


def five_ready(learner: Learner) -> None:
    learner.provision(5)


def catalogue_ready(learner: Learner) -> None:
    learner.provision(3, CATALOGUE, "1")


def alias_on_latest(learner: Learner) -> None:
    learner.provision(3, qualifier="1")
    learner.aws.update_alias(FunctionName=CHECKOUT, Name="live", FunctionVersion="$LATEST")


def gave_up_at_once(learner: Learner) -> None:
    learner.reserve(4)
    learner.records.noon(learner.till(1))


def gave_up_early(learner: Learner) -> None:
    learner.reserve(4)
    learner.records.noon(learner.till(2))


def waited_for_each(learner: Learner) -> None:
    learner.records.confirm(learner.send("RequestResponse"))


def more_mails(learner: Learner) -> None:
    learner.reserve(10, "records-mailer")
    learner.records.confirm(learner.send("RequestResponse"))


def dry_run(learner: Learner) -> None:
    learner.records.confirm(learner.send("DryRun"))


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("reserve", too_few, "2 is too few", ""),
    ("reserve", too_many, "1 of 12 are left for functions without", ""),
    ("reserve", nobody_pays, "now nobody can pay", ""),
    ("reserve", other_function, "You reserved concurrency for records-catalogue", ""),
    ("cap", no_pages, "nobody sees a page", ""),
    ("cap", five_pages, "Up to 5 pages at once", ""),
    ("cap", two_pages, "2 protects the database", ""),
    ("switch_off", deleted, "is gone, with its code", ""),
    ("switch_off", still_one, "may still run, 1 at once", ""),
    ("provision", one_ready, "2 would wait for a cold start", ""),
    ("provision", five_ready, "5 kept ready, and Marta pays for each", ""),
    ("provision", catalogue_ready, "You provisioned another function", ""),
    ("provision", alias_on_latest, "points to `$LATEST`, which cannot", ""),
    ("retry", gave_up_at_once, "the till does not retry", ""),
    ("retry", gave_up_early, "it gives up too early", ""),
    ("buffer", waited_for_each, "were refused with 429", ""),
    ("buffer", more_mails, "takes 3 mails at a time", ""),
    ("buffer", dry_run, "for the first mail", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_each_task_leads_to_the_next(learner: Learner) -> None:
    steps: dict[str, Callable[[], None]] = {
        "reserve": lambda: learner.reserve(4),
        "cap": lambda: learner.reserve(3, CATALOGUE),
        "switch_off": lambda: learner.reserve(0, SUGGEST),
        "provision": lambda: learner.provision(3),
        "retry": lambda: learner.records.noon(learner.till(10)),
        "buffer": lambda: learner.records.confirm(learner.send("Event")),
    }
    assert list(steps) == TASKS
    for task, step in steps.items():
        assert learner.result(task).state == "not attempted"
        step()
        done = learner.result(task)
        assert (done.state, done.message, done.error) == ("right", "", None), task
