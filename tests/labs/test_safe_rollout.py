"""The lab safe_rollout: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "04_safe_rollout"
TASKS = ["live", "website", "canary", "evidence", "rollback", "promote"]
NAME = "shop-price"
ALL = "arn:aws:lambda:us-east-1:123456789012:function:shop-price"


class Learner:
    """Somebody who releases for the bookshop: what a learner's cells would do, and the checks."""

    def __init__(self, shop: Any, lab: Lab) -> None:
        self.shop, self.lab = shop, lab
        self.aws, self.iam = boto3.client("lambda"), boto3.client("iam")
        self.releases = boto3.resource("dynamodb").Table("shop-releases")

    def upload(self, code: str, publish: bool = True) -> None:
        self.aws.update_function_code(FunctionName=NAME, ZipFile=package({"app.py": code}), Publish=publish)

    def alias(self, version: str = "1", name: str = "live") -> None:
        self.aws.create_alias(FunctionName=NAME, Name=name, FunctionVersion=version)

    def route(self, version: str = "", **weights: float) -> None:
        routing = {"AdditionalVersionWeights": {number[1:]: weight for number, weight in weights.items()}}
        first = {"FunctionVersion": version} if version else {}
        self.aws.update_alias(FunctionName=NAME, Name="live", RoutingConfig=routing, **first)

    def allow(
        self, action: str | list[str] = "lambda:InvokeFunction", resource: str | list[str] = f"{ALL}:live"
    ) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_user_policy(UserName="shop-website", PolicyName="ask", PolicyDocument=policy)

    def kept(self) -> None:
        """Do the first two tasks."""
        self.aws.publish_version(FunctionName=NAME)
        self.alias()
        self.allow()

    def tried(self, visitors: int = 100) -> None:
        """Do the first three tasks, with visitors."""
        self.kept()
        self.upload(self.shop.SALE)
        self.route(v2=0.1)
        self.shop.visitors(visitors)

    def write(self, **numbers: tuple[Any, Any]) -> None:
        for version, (calls, errors) in numbers.items():
            self.releases.put_item(Item={"version": version[1:], "calls": calls, "errors": errors})

    def counted(self, version: str = "") -> tuple[int, int]:
        counted = sys.modules["checks"].counted
        return counted("Invocations", version), counted("Errors", version)

    def written(self) -> None:
        """Do the first four tasks."""
        self.tried()
        self.write(v1=self.counted("1"), v2=self.counted("2"))

    def back(self) -> None:
        """Do the first five tasks."""
        self.written()
        self.route()

    @property
    def repaired(self) -> str:
        return str(self.shop.SALE.replace("max(prices)", "max(prices, default=0)"))

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, enforce_iam=True) as modules:
        shop = modules["shop"]
        shop.open_shop()
        yield Learner(shop, modules["checks"].lab)


def only_version(learner: Learner) -> None:
    learner.aws.publish_version(FunctionName=NAME)


def other_name(learner: Learner) -> None:
    only_version(learner)
    learner.alias(name="prod")


def to_latest(learner: Learner) -> None:
    learner.alias("$LATEST")


def sale_first(learner: Learner) -> None:
    learner.upload(learner.shop.SALE)
    learner.alias()


def unqualified(learner: Learner) -> None:
    learner.kept()
    learner.allow(resource=ALL)


def every_version(learner: Learner) -> None:
    learner.kept()
    learner.allow(resource=[ALL, f"{ALL}:*"])


def alias_and_function(learner: Learner) -> None:
    learner.kept()
    learner.allow(resource=[ALL, f"{ALL}:live"])


def every_action(learner: Learner) -> None:
    learner.kept()
    learner.allow(action="lambda:*")


def not_published(learner: Learner) -> None:
    learner.kept()
    learner.upload(learner.shop.SALE, publish=False)


def no_weight(learner: Learner) -> None:
    learner.kept()
    learner.upload(learner.shop.SALE)


def half(learner: Learner) -> None:
    no_weight(learner)
    learner.route(v2=0.5)


def turned_round(learner: Learner) -> None:
    no_weight(learner)
    learner.route("2", v1=0.1)


def repaired_at_once(learner: Learner) -> None:
    learner.kept()
    learner.upload(learner.repaired)


def other_code(learner: Learner) -> None:
    learner.kept()
    learner.upload("def handler(event, context): return {'total': 1}")


def too_many_met_it(learner: Learner) -> None:
    half(learner)
    learner.shop.visitors(60)
    learner.route()


def few_visitors(learner: Learner) -> None:
    learner.tried(60)


def only_the_sale(learner: Learner) -> None:
    learner.tried()
    learner.write(v2=learner.counted("2"))


def whole_alias(learner: Learner) -> None:
    learner.tried()
    learner.write(v1=learner.counted(), v2=learner.counted())


def before_more_came(learner: Learner) -> None:
    learner.written()
    learner.shop.visitors(60)


def as_text(learner: Learner) -> None:
    learner.tried()
    calls, errors = learner.counted("2")
    learner.write(v1=learner.counted("1"), v2=(str(calls), str(errors)))


def guessed_the_first(learner: Learner) -> None:
    learner.tried()
    learner.write(v1=(900, 0), v2=learner.counted("2"))


def promoted_the_bad_one(learner: Learner) -> None:
    learner.written()
    learner.route("2")


def smaller_weight(learner: Learner) -> None:
    learner.written()
    learner.route(v2=0.01)


def deleted_the_alias(learner: Learner) -> None:
    learner.written()
    learner.aws.delete_alias(FunctionName=NAME, Name="live")


def back_to_latest(learner: Learner) -> None:
    learner.written()
    learner.upload(learner.shop.STABLE, publish=False)
    learner.route("$LATEST")


def repaired_on_the_desk(learner: Learner) -> None:
    learner.back()
    learner.upload(learner.repaired, publish=False)


def repaired_unseen(learner: Learner) -> None:
    learner.back()
    learner.upload(learner.repaired)


def still_at_ten(learner: Learner) -> None:
    repaired_unseen(learner)
    learner.route(v3=0.1)


def still_bad(learner: Learner) -> None:
    learner.back()
    learner.upload(learner.shop.SALE + "\n# mended")


def bad_for_all(learner: Learner) -> None:
    still_bad(learner)
    learner.route("3")


def free_books(learner: Learner) -> None:
    learner.back()
    learner.upload("def handler(event, context): return {'total': 0}")
    learner.route("3")


def old_weight_left(learner: Learner) -> None:
    repaired_unseen(learner)
    learner.route("3", v1=0.1)


def nobody_came(learner: Learner) -> None:
    repaired_unseen(learner)
    learner.route("3")


def desk_for_all(learner: Learner) -> None:
    repaired_on_the_desk(learner)
    learner.route("$LATEST")


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("live", only_version, "there is no alias `live` that points to it", ""),
    ("live", other_name, "You made an alias called `prod`", ""),
    ("live", to_latest, "each upload would reach the visitors", ""),
    ("live", sale_first, "Version 1 is not the code that the shop ran", ""),
    ("website", unqualified, "still may not invoke", "AccessDenied"),
    ("website", every_version, "but also `shop-price:$LATEST`", ""),
    ("website", alias_and_function, "the function without a qualifier", ""),
    ("website", every_action, "may do more than invoke", ""),
    ("canary", not_published, "uploaded, but not published", ""),
    ("canary", no_weight, "Version 2 is published, but `live` sends it no visitors", ""),
    ("canary", half, "Version 2 gets 50% of the visitors", ""),
    ("canary", turned_round, "it gets the most visitors", ""),
    ("canary", repaired_at_once, "This time publish it unchanged", ""),
    ("canary", other_code, "does not tell the prices of the sale", ""),
    ("canary", too_many_met_it, "far more than 10 % of them", ""),
    ("evidence", few_visitors, "Only 60 visitors have come", ""),
    ("evidence", only_the_sale, "has no item for version 1", ""),
    ("evidence", whole_alias, "the numbers of the whole alias", ""),
    ("evidence", before_more_came, "CloudWatch has counted other numbers by now", ""),
    ("evidence", as_text, "needs `calls`, a whole number", ""),
    ("evidence", guessed_the_first, "For version 1 the log says 900 calls", ""),
    ("rollback", promoted_the_bad_one, "that is a promotion", ""),
    ("rollback", smaller_weight, "Version 2 still gets 1% of the visitors", ""),
    ("rollback", deleted_the_alias, "The alias `live` is gone", ""),
    ("rollback", back_to_latest, "Roll back to the published version", ""),
    ("promote", repaired_on_the_desk, "repaired in `$LATEST`", ""),
    ("promote", repaired_unseen, "Version 3 is repaired and published, but", ""),
    ("promote", still_at_ten, "If it makes no errors, give it everything", ""),
    ("promote", still_bad, "Version 3 still fails for an empty basket", "ValueError: max()"),
    ("promote", bad_for_all, "gets the visitors, and it still fails", "ValueError: max()"),
    ("promote", free_books, "it tells `0` and for an empty basket `0`", ""),
    ("promote", old_weight_left, "Empty the weights, too", ""),
    ("promote", nobody_came, "no visitor has met it", ""),
    ("promote", desk_for_all, "Publish the repaired sale and point to its version", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


@pytest.mark.parametrize("done", range(6))
def test_after_each_task_the_next_is_not_attempted(learner: Learner, done: int) -> None:
    steps: list[Callable[[], None]] = [lambda: None, lambda: only_live(learner), learner.kept, learner.tried]
    [*steps, learner.written, learner.back][done]()
    states = [result.state for result in learner.lab.results().values()]
    assert states == ["right"] * done + ["not attempted"] * (6 - done)


def only_live(learner: Learner) -> None:
    only_version(learner)
    learner.alias()


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.back()
    learner.upload(learner.repaired)
    learner.route(v3=0.1)
    learner.shop.visitors(60)
    learner.route("3")
    learner.shop.visitors(20)
    before = learner.counted(), learner.aws.get_alias(FunctionName=NAME, Name="live")["FunctionVersion"]
    for _ in range(2):
        assert {result.state for result in learner.lab.results().values()} == {"right"}
    assert before == (learner.counted(), "3")


def test_visitors_say_why_they_cannot_come_in(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.shop.visitors(5)
    assert "cannot ask shop-price:live. AWS said: User: " in capsys.readouterr().out
