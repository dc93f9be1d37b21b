"""Over the socket, only calls that were signed with the account's own keys are answered.

On a shared machine every user can reach 127.0.0.1. Whoever could call this cloud could create a function in it, which
would run with the learner's rights.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.auth
import pytest
from botocore.compat import get_current_datetime

from helpers import cloud
from helpers.cloud import Cloud
from tests.wire import LIST_TABLES, Keys, Wire, port_of, send, sign

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:moto")
CALL = Wire(headers=tuple(LIST_TABLES.items()), body=b'{"Limit": 10}')
OBJECT = Wire("PUT", "/shelf/a%20book?x-id=PutObject", (("x-amz-meta-colour", "green"),), b"content")


@pytest.fixture(scope="module", autouse=True)
def shelf(running: Cloud) -> None:
    """The bucket that the presigned addresses are about."""
    boto3.client("s3").create_bucket(Bucket="shelf")


def signed(running: Cloud, keys: Keys, wire: Wire = CALL, service: str = "dynamodb", **options: Any) -> Wire:
    """Return the wire, rightly signed."""
    return sign(wire, keys, service, urlsplit(running.endpoint).netloc, **options)


def test_the_right_signature_is_answered(running: Cloud, keys: Keys) -> None:
    """Without this, all the refusals below would prove nothing."""
    for wire, service in ((CALL, "dynamodb"), (OBJECT, "s3")):
        reply = send(port_of(running.endpoint), signed(running, keys, wire, service))
        assert reply.status == 200, reply.text


@pytest.mark.parametrize(
    "wire",
    [
        CALL,
        OBJECT,
        Wire("GET", "/2015-03-31/functions/"),
        Wire(
            headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            body=b"Action=ListUsers&Version=2010-05-08",
        ),
    ],
    ids=["dynamodb", "s3", "lambda", "iam"],
)
def test_an_unsigned_call_is_refused(running: Cloud, wire: Wire) -> None:
    reply = send(port_of(running.endpoint), wire.having("Host", urlsplit(running.endpoint).netloc))
    assert reply.status == 403
    assert ("AccessDenied" if wire is OBJECT else "MissingAuthenticationToken") in reply.text


def test_a_wrong_secret_is_refused(running: Cloud, keys: Keys) -> None:
    last = "-" if keys.secret_access_key.endswith("_") else "_"
    wrong = Keys(keys.access_key_id, keys.secret_access_key[:-1] + last)
    reply = send(port_of(running.endpoint), signed(running, wrong))
    assert (reply.status, "InvalidSignatureException" in reply.text) == (403, True)


def test_an_unknown_key_is_refused(running: Cloud, keys: Keys) -> None:
    """The keys that everybody knows from examples are nobody's here."""
    for name, secret in (("testing", "testing"), ("test", "test"), ("AKIAIOSFODNN7EXAMPLE", keys.secret_access_key)):
        reply = send(port_of(running.endpoint), signed(running, Keys(name, secret)))
        assert (reply.status, "UnrecognizedClientException" in reply.text) == (403, True)


def another_second(wire: Wire) -> str:
    """Return the time of the signature, a few seconds off."""
    moment = wire.header("X-Amz-Date")
    return f"{moment[:-2]}{9 - int(moment[-2])}Z"


CHANGES: dict[str, tuple[Wire, str, Callable[[Wire], Wire]]] = {
    "body": (CALL, "dynamodb", lambda wire: wire.but(body=b'{"Limit": 99}')),
    "empty body": (CALL, "dynamodb", lambda wire: wire.but(body=b"")),
    "operation": (CALL, "dynamodb", lambda wire: wire.having("X-Amz-Target", "DynamoDB_20120810.DeleteTable")),
    "date": (CALL, "dynamodb", lambda wire: wire.having("X-Amz-Date", another_second(wire))),
    "host": (CALL, "dynamodb", lambda wire: wire.having("Host", "localhost")),
    "method": (OBJECT, "s3", lambda wire: wire.but(method="DELETE")),
    "path": (OBJECT, "s3", lambda wire: wire.but(target="/shelf/another?x-id=PutObject")),
    "encoding of the path": (OBJECT, "s3", lambda wire: wire.but(target="/shelf/a+book?x-id=PutObject")),
    "query": (OBJECT, "s3", lambda wire: wire.but(target="/shelf/a%20book?x-id=DeleteObject")),
    "more query": (OBJECT, "s3", lambda wire: wire.but(target=wire.target + "&versionId=1")),
    "no query": (OBJECT, "s3", lambda wire: wire.but(target="/shelf/a%20book")),
    "header": (OBJECT, "s3", lambda wire: wire.having("x-amz-meta-colour", "red")),
    "missing header": (OBJECT, "s3", lambda wire: wire.having("x-amz-meta-colour", None)),
    "second header": (OBJECT, "s3", lambda wire: wire.but(headers=(*wire.headers, ("x-amz-meta-colour", "red")))),
    "stored body": (OBJECT, "s3", lambda wire: wire.but(body=b"other")),
    "promised hash": (OBJECT, "s3", lambda wire: wire.having("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")),
    "no hash": (OBJECT, "s3", lambda wire: wire.having("X-Amz-Content-SHA256", None).but(body=b"other")),
    "not ASCII": (CALL, "dynamodb", lambda wire: wire.having("Authorization", wire.header("Authorization") + "é")),
    "another scope": (
        CALL,
        "dynamodb",
        lambda wire: wire.having(
            "Authorization", wire.header("Authorization").replace("/aws4_request", "/aws5_request")
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_call_that_was_changed_after_signing_is_refused(running: Cloud, keys: Keys, change: str) -> None:
    wire, service, spoil = CHANGES[change]
    reply = send(port_of(running.endpoint), spoil(signed(running, keys, wire, service)))
    assert reply.status in (400, 403), reply.text
    codes = ("SignatureDoesNotMatch", "InvalidSignatureException", "XAmzContentSHA256Mismatch", "IncompleteSignature")
    assert any(code in reply.text for code in codes), reply.text


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_more_than_15_minutes_off_is_refused(
    running: Cloud, keys: Keys, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda: get_current_datetime() + timedelta(minutes=minutes)
    )
    reply = send(port_of(running.endpoint), signed(running, keys))
    assert (reply.status, "Signature expired" in reply.text) == (403, True)


def test_a_presigned_url_is_good_until_it_expires(running: Cloud, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("s3").put_object(Bucket="shelf", Key="page", Body=b"text")
    port, page = port_of(running.endpoint), Wire("GET", "/shelf/page")
    good = send(port, signed(running, keys, page, "s3", presign=60))
    assert (good.status, good.body) == (200, b"text")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: get_current_datetime() - timedelta(seconds=61))
    late = send(port, signed(running, keys, page, "s3", presign=60))
    assert (late.status, "Request has expired" in late.text) == (403, True)


@pytest.mark.parametrize(
    "name", ["X-Amz-Expires", "X-Amz-Date", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature"]
)
def test_no_part_of_a_presigned_url_can_be_changed(running: Cloud, keys: Keys, name: str) -> None:
    wire = signed(running, keys, Wire("GET", "/shelf?list-type=2"), "s3", presign=60)
    path, _, query = wire.target.partition("?")
    value = dict(part.partition("=")[::2] for part in query.split("&"))[name]
    for other in {value + "0", "0" + value, value[:-1], ""} - {value}:
        target = f"{path}?{query.replace(f'{name}={value}', f'{name}={other}')}"
        reply = send(port_of(running.endpoint), wire.but(target=target))
        assert reply.status in (400, 403), f"{name}={other}: {reply.text}"


def test_a_presigned_get_does_not_allow_a_put(running: Cloud, keys: Keys) -> None:
    wire = signed(running, keys, Wire("GET", "/shelf/page"), "s3", presign=60)
    assert send(port_of(running.endpoint), wire.but(method="PUT", body=b"x")).status == 403


def test_a_session_is_good_only_with_its_own_token(running: Cloud, keys: Keys, role: Callable[[str], str]) -> None:
    arn = role("visitor")
    sts = boto3.client("sts")
    first, second = (sts.assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"] for name in ("one", "two"))
    port = port_of(running.endpoint)

    def status(token: str | None) -> int:
        session = Keys(first["AccessKeyId"], first["SecretAccessKey"], token)
        return send(port, signed(running, session)).status

    assert status(first["SessionToken"]) == 200
    assert [status(second["SessionToken"]), status("x"), status(None)] == [403, 403, 403]
    stolen = Keys(keys.access_key_id, keys.secret_access_key, first["SessionToken"])
    assert send(port, signed(running, stolen)).status == 403


def test_refusals_of_a_stranger_are_quick(running: Cloud) -> None:
    """A flood of refused calls must not stop the learner's own: each is one short answer."""
    began = time.monotonic()
    for _ in range(20):
        send(port_of(running.endpoint), CALL.having("Host", "127.0.0.1"))
    assert time.monotonic() - began < 20
    assert cloud.current() is running
