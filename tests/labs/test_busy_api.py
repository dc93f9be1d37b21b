"""The lab busy_api: each wrong answer gets its own reason, each right one passes, and noon shows what changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "08_busy_api"
TASKS = ["keys", "shelter", "flood", "cache", "pages", "logs"]
SEATS, SHOW, SHOWS = "/~1shows~1{show}~1seats/GET", "/~1shows~1{show}/GET", "/~1shows/GET"
CLUSTER = {"/cacheClusterEnabled": "true", "/cacheClusterSize": "0.5"}


class Learner:
    """Somebody who works for the theatre: what a learner's cells would do, and the checks."""

    def __init__(self, theatre: Any, lab: Lab) -> None:
        self.theatre, self.lab = theatre, lab
        self.gateway, self.api = boto3.client("apigateway"), theatre.api_id()
        self.plans: dict[str, str] = {}

    def key(self, name: str, **settings: Any) -> str:
        value = f"{name}-key-0123456789-0123456789"
        return str(self.gateway.create_api_key(name=name, value=value, **{"enabled": True, **settings})["id"])

    def plan(self, name: str, *keys: str, stage: bool = True) -> None:
        stages = [{"apiId": self.api, "stage": "prod"}] if stage else []
        self.plans[name] = self.gateway.create_usage_plan(name=name, apiStages=stages)["id"]
        for key in keys:
            self.gateway.create_usage_plan_key(usagePlanId=self.plans[name], keyId=key, keyType="API_KEY")

    def limit(self, plan: str, rate: int, burst: int) -> None:
        values = {"/throttle/rateLimit": rate, "/throttle/burstLimit": burst}
        self.gateway.update_usage_plan(usagePlanId=self.plans[plan], patchOperations=operations(values))

    def set(self, values: dict[str, Any]) -> None:
        self.gateway.update_stage(restApiId=self.api, stageName="prod", patchOperations=operations(values))

    def shelter(self, method: str = SEATS, rate: int = 2, burst: int = 10) -> None:
        self.set({f"{method}/throttling/rateLimit": rate, f"{method}/throttling/burstLimit": burst})

    def cached(self, *methods: str, ttl: int = 60) -> None:
        for method in methods:
            self.set({f"{method}/caching/enabled": "true", f"{method}/caching/ttlInSeconds": ttl})

    def chosen(self, path: str, *names: str, deploy: bool = True) -> None:
        resources = {one["path"]: one["id"] for one in self.gateway.get_resources(restApiId=self.api)["items"]}
        function = boto3.client("lambda").get_function(FunctionName="box-office")["Configuration"]["FunctionArn"]
        self.gateway.put_integration(
            restApiId=self.api, resourceId=resources[path], httpMethod="GET", type="AWS_PROXY",
            integrationHttpMethod="POST", uri=self.theatre.uri(function), cacheKeyParameters=list(names),
        )  # fmt: skip
        if deploy:
            self.gateway.create_deployment(restApiId=self.api, stageName="prod")

    def role(self, service: str = "apigateway") -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = boto3.client("iam").create_role(RoleName="api-logs", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        self.gateway.update_account(patchOperations=operations({"/cloudwatchRoleArn": arn}))

    def keys(self) -> None:
        """Do the first task."""
        for client in ("website", "agency"):
            self.plan(client, self.key(client))

    def flooded(self) -> None:
        """Do the first three tasks."""
        self.keys()
        self.shelter()
        self.limit("agency", 1, 3)

    def cache(self) -> None:
        """Do the first four tasks."""
        self.flooded()
        self.set(CLUSTER)
        self.cached(SHOWS, SHOW)

    def paged(self) -> None:
        """Do the first five tasks."""
        self.cache()
        self.chosen("/shows/{show}", "method.request.path.show")

    def logged(self) -> None:
        """Do all tasks."""
        self.paged()
        self.role()
        self.set({"/*/*/logging/loglevel": "ERROR"})
        self.agency_comes()

    def agency_comes(self) -> None:
        for _ in range(5):
            self.theatre.ask("shows/hamlet/seats", self.theatre.keys()["agency"]["value"])

    def result(self, task: str) -> Result:
        return self.lab.run(task)


def operations(values: dict[str, Any]) -> list[dict[str, str]]:
    """Return patch operations that replace values by path."""
    return [{"op": "replace", "path": path, "value": str(value)} for path, value in values.items()]


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER) as modules:
        theatre = modules["theatre"]
        theatre.open_theatre()
        yield Learner(theatre, modules["checks"].lab)


def one_key(learner: Learner) -> None:
    learner.plan("website", learner.key("website"))


def disabled(learner: Learner) -> None:
    learner.plan("website", learner.key("website", enabled=False))
    learner.plan("agency", learner.key("agency"))


def no_plan(learner: Learner) -> None:
    learner.key("website")
    learner.plan("agency", learner.key("agency"))


def plan_without_stage(learner: Learner) -> None:
    learner.plan("website", learner.key("website"), stage=False)
    learner.plan("agency", learner.key("agency"))


def one_plan(learner: Learner) -> None:
    learner.plan("both", learner.key("website"), learner.key("agency"))


def everything_limited(learner: Learner) -> None:
    learner.keys()
    learner.shelter("/*/*")


def show_limited_too(learner: Learner) -> None:
    learner.keys()
    learner.shelter()
    learner.shelter(SHOW)


def exchanged(learner: Learner) -> None:
    learner.keys()
    learner.shelter(rate=10, burst=2)


def too_generous(learner: Learner) -> None:
    learner.keys()
    learner.shelter(rate=20, burst=100)


def website_limited(learner: Learner) -> None:
    learner.keys()
    learner.limit("website", 1, 3)


def agency_exchanged(learner: Learner) -> None:
    learner.keys()
    learner.limit("agency", 3, 1)


def agency_generous(learner: Learner) -> None:
    learner.keys()
    learner.limit("agency", 5, 30)


def only_cluster(learner: Learner) -> None:
    learner.flooded()
    learner.set(CLUSTER)


def only_methods(learner: Learner) -> None:
    learner.flooded()
    learner.cached(SHOWS, SHOW)


def seats_cached(learner: Learner) -> None:
    learner.cache()
    learner.cached(SEATS)


def list_only(learner: Learner) -> None:
    only_cluster(learner)
    learner.cached(SHOWS)


def five_minutes(learner: Learner) -> None:
    only_cluster(learner)
    learner.cached(SHOWS, SHOW, ttl=300)


def not_deployed(learner: Learner) -> None:
    learner.cache()
    learner.theatre.ask("shows/hamlet", learner.theatre.keys()["website"]["value"])
    learner.chosen("/shows/{show}", "method.request.path.show", deploy=False)


def other_method(learner: Learner) -> None:
    learner.cache()
    learner.chosen("/shows/{show}/seats", "method.request.path.show")


def switched_off(learner: Learner) -> None:
    learner.paged()
    learner.set({f"{SHOW}/caching/enabled": "false"})


def all_lines(learner: Learner) -> None:
    learner.flooded()
    learner.role()
    learner.set({"/*/*/logging/loglevel": "INFO"})


def no_level(learner: Learner) -> None:
    learner.flooded()
    learner.role()


def other_service(learner: Learner) -> None:
    learner.flooded()
    learner.role("lambda")
    learner.set({"/*/*/logging/loglevel": "ERROR"})


def nobody_came(learner: Learner) -> None:
    learner.flooded()
    learner.role()
    learner.set({"/*/*/logging/loglevel": "ERROR"})


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("keys", one_key, "There is no key called `agency` yet", ""),
    ("keys", disabled, "is not enabled", ""),
    ("keys", no_plan, "A key alone opens nothing", ""),
    ("keys", plan_without_stage, "does not name stage prod", ""),
    ("keys", one_plan, "Give each a plan of its own", ""),
    ("shelter", everything_limited, "You have limited every method", ""),
    ("shelter", show_limited_too, "`GET /shows/{show}` is limited", ""),
    ("shelter", exchanged, "the burst is the bucket's size", ""),
    ("shelter", too_generous, "Rate 20, burst 100", ""),
    ("flood", website_limited, "It is the agency that floods you", ""),
    ("flood", agency_exchanged, "three may come at once", ""),
    ("flood", agency_generous, "rate 5, burst 30", ""),
    ("cache", only_cluster, "no method uses it", ""),
    ("cache", only_methods, "the stage has no cache", ""),
    ("cache", seats_cached, "two buy the same one", ""),
    ("cache", list_only, "`GET /shows/{show}` does not use the cache yet", ""),
    ("cache", five_minutes, "kept for 300 seconds", ""),
    ("pages", not_deployed, "Is the change deployed?", "/shows/hamlet"),
    ("pages", other_method, "has none with the show's name", ""),
    ("pages", switched_off, "none is kept", ""),
    ("logs", all_lines, "Choose ERROR", ""),
    ("logs", no_level, "the stage has no log level", ""),
    ("logs", other_service, "its trust policy has to name", ""),
    ("logs", nobody_came, "Let the crowd come once more", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_after_each_task_the_next_is_not_attempted(learner: Learner) -> None:
    def states() -> list[str]:
        return [result.state for result in learner.lab.results().values()]

    assert states() == ["not attempted"] * 6
    for done, act in enumerate([learner.keys, learner.shelter, lambda: learner.limit("agency", 1, 3)], 1):
        act()
        assert states() == ["right"] * done + ["not attempted"] * (6 - done)
    learner.set(CLUSTER)
    learner.cached(SHOWS, SHOW)
    assert states() == ["right"] * 4 + ["not attempted"] * 2
    learner.chosen("/shows/{show}", "method.request.path.show")
    assert states() == ["right"] * 5 + ["not attempted"]


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.logged()
    for _ in range(2):
        assert {result.state for result in learner.lab.results().values()} == {"right"}


def test_noon_tells_who_was_answered_from_where(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.theatre.noon("first")
    assert "website: the list of shows  50 no key (403)" in capsys.readouterr().out
    learner.paged()
    learner.theatre.noon("last")
    printed = capsys.readouterr().out
    assert "website: one show           3 function, 27 cache" in printed
    assert "agency: seats               3 function, 27 refused (429)" in printed
    assert "Of 114 requests 11 made the function run." in printed
