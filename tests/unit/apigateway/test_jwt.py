"""JSON web tokens: only what the issuer signed, for us, and in time, is taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from helpers.dataplane.json_web_tokens import TokenError, verify

NOW = 1_700_000_000
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_club"
CLAIMS = {"iss": ISSUER, "aud": "web", "exp": NOW + 300, "sub": "ann"}
KEY = RSAKey.generate_key(2048, auto_kid=True)
OTHER = RSAKey.generate_key(2048, {"kid": KEY.kid})
KEYS = {"keys": [KEY.as_dict(private=False)]}
HEADER = {"alg": "RS256", "kid": KEY.kid}


def signed(claims: dict[str, Any], key: RSAKey = KEY) -> str:
    """Return a token."""
    return jwt.encode(HEADER, claims, key)


def part(value: Any) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refused(token: str, now: float = NOW) -> str:
    """Return why a token is not taken."""
    with pytest.raises(TokenError) as error:
        verify(token, KEYS, ISSUER, ["web"], now)
    return error.value.reason


@pytest.mark.parametrize("audience", [{"aud": "web"}, {"aud": ["app", "web"]}, {"aud": None, "client_id": "web"}])
def test_a_genuine_token_gives_its_claims(audience: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **audience}.items() if value is not None}
    assert verify(signed(claims), KEYS, ISSUER, ["web"], NOW) == claims


def test_without_audiences_nobody_asks_for_one() -> None:
    assert verify(signed({"iss": ISSUER, "exp": NOW + 1}), KEYS, ISSUER, [], NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"exp": NOW}, "expired"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": float("nan")}, "expired"),
        ({"nbf": NOW + 1}, "early"),
        ({"iss": ISSUER + "2"}, "issuer"),
        ({"aud": "app"}, "audience"),
        ({"aud": [1, None]}, "audience"),
        ({"aud": "app", "client_id": "web"}, "audience"),
    ],
)
def test_claims_that_are_wrong(change: dict[str, Any], reason: str) -> None:
    assert refused(signed({**CLAIMS, **change})) == reason


def test_a_token_without_exp_has_expired() -> None:
    assert refused(signed({"iss": ISSUER, "aud": "web"})) == "expired"


def test_another_key_with_the_same_name() -> None:
    assert refused(signed(CLAIMS, OTHER)) == "signature"


def test_no_algorithm() -> None:
    for name in ("none", "None", "NONE", ""):
        for signature in ("", signed(CLAIMS).split(".")[2]):
            assert refused(f"{part({'alg': name, 'kid': KEY.kid})}.{part(CLAIMS)}.{signature}") == "signature"


def test_the_public_key_is_no_secret() -> None:
    start = f"{part({'alg': 'HS256', 'kid': KEY.kid})}.{part(CLAIMS)}"
    for secret in (KEY.as_pem(private=False), json.dumps(KEYS["keys"][0]).encode(), b""):
        mac = base64.urlsafe_b64encode(hmac.digest(secret, start.encode(), hashlib.sha256)).rstrip(b"=").decode()
        assert refused(f"{start}.{mac}") == "signature"


def test_a_key_in_the_header_is_not_asked() -> None:
    header = {**HEADER, "jwk": OTHER.as_dict(private=False)}
    assert refused(jwt.encode(header, CLAIMS, OTHER)) == "signature"


@given(st.integers(0, 10_000), st.sampled_from("Aa0-_."))
def test_no_changed_letter_is_taken(place: int, letter: str) -> None:
    token = signed(CLAIMS)
    at = place % (len(token) - 1)  # the last letter carries two bits that mean nothing
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        assert refused(changed) == "signature"


@given(st.text(max_size=60))
def test_whatever_else_comes_is_refused(text: str) -> None:
    assert refused(text) == "signature"


@pytest.mark.parametrize("header", [[1], "x", {"alg": ["RS256"]}, {**HEADER, "crit": ["x"], "x": 1}, {"alg": 7}, None])
def test_headers_that_mean_nothing(header: Any) -> None:
    _, claims, signature = signed(CLAIMS).split(".")
    assert refused(f"{part(header)}.{claims}.{signature}") == "signature"


def test_claims_that_are_no_object() -> None:
    assert refused(jws.serialize_compact(HEADER, b"[1]", KEY)) in ("signature", "malformed")
