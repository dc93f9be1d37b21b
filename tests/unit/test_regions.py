"""Two Regions in one cloud: each has its own functions and APIs, and one of them can be switched off."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.backends.moto import MotoBackend
from helpers.teaching import distribution_address, package
from helpers.teaching.checks import eventually
from tests.contract.distributions import DISABLED, behavior, listed

HOME, AWAY = "us-east-1", "eu-west-1"
ONCE = Config(retries={"total_max_attempts": 1})
WHERE = """
import os, boto3
def handler(event, context):
    if "Records" in event:
        boto3.client("s3").put_object(Bucket="told", Key="where", Body=os.environ["AWS_REGION"])
    return {"statusCode": 200, "body": os.environ["AWS_REGION"]}
"""
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def role() -> Iterator[str]:
    """An account with a role for functions; returns the role's ARN."""
    cloud.start(speed=60)
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    yield boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    cloud.stop()


def client(service: str, region: str = AWAY) -> Any:
    """Return a client that does not try again."""
    return boto3.client(service, region, config=ONCE)


def function(role: str, region: str) -> str:
    """Create the same function in a Region; return its ARN."""
    settings = {"FunctionName": "where", "Role": role, "Runtime": "python3.13", "Handler": "app.handler"}
    code = {"ZipFile": package({"app.py": WHERE})}
    return str(client("lambda", region).create_function(Code=code, **settings)["FunctionArn"])


def http_api(arn: str, region: str) -> str:
    """Put an HTTP API before a function; return the path of its address."""
    gateway = client("apigatewayv2", region)
    made = gateway.create_api(Name="where", ProtocolType="HTTP")
    to = {"IntegrationType": "AWS_PROXY", "IntegrationUri": arn, "PayloadFormatVersion": "2.0"}
    target = gateway.create_integration(ApiId=made["ApiId"], **to)["IntegrationId"]
    gateway.create_route(ApiId=made["ApiId"], RouteKey="GET /", Target=f"integrations/{target}")
    gateway.create_stage(ApiId=made["ApiId"], StageName="$default", AutoDeploy=True)
    allow(arn, region, made["ApiId"])
    return f"{made['ApiId']}/"


def rest_api(arn: str, region: str) -> str:
    """Put a REST API before a function; return the path of its address."""
    gateway = client("apigateway", region)
    api = gateway.create_rest_api(name="where")
    root = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**root, authorizationType="NONE", apiKeyRequired=False)
    uri = f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    gateway.put_integration(**root, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api["id"], stageName="prod")
    allow(arn, region, api["id"])
    return f"{api['id']}/prod/"


def allow(arn: str, region: str, api: str) -> None:
    """Let one API of a Region, and no other, call a function."""
    source = f"arn:aws:execute-api:{region}:{cloud.current().account_id}:{api}/*"
    client("lambda", region).add_permission(
        FunctionName=arn, StatementId=api, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        SourceArn=source,
    )  # fmt: skip


def ask(path: str) -> tuple[int, str]:
    """Return what an API answers."""
    try:
        with urllib.request.urlopen(f"{cloud.current().endpoint}/_aws/execute-api/{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())["message"]


@pytest.mark.parametrize("api", [http_api, rest_api])
def test_each_region_answers_with_its_own_function_until_it_is_switched_off(role: str, api: Any) -> None:
    paths = {region: api(function(role, region), region) for region in (HOME, AWAY)}
    assert [ask(paths[region]) for region in (HOME, AWAY)] == [(200, HOME), (200, AWAY)]
    cloud.current().switch_off_region(AWAY)
    assert [ask(paths[region]) for region in (HOME, AWAY)] == [(200, HOME), (503, "Service Unavailable")]
    cloud.current().switch_on_region(AWAY)
    assert ask(paths[AWAY]) == (200, AWAY)


def test_only_the_calls_of_a_region_that_is_off_are_refused(role: str) -> None:
    client("s3").create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": AWAY})
    client("s3", HOME).create_bucket(Bucket="near")
    cloud.current().switch_off_region(AWAY)
    asked = [lambda: client("lambda").list_functions(), lambda: client("dynamodb").list_tables(),
             lambda: client("s3", HOME).put_object(Bucket="far", Key="a")]  # fmt: skip
    for call in asked:
        with pytest.raises(ClientError, match="The Region eu-west-1 is switched off") as refusal:
            call()
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    client("s3", AWAY).put_object(Bucket="near", Key="a")
    client("lambda", HOME).list_functions()
    client("iam", AWAY).get_role(RoleName="worker")
    cloud.current().switch_on_region(AWAY)
    client("s3", HOME).put_object(Bucket="far", Key="a")


def test_what_works_in_the_home_region_only_says_so(role: str) -> None:
    function(role, AWAY)
    with pytest.raises(ClientError, match="a function URL outside the account's home Region is not built"):
        client("lambda").create_function_url_config(FunctionName="where", AuthType="NONE")


def test_an_event_for_a_function_waits_until_its_region_is_back(role: str) -> None:
    client("s3", HOME).create_bucket(Bucket="told")
    arn = function(role, AWAY)
    client("lambda").invoke(FunctionName=arn, Payload='{"Records": []}')
    client("s3", HOME).delete_object(Bucket="told", Key="where")
    cloud.current().switch_off_region(AWAY)
    backend = cloud.current()._backend
    assert isinstance(backend, MotoBackend)
    backend.functions.push(arn, b'{"Records": []}', "a service")
    time.sleep(0.2)
    assert client("s3", HOME).list_objects_v2(Bucket="told")["KeyCount"] == 0
    cloud.current().switch_on_region(AWAY)
    found = client("s3", HOME)
    eventually(lambda: found.list_objects_v2(Bucket="told")["KeyCount"] == 1, "the function to run")
    assert found.get_object(Bucket="told", Key="where")["Body"].read().decode() == AWAY


def bucket(region: str) -> dict[str, Any]:
    """Create a bucket that CloudFront may read, with the Region's name in it; return it as an origin."""
    name, there = f"site-{region}", {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client("s3", region).create_bucket(Bucket=name, **(there if region == AWAY else {}))
    client("s3", region).put_object(Bucket=name, Key="where", Body=region)
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject"}
    statement["Resource"] = f"arn:aws:s3:::{name}/*"
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("s3", region).put_bucket_policy(Bucket=name, Policy=document)
    return {"Id": region, "DomainName": f"{name}.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}


def test_a_bucket_of_a_region_that_is_off_gives_cloudfront_nothing_and_another_takes_over(role: str) -> None:
    front = client("cloudfront")
    control = {"Name": "site", "SigningProtocol": "sigv4", "SigningBehavior": "always"}
    control["OriginAccessControlOriginType"] = "s3"
    made = front.create_origin_access_control(OriginAccessControlConfig=control)["OriginAccessControl"]
    origins = [{**bucket(region), "OriginAccessControlId": made["Id"]} for region in (AWAY, HOME)]
    group = {"Id": "both", "FailoverCriteria": {"StatusCodes": listed(503)}}
    group["Members"] = listed({"OriginId": AWAY}, {"OriginId": HOME})
    config = {"CallerReference": "once", "Comment": "", "Enabled": True, "Origins": listed(*origins)}
    config |= {"OriginGroups": listed(group), "DefaultCacheBehavior": behavior("both", DISABLED)}
    address = distribution_address(front.create_distribution(DistributionConfig=config)["Distribution"]["Id"], "/where")

    def page() -> str:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return str(answer.read().decode())

    assert page() == AWAY
    cloud.current().switch_off_region(AWAY)
    assert page() == HOME
