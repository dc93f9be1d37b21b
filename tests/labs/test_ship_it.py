"""The lab ship_it: each wrong answer gets its own reason, the way of the solution passes, and its template is sound."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "17_ship_it"
TASKS = ["template", "live", "alarm", "canary", "tryout", "bad", "gone"]
ALL = ["basis", "alias", "alarm", "canary", "hook", "hook_code"]
SPEED, FAST = 60, 900


def parts() -> dict[str, str]:
    """Return the parts of the solution's template, as its answer cells write them."""
    found: dict[str, Any] = {}
    for cell in read(FOLDER / "solution.ipynb").cells:
        if "answer" in cell.metadata.get("tags", []) and '= """' in cell.source:
            exec(cell.source.partition("\nteashop.ship")[0], found)
    return {name: text for name, text in found.items() if isinstance(text, str)}


PARTS = parts()


class Learner:
    """Somebody who ships releases: what a learner's cells would do, and the checks."""

    def __init__(self, teashop: Any, lab: Lab) -> None:
        self.teashop, self.lab = teashop, lab

    def ship(self, *names: str, visitors: bool = False, **changed: tuple[str, str]) -> None:
        """Ship parts of the solution by their names, each with a text in it replaced."""
        texts = []
        for name in names:
            before, after = changed.get(name, ("", ""))
            assert before in PARTS[name]
            texts.append(PARTS[name].replace(before, after) if before else PARTS[name])
        self.teashop.ship(self.teashop.template(*texts), visitors=visitors)

    def function(self) -> str:
        return str(self.teashop.resources("AWS::Lambda::Function")["Price"])

    def empty(self) -> None:
        """Remove the stack, the log groups and the bucket."""
        only_stack(self)
        self.without_logs()
        bucket = boto3.resource("s3").Bucket("tea-packages")
        bucket.objects.delete()
        bucket.delete()

    def without_logs(self) -> None:
        logs = boto3.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner(request: pytest.FixtureRequest) -> Iterator[Learner]:
    speed = FAST if "wrong_answer" in request.fixturenames else SPEED
    with open_lab(
        FOLDER, speed=speed, enforce_iam=True, quotas={"codedeploy.lifecycle_event_seconds": 40 * speed}
    ) as modules:
        teashop = modules["teashop"]
        teashop.open_shop()
        yield Learner(teashop, modules["checks"].lab)


def no_policy(learner: Learner) -> None:
    learner.ship("basis", basis=("Policies: [{DynamoDBReadPolicy: {TableName: !Ref Prices}}]", "MemorySize: 128"))


def no_url(learner: Learner) -> None:
    learner.ship("basis", basis=("Url:", "Address:"))


def too_much(learner: Learner) -> None:
    learner.ship("basis", basis=("DynamoDBReadPolicy", "DynamoDBCrudPolicy"))


def unreviewed(learner: Learner) -> None:
    text = learner.teashop.template(PARTS["basis"])
    boto3.client("cloudformation").create_stack(
        StackName="tea", TemplateBody=text, Capabilities=learner.teashop.CAPABILITIES
    )
    learner.teashop.settled()


def alias_by_hand(learner: Learner) -> None:
    learner.ship("basis")
    client, function = boto3.client("lambda"), learner.function()
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="$LATEST")


def other_name(learner: Learner) -> None:
    learner.ship("basis", "alias", alias=("live", "prod"))


def alias_beside(learner: Learner) -> None:
    beside = "{Type: AWS::Lambda::Alias, Properties: {Name: live, FunctionName: !Ref Price, FunctionVersion: $LATEST}}"
    learner.ship("basis", basis=("Resources:", f"Resources:\n  Live: {beside}"))


def alarm_by_hand(learner: Learner) -> None:
    learner.ship("basis", "alias")
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName="by-hand", Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip


def alarm_with(before: str, after: str) -> Callable[[Learner], None]:
    """Return an answer with another text in its part ``alarm``."""

    def ship(learner: Learner) -> None:
        learner.ship("basis", "alias", "alarm", alarm=(before, after))

    ship.__name__ = "".join(letter if letter.isalnum() else "_" for letter in after) or "left_out"
    return ship


def canary_with(before: str, after: str) -> Callable[[Learner], None]:
    """Return an answer with another text in its part ``canary``."""

    def ship(learner: Learner) -> None:
        learner.ship("basis", "alias", "alarm", "canary", canary=(before, after))

    ship.__name__ = "".join(letter if letter.isalnum() else "_" for letter in after) or "left_out"
    return ship


def released(learner: Learner, **changed: tuple[str, str]) -> None:
    """Ship release 1 with a canary, and release 2 with a hook."""
    learner.ship("basis", "alias", "alarm", "canary")
    learner.ship(*ALL, "release_2", **changed)


def other_hook_name(learner: Learner) -> None:
    released(learner, hook=("CodeDeployHook_tea_tryout", "tea-tryout"))


def wants_text(learner: Learner) -> None:
    released(learner, hook_code=("== 200", '== "200"'))


def no_hook(learner: Learner) -> None:
    learner.ship("basis", "alias", "alarm", "canary")
    learner.ship("basis", "alias", "alarm", "canary", "release_2")


def blind(learner: Learner) -> None:
    asks = 'answer = boto3.client("lambda").invoke(FunctionName=os.environ["NEW"], Payload=request)'
    learner.ship("basis", "alias", "alarm", "canary")
    code = PARTS["hook_code"].replace(asks, "").replace('json.load(answer["Payload"]).get("statusCode") == 200', "True")
    texts = [PARTS[name] for name in ALL[:-1]] + [code, PARTS["release_2"]]
    learner.teashop.ship(learner.teashop.template(*texts))


def nobody_came(learner: Learner) -> None:
    no_hook(learner)
    learner.ship("basis", "alias", "alarm", "canary", "release_3")


def alarm_quiet(learner: Learner) -> None:
    quiet = {"alarm": ("Threshold: 1", "Threshold: 1000000")}
    learner.ship("basis", "alias", "alarm", "canary", **quiet)
    for release in ("release_2", "release_3"):
        learner.ship("basis", "alias", "alarm", "canary", release, **quiet)
    learner.teashop.ask("mint")


def by_hand(learner: Learner) -> None:
    nobody_came(learner)
    learner.ship("basis", "alias", "alarm", "canary", "release_2")


def careful_hook(learner: Learner) -> None:
    no_hook(learner)
    learner.ship(*ALL, "release_3", hook_code=('"assam"', '"mint"'))


def only_stack(learner: Learner) -> None:
    if learner.teashop.stack() is None:
        learner.ship("basis")
        boto3.client("logs").create_log_group(logGroupName=f"/aws/lambda/{learner.function()}")
    boto3.client("cloudformation").delete_stack(StackName="tea")
    learner.teashop.settled()


def bucket_left(learner: Learner) -> None:
    only_stack(learner)
    learner.without_logs()


def role_left(learner: Learner) -> None:
    learner.empty()
    boto3.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"}))


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("template", no_policy, "Asked for `assam`, the API answers 500", "AccessDenied"),
    ("template", no_url, "The stack has no output `Url`", ""),
    ("template", too_much, "its role allows more: `dynamodb:BatchWriteItem`", ""),
    ("template", unreviewed, "The stack was not made by a change set", ""),
    ("live", alias_by_hand, "The alias `live` was made by hand", ""),
    ("live", other_name, "The alias is called `prod`", ""),
    ("live", alias_beside, "a request to the API to reach the alias `live`", ""),
    ("alarm", alarm_by_hand, "There is an alarm, made by hand", ""),
    ("alarm", alarm_with("MetricName: Errors", "MetricName: Invocations"), "The alarm watches `Invocations`", ""),
    ("alarm", alarm_with("Value: !Ref Price", "Value: Price"), "this alarm will never see anything", ""),
    ("alarm", alarm_with('!Sub "${Price}:live"', "live"), "The dimension `Resource` is `live`", ""),
    ("alarm", alarm_with("Period: 60", "Period: 300"), "needs 300 s to make up its mind", ""),
    ("alarm", alarm_with("notBreaching", "breaching"), "would stop every release at night", ""),
    ("alarm", alarm_with("Threshold: 1", "Threshold: 10"), "One error in a minute shall be enough", ""),
    ("canary", canary_with("Canary10Percent5Minutes", "AllAtOnce"), "`CodeDeployDefault.LambdaAllAtOnce`", ""),
    ("canary", canary_with("Alarms: [!Ref PriceErrors]", ""), "no alarm can stop it", ""),
    ("canary", canary_with("!Ref PriceErrors", "PriceErrors"), "an alarm called `PriceErrors`, and there is none", ""),
    ("tryout", other_hook_name, "the newest deployment ended as Failed", "does not give you permission"),
    ("tryout", wants_text, "the hook did not say that the new version is good", "said Failed"),
    ("tryout", no_hook, "Release 2 is live, and nobody tried it", ""),
    ("tryout", blind, "The hook said Succeeded without asking the new version", ""),
    ("bad", nobody_came, "No visitor came while you shipped it", ""),
    ("bad", alarm_quiet, "no alarm stopped it", "was_usd"),
    ("bad", by_hand, "you took it back by hand", ""),
    ("bad", careful_hook, "Your hook stopped release 3", "said Failed"),
    ("gone", only_stack, "The log group `/aws/lambda/tea-Price-", ""),
    ("gone", bucket_left, "The bucket `tea-packages` is left", ""),
    ("gone", role_left, "The account still has roles", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_after_each_task_the_next_is_not_attempted_and_what_is_right_stays_right(
    learner: Learner, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(*names: str, visitors: bool = False) -> Callable[[], None]:
        return lambda: learner.ship(*names, visitors=visitors)

    assert learner.result("template").state == "not attempted"
    learner.ship("basis")
    learner.ship("basis")
    assert "Nothing is shipped: The submitted information didn't contain changes." in capsys.readouterr().out
    acts = [lambda: None, *[act(*ALL[:count]) for count in range(2, 5)]]
    acts += [act(*ALL, release, visitors=True) for release in ("release_2", "release_3")]
    for done, step in enumerate([*acts, learner.empty], 1):
        step()
        states = {name: learner.result(name).state for name in TASKS[max(0, done - 2) : done + 1]}
        assert states == {name: "right" if TASKS.index(name) < done else "not attempted" for name in states}, [
            learner.result(name) for name in states
        ]
    assert {result.state for result in learner.lab.results().values()} == {"right"}


def test_the_template_passes_cfn_lint(learner: Learner) -> None:
    from cfnlint.api import lint  # slow to import, and only this test needs it

    text = learner.teashop.template(*[PARTS[name] for name in [*ALL, "release_3"]])
    assert [str(found) for found in lint(text, regions=["us-east-1"])] == []
