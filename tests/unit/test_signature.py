"""Signature Version 4: whatever botocore signs is accepted, and no part of it can be changed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.dataplane.call import AWSError
from helpers.dataplane.signature import Secret, Signature, verify
from tests.wire import Keys, Wire, sign

HOST = "127.0.0.1:4566"
KEYS = Keys("AKIAOWNER", "the owner's secret")
SESSION = Keys("ASIASESSION", "the session's secret", "the session's token")
SECRETS = {
    KEYS.access_key_id: Secret(KEYS.secret_access_key),
    SESSION.access_key_id: Secret(SESSION.secret_access_key, "the session's token"),
}

words = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=12)
names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=10)
visible = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)
queries = st.lists(st.tuples(words, st.one_of(st.just(""), words)), max_size=4)


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    """Any request that an SDK may send."""
    path = "/" + "/".join(quote(part, safe="") for part in draw(st.lists(words, max_size=4)))
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in draw(queries))
    headers = draw(st.dictionaries(names.map("x-amz-meta-{}".format), visible, max_size=4))
    return Wire(
        draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"])),
        path + (f"?{query}" if query else ""),
        tuple(headers.items()),
        draw(st.binary(max_size=200)),
    )


services = st.sampled_from(["s3", "dynamodb", "lambda", "states", "execute-api"])
owners = st.sampled_from([KEYS, SESSION])
expiries = st.sampled_from([0, 0, 60])


def accepted(wire: Wire) -> bool:
    """Return whether the front door would take the request as signed by one of the owners."""
    request = wire.request()
    try:
        signature = Signature.read(request)
        if signature is None:
            return False
        verify(request, signature, SECRETS.get)
    except AWSError as error:
        assert error.status in (0, 400, 403)
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(wires(), services, owners, expiries)
def test_what_botocore_signs_is_accepted(wire: Wire, service: str, keys: Keys, presign: int) -> None:
    wire = wire.but(body=b"") if presign else wire  # botocore would move it into the query
    signed = sign(wire, keys, service, HOST, presign=presign)
    assert accepted(signed)
    signature = Signature.read(signed.request())
    assert signature is not None
    assert (signature.access_key_id, signature.service, signature.region) == (keys.access_key_id, service, "us-east-1")
    assert signature.expires == presign


def other(text: str, data: st.DataObject) -> str:
    """Return a text that differs from ``text`` by one character."""
    place = data.draw(st.integers(0, len(text)))
    letter = data.draw(st.sampled_from("abcxyz0189"))
    changed = data.draw(
        st.sampled_from([text[:place] + letter + text[place:], text[:place] + letter + text[place + 1 :]])
    )
    assume(changed != text)
    return str(changed)


def mutate(signed: Wire, service: str, data: st.DataObject) -> Wire:
    """Return the request with one part changed."""
    part = data.draw(st.sampled_from(["method", "path", "query", "more query", "header", "no header", "twice", "body"]))
    path, mark, query = signed.target.partition("?")
    if part == "method":
        return signed.but(method=data.draw(st.sampled_from("GET PUT POST DELETE HEAD PATCH".split())))
    if part == "path":
        return signed.but(target=f"/{other(path[1:], data)}{mark}{query}")
    if part == "query":
        assume(query)
        return signed.but(target=f"{path}?{other(query, data)}")
    if part == "more query":
        return signed.but(target=f"{signed.target}{'&' if query else '?'}x={data.draw(names)}")
    if part == "body":
        return signed.but(body=signed.body + data.draw(st.binary(min_size=1, max_size=9)))
    name, value = data.draw(st.sampled_from(signed.headers))
    if part == "no header":
        assume(value)
        return signed.having(name, None)
    if part == "twice":
        return signed.but(headers=(*signed.headers, (name, value)))
    return signed.having(name, other(value, data))


@settings(max_examples=250, deadline=None)
@given(wires(), services, owners, expiries, st.data())
def test_one_change_is_enough_to_be_refused(
    wire: Wire, service: str, keys: Keys, presign: int, data: st.DataObject
) -> None:
    wire = wire.but(body=b"") if presign else wire  # botocore would move it into the query
    signed = sign(wire, keys, service, HOST, presign=presign)
    changed = mutate(signed, service, data)
    assume(changed != signed)
    if presign and service == "s3":
        assume(changed.body == signed.body)  # a presigned upload leaves the body open
    assume("\n" not in "".join(value for _, value in changed.headers))
    assert not accepted(changed) or same_meaning(signed, changed)


def same_meaning(one: Wire, other: Wire) -> bool:
    """Return whether two requests differ only where AWS sees no difference either."""

    def meaning(wire: Wire) -> Any:
        path, _, query = wire.target.partition("?")
        parts = sorted(part.partition("=")[::2] for part in query.split("&") if part)
        headers = sorted((name.lower(), " ".join(value.split())) for name, value in wire.headers)
        authorization = [part.strip() for part in dict(headers).pop("authorization", "").partition(" ")[2].split(",")]
        rest = [item for item in headers if item[0] != "authorization"]
        return wire.method, path, parts, rest, sorted(authorization), wire.body

    return bool(meaning(one) == meaning(other))


@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Signature=é",
        "AWS4-HMAC-SHA256 ,,,===",
    ],
)
def test_an_unreadable_signature_is_said_to_be_so(header: str) -> None:
    request = Wire(headers=(("Authorization", header), ("X-Amz-Date", "20260101T000000Z"))).request()
    with pytest.raises(AWSError, match="does not conform to AWS standards"):
        Signature.read(request)


@pytest.mark.parametrize("header", ["", "Bearer abc", "Basic abc", "AWS AKIA:old-signature"])
def test_other_kinds_of_authorization_are_no_signature(header: str) -> None:
    """A function behind a function URL reads them itself."""
    assert Signature.read(Wire(headers=(("Authorization", header),)).request()) is None


def test_a_query_that_mentions_a_signature_is_none() -> None:
    """A key may be called anything; what signs a request is a parameter of that name."""
    wire = sign(Wire("GET", "/shelf?prefix=X-Amz-Signature"), KEYS, "s3", HOST)
    assert accepted(wire)
    wire = sign(Wire("GET", "/shelf?prefix=%26X-Amz-Signature%3D1"), KEYS, "s3", HOST)
    assert accepted(wire)


def test_the_secret_is_looked_up_once_and_never_shown() -> None:
    wire = sign(Wire(body=b"{}"), KEYS, "dynamodb", HOST).having("X-Amz-Target", "changed")
    asked = []

    def look_up(key: str) -> Secret:
        asked.append(key)
        return Secret("another secret")

    request = wire.request()
    signature = Signature.read(request)
    assert signature is not None
    with pytest.raises(AWSError) as refused:
        verify(request, signature, look_up)
    assert asked == [KEYS.access_key_id]
    assert "secret" not in str(refused.value).lower().replace("your aws secret access key", "")
