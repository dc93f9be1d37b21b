"""Signature Version 4, the reading side: who signed this request, and is the signature right?

AWS: every API call carries a signature made with the caller's secret key over the method, path, query, chosen headers
and body ("Signature Version 4", IAM User Guide, Create a signed AWS API request). Here the same: the arithmetic is
botocore's, which signs the calls; we sign once more with the secret that we know and compare.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from helpers.dataplane.call import AWSError
from helpers.dataplane.web import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
TOLERANCE_SECONDS = 15 * 60
_UNHASHED = ("UNSIGNED-PAYLOAD", "STREAMING-")


@dataclass(frozen=True)
class Secret:
    """What is known of an access key."""

    secret_access_key: str
    session_token: str = ""
    expires_at: float = math.inf
    """When temporary credentials end, in seconds since the epoch by the cloud's clock."""


@dataclass(frozen=True)
class Signature:
    """The parts of a signature, from the Authorization header or from the query of a presigned URL."""

    access_key_id: str
    region: str
    service: str
    """The signing name, such as ``states`` for Step Functions."""
    timestamp: str
    signed_headers: tuple[str, ...]
    value: str
    token: str
    expires: int
    """Seconds for which a presigned URL is good; 0 for a signed header."""

    @classmethod
    def read(cls, request: HttpRequest) -> Signature | None:
        """Return the request's signature, or None when it has none.

        Raises
        ------
        AWSError
            ``IncompleteSignature``: there is one that cannot be read.
        """
        header = request.headers.get("Authorization", "")
        query = dict(parse_qsl(request.query)) if "X-Amz-Signature=" in request.query else {}
        if not header.startswith(ALGORITHM) and "X-Amz-Signature" not in query:
            return None
        try:
            if "X-Amz-Signature" in query:
                return cls._from_query(query)
            fields = dict(part.strip().split("=", 1) for part in header[len(ALGORITHM) :].split(","))
            timestamp = request.headers["X-Amz-Date"]
            access_key, region, service = _scope(fields["Credential"], timestamp)
            return cls(
                access_key, region, service, timestamp,
                tuple(fields["SignedHeaders"].split(";")), fields["Signature"],
                request.headers.get("X-Amz-Security-Token", ""), 0,
            )  # fmt: skip
        except (KeyError, ValueError):
            raise AWSError("IncompleteSignature", "The request signature does not conform to AWS standards.") from None

    @classmethod
    def _from_query(cls, query: dict[str, str]) -> Signature:
        access_key, region, service = _scope(query["X-Amz-Credential"], query["X-Amz-Date"])
        return cls(
            access_key, region, service, query["X-Amz-Date"], tuple(query["X-Amz-SignedHeaders"].split(";")),
            query["X-Amz-Signature"], query.get("X-Amz-Security-Token", ""), int(query["X-Amz-Expires"]),
        )  # fmt: skip


def _scope(credential: str, timestamp: str) -> tuple[str, str, str]:
    """Return access key, Region and service of a credential such as ``AKIA.../20261121/us-east-1/s3/aws4_request``."""
    access_key, day, region, service, end = credential.rsplit("/", 4)
    if day != timestamp[:8] or end != "aws4_request":
        raise ValueError(credential)
    return access_key, region, service


def verify(request: HttpRequest, signature: Signature, look_up: Callable[[str], Secret | None]) -> None:
    """Check that ``request`` was signed by the owner of its access key.

    Raises
    ------
    AWSError
        ``InvalidClientTokenId`` (no such key, or another session's token), ``SignatureDoesNotMatch`` (wrong secret,
        changed request, clock more than 15 minutes off) or ``AccessDenied`` (a presigned URL that has expired).
    """
    secret = look_up(signature.access_key_id)
    if secret is None or not _equal(secret.session_token, signature.token):
        raise AWSError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    _check_age(signature)
    _check_body(request, signature)
    if not _equal(_sign(request, signature, secret), signature.value):
        raise AWSError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
            403,
        )


def _equal(one: str, other: str) -> bool:
    """Compare in constant time; of texts ``compare_digest`` takes only those in ASCII."""
    return hmac.compare_digest(one.encode(), other.encode())


def _check_age(signature: Signature) -> None:
    try:
        made = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AWSError(
            "IncompleteSignature", f"Date '{signature.timestamp}' is not in ISO 8601 basic format."
        ) from None
    age = (datetime.now(UTC) - made).total_seconds()
    if signature.expires:
        if age > signature.expires:
            raise AWSError("AccessDenied", "Request has expired", 403)
    elif abs(age) > TOLERANCE_SECONDS:
        raise AWSError(
            "SignatureDoesNotMatch", f"Signature expired: {signature.timestamp} is more than 15 min off.", 403
        )


def _check_body(request: HttpRequest, signature: Signature) -> None:
    said = request.headers.get("X-Amz-Content-SHA256", "")
    if signature.expires or not said or said.startswith(_UNHASHED):
        return
    if not _equal(said, hashlib.sha256(request.body).hexdigest()):
        raise AWSError(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match the body."
        )


def _sign(request: HttpRequest, signature: Signature, secret: Secret) -> str:
    credentials = Credentials("any", secret.secret_access_key)
    s3 = signature.service == "s3"
    headers = {name: ",".join(request.headers.getlist(name)) for name in signature.signed_headers}
    query = request.query
    if signature.expires:
        kind = S3SigV4QueryAuth if s3 else SigV4QueryAuth
        auth = kind(credentials, signature.service, signature.region, expires=signature.expires)
        query = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
    else:
        auth = (S3SigV4Auth if s3 else SigV4Auth)(credentials, signature.service, signature.region)
    url = f"http://{request.headers.get('Host', '')}{request.path}" + (f"?{query}" if query else "")
    unsigned = AWSRequest(method=request.method, url=url, headers=headers, data=request.body)
    unsigned.context["timestamp"] = signature.timestamp
    return str(auth.signature(auth.string_to_sign(unsigned, auth.canonical_request(unsigned)), unsigned))
