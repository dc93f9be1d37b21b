"""Signed URLs and signed cookies: only who holds a signature of a trusted key may see what a behaviour serves.

AWS: a behaviour that names key groups answers only to a signature with one of their keys, over a policy: either the
canned one, a URL and its end, or one of one's own with wildcards, a beginning and an address range ("Serve private
content with signed URLs and signed cookies", CloudFront Developer Guide; the errors: "Troubleshoot issues related to
a signed URL or signed cookies in CloudFront", AWS re:Post). The parameters and cookies of the signature do not go to
the origin.

Here: RSA with SHA-1, or with SHA-256 where ``Hash-Algorithm`` says so ("Create a signed URL using a canned policy");
``botocore.signers.CloudFrontSigner`` leaves that parameter to its caller. ECDSA keys and trusted signers by account are
not built. An end is a time of day on this machine's own clock, whatever the cloud's
speed is.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.cloudfront.distribution import backend, items
from helpers.dataplane.cloudfront.errors import EdgeError
from helpers.dataplane.cloudfront.request_policies import cookies_of, pairs_of
from helpers.dataplane.policies import like
from helpers.dataplane.web import HttpRequest

PARAMETERS = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})
COOKIES = frozenset(f"CloudFront-{name}" for name in PARAMETERS)
VIEWER = "127.0.0.1"
_HASHES = {"SHA1": SHA1, "SHA256": SHA256}


def read_key(pem: str) -> RSAPublicKey:
    """Return a public key from its text.

    Raises
    ------
    AWSError
        ``InvalidArgument``: no public key, or not of 2,048 bits; ``NotImplementedException``: not RSA.
    """
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise AWSError("InvalidArgument", "Your request contains an invalid public key.", 400) from None
    if not isinstance(key, RSAPublicKey):
        raise not_built("a public key that is not RSA")
    if key.key_size != 2048:
        raise AWSError("InvalidArgument", "Your request contains an invalid public key: RSA needs 2048 bits.", 400)
    return key


def check(behavior: Mapping[str, Any], request: HttpRequest, url: str, account_id: str) -> None:
    """Check the signature of a request for ``url``, and take it out of the request.

    Raises
    ------
    EdgeError
        403 with AWS's XML.
    """
    groups = items(behavior.get("TrustedKeyGroups"))
    if not groups:
        return
    given = {name: value for name, value in pairs_of(request.query) if name in PARAMETERS}
    if not given:
        prefix = "CloudFront-"
        given = {name.removeprefix(prefix): value for name, value in cookies_of(request.headers) if name in COOKIES}
    _strip(request)
    if not given.get("Key-Pair-Id"):
        raise EdgeError(403, "Missing Key-Pair-Id query parameter or cookie value", code="MissingKey")
    kept = backend(account_id)
    trusted = {one for group in groups if group in kept.key_groups for one in kept.key_groups[group].items}
    if given["Key-Pair-Id"] not in trusted or given["Key-Pair-Id"] not in kept.public_keys:
        raise EdgeError(403, "Unknown Key", code="InvalidKey")
    base = f"{url}?{request.query}" if request.query else url
    policy = _policy(given, base)
    key = read_key(kept.public_keys[given["Key-Pair-Id"]].encoded_key)
    try:
        how = _HASHES[given.get("Hash-Algorithm", "SHA1")]()
        key.verify(_decoded(given.get("Signature", "")), policy, PKCS1v15(), how)
    except (InvalidSignature, ValueError, KeyError):
        raise _denied() from None
    if not _holds(policy, base):
        raise _denied()


def _strip(request: HttpRequest) -> None:
    parts = [part for part in request.query.split("&") if part]
    request.query = "&".join(part for part in parts if unquote_plus(part.partition("=")[0]) not in PARAMETERS)
    others = [f"{name}={value}" for name, value in cookies_of(request.headers) if name not in COOKIES]
    request.headers.remove("Cookie")
    if others:
        request.headers["Cookie"] = "; ".join(others)


def _policy(given: Mapping[str, str], base: str) -> bytes:
    """Return the text that must have been signed."""
    if "Policy" in given:
        return _decoded(given["Policy"])
    if not given.get("Expires", "").isdecimal():
        raise _malformed()
    statement = {"Resource": base, "Condition": {"DateLessThan": {"AWS:EpochTime": int(given["Expires"])}}}
    return json.dumps({"Statement": [statement]}, separators=(",", ":")).encode()


def _holds(policy: bytes, base: str) -> bool:
    try:
        statement = json.loads(policy)["Statement"][0]
        conditions, now = statement["Condition"], time.time()
        end = int(conditions["DateLessThan"]["AWS:EpochTime"])
        begin = int((conditions.get("DateGreaterThan") or {}).get("AWS:EpochTime", 0))
        network = (conditions.get("IpAddress") or {}).get("AWS:SourceIp", "0.0.0.0/0")
        within = ip_address(VIEWER) in ip_network(network, strict=False)
        return begin <= now < end and within and like(base, statement.get("Resource", "*"))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise _malformed() from None


def _decoded(text: str) -> bytes:
    """Return what CloudFront's own base64 for addresses stands for."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"), validate=True)
    except ValueError:
        raise _malformed() from None


def _denied() -> EdgeError:
    return EdgeError(403, "Access denied", code="AccessDenied")


def _malformed() -> EdgeError:
    return EdgeError(403, "Malformed Policy", code="MalformedPolicy")
