"""What CloudFront promises about origins: private buckets behind an origin access control, APIs and function URLs."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.distributions import ALL_METHODS, DISABLED, Edge, behavior, listed
from tests.contract.rest_api import Api
from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise, refused

OAC = "CloudFront Developer Guide, Restrict access to an Amazon S3 origin"
CUSTOM = "CloudFront Developer Guide, Use various origins with CloudFront distributions"


def bucket_origin(aws: Subject, **more: Any) -> dict[str, Any]:
    """Create a bucket with a page, and return it as an origin with an origin access control."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="site")
    s3.put_object(
        Bucket="site", Key="index.html", Body=b"<h1>hi</h1>", ContentType="text/html", Metadata={"mood": "new"}
    )
    config = {
        "Name": "site",
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "s3",
    }
    made = aws.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)
    domain = {
        "Id": "site",
        "DomainName": "site.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    return {**domain, "OriginAccessControlId": made["OriginAccessControl"]["Id"], **more}


def grant(aws: Subject, arn: str, *actions: str) -> None:
    """Let the distribution of that ARN read the bucket."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": list(actions or ["s3:GetObject"]),
        "Resource": ["arn:aws:s3:::site/*", "arn:aws:s3:::site"],
        "Condition": {"StringEquals": {"AWS:SourceArn": arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("s3").put_bucket_policy(Bucket="site", Policy=policy)


@promise(OAC, "a private bucket answers to the distribution that its policy names, and to nobody else")
def test_private_bucket(aws: Subject) -> None:
    edge = Edge(aws, bucket_origin(aws))
    before = edge.get("/index.html")
    assert before.status == 403 and b"<Code>AccessDenied</Code>" in before.body
    grant(aws, edge.arn)
    page = edge.get("/index.html")
    assert (page.status, page.body, page.headers["Content-Type"]) == (200, b"<h1>hi</h1>", "text/html")
    assert page.headers["x-amz-meta-mood"] == "new" and page.headers["ETag"]
    grant(aws, edge.arn[:-1] + "0")
    edge.invalidate("/*")
    assert edge.get("/index.html").status == 403


@promise(
    "Amazon S3 User Guide, Blocking public access to your Amazon S3 storage", "a new bucket answers to no stranger"
)
def test_direct_access(aws: Subject) -> None:
    grant(aws, Edge(aws, bucket_origin(aws)).arn)
    page = aws.http(f"{aws.endpoint}/site/index.html")
    assert page.status == 403 and b"<Code>AccessDenied</Code>" in page.body


@promise(OAC, "an origin without its origin access control is a stranger too")
def test_without_control(aws: Subject) -> None:
    origin = bucket_origin(aws)
    del origin["OriginAccessControlId"]
    edge = Edge(aws, origin)
    grant(aws, edge.arn)
    assert edge.get("/index.html").status == 403


@promise("Amazon S3 API Reference, GetObject", "a missing key is 404 for who may list the bucket, 403 for others")
def test_missing_key(aws: Subject) -> None:
    edge = Edge(aws, bucket_origin(aws))
    grant(aws, edge.arn)
    assert edge.get("/nothing").status == 403
    grant(aws, edge.arn, "s3:GetObject", "s3:ListBucket")
    page = edge.get("/nothing-else")
    assert page.status == 404 and b"<Code>NoSuchKey</Code>" in page.body


@promise("CloudFront Developer Guide, Specify a default root object", "a private bucket's root without one is an error")
def test_no_default_root_object(aws: Subject) -> None:
    edge = Edge(aws, bucket_origin(aws))
    grant(aws, edge.arn)
    page = edge.get("/")
    assert page.status == 403 and b"<Code>AccessDenied</Code>" in page.body


@promise("CloudFront API Reference, CreateDistribution", "an unknown origin access control is refused")
def test_unknown_control(aws: Subject) -> None:
    with refused("InvalidOriginAccessControl"):
        Edge(aws, bucket_origin(aws, OriginAccessControlId="E0000000000000"))


@promise(CUSTOM, "an API is an origin; its stage is the origin path")
def test_api_origin(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos", "GET", '{"id": 7}')
    api.deploy("test")
    domain = f"{api.id}.execute-api.us-east-1.amazonaws.com"
    config = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    origin = {"Id": "api", "DomainName": domain, "OriginPath": "/test", "CustomOriginConfig": config}
    page = Edge(aws, origin, DefaultCacheBehavior=behavior("api", DISABLED)).get("/todos")
    assert page.status == 200 and page.json() == {"id": 7}


@promise(CUSTOM, "a function URL is an origin")
def test_function_url_origin(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    everyone = {"FunctionName": "f", "Principal": "*"}
    client.add_permission(StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **everyone)
    client.add_permission(StatementId="f", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **everyone)
    url = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    config = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    domain = f"{url.rstrip('/').rpartition('/')[2]}.lambda-url.us-east-1.on.aws"
    origin = {"Id": "url", "DomainName": domain, "CustomOriginConfig": config}
    chosen = behavior("url", DISABLED, AllowedMethods=ALL_METHODS)
    event = Edge(aws, origin, DefaultCacheBehavior=chosen, CacheBehaviors=listed()).get("/a", "POST", b"x").json()
    assert (event["rawPath"], event["requestContext"]["http"]["method"]) == ("/a", "POST")
    assert event["headers"]["user-agent"] == "Amazon CloudFront"
