"""What EventBridge promises about rules, patterns, targets and input transformers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.pushed import closed_queue, first, keeper, kept, open_queue, open_topic
from tests.contract.subjects import Subject, promise, refused

TARGETS = "Amazon EventBridge User Guide, Event bus targets in Amazon EventBridge"
PATTERNS = "Amazon EventBridge User Guide, Comparison operators for use in event patterns"
TRANSFORM = "Amazon EventBridge User Guide, Amazon EventBridge input transformation"
SHOP = {"source": ["shop"]}


def rule(aws: Subject, *targets: Any, name: str = "r", pattern: Any = SHOP, **settings: Any) -> str:
    """Create a rule with targets, each an ARN or a mapping; return its ARN."""
    events = aws.client("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), **settings)["RuleArn"]
    told = [{"Id": str(n), **({"Arn": one} if isinstance(one, str) else one)} for n, one in enumerate(targets)]
    bus = {"EventBusName": settings["EventBusName"]} if "EventBusName" in settings else {}
    if told:
        assert events.put_targets(Rule=name, Targets=told, **bus)["FailedEntryCount"] == 0
    return str(arn)


def put(aws: Subject, detail: Any, **settings: Any) -> str:
    """Put one event on a bus; return its id."""
    entry = {"Source": "shop", "DetailType": "sold", "Detail": json.dumps(detail), **settings}
    return str(aws.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"])


def counted(aws: Subject, metric: str, name: str = "r") -> float:
    """Return a rule's metric over the last hour."""
    return sum(aws.points("AWS/Events", metric, RuleName=name))


@promise(
    "Amazon EventBridge User Guide, Events in Amazon EventBridge", "a function gets the event with its eleven fields"
)
def test_event(aws: Subject) -> None:
    rule(aws, keeper(aws, "events"))
    sent = put(aws, {"loaf": 3}, Resources=["arn:aws:s3:::shop"])
    event = first(aws)
    moment = event.pop("time")
    assert datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").year > 2020
    account = aws.client("sts").get_caller_identity()["Account"]
    assert event == {
        "version": "0", "id": sent, "detail-type": "sold", "source": "shop", "account": account,
        "region": "us-east-1", "resources": ["arn:aws:s3:::shop"], "detail": {"loaf": 3},
    }  # fmt: skip


@promise(TARGETS, "a function whose policy does not name the rule is not called: FailedInvocations, dead letter")
def test_not_allowed(aws: Subject) -> None:
    url, dead = open_queue(aws, "events")
    function = keeper(aws, "events", "arn:aws:events:us-east-1:123456789012:rule/other")
    arn = rule(aws, {"Arn": function, "DeadLetterConfig": {"Arn": dead}})
    put(aws, {"loaf": 3})
    message = aws.message(url)
    assert json.loads(message["Body"])["detail"] == {"loaf": 3}
    attributes = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == arn and attributes["ERROR_CODE"] and attributes["ERROR_MESSAGE"]
    assert attributes["TARGET_ARN"].endswith(":function:f")
    assert kept(aws) == []
    assert counted(aws, "FailedInvocations") == 1


@promise(TARGETS, "queues and topics are targets too, if their policies name EventBridge")
def test_queue_and_topic(aws: Subject) -> None:
    (url, queue), topic = open_queue(aws, "events", "sns"), open_topic(aws, "events")
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    rule(aws, queue, topic, closed_queue(aws))
    sent = put(aws, {"loaf": 3})
    bodies = [json.loads(aws.message(url)["Body"]) for _ in range(2)]
    direct, passed = sorted(bodies, key=lambda body: "Message" in body)
    assert direct["id"] == sent
    assert json.loads(passed["Message"])["id"] == sent
    assert counted(aws, "FailedInvocations") == 1


@promise("Amazon EventBridge User Guide, Event buses in Amazon EventBridge", "a rule sees the events of its bus only")
def test_buses(aws: Subject) -> None:
    aws.client("events").create_event_bus(Name="orders")
    (url, queue), (other_url, other) = open_queue(aws, "events"), open_queue(aws, "events", name="other")
    rule(aws, queue, EventBusName="orders")
    rule(aws, other)
    put(aws, {"bus": "orders"}, EventBusName="orders")
    put(aws, {"bus": "default"})
    assert json.loads(aws.message(url)["Body"])["detail"] == {"bus": "orders"}
    assert json.loads(aws.message(other_url)["Body"])["detail"] == {"bus": "default"}
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=url)


@promise("Amazon EventBridge API Reference, DisableRule", "a disabled rule matches nothing until it is enabled")
def test_disabled(aws: Subject) -> None:
    url, queue = open_queue(aws, "events")
    rule(aws, queue)
    aws.client("events").disable_rule(Name="r")
    put(aws, {"loaf": 1})
    aws.client("events").enable_rule(Name="r")
    put(aws, {"loaf": 2})
    assert json.loads(aws.message(url)["Body"])["detail"] == {"loaf": 2}
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=url)


@promise(PATTERNS, "a pattern's comparisons decide which events a rule takes")
@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ({"name": ["bread"]}, True),
        ({"name": ["cake"]}, False),
        ({"name": [{"prefix": "br"}]}, True),
        ({"name": [{"prefix": {"equals-ignore-case": "BR"}}]}, True),
        ({"name": [{"suffix": "ad"}]}, True),
        ({"name": [{"anything-but": ["cake", "pie"]}]}, True),
        ({"name": [{"anything-but": {"prefix": "br"}}]}, False),
        ({"name": [{"equals-ignore-case": "BREAD"}]}, True),
        ({"name": [{"wildcard": "b*d"}]}, True),
        ({"name": [{"wildcard": "b*x"}]}, False),
        ({"price": [{"numeric": [">=", 3, "<", 4]}]}, True),
        ({"price": [{"numeric": ["=", 4]}]}, False),
        ({"price": [3.5]}, True),
        ({"from": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"from": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"size": [{"exists": False}], "name": [{"exists": True}]}, True),
        ({"gone": [None]}, True),
        ({"tags": ["warm"]}, True),
        ({"lines": {"sku": ["b2"]}}, True),
        ({"lines": {"sku": ["b1"], "count": [2]}}, False),
        ({"$or": [{"name": ["cake"]}, {"price": [{"numeric": ["<", 5]}]}]}, True),
        ({"fresh": [True]}, True),
        ({"fresh": [1]}, False),
    ],
    ids=str,
)
def test_patterns(aws: Subject, wanted: dict[str, Any], passes: bool) -> None:
    url, queue = open_queue(aws, "events")
    rule(aws, queue, pattern={"detail": wanted})
    detail = {
        "name": "bread", "price": 3.5, "from": "10.0.0.7", "gone": None, "tags": ["new", "warm"], "fresh": True,
        "lines": [{"sku": "b1", "count": 1}, {"sku": "b2", "count": 2}],
    }  # fmt: skip
    put(aws, detail)
    assert ("Messages" in aws.client("sqs").receive_message(QueueUrl=url)) is passes
    event = {
        "id": "1", "account": "123456789012", "source": "shop", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
        "resources": [], "detail-type": "sold", "detail": detail,
    }  # fmt: skip
    tested = aws.client("events").test_event_pattern(
        EventPattern=json.dumps({"detail": wanted}), Event=json.dumps(event)
    )
    assert tested["Result"] is passes


@promise("Amazon EventBridge API Reference, PutRule", "a pattern that is none is refused")
@pytest.mark.parametrize(
    "pattern",
    [
        '{"source": "shop"}',
        '{"source": []}',
        "{",
        '{"source": [{"starts": "x"}]}',
        '{"detail": {"n": [{"numeric": ["~", 1]}]}}',
    ],
)
def test_bad_patterns(aws: Subject, pattern: str) -> None:
    with refused("InvalidEventPatternException", "Event pattern is not valid. Reason: ", 400):
        aws.client("events").put_rule(Name="r", EventPattern=pattern)


@promise(TRANSFORM, "a target gets a constant, a part of the event, or a text made from it")
@pytest.mark.parametrize(
    ("how", "received"),
    [
        ({"Input": '{"always": 1}'}, {"always": 1}),
        ({"InputPath": "$.detail.loaf"}, {"kind": "rye"}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {
                        "kind": "$.detail.loaf.kind",
                        "loaf": "$.detail.loaf",
                        "first": "$.detail.tags[0]",
                    },
                    "InputTemplate": '{"say": "<kind> and <first>", "loaf": <loaf>, "kind": <kind>,'
                    ' "of": "<aws.events.rule-name>"}',
                }
            },
            {"say": "rye and new", "loaf": {"kind": "rye"}, "kind": "rye", "of": "r"},
        ),
        (
            {"InputTransformer": {"InputPathsMap": {"k": "$.detail.loaf.kind"}, "InputTemplate": '"It is <k>."'}},
            "It is rye.",
        ),
    ],
    ids=["Input", "InputPath", "InputTransformer", "a sentence"],
)
def test_transformed(aws: Subject, how: dict[str, Any], received: Any) -> None:
    rule(aws, {"Arn": keeper(aws, "events"), **how})
    put(aws, {"loaf": {"kind": "rye"}, "tags": ["new"]})
    assert first(aws) == received


@promise(TARGETS, "a log group receives the events that a rule sends it")
def test_log_group(aws: Subject) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/aws/events/shop")
    account = aws.client("sts").get_caller_identity()["Account"]
    rule(aws, f"arn:aws:logs:us-east-1:{account}:log-group:/aws/events/shop")
    put(aws, {"loaf": 3})
    (event,) = logs.filter_log_events(logGroupName="/aws/events/shop")["events"]
    assert json.loads(event["message"])["detail"] == {"loaf": 3}


@promise("Amazon EventBridge User Guide, Archiving and replaying events", "an archive replays what it has kept")
def test_archive(aws: Subject) -> None:
    events, (url, queue) = aws.client("events"), open_queue(aws, "events")
    bus = events.describe_event_bus()["Arn"]
    archive = events.create_archive(ArchiveName="all", EventSourceArn=bus)["ArchiveArn"]
    put(aws, {"loaf": 3})
    rule(aws, queue)
    now = datetime.now(UTC)
    events.start_replay(
        ReplayName="again", EventSourceArn=archive, Destination={"Arn": bus},
        EventStartTime=now - timedelta(hours=1), EventEndTime=now,
    )  # fmt: skip
    event = json.loads(aws.message(url)["Body"])
    assert (event["detail"], event["replay-name"]) == ({"loaf": 3}, "again")


@promise(
    "Amazon EC2 User Guide, State change events for your instances", "each change of an instance's state is an event"
)
def test_instance_states(aws: Subject) -> None:
    url, queue = open_queue(aws, "events")
    rule(aws, queue, pattern={"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]})
    ec2 = aws.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[instance])
    ec2.terminate_instances(InstanceIds=[instance])
    told = [json.loads(aws.message(url)["Body"]) for _ in range(6)]
    states = ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]
    assert sorted(event["detail"]["state"] for event in told) == sorted(states)
    assert {event["detail"]["instance-id"] for event in told} == {instance}
    assert told[0]["resources"][0].endswith(f":instance/{instance}")


@promise("AWS CodePipeline User Guide, Monitoring CodePipeline events", "an execution that starts is an event")
def test_pipeline(aws: Subject) -> None:
    url, queue = open_queue(aws, "events")
    rule(aws, queue, pattern={"source": ["aws.codepipeline"], "detail": {"state": ["STARTED"]}})
    pipelines = aws.client("codepipeline")
    action = {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}
    stages = [{"name": name, "actions": [{"name": name, "actionTypeId": action}]} for name in ("Get", "Ship")]
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    role = aws.client("iam").create_role(RoleName="pipes", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    pipelines.create_pipeline(
        pipeline={
            "name": "ship",
            "roleArn": role,
            "stages": stages,
            "artifactStore": {"type": "S3", "location": "shop"},
        }
    )
    execution = pipelines.start_pipeline_execution(name="ship")["pipelineExecutionId"]
    event = json.loads(aws.message(url)["Body"])
    assert event["detail-type"] == "CodePipeline Pipeline Execution State Change"
    assert (event["detail"]["pipeline"], event["detail"]["execution-id"]) == ("ship", execution)
