"""Queues, topics, mail, buses, schedules, streams, logs and alarms: what carries messages, and what watches.

AWS: the resource type references of SQS, SNS, SES, EventBridge, EventBridge Scheduler, Kinesis, Data Firehose,
CloudWatch and CloudWatch Logs (CloudFormation Template Reference). Here: the types and properties of the course.
"""

from __future__ import annotations

from typing import Any

from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site, shaped, written

_QUEUE = (
    "VisibilityTimeout MessageRetentionPeriod DelaySeconds MaximumMessageSize ReceiveMessageWaitTimeSeconds "
    "RedrivePolicy RedriveAllowPolicy FifoQueue ContentBasedDeduplication DeduplicationScope FifoThroughputLimit "
    "KmsMasterKeyId KmsDataKeyReusePeriodSeconds SqsManagedSseEnabled"
).split()
_QUEUE_DEFAULTS = {
    "VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
    "ReceiveMessageWaitTimeSeconds": "0", "RedrivePolicy": "", "RedriveAllowPolicy": "",
}  # fmt: skip
_TOPIC = "DisplayName KmsMasterKeyId FifoTopic ContentBasedDeduplication TracingConfig SignatureVersion".split()
_SUBSCRIPTION = (
    "FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy DeliveryPolicy SubscriptionRoleArn".split()
)


def _gathered(names: list[str]) -> Any:
    """Return what puts the properties of these names into Attributes."""

    def prepare(site: Site, properties: Properties) -> Properties:
        ready = {name: value for name, value in properties.items() if name not in names}
        attributes = {name: written(properties[name]) for name in names if name in properties}
        return {**ready, "Attributes": attributes} if attributes else ready

    return prepare


class QueueKind(Kind):
    """A queue's name ends in .fifo when it is one; its attributes change by SetQueueAttributes."""

    def create(self, site: Site, properties: Properties) -> Made:
        if str(properties.get("FifoQueue", "")).lower() == "true" and "QueueName" not in properties:
            properties = {**properties, "QueueName": f"{site.name(75)}.fifo"}
        return super().create(site, properties)

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        wanted = {name: properties.get(name, _QUEUE_DEFAULTS.get(name)) for name in _QUEUE}
        changed = {n: written(v) for n, v in wanted.items() if properties.get(n) != old.get(n) and v is not None}
        if changed:
            site.client("sqs").set_queue_attributes(**made.keys, Attributes=changed)
        return made


class QueuePolicyKind(Kind):
    """One policy for several queues."""

    def create(self, site: Site, properties: Properties) -> Made:
        for url in properties["Queues"]:
            policy = {"Policy": written(properties["PolicyDocument"])}
            site.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=policy)
        return Made(site.name(), {})

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        gone = [url for url in old["Queues"] if url not in properties["Queues"]]
        self.delete(site, made, {"Queues": gone})
        self.create(site, properties)
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        for url in properties["Queues"]:
            site.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


class TopicKind(Kind):
    """A topic, with the subscriptions that its properties name."""

    def create(self, site: Site, properties: Properties) -> Made:
        if str(properties.get("FifoTopic", "")).lower() == "true" and "TopicName" not in properties:
            properties = {**properties, "TopicName": f"{site.name(240)}.fifo"}
        return super().create(site, properties)

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        for name in _TOPIC:
            if properties.get(name) != old.get(name):
                value = written(properties.get(name, ""))
                site.client("sns").set_topic_attributes(TopicArn=made.id, AttributeName=name, AttributeValue=value)
        if properties.get("Subscription") != old.get("Subscription"):
            _subscribe(site, made, properties.get("Subscription"), old.get("Subscription"))
        return made


def _subscribe(site: Site, made: Made, new: Any, old: Any) -> None:
    client, memory = site.client("sns"), made.memory
    for arn in memory.pop("subscriptions", []):
        client.unsubscribe(SubscriptionArn=arn)
    memory["subscriptions"] = [
        client.subscribe(
            TopicArn=made.id, Protocol=one["Protocol"], Endpoint=one["Endpoint"], ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        for one in new or []
    ]


def _topic_gone(site: Site, made: Made, properties: Properties) -> None:
    _subscribe(site, made, None, None)


class TopicPolicyKind(Kind):
    """One policy for several topics; without it each gets back the policy that it had."""

    def create(self, site: Site, properties: Properties) -> Made:
        made = Made(site.name())
        self._put(site, made, properties)
        return made

    def _put(self, site: Site, made: Made, properties: Properties) -> None:
        client = site.client("sns")
        for arn in properties["Topics"]:
            before = client.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy", "")
            made.memory.setdefault(arn, before)
            policy = written(properties["PolicyDocument"])
            client.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        self.delete(site, made, {"Topics": [arn for arn in old["Topics"] if arn not in properties["Topics"]]})
        self._put(site, made, properties)
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        for arn in properties["Topics"]:
            before = made.memory.pop(arn)
            site.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=before)


class SubscriptionKind(Kind):
    """A subscription's attributes are set one by one."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        for name in _SUBSCRIPTION:
            if properties.get(name) != old.get(name):
                value = written(properties.get(name, "{}" if name.endswith("Policy") else "false"))
                site.client("sns").set_subscription_attributes(
                    SubscriptionArn=made.id, AttributeName=name, AttributeValue=value
                )
        return made


def _targets(site: Site, made: Made, new: Any, old: Any) -> None:
    client, ids = site.client("events"), [one["Id"] for one in new or []]
    gone = [one["Id"] for one in old or [] if one["Id"] not in ids]
    where = {name: value for name, value in made.keys.items() if name == "EventBusName" and value}
    if gone:
        client.remove_targets(Rule=made.keys["Name"], Ids=gone, **where)
    if new:
        shape = client.meta.service_model.operation_model("PutTargets").input_shape.members["Targets"]
        client.put_targets(Rule=made.keys["Name"], Targets=shaped(shape, new, "AWS::Events::Rule Targets"), **where)


def _no_targets(site: Site, made: Made, properties: Properties) -> None:
    _targets(site, made, None, properties.get("Targets"))


def _retention(site: Site, made: Made, new: Any, old: Any) -> None:
    client, name = site.client("logs"), made.keys["logGroupName"]
    if new is None:
        client.delete_retention_policy(logGroupName=name)
    else:
        client.put_retention_policy(logGroupName=name, retentionInDays=int(new))


def _named(service: str, rest: str) -> Any:
    """Return what makes an ARN of the name."""
    return lambda site, scope: site.arn(service, rest.format(**scope["p"]))


def _delivery(site: Site, properties: Properties) -> Properties:
    return {"DeliveryStreamType": "DirectPut", **properties}


KINDS = [
    QueueKind(
        "AWS::SQS::Queue", "sqs", "create_queue", "a.QueueUrl", {"QueueUrl": "a.QueueUrl"}, "delete_queue",
        attributes={"Arn": _named("sqs", "{QueueName}"), "QueueName": "p.QueueName", "QueueUrl": "a.QueueUrl"},
        name="QueueName", longest=80, prepare=_gathered(_QUEUE), own=_QUEUE, update_calls=("set_queue_attributes",),
    ),
    QueuePolicyKind("AWS::SQS::QueuePolicy", "sqs", "set_queue_attributes", "", update_calls=("set_queue_attributes",)),
    TopicKind(
        "AWS::SNS::Topic", "sns", "create_topic", "a.TopicArn", {"TopicArn": "a.TopicArn"}, "delete_topic",
        ("set_topic_attributes",), attributes={"TopicArn": "a.TopicArn", "TopicName": "p.TopicName"}, name="TopicName",
        rename={"TopicName": "Name"}, prepare=_gathered(_TOPIC), own=_TOPIC, steps={"Subscription": _subscribe},
        before_delete=_topic_gone,
    ),
    TopicPolicyKind("AWS::SNS::TopicPolicy", "sns", "set_topic_attributes", "", update_calls=("set_topic_attributes",)),
    SubscriptionKind(
        "AWS::SNS::Subscription", "sns", "subscribe", "a.SubscriptionArn", {"SubscriptionArn": "a.SubscriptionArn"},
        "unsubscribe", ("set_subscription_attributes",), attributes={"Arn": "a.SubscriptionArn"},
        prepare=lambda site, given: {"ReturnSubscriptionArn": True, **_gathered(_SUBSCRIPTION)(site, given)},
        ignored=("Region",), own=_SUBSCRIPTION,
    ),
    Kind(
        "AWS::Events::EventBus", "events", "create_event_bus", "p.Name", {"Name": "p.Name"}, "delete_event_bus",
        attributes={"Arn": "a.EventBusArn", "Name": "p.Name"},
    ),
    Kind(
        "AWS::Events::Rule", "events", "put_rule", "p.Name", {"Name": "p.Name", "EventBusName": "p.EventBusName"},
        "delete_rule", ("put_rule",), attributes={"Arn": "a.RuleArn"}, name="Name", steps={"Targets": _targets},
        before_delete=_no_targets,
    ),
    Kind(
        "AWS::Scheduler::Schedule", "scheduler", "create_schedule", "p.Name",
        {"Name": "p.Name", "GroupName": "p.GroupName"}, "delete_schedule", ("update_schedule",),
        attributes={"Arn": "a.ScheduleArn"}, name="Name",
    ),
    Kind(
        "AWS::Scheduler::ScheduleGroup", "scheduler", "create_schedule_group", "p.Name", {"Name": "p.Name"},
        "delete_schedule_group", attributes={"Arn": "a.ScheduleGroupArn"}, name="Name",
    ),
    Kind(
        "AWS::SES::EmailIdentity", "sesv2", "create_email_identity", "p.EmailIdentity",
        {"EmailIdentity": "p.EmailIdentity"}, "delete_email_identity",
    ),
    Kind(
        "AWS::Logs::LogGroup", "logs", "create_log_group", "p.LogGroupName", {"logGroupName": "p.LogGroupName"},
        "delete_log_group", attributes={"Arn": _named("logs", "log-group:{LogGroupName}:*")}, name="LogGroupName",
        longest=512, steps={"RetentionInDays": _retention},
    ),
    Kind(
        "AWS::Logs::SubscriptionFilter", "logs", "put_subscription_filter", "p.FilterName",
        {"logGroupName": "p.LogGroupName", "filterName": "p.FilterName"}, "delete_subscription_filter",
        ("put_subscription_filter",), name="FilterName",
    ),
    Kind(
        "AWS::CloudWatch::Alarm", "cloudwatch", "put_metric_alarm", "p.AlarmName",
        {"AlarmNames": lambda site, scope: [scope["p"]["AlarmName"]]}, "delete_alarms", ("put_metric_alarm",),
        attributes={"Arn": _named("cloudwatch", "alarm:{AlarmName}")}, name="AlarmName",
    ),
    Kind(
        "AWS::Kinesis::Stream", "kinesis", "create_stream", "p.Name", {"StreamName": "p.Name"}, "delete_stream",
        attributes={"Arn": _named("kinesis", "stream/{Name}")}, name="Name", rename={"Name": "StreamName"},
    ),
    Kind(
        "AWS::KinesisFirehose::DeliveryStream", "firehose", "create_delivery_stream", "p.DeliveryStreamName",
        {"DeliveryStreamName": "p.DeliveryStreamName"}, "delete_delivery_stream", name="DeliveryStreamName",
        attributes={"Arn": "a.DeliveryStreamARN"}, prepare=_delivery,
    ),
]  # fmt: skip
