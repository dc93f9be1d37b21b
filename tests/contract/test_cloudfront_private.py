"""What CloudFront promises about private content: signed URLs and signed cookies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.contract.distributions import OPTIMIZED, Edge, Server, behavior, listed
from tests.contract.subjects import Page, Subject, promise, refused

URLS = "CloudFront Developer Guide, Use signed URLs"
CANNED = "CloudFront Developer Guide, Create a signed URL using a canned policy"
CUSTOM = "CloudFront Developer Guide, Create a signed URL using a custom policy"
COOKIES = "CloudFront Developer Guide, Use signed cookies"
TROUBLE = "AWS re:Post, How do I troubleshoot issues related to a signed URL or signed cookies in CloudFront?"
KEY = rsa.generate_private_key(65537, 2048)
LATER = datetime.now(UTC) + timedelta(hours=1)


def public(key: Any = KEY) -> str:
    """Return the text of a key's public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def signer(key_id: str, key: rsa.RSAPrivateKey = KEY) -> CloudFrontSigner:
    """Return botocore's signer with a key."""
    return CloudFrontSigner(key_id, lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1()))


class Vault:
    """A distribution that wants signatures, with the id of its key."""

    def __init__(self, aws: Subject, server: Server) -> None:
        client, self.server = aws.client("cloudfront"), server
        config = {"CallerReference": "k", "Name": "k", "EncodedKey": public()}
        self.key = client.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
        group = client.create_key_group(KeyGroupConfig={"Name": "g", "Items": [self.key]})["KeyGroup"]["Id"]
        trusted = {"Enabled": True, **listed(group)}
        self.edge = Edge(aws, server.origin(), DefaultCacheBehavior=behavior(TrustedKeyGroups=trusted))

    def get(self, url: str, **headers: str) -> Page:
        """Ask for a whole address."""
        return self.edge.aws.http(url, headers=headers)

    def policy(self, resource: str, **conditions: Any) -> str:
        """Return a custom policy for a resource below the distribution's address."""
        end = {"DateLessThan": {"AWS:EpochTime": int(LATER.timestamp())}}
        statement = {"Resource": self.edge.url + resource, "Condition": {**end, **conditions}}
        return json.dumps({"Statement": [statement]}, separators=(",", ":"))


@pytest.fixture
def vault(aws: Subject) -> Iterator[Vault]:
    """A distribution that wants signatures."""
    server = Server()
    yield Vault(aws, server)
    server.stop()


def denied(page: Page, code: str, message: str) -> bool:
    """Return whether a page is AWS's XML of that error."""
    expected = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    assert (page.status, page.body.decode()) == (403, expected)
    return True


@promise(CANNED, "a signed URL opens one address until it ends, and the signature does not reach the origin")
def test_canned_policy(vault: Vault) -> None:
    url = signer(vault.key).generate_presigned_url(f"{vault.edge.url}/film.mp4", date_less_than=LATER)
    assert vault.get(url).status == 200
    assert vault.server.asked[0][1] == "/film.mp4"
    assert denied(vault.get(url.replace("film", "other")), "AccessDenied", "Access denied")
    assert vault.get(url).headers["X-Cache"] == "Hit from cloudfront"


@promise(TROUBLE, "without a key pair id, and with one that is not trusted")
def test_missing_and_unknown_key(vault: Vault) -> None:
    page = vault.edge.get("/film.mp4")
    assert denied(page, "MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    url = signer("K0000000000000").generate_presigned_url(f"{vault.edge.url}/film.mp4", date_less_than=LATER)
    assert denied(vault.get(url), "InvalidKey", "Unknown Key")
    assert vault.server.asked == []


@promise(CANNED, "Hash-Algorithm says that a signature was made with SHA-256; without it SHA-1 is meant")
def test_hash_algorithm(vault: Vault) -> None:
    made = CloudFrontSigner(vault.key, lambda message: KEY.sign(message, padding.PKCS1v15(), hashes.SHA256()))
    url = made.generate_presigned_url(f"{vault.edge.url}/film.mp4", date_less_than=LATER)
    assert denied(vault.get(url), "AccessDenied", "Access denied")
    assert vault.get(f"{url}&Hash-Algorithm=SHA256").status == 200
    assert denied(vault.get(f"{url}&Hash-Algorithm=MD5"), "AccessDenied", "Access denied")
    assert vault.server.asked[0][1] == "/film.mp4"


@promise(URLS, "a signature of another key is refused, and so is a URL that has ended")
def test_wrong_and_late(vault: Vault) -> None:
    other = signer(vault.key, rsa.generate_private_key(65537, 2048))
    address = f"{vault.edge.url}/film.mp4"
    assert denied(
        vault.get(other.generate_presigned_url(address, date_less_than=LATER)), "AccessDenied", "Access denied"
    )
    past = datetime.now(UTC) - timedelta(seconds=5)
    late = signer(vault.key).generate_presigned_url(address, date_less_than=past)
    assert denied(vault.get(late), "AccessDenied", "Access denied")


@promise(URLS, "whoever moves the end of a signed URL breaks its signature")
def test_moved_end(vault: Vault) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    url = signer(vault.key).generate_presigned_url(f"{vault.edge.url}/film.mp4", date_less_than=soon)
    moved = url.replace(f"Expires={int(soon.timestamp())}", f"Expires={int(soon.timestamp()) + 9999}")
    assert moved != url and vault.get(moved).status == 403


@promise(CUSTOM, "a custom policy may name many addresses, a beginning and the viewer's network")
def test_custom_policy(vault: Vault) -> None:
    sign = signer(vault.key).generate_presigned_url
    course = vault.policy("/course/*")
    assert vault.get(sign(f"{vault.edge.url}/course/1.mp4", policy=course)).status == 200
    assert vault.get(sign(f"{vault.edge.url}/course/2.mp4?sub=de", policy=course)).status == 200
    assert vault.get(sign(f"{vault.edge.url}/other.mp4", policy=course)).status == 403
    begins = vault.policy("/*", DateGreaterThan={"AWS:EpochTime": int(time.time()) + 600})
    assert vault.get(sign(f"{vault.edge.url}/a", policy=begins)).status == 403
    here = vault.policy("/*", IpAddress={"AWS:SourceIp": "127.0.0.0/8"})
    elsewhere = vault.policy("/*", IpAddress={"AWS:SourceIp": "192.0.2.0/24"})
    assert vault.get(sign(f"{vault.edge.url}/a", policy=here)).status == 200
    assert vault.get(sign(f"{vault.edge.url}/a", policy=elsewhere)).status == 403


@promise(COOKIES, "three cookies open many addresses, and do not reach the origin")
def test_cookies(vault: Vault) -> None:
    policy = vault.policy("/course/*")
    made = signer(vault.key)
    url = made.generate_presigned_url(f"{vault.edge.url}/course/1.mp4", policy=policy)
    values = dict(part.split("=", 1) for part in url.partition("?")[2].split("&"))
    cookies = "; ".join(f"CloudFront-{name}={values[name]}" for name in ("Policy", "Signature", "Key-Pair-Id"))
    for path in ("/course/1.mp4", "/course/2.mp4"):
        assert vault.edge.get(path, Cookie=cookies).status == 200
    assert vault.edge.get("/other.mp4", Cookie=cookies).status == 403
    assert all("cookie" not in headers for _, _, headers, _ in vault.server.asked)


@promise(
    "CloudFront API Reference, CreatePublicKey", "a text that is no public key is refused; a key group wants known keys"
)
def test_keys(aws: Subject) -> None:
    client = aws.client("cloudfront")
    with refused("InvalidArgument"):
        client.create_public_key(PublicKeyConfig={"CallerReference": "x", "Name": "x", "EncodedKey": "no key"})
    with refused("InvalidArgument"):
        client.create_key_group(KeyGroupConfig={"Name": "g", "Items": ["K0000000000000"]})


@promise(URLS, "behaviours without key groups stay open")
def test_open_behavior(aws: Subject) -> None:
    server = Server()
    assert Edge(aws, server.origin(), DefaultCacheBehavior=behavior(policy=OPTIMIZED)).get("/").status == 200
    server.stop()
