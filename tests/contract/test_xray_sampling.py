"""What X-Ray promises about sampling: who decides which requests are recorded."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contract.rest_api import Api, change
from tests.contract.subjects import Subject, promise, refused
from tests.contract.test_xray_header import SAY_THE_HEADER, fields

RULES = "X-Ray Developer Guide, Configuring sampling rules"
SDKS = "X-Ray Developer Guide, Using sampling rules with the X-Ray API"
LAMBDA = "Lambda Developer Guide, Visualize Lambda function invocations using AWS X-Ray"
CLIENT = "0123456789abcdef01234567"


def rule(name: str, priority: int, rate: float, reservoir: int = 0, **more: Any) -> dict[str, Any]:
    """Return a rule that is for every request, except for what ``more`` says."""
    anything = dict.fromkeys(("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN"), "*")
    numbers = {"Priority": priority, "FixedRate": rate, "ReservoirSize": reservoir, "Version": 1}
    return {"RuleName": name, **anything, **numbers, **more}


@pytest.fixture
def xray(aws: Subject) -> Any:
    """A client of X-Ray."""
    return aws.client("xray")


@pytest.fixture
def api(aws: Subject) -> Api:
    """A traced stage ``todos/prod``."""
    made = Api(aws)
    made.mock("/")
    made.mock("/", "POST")
    made.deploy("prod")
    made.patch("update_stage", change("replace", "/tracingEnabled", "true"), stageName="prod")
    return made


def decisions(api: Api, count: int, method: str = "GET", **headers: str) -> list[str]:
    """Return the decisions about requests, ``1`` or ``0``."""
    pages = [api.ask("/", method, **headers) for _ in range(count)]
    return [fields(page.headers["X-Amzn-Trace-Id"])["Sampled"] for page in pages]


@promise(RULES, "the default rule has a reservoir of 1 a second and 5 percent; only these two can be changed")
def test_default_rule(xray: Any) -> None:
    [default] = [record["SamplingRule"] for record in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert (default["RuleName"], default["ReservoirSize"], default["FixedRate"]) == ("Default", 1, 0.05)
    update = {"RuleName": "Default", "ReservoirSize": 0, "FixedRate": 0.5}
    changed = xray.update_sampling_rule(SamplingRuleUpdate=update)["SamplingRuleRecord"]["SamplingRule"]
    assert (changed["ReservoirSize"], changed["FixedRate"]) == (0, 0.5)
    with refused("InvalidRequestException"):
        xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "Host": "x"})
    with refused("InvalidRequestException"):
        xray.delete_sampling_rule(RuleName="Default")


@promise(RULES, "rules are created, listed by priority, changed and deleted")
def test_rules(xray: Any) -> None:
    xray.create_sampling_rule(SamplingRule=rule("late", 900, 0))
    made = xray.create_sampling_rule(SamplingRule=rule("early", 10, 0.5))["SamplingRuleRecord"]["SamplingRule"]
    assert made["RuleARN"] == "arn:aws:xray:us-east-1:123456789012:sampling-rule/early"
    listed = [record["SamplingRule"]["RuleName"] for record in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert listed == ["early", "late", "Default"]
    with refused("InvalidRequestException"):
        xray.create_sampling_rule(SamplingRule=rule("early", 20, 0))
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleARN": made["RuleARN"], "Priority": 950})
    xray.delete_sampling_rule(RuleName="late")
    records = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert [(record["SamplingRule"]["RuleName"], record["SamplingRule"]["Priority"]) for record in records] == [
        ("early", 950), ("Default", 10_000),
    ]  # fmt: skip
    with refused("InvalidRequestException"):
        xray.delete_sampling_rule(RuleName="late")


@pytest.mark.cloud(speed=1)
@promise(RULES, "the first request of each second is recorded, of the others the rate's share")
def test_reservoir(xray: Any, api: Api) -> None:
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 0.0})
    began = time.monotonic()
    seen = decisions(api, 20)
    while "1" not in seen[1:]:
        seen += decisions(api, 1)
    seconds = time.monotonic() - began
    assert seen[0] == "1" and seen.count("1") <= seconds + 2


@promise(RULES, "the first rule that matches decides: by service, method and attributes, with wildcards")
def test_matching(xray: Any, api: Api) -> None:
    xray.create_sampling_rule(SamplingRule=rule("vip", 5, 1, Attributes={"X-Customer": "vip-*"}))
    xray.create_sampling_rule(SamplingRule=rule("posts", 10, 1, HTTPMethod="POST", ServiceName="todo?/prod"))
    xray.create_sampling_rule(SamplingRule=rule("others", 11, 0, ServiceType="AWS::ApiGateway::*"))
    assert decisions(api, 3) == ["0"] * 3
    assert decisions(api, 3, "POST") == ["1"] * 3
    assert decisions(api, 1, x_customer="vip-7") == ["1"]
    assert decisions(api, 1, x_customer="7") == ["0"]


@promise(RULES, "how often each rule was asked and how often it recorded is counted")
def test_statistics(xray: Any, api: Api) -> None:
    xray.create_sampling_rule(SamplingRule=rule("half", 5, 0.5))
    sampled = decisions(api, 30).count("1")
    counted = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    mine = [each for each in counted if each["RuleName"] == "half"]
    assert 0 < sampled < 30
    assert sum(each["RequestCount"] for each in mine) == 30
    assert sum(each["SampledCount"] for each in mine) == sampled


@promise(LAMBDA, "an active function without a header decides itself, and no rule changes that")
def test_lambda(aws: Subject, xray: Any) -> None:
    xray.create_sampling_rule(SamplingRule=rule("none", 1, 0))
    aws.function(SAY_THE_HEADER, TracingConfig={"Mode": "Active"})
    assert fields(aws.call({}).payload)["Sampled"] == "1"


@promise(SDKS, "an SDK that reports gets its share of the reservoir for five minutes, and the rate")
def test_targets(xray: Any) -> None:
    xray.create_sampling_rule(SamplingRule=rule("shop", 5, 0.1, 10))
    counts = {"Timestamp": time.time(), "RequestCount": 110, "SampledCount": 20, "BorrowCount": 10}

    def report(client: str, name: str = "shop") -> Any:
        return xray.get_sampling_targets(SamplingStatisticsDocuments=[{"RuleName": name, "ClientID": client, **counts}])

    [alone] = report(CLIENT)["SamplingTargetDocuments"]
    assert (alone["ReservoirQuota"], alone["FixedRate"], alone["Interval"]) == (10, 0.1, 10)
    assert 290 < alone["ReservoirQuotaTTL"].timestamp() - time.time() <= 300
    [shared] = report(CLIENT[::-1])["SamplingTargetDocuments"]
    assert shared["ReservoirQuota"] == 5
    answer = report(CLIENT, "gone")
    assert answer["SamplingTargetDocuments"] == [] and answer["UnprocessedStatistics"][0]["RuleName"] == "gone"
    counted = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert sum(each["BorrowCount"] for each in counted if each["RuleName"] == "shop") == 20
