"""What S3 promises about event notifications."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from tests.contract.pushed import allow, closed_queue, first, keeper, kept, open_queue, open_topic
from tests.contract.subjects import Subject, promise, refused

GUIDE = "Amazon S3 User Guide, Amazon S3 Event Notifications"
MESSAGE = "Amazon S3 User Guide, Event message structure"
ALL = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
REFUSED = "Unable to validate the following destination configurations"


def shop(aws: Subject, **configuration: Any) -> Any:
    """Create a bucket, with a notification configuration if one is given; return the S3 client."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shop")
    if configuration:
        s3.put_bucket_notification_configuration(Bucket="shop", NotificationConfiguration=configuration)
    return s3


def to_function(arn: str, *events: str, **rules: str) -> dict[str, Any]:
    """Return the configuration of a notification to a function; ``rules`` are ``prefix`` and ``suffix``."""
    found = [{"Name": name, "Value": value} for name, value in rules.items()]
    one: dict[str, Any] = {"Id": "mine", "LambdaFunctionArn": arn, "Events": list(events) or ALL}
    return {"LambdaFunctionConfigurations": [one | ({"Filter": {"Key": {"FilterRules": found}}} if found else {})]}


@promise(MESSAGE, "a function gets one record: what happened, to which object, when, by whom")
def test_record(aws: Subject) -> None:
    s3 = shop(aws, **to_function(keeper(aws, "s3", "arn:aws:s3:::shop")))
    s3.put_object(Bucket="shop", Key="in/black cat&é.jpg", Body=b"meow")
    (record,) = first(aws)["Records"]
    assert record["eventSource"] == "aws:s3" and record["eventVersion"].startswith("2.")
    assert (record["eventName"], record["awsRegion"]) == ("ObjectCreated:Put", "us-east-1")
    datetime.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert record["userIdentity"]["principalId"].startswith("AWS:")
    assert record["requestParameters"]["sourceIPAddress"]
    assert set(record["responseElements"]) == {"x-amz-request-id", "x-amz-id-2"}
    told = record["s3"]
    assert (told["s3SchemaVersion"], told["configurationId"]) == ("1.0", "mine")
    assert (told["bucket"]["name"], told["bucket"]["arn"]) == ("shop", "arn:aws:s3:::shop")
    assert told["bucket"]["ownerIdentity"]["principalId"]
    assert told["object"]["key"] == "in/black+cat%26%C3%A9.jpg"
    assert told["object"]["size"] == 4
    assert told["object"]["eTag"] == hashlib.md5(b"meow").hexdigest()
    assert int(told["object"]["sequencer"], 16) > 0


@promise(MESSAGE, "the sequencer of a later event on a key is greater")
def test_sequencer(aws: Subject) -> None:
    s3 = shop(aws, **to_function(keeper(aws, "s3")))
    for body in (b"1", b"22", b"333"):
        s3.put_object(Bucket="shop", Key="cat", Body=body)
    events = aws.wait(lambda: len(kept(aws)) == 3 and kept(aws))
    objects = sorted((event["Records"][0]["s3"]["object"] for event in events), key=lambda each: each["sequencer"])
    assert [each["size"] for each in objects] == [1, 2, 3]


@promise(GUIDE, "a copy, a finished multipart upload and a removal have names of their own, and come once each")
def test_names(aws: Subject) -> None:
    s3 = shop(aws, **to_function(keeper(aws, "s3"), *ALL, "s3:ObjectTagging:*"))
    s3.put_object(Bucket="shop", Key="one", Body=b"1")
    s3.copy_object(Bucket="shop", Key="two", CopySource="shop/one")
    upload = s3.create_multipart_upload(Bucket="shop", Key="three")["UploadId"]
    part = s3.upload_part(Bucket="shop", Key="three", UploadId=upload, PartNumber=1, Body=b"3")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket="shop", Key="three", UploadId=upload, MultipartUpload=parts)
    s3.delete_object(Bucket="shop", Key="one")
    s3.delete_objects(Bucket="shop", Delete={"Objects": [{"Key": "two"}, {"Key": "three"}]})
    aws.wait(lambda: len(kept(aws)) >= 6)
    records = [event["Records"][0] for event in kept(aws)]
    assert sorted((record["eventName"], record["s3"]["object"]["key"]) for record in records) == [
        ("ObjectCreated:CompleteMultipartUpload", "three"),
        ("ObjectCreated:Copy", "two"),
        ("ObjectCreated:Put", "one"),
        ("ObjectRemoved:Delete", "one"),
        ("ObjectRemoved:Delete", "three"),
        ("ObjectRemoved:Delete", "two"),
    ]
    removed = next(one for one in records if one["eventName"] == "ObjectRemoved:Delete")
    assert set(removed["s3"]["object"]) == {"key", "sequencer"}


@promise(GUIDE, "in a versioned bucket a removal makes a delete marker, and versions are named")
def test_versions(aws: Subject) -> None:
    s3 = shop(aws)
    s3.put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket="shop", NotificationConfiguration=to_function(keeper(aws, "s3")))
    version = s3.put_object(Bucket="shop", Key="cat", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket="shop", Key="cat")["VersionId"]
    s3.delete_object(Bucket="shop", Key="cat", VersionId=version)
    events = aws.wait(lambda: len(kept(aws)) == 3 and kept(aws))
    told = {(one["Records"][0]["eventName"], one["Records"][0]["s3"]["object"]["versionId"]) for one in events}
    assert told == {
        ("ObjectCreated:Put", version),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
        ("ObjectRemoved:Delete", version),
    }


@promise(GUIDE, "only keys with the prefix and the suffix are told")
def test_filters(aws: Subject) -> None:
    s3 = shop(aws, **to_function(keeper(aws, "s3"), "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg"))
    for key in ("in/cat.png", "cat.jpg", "in/cat.jpg", "in/late.jpg"):
        s3.put_object(Bucket="shop", Key=key, Body=b"1")
    s3.delete_object(Bucket="shop", Key="in/cat.jpg")
    aws.wait(lambda: len(kept(aws)) == 2)
    assert {event["Records"][0]["s3"]["object"]["key"] for event in kept(aws)} == {"in/cat.jpg", "in/late.jpg"}


@promise(GUIDE, "a destination that S3 may not call is refused when the notification is configured")
@pytest.mark.parametrize("permission", ["none", "another service", "another bucket"])
def test_refused(aws: Subject, permission: str) -> None:
    arn = keeper(aws)
    if permission == "another service":
        allow(aws, "sns")
    if permission == "another bucket":
        allow(aws, "s3", "arn:aws:s3:::other")
    with refused("InvalidArgument", REFUSED, 400):
        shop(aws, **to_function(arn))
    assert "LambdaFunctionConfigurations" not in aws.client("s3").get_bucket_notification_configuration(Bucket="shop")


@promise(GUIDE, "queues and topics need a policy for S3 too, and get s3:TestEvent when they are configured")
def test_queue(aws: Subject) -> None:
    closed = closed_queue(aws)
    with refused("InvalidArgument", REFUSED, 400):
        shop(aws, QueueConfigurations=[{"QueueArn": closed, "Events": ALL}])
    url, arn = open_queue(aws, "s3")
    aws.client("s3").put_bucket_notification_configuration(
        Bucket="shop", NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ALL}]}
    )
    test = json.loads(aws.message(url)["Body"])
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", "shop")
    aws.client("s3").put_object(Bucket="shop", Key="cat", Body=b"1")
    assert json.loads(aws.message(url)["Body"])["Records"][0]["eventName"] == "ObjectCreated:Put"


@promise(GUIDE, "a topic passes the message on, with the subject Amazon S3 Notification")
def test_topic(aws: Subject) -> None:
    topic, (url, arn) = open_topic(aws, "s3"), open_queue(aws, "sns")
    s3 = shop(aws, TopicConfigurations=[{"TopicArn": topic, "Events": ALL}])
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    s3.put_object(Bucket="shop", Key="cat", Body=b"1")
    envelope = json.loads(aws.message(url)["Body"])
    assert (envelope["TopicArn"], envelope["Subject"]) == (topic, "Amazon S3 Notification")
    assert json.loads(envelope["Message"])["Records"][0]["s3"]["object"]["key"] == "cat"


@promise(
    "Amazon S3 User Guide, EventBridge event message structure", "EventBridge gets Object Created, its key unencoded"
)
def test_eventbridge(aws: Subject) -> None:
    events = aws.client("events")
    rule = events.put_rule(Name="new", EventPattern=json.dumps({"source": ["aws.s3"]}))["RuleArn"]
    events.put_targets(Rule="new", Targets=[{"Id": "1", "Arn": keeper(aws, "events", rule)}])
    s3 = shop(aws, EventBridgeConfiguration={})
    s3.put_object(Bucket="shop", Key="black cat", Body=b"meow")
    event = first(aws)
    assert (event["detail-type"], event["resources"]) == ("Object Created", ["arn:aws:s3:::shop"])
    detail = event["detail"]
    assert (detail["bucket"], detail["reason"]) == ({"name": "shop"}, "PutObject")
    assert detail["object"]["key"] == "black cat" and detail["object"]["size"] == 4
    assert detail["object"]["etag"] == hashlib.md5(b"meow").hexdigest()


@promise("Lambda Developer Guide, Processing Amazon S3 event notifications", "a function that fails is tried again")
@pytest.mark.cloud(speed=600)
def test_retried(aws: Subject) -> None:
    client = aws.function("def handler(event, context):\n    print('try')\n    raise ValueError('burnt')")
    allow(aws, "s3")
    arn = client.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    shop(aws, **to_function(arn)).put_object(Bucket="shop", Key="cat", Body=b"1")
    aws.wait(lambda: aws.logged().count("try\n") == 3)
