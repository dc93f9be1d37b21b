"""What CloudWatch promises about alarms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import pytest

from helpers import cloud
from tests.contract.pushed import keeper, kept, open_queue
from tests.contract.subjects import THIS_COURSE, Subject, promise, refused

EVALUATION = "Amazon CloudWatch User Guide, Alarm evaluation"
MISSING = "Amazon CloudWatch User Guide, Configuring how CloudWatch alarms treat missing data"
ACTIONS = "Amazon CloudWatch User Guide, Notifying users on alarm changes"
EVENTS = "Amazon CloudWatch User Guide, Alarm events and EventBridge"
PUT = "Amazon CloudWatch API Reference, PutMetricAlarm"
SET = "Amazon CloudWatch API Reference, SetAlarmState"
HISTORY = "Amazon CloudWatch API Reference, DescribeAlarmHistory"
STATISTICS = "Amazon CloudWatch API Reference, GetMetricStatistics"
STACK = "CloudFormation Template Reference, AWS::CloudWatch::Alarm"
fast = pytest.mark.cloud(speed=300)
"""A minute of AWS's lasts a fifth of a second."""
OVEN = [{"Name": "Oven", "Value": "left"}]
HOT = {
    "AlarmName": "hot", "Namespace": "Bakery", "MetricName": "Heat", "Dimensions": OVEN, "Statistic": "Maximum",
    "Period": 60, "EvaluationPeriods": 1, "Threshold": 250, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
STAYS = {"TreatMissingData": "ignore"}
"""The state that a test has set outlasts the evaluation at the end of a minute."""


def heat(aws: Subject, *values: float, dimensions: Any = OVEN) -> None:
    """Write values of the metric."""
    data = [{"MetricName": "Heat", "Value": value, "Dimensions": dimensions} for value in values]
    aws.client("cloudwatch").put_metric_data(Namespace="Bakery", MetricData=data)


def alarm(aws: Subject, **changes: Any) -> Any:
    """Put the alarm ``hot``, with changes; return the client."""
    client = aws.client("cloudwatch")
    client.put_metric_alarm(**{**HOT, **changes})
    return client


def described(aws: Subject, name: str = "hot") -> Any:
    """Return what is told of an alarm."""
    return aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def state(aws: Subject, name: str = "hot") -> str:
    """Return the state of an alarm."""
    return str(described(aws, name)["StateValue"])


def comes(aws: Subject, wanted: str, seconds: float = 10, name: str = "hot", times: int = 1) -> Any:
    """Wait until an alarm was brought to a state so many times; return the newest as the history tells it."""

    def told() -> Any:
        items = aws.client("cloudwatch").describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")
        new = [json.loads(item["HistoryData"])["newState"] for item in items["AlarmHistoryItems"]]
        found = [each for each in new if each["stateValue"] == wanted]
        return found[0] if len(found) >= times else None

    return aws.wait(told, seconds)


def changes(aws: Subject, kind: str = "StateUpdate") -> list[str]:
    """Return the summaries of an alarm's history, the oldest first."""
    items = aws.client("cloudwatch").describe_alarm_history(
        AlarmName="hot", HistoryItemType=kind, ScanBy="TimestampAscending"
    )["AlarmHistoryItems"]
    return [item["HistorySummary"] for item in items]


def bodies(aws: Subject, url: str, count: int) -> list[Any]:
    """Wait for messages in a queue; return their bodies, read as JSON."""
    sqs, found = aws.client("sqs"), []

    def more() -> bool:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        found.extend(json.loads(each["Body"]) for each in got)
        for each in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return len(found) >= count

    aws.wait(more, 10)
    return found


def _pass(aws: Subject, seconds: float) -> None:
    """Let seconds of AWS's time pass; a cloud without a fast clock gets one of ours."""
    time.sleep(min(1, seconds / aws.speed))


def _next_minute(aws: Subject) -> None:
    """Wait for the beginning of a minute of AWS's time; a cloud without a fast clock gets a second of ours."""
    left = 60 - cloud.current().time() % 60 if THIS_COURSE else 1
    time.sleep(left / aws.speed)


@promise(PUT, "a new alarm is in INSUFFICIENT_DATA; data above the threshold bring ALARM, and later data OK")
@fast
def test_states(aws: Subject) -> None:
    alarm(aws)
    assert state(aws) == "INSUFFICIENT_DATA"
    heat(aws, 260)
    told = comes(aws, "ALARM")
    assert told["stateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoint [260.0 (")
    assert told["stateReason"].endswith(
        ")] was greater than the threshold (250.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert told["stateReasonData"]["recentDatapoints"] == [260.0]
    heat(aws, 200)
    assert "was not greater than the threshold" in comes(aws, "OK")["stateReason"]
    assert comes(aws, "INSUFFICIENT_DATA")["stateReason"] == "Insufficient Data: 1 datapoint was unknown."
    aws.wait(lambda: described(aws)["StateReason"] == "Insufficient Data: 1 datapoint was unknown.")


@promise(PUT, "an alarm that is changed keeps its state")
def test_changed(aws: Subject) -> None:
    client = alarm(aws, **STAYS)
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a test")
    alarm(aws, Threshold=300, **STAYS)
    told = described(aws)
    assert (told["StateValue"], told["StateReason"], told["Threshold"]) == ("ALARM", "a test", 300)


@promise(EVALUATION, "M out of N: two of three periods above the threshold are enough, if the alarm says so")
@pytest.mark.cloud(speed=24)
def test_m_of_n(aws: Subject) -> None:
    alarm(aws, EvaluationPeriods=3, DatapointsToAlarm=2)
    alarm(aws, AlarmName="all", EvaluationPeriods=3)
    for value in (260, 200, 270):
        _next_minute(aws)
        heat(aws, value)
    assert "2 out of the last 3 datapoints [270.0" in comes(aws, "ALARM")["stateReason"]
    assert state(aws, "all") == "OK"


@promise(EVALUATION, "the statistic and the comparison decide what breaches")
@fast
def test_statistic(aws: Subject) -> None:
    alarm(aws, Statistic="Sum", ComparisonOperator="GreaterThanOrEqualToThreshold", Threshold=300)
    alarm(aws, AlarmName="mean", Statistic="Average", ComparisonOperator="LessThanThreshold", Threshold=101)
    heat(aws, 100, 100, 100)
    comes(aws, "ALARM")
    comes(aws, "ALARM", name="mean")


@promise(MISSING, "without data: breaching alarms, notBreaching is OK, missing is INSUFFICIENT_DATA, ignore keeps")
@fast
def test_missing(aws: Subject) -> None:
    for treat in ("breaching", "notBreaching", "missing", "ignore"):
        alarm(aws, AlarmName=treat, TreatMissingData=treat)
    told = comes(aws, "ALARM", name="breaching")
    assert told["stateReason"] == (
        "Threshold Crossed: no datapoints were received for 1 period "
        "and 1 missing datapoint was treated as [Breaching]."
    )
    assert "[NonBreaching]" in comes(aws, "OK", name="notBreaching")["stateReason"]
    assert state(aws, "missing") == state(aws, "ignore") == "INSUFFICIENT_DATA"
    heat(aws, 260)
    comes(aws, "ALARM", name="ignore")
    comes(aws, "ALARM", name="missing")
    comes(aws, "INSUFFICIENT_DATA", name="missing")
    assert state(aws, "ignore") == "ALARM"


@promise(STATISTICS, "each combination of dimensions is a metric of its own, for alarms and GetMetricData too")
@fast
def test_dimensions(aws: Subject) -> None:
    client = alarm(aws)
    heat(aws, 999, dimensions=[*OVEN, {"Name": "Shelf", "Value": "1"}])
    heat(aws, 999, dimensions=[])
    heat(aws, 100)
    comes(aws, "OK")
    queries: Iterable[tuple[str, Any]] = (("one", OVEN), ("none", []))
    found = client.get_metric_data(
        StartTime=0,
        EndTime=2**31,
        MetricDataQueries=[
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {"Namespace": "Bakery", "MetricName": "Heat", "Dimensions": dimensions},
                    "Period": 2**31 - 8,
                    "Stat": "Sum",
                },
            }
            for name, dimensions in queries
        ],
    )["MetricDataResults"]
    assert {one["Id"]: one["Values"] for one in found} == {"one": [100], "none": [999]}


@promise(ACTIONS, "the topics of the new state get a message with both states, the reason and the metric, once")
@fast
def test_topics(aws: Subject) -> None:
    url, queue = open_queue(aws, "sns")
    sns = aws.client("sns")
    topics = [sns.create_topic(Name=name)["TopicArn"] for name in ("fire", "fine")]
    for topic in topics:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    actions = {"AlarmActions": [topics[0]], "OKActions": [topics[1]]}
    alarm(aws, AlarmDescription="too hot", TreatMissingData="ignore", **actions)
    heat(aws, 260)
    comes(aws, "ALARM")
    heat(aws, 260)
    _pass(aws, 60)
    heat(aws, 100)
    comes(aws, "OK")
    sent = bodies(aws, url, 2)
    assert [(one["TopicArn"], one["Subject"]) for one in sent] == [
        (topics[0], 'ALARM: "hot" in US East (N. Virginia)'),
        (topics[1], 'OK: "hot" in US East (N. Virginia)'),
    ]
    told = json.loads(sent[0]["Message"])
    assert (told["AlarmName"], told["AlarmDescription"], told["Region"]) == ("hot", "too hot", "US East (N. Virginia)")
    assert (told["OldStateValue"], told["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert told["NewStateReason"].startswith("Threshold Crossed") and told["AlarmArn"].endswith(":alarm:hot")
    trigger = told["Trigger"]
    assert (trigger["Namespace"], trigger["MetricName"], trigger["Statistic"]) == ("Bakery", "Heat", "MAXIMUM")
    assert trigger["Dimensions"] == [{"value": "left", "name": "Oven"}]
    assert (trigger["Period"], trigger["Threshold"], trigger["EvaluationPeriods"]) == (60, 250.0, 1)
    assert json.loads(sent[1]["Message"])["OldStateValue"] == "ALARM"


@promise(ACTIONS, "a topic whose policy does not let CloudWatch publish gets nothing, and the history says so")
def test_refused(aws: Subject) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="fire")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    client = alarm(aws, AlarmActions=[topic])
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a test")
    (summary,) = changes(aws, "Action")
    assert summary.startswith(f"Failed to execute action {topic}. Received error: ")


@promise(ACTIONS, "actions can be disabled; the state still changes")
def test_disabled(aws: Subject) -> None:
    topic = aws.client("sns").create_topic(Name="fire")["TopicArn"]
    client = alarm(aws, AlarmActions=[topic], **STAYS)
    client.disable_alarm_actions(AlarmNames=["hot"])
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a test")
    assert changes(aws) == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
    assert changes(aws, "Action") == []


@promise(SET, "the state changes and its actions run, until the next evaluation")
@fast
def test_set_state(aws: Subject) -> None:
    url, queue = open_queue(aws, "sns")
    topic = aws.client("sns").create_topic(Name="fire")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    client = alarm(aws, AlarmActions=[topic])
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a test")
    assert json.loads(bodies(aws, url, 1)[0]["Message"])["NewStateReason"] == "a test"
    comes(aws, "INSUFFICIENT_DATA")


@promise(HISTORY, "each change of state and each action is kept, with the states in JSON, also of deleted alarms")
@pytest.mark.cloud(speed=1)
def test_history(aws: Subject) -> None:
    topic = aws.client("sns").create_topic(Name="fire")["TopicArn"]
    client = alarm(aws, AlarmActions=[topic], **STAYS)
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a test")
    client.delete_alarms(AlarmNames=["hot"])
    items = client.describe_alarm_history(AlarmName="hot")["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in items] == [
        ("Action", f"Successfully executed action {topic}"),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
    ]
    data = json.loads(items[1]["HistoryData"])
    assert (data["oldState"]["stateValue"], data["newState"]["stateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert data["newState"]["stateReason"] == "a test"


@promise(EVENTS, "EventBridge gets an event with the alarm, its metric, and both states")
def test_event(aws: Subject) -> None:
    events, function = aws.client("events"), keeper(aws, "events")
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "1", "Arn": function}])
    client = alarm(aws, AlarmDescription="too hot")
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a test")
    event = aws.wait(lambda: [each for each in kept(aws) if each["detail"]["state"]["value"] == "ALARM"])[0]
    assert event["resources"] == [described(aws)["AlarmArn"]]
    detail = event["detail"]
    assert (detail["alarmName"], detail["previousState"]["value"]) == ("hot", "INSUFFICIENT_DATA")
    assert (detail["state"]["value"], detail["state"]["reason"]) == ("ALARM", "a test")
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {"dimensions": {"Oven": "left"}, "name": "Heat", "namespace": "Bakery"},
        "period": 60,
        "stat": "Maximum",
    }
    assert detail["configuration"]["description"] == "too hot"


@promise(EVALUATION, "an alarm on a function's errors, made by a stack, goes off when the function fails")
@fast
def test_stack(aws: Subject) -> None:
    properties = {
        "AlarmName": "hot", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "FunctionName", "Value": "f"}], "EvaluationPeriods": 1, "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
    }  # fmt: skip
    template = {
        "Resources": {"Failing": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}},
        "Outputs": {"Name": {"Value": {"Ref": "Failing"}}, "Arn": {"Value": {"Fn::GetAtt": ["Failing", "Arn"]}}},
    }
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName="watch", TemplateBody=json.dumps(template))
    outputs = stacks.describe_stacks(StackName="watch")["Stacks"][0]["Outputs"]
    told = {one["OutputKey"]: one["OutputValue"] for one in outputs}
    assert told == {"Name": "hot", "Arn": described(aws)["AlarmArn"]}
    comes(aws, "OK")
    client = aws.function("def handler(event, context): raise ValueError")
    client.invoke(FunctionName="f")
    assert "[1.0 (" in comes(aws, "ALARM")["stateReason"]
    comes(aws, "OK", times=2)
    stacks.delete_stack(StackName="watch")
    aws.wait(lambda: not aws.client("cloudwatch").describe_alarms()["MetricAlarms"])


@promise(PUT, "an alarm needs its metric, statistic and period")
def test_refusals(aws: Subject) -> None:
    client = aws.client("cloudwatch")
    for name in ("Statistic", "Period", "Threshold"):
        with refused("ValidationError", name):
            client.put_metric_alarm(**{key: value for key, value in HOT.items() if key != name})
