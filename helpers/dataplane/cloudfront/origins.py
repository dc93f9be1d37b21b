"""Origins: a bucket, an API or a function URL of this cloud, or a server on this machine.

AWS: with an origin access control CloudFront signs its requests to a bucket as ``cloudfront.amazonaws.com``, for the
distribution (``aws:SourceArn``), and the bucket's policy decides ("Restrict access to an Amazon S3 origin",
CloudFront Developer Guide); who may not list a bucket learns that a key is missing as 403, not 404 (GetObject, Amazon
S3 API Reference). Without a default root object the root is a request for the bucket's list ("Specify a default root
object", CloudFront Developer Guide; ListObjects, Amazon S3 API Reference). Everything else is a custom origin. APIs and
function URLs want their own domain name as the Host header ("Use managed origin request policies":
AllViewerExceptHostHeader); here another is 403.

Here: the domain names of AWS lead to the local services, and nothing leaves this machine: any other domain is refused
when the distribution is configured. Without an origin access control CloudFront asks S3 as a stranger. Not built: other
methods than GET and HEAD for buckets, a bucket's list, origin access identities (legacy), website endpoints, signed
requests to function URLs.
"""

from __future__ import annotations

import http.client
import re
import string
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError
from moto.s3.models import s3_backends
from werkzeug.datastructures import Headers

from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.cloudfront.distribution import Distribution, backend, items
from helpers.dataplane.cloudfront.errors import EdgeError, xml_error
from helpers.dataplane.context import Context
from helpers.dataplane.policies import Asked, Verdict
from helpers.dataplane.s3_access import known
from helpers.dataplane.web import HttpRequest, HttpResponse

Ask = Callable[[HttpRequest], HttpResponse]
_BUCKET = re.compile(r"([a-z0-9][a-z0-9.-]*)\.s3(?:\.[a-z]{2}[a-z0-9-]*-\d)?\.amazonaws\.com")
_SERVICES = {
    "execute-api": re.compile(r"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com"),
    "lambda-url": re.compile(r"([a-z0-9]+)\.lambda-url\.[a-z0-9-]+\.on\.aws"),
}
_NAME = "cloudfront"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_KEPT = re.compile(r"content-.*|etag|last-modified|cache-control|expires|x-amz-meta-.*|x-amz-version-id", re.IGNORECASE)
_OF_A_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


def check_origin(origin: Mapping[str, Any]) -> None:
    """Check that this cloud can reach an origin.

    Raises
    ------
    AWSError
        ``NotImplementedException`` names what is not built.
    """
    domain = origin["DomainName"]
    identity = (origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity")
    if identity:
        raise not_built("an origin access identity (legacy, use an origin access control)")
    if bucket_of(domain):
        return
    if not any(form.fullmatch(domain) for form in _SERVICES.values()) and domain not in _LOOPBACK:
        raise not_built(f"the origin {domain}: an origin outside this machine")


def bucket_of(domain: str) -> str:
    """Return the bucket that a domain name means, or an empty text."""
    found = _BUCKET.fullmatch(domain)
    return found[1] if found else ""


class Origins:
    """Asks origins.

    Parameters
    ----------
    ask:
        Hands a request to the front door.
    """

    def __init__(self, context: Context, ask: Ask) -> None:
        self._context, self._ask = context, ask

    def fetch(self, distribution: Distribution, origin: Mapping[str, Any], request: HttpRequest) -> HttpResponse:
        """Return what the origin answers; ``request`` has what the origin is to see.

        Raises
        ------
        EdgeError
            CloudFront has no answer of the origin.
        AWSError
            ``NotImplementedException``: a function chose an origin that is not on this machine.
        """
        check_origin(origin)
        for header in items(origin.get("CustomHeaders")):
            request.headers[header["HeaderName"]] = header["HeaderValue"]
        request.path = f"{origin.get('OriginPath') or ''}{request.path}"
        domain = origin["DomainName"]
        if bucket_of(domain):
            return self._from_bucket(distribution, origin, request)
        for service, form in _SERVICES.items():
            found = form.fullmatch(domain)
            if found and request.headers.get("Host") != domain:
                return HttpResponse(403, Headers({"Content-Type": "application/json"}), b'{"message":"Forbidden"}')
            if found:
                path = f"/_aws/{service}/{found[1]}{request.path}"
                return self._ask(HttpRequest(request.method, path, request.query, request.headers, request.body))
        return _from_server(domain, origin.get("CustomOriginConfig") or {}, request)

    def _from_bucket(self, distribution: Distribution, origin: Mapping[str, Any], request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise EdgeError(501, not_built(f"{request.method} to an S3 origin").message)
        name, key = bucket_of(origin["DomainName"]), unquote(request.path).removeprefix("/")
        bucket = s3_backends[self._context.account_id]["aws"].buckets.get(name)
        if bucket is None:
            return xml_error(404, "NoSuchBucket", "The specified bucket does not exist")
        if bucket.region_name in self._context.switched_off:
            return xml_error(503, "ServiceUnavailable", "Service is unable to handle request.")
        if not key and self._may(distribution, origin, "s3:ListBucket", bucket.arn):
            raise EdgeError(501, not_built("the list of a bucket at the root of a distribution").message)
        if not key or not self._may(distribution, origin, "s3:GetObject", f"{bucket.arn}/{key}"):
            return xml_error(403, "AccessDenied", "Access Denied")
        known = request.headers.get("If-None-Match")
        try:
            got = self._context.client("s3", _NAME).get_object(
                Bucket=name, Key=key, **({"IfNoneMatch": known} if known else {})
            )
        except ClientError as error:
            return self._refused(error, self._may(distribution, origin, "s3:ListBucket", bucket.arn))
        told = got["ResponseMetadata"]["HTTPHeaders"]
        headers = Headers([(header, value) for header, value in told.items() if _KEPT.fullmatch(header)])
        headers["Server"] = "AmazonS3"
        return HttpResponse(200, headers, got["Body"].read())

    def _refused(self, error: ClientError, may_list: bool) -> HttpResponse:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        if status == 304:
            return HttpResponse(304)
        if code == "NoSuchKey" and not may_list:
            return xml_error(403, "AccessDenied", "Access Denied")
        return xml_error(status, code, error.response["Error"].get("Message", ""))

    def _may(self, distribution: Distribution, origin: Mapping[str, Any], action: str, arn: str) -> bool:
        control = backend(self._context.account_id).origin_access_controls.get(
            origin.get("OriginAccessControlId") or ""
        )
        signs = control is not None and control.signing_behavior == "always"
        who = (f"{_NAME}.amazonaws.com", distribution.arn) if signs else (None, None)
        asked = Asked(action, arn, service=_NAME if signs else "", values=known(None, *who))
        try:
            return self._context.identities.resource_policies["s3"].verdict(asked) is Verdict.ALLOW
        except AWSError as error:
            raise EdgeError(error.status, error.message) from None


def _from_server(host: str, config: Mapping[str, Any], request: HttpRequest) -> HttpResponse:
    port, patience = int(config.get("HTTPPort") or 80), int(config.get("OriginReadTimeout") or 30)
    connection = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        address = f"{request.path}?{request.query}" if request.query else request.path
        address = quote(address, safe=string.punctuation)  # what a function wrote goes as UTF-8
        connection.request(request.method, address, request.body or None, dict(request.headers.items()))
        answer = connection.getresponse()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_A_CONNECTION]
        return HttpResponse(answer.status, Headers(headers), answer.read())
    except TimeoutError:
        raise EdgeError(504, "CloudFront attempted to establish a connection with the origin, but either the attempt "
                        "failed or the origin closed the connection.") from None  # fmt: skip
    except (OSError, http.client.HTTPException):
        raise EdgeError(502, "CloudFront wasn't able to connect to the origin.") from None
    finally:
        connection.close()
