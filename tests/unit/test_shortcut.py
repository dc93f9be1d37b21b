"""The short way and the long way: a call from this process gets what it would get over the socket."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import cloud
from helpers.backends import shortcut

shared = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNEQUAL = {
    "date",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-amz-id-2",
    "last-modified",
    "content-length",
    "connection",
}
"""Headers that differ from call to call; the length is the server's to say."""


class OverTheSocket(URLLib3Session):
    """botocore's session as it was before the cloud started."""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send over HTTP."""
        return shortcut._send(self, request)


def over_the_socket(service: str) -> Any:
    """Return a client whose calls travel over the socket."""
    client = boto3.client(service)
    client._endpoint.http_session = OverTheSocket()
    return client


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[cloud.Cloud]:
    """A cloud with a table, a bucket and a queue."""
    started = cloud.start()
    boto3.client("dynamodb").create_table(
        TableName="books", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    boto3.client("s3").create_bucket(Bucket="shelf")
    boto3.client("sqs").create_queue(QueueName="work")
    yield started
    cloud.stop()


KEY_SCHEMA = [{"AttributeName": "id", "KeyType": "HASH"}]
Both = Callable[[str], tuple[Any, Any]]


@pytest.fixture(scope="module")
def both(running: cloud.Cloud) -> Both:
    """Return two clients of a service: the short way, the long way."""
    made: dict[str, tuple[Any, Any]] = {}

    def clients(service: str) -> tuple[Any, Any]:
        if service not in made:
            made[service] = boto3.client(service), over_the_socket(service)
        return made[service]

    return clients


def answer(client: Any, operation: str, params: Mapping[str, Any]) -> Any:
    """Return everything that a call comes back with, but what differs each time."""
    try:
        result = getattr(client, operation)(**params)
    except ClientError as error:
        result = {"raised": type(error).__name__, **error.response}
    metadata = result.pop("ResponseMetadata")
    headers = {name.lower(): value for name, value in metadata["HTTPHeaders"].items() if name.lower() not in UNEQUAL}
    if "Body" in result:
        result["Body"] = result["Body"].read()
    for name in ("LastModified", "RequestId", "HostId", "MessageId"):
        result.pop(name, None)
    return result, metadata["HTTPStatusCode"], headers


def assert_same(clients: tuple[Any, Any], operation: str, **params: Any) -> Any:
    """Make a call both ways; return the answer, which must be the same."""
    short, long = (answer(client, operation, dict(params)) for client in clients)
    assert short == long
    return short[0]


def test_the_long_way_is_really_another(running: cloud.Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves that the tests below compare two ways."""
    sockets = []
    door = running._backend.door
    original = door._api_call
    monkeypatch.setattr(door, "_api_call", lambda request: sockets.append(request.socket) or original(request))
    boto3.client("s3").list_buckets()
    over_the_socket("s3").list_buckets()
    assert [opened is None for opened in sockets] == [True, False]


texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=30)
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=3)
scalars = st.one_of(texts, numbers, st.booleans(), st.none(), st.binary(max_size=20))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts.filter(bool), inner, max_size=3)),
    max_leaves=6,
)
serialize, deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize


def to_item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes in DynamoDB's own form."""
    return {name: serialize(value) for name, value in attributes.items()}


@shared
@given(texts.filter(bool), st.dictionaries(texts.filter(bool), values, max_size=4))
def test_items(both: Both, identity: str, attributes: dict[str, Any]) -> None:
    """Any text, number, binary, list and map comes back the same, whichever way it went in and out."""
    clients = both("dynamodb")
    item = to_item({**attributes, "id": identity})
    for writer, reader in itertools.permutations(clients):
        writer.put_item(TableName="books", Item=item)
        found = reader.get_item(TableName="books", Key=to_item({"id": identity}))["Item"]
        assert {name: deserialize(value) for name, value in found.items()} == {
            name: deserialize(value) for name, value in item.items()
        }
    assert_same(clients, "get_item", TableName="books", Key=to_item({"id": identity}))


keys = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30).filter(
    lambda key: key not in (".", "..") and not {".", ".."} & set(key.split("/")) and not key.startswith("/")
)


@shared
@given(
    keys, st.binary(max_size=200), st.dictionaries(st.sampled_from(["colour", "a-b"]), st.sampled_from(["red", "x y"]))
)
def test_objects(both: Both, key: str, body: bytes, metadata: dict[str, str]) -> None:
    """Any key: letters of all alphabets, spaces, plus signs, question marks, percent signs, slashes."""
    clients = both("s3")
    for writer in clients:
        writer.put_object(Bucket="shelf", Key=key, Body=body, Metadata=metadata)
        found = assert_same(clients, "get_object", Bucket="shelf", Key=key)
        assert (found["Body"], found["Metadata"], found["ContentLength"]) == (body, metadata, len(body))
        assert assert_same(clients, "head_object", Bucket="shelf", Key=key)["ContentLength"] == len(body)
    listed = clients[0].list_objects_v2(Bucket="shelf", Prefix=key)["Contents"]
    assert key in [entry["Key"] for entry in listed]
    clients[1].delete_object(Bucket="shelf", Key=key)
    assert assert_same(clients, "get_object", Bucket="shelf", Key=key)["Error"]["Code"] == "NoSuchKey"


@shared
@given(
    st.text(
        alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"),
        min_size=1,
        max_size=50,
    )
)
def test_messages(both: Both, text: str) -> None:
    clients = both("sqs")
    url = clients[0].get_queue_url(QueueName="work")["QueueUrl"]
    sent = assert_same(clients, "send_message", QueueUrl=url, MessageBody=text)
    for client in clients:
        (message,) = client.receive_message(QueueUrl=url)["Messages"]
        assert (message["Body"], message["MD5OfBody"]) == (text, sent["MD5OfMessageBody"])
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("s3", "list_buckets", {}),
        ("s3", "get_object", {"Bucket": "no-such-shelf", "Key": "a"}),
        ("s3", "head_object", {"Bucket": "shelf", "Key": "missing"}),
        ("s3", "get_bucket_location", {"Bucket": "shelf"}),
        ("dynamodb", "describe_table", {"TableName": "books"}),
        ("dynamodb", "describe_table", {"TableName": "missing"}),
        ("dynamodb", "create_table", {"TableName": "a b", "KeySchema": KEY_SCHEMA, "AttributeDefinitions": []}),
        ("lambda", "get_function", {"FunctionName": "missing"}),
        ("lambda", "list_functions", {}),
        ("lambda", "get_account_settings", {}),
        ("iam", "get_user", {"UserName": "nobody"}),
        ("sts", "get_caller_identity", {}),
        ("sns", "list_topics", {}),
        ("stepfunctions", "list_state_machines", {}),
        ("logs", "describe_log_groups", {"logGroupNamePrefix": "/ü"}),
        ("cloudwatch", "list_metrics", {}),
        ("apigateway", "get_rest_apis", {}),
        ("events", "list_rules", {}),
    ],
)
def test_every_protocol_and_errors(both: Both, service: str, operation: str, params: dict[str, Any]) -> None:
    assert_same(both(service), operation, **params)


@pytest.mark.parametrize("size", [0, 1, 100_000, 9 * 1024 * 1024])
def test_files_and_large_objects(both: Both, size: int) -> None:
    """Files, in parts when they are large, and downloads in pieces."""
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    for number, client in enumerate(both("s3")):
        client.upload_fileobj(io.BytesIO(content), "shelf", f"file-{number}")
        received = io.BytesIO()
        client.download_fileobj("shelf", f"file-{number}", received)
        assert received.getvalue() == content
        body = client.get_object(Bucket="shelf", Key=f"file-{number}")["Body"]
        assert b"".join(body.iter_chunks(65536)) == content


def test_a_body_that_is_a_file(both: Both) -> None:
    for client in both("s3"):
        client.put_object(Bucket="shelf", Key="file", Body=io.BytesIO(b"lines\nof\ntext"))
        lines = client.get_object(Bucket="shelf", Key="file")["Body"].iter_lines()
        assert list(lines) == [b"lines", b"of", b"text"]


def test_waiters_and_pages_work(both: Both) -> None:
    for client in both("s3"):
        client.get_waiter("bucket_exists").wait(Bucket="shelf")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="shelf", PaginationConfig={"PageSize": 1})
        assert sum(page["KeyCount"] for page in pages) >= 1


def test_calls_from_both_ways_stand_in_the_record(both: Both, running: cloud.Cloud) -> None:
    mark = running.record.mark()
    for client in both("dynamodb"):
        client.describe_table(TableName="books")
    entries = running.record.since(mark)
    assert [(entry.source, entry.target, entry.action, entry.subject, entry.outcome) for entry in entries] == [
        ("you", "dynamodb", "DescribeTable", "books", "ok")
    ] * 2


def test_decimals_are_not_made_to_floats(both: Both) -> None:
    for client in both("dynamodb"):
        client.put_item(
            TableName="books", Item=to_item({"id": "n", "price": Decimal("0.1000000000000000000000000001")})
        )
        found = client.get_item(TableName="books", Key=to_item({"id": "n"}))["Item"]
        assert deserialize(found["price"]) == Decimal("0.1000000000000000000000000001")
