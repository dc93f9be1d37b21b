"""Names: what is not built says so, no chain of records is endless, and who calls by HTTP is known by name."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from helpers import cloud
from helpers.dataplane.context import Context
from helpers.dataplane.tracing import carried
from helpers.teaching import package


@pytest.fixture
def route53() -> Iterator[Any]:
    """Route 53 in an empty account with a zone, ``books.example``."""
    cloud.start()
    client = boto3.client("route53")
    client.create_hosted_zone(Name="books.example", CallerReference="1")
    yield client
    cloud.stop()


def lead(client: Any, zone: str, **record: Any) -> None:
    """Add a record to a zone."""
    [found] = [each["Id"] for each in client.list_hosted_zones()["HostedZones"] if each["Name"] == f"{zone}."]
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": {"Type": "CNAME", "TTL": 60, **record}}]}
    client.change_resource_record_sets(HostedZoneId=found, ChangeBatch=changes)


def answer(name: str) -> tuple[int, str]:
    """Return the status and the reason of a request that leads nowhere."""
    try:
        with urllib.request.urlopen(f"{cloud.current().endpoint}/_aws/https/{name}/x", timeout=10) as page:
            return page.status, ""
    except urllib.error.HTTPError as page:
        with page:
            return page.code, page.headers["x-local-cloud-reason"]


def to(*values: str) -> list[dict[str, str]]:
    return [{"Value": value} for value in values]


def test_a_name_leads_as_far_as_its_records_go(route53: Any) -> None:
    assert answer("prices.books.example") == (
        502, "prices.books.example leads to nothing, and nothing answers there"
    )  # fmt: skip
    lead(route53, "books.example", Name="prices.books.example", ResourceRecords=to("old.books.example"))
    lead(route53, "books.example", Name="old.books.example", Type="A", ResourceRecords=to("192.0.2.1"))
    assert answer("PRICES.books.example")[1].startswith("prices.books.example leads to 192.0.2.1,")
    assert answer("prices.other.example")[1].startswith("prices.other.example leads to nothing,")


def test_the_zone_that_fits_best_counts(route53: Any) -> None:
    lead(route53, "books.example", Name="a.shop.books.example", ResourceRecords=to("one.example"))
    route53.create_hosted_zone(Name="shop.books.example", CallerReference="2")
    assert answer("a.shop.books.example")[1].startswith("a.shop.books.example leads to nothing,")
    lead(route53, "shop.books.example", Name="a.shop.books.example", ResourceRecords=to("two.example"))
    assert answer("a.shop.books.example")[1].startswith("a.shop.books.example leads to two.example,")


def test_a_circle_of_names_ends(route53: Any) -> None:
    lead(route53, "books.example", Name="a.books.example", ResourceRecords=to("b.books.example"))
    lead(route53, "books.example", Name="b.books.example", ResourceRecords=to("a.books.example"))
    assert answer("a.books.example")[0] == 502


def test_routing_policies_are_not_built(route53: Any) -> None:
    weighted = {"SetIdentifier": "blue", "Weight": 10}
    lead(route53, "books.example", Name="a.books.example", ResourceRecords=to("b.example"), **weighted)
    assert answer("a.books.example") == (
        501, "A routing policy of Route 53 is not built in this local cloud; AWS has it"
    )  # fmt: skip


@pytest.mark.parametrize(
    "target", ["gone-1.us-east-1.elb.amazonaws.com", "dualstack.gone-1.eu-west-1.elb.amazonaws.com"]
)
def test_a_load_balancer_that_is_gone_does_not_answer(route53: Any, target: str) -> None:
    alias = {"HostedZoneId": "Z2P70J7EXAMPLE", "DNSName": target, "EvaluateTargetHealth": False}
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    record = {"Name": "prices.books.example", "Type": "A", "AliasTarget": alias}
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
    assert answer("prices.books.example") == (502, f"there is no load balancer {target.removeprefix('dualstack.')}")


ASK = """
import os, urllib.request
def handler(event, context):
    headers = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
    urllib.request.urlopen(urllib.request.Request(event["url"], headers=headers), timeout=5).close()
"""


def test_a_function_that_passes_the_trace_header_on_is_known_as_the_caller() -> None:
    cloud.start()
    try:
        api = boto3.client("apigatewayv2")
        made = api.create_api(Name="menu", ProtocolType="HTTP")
        client = boto3.client("lambda")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
        code = {"ZipFile": package({"app.py": ASK})}
        common = {"Runtime": "python3.13", "Role": role, "Handler": "app.handler", "Code": code}
        client.create_function(FunctionName="waiter", TracingConfig={"Mode": "Active"}, **common)
        client.get_waiter("function_active_v2").wait(FunctionName="waiter")
        url = f"{cloud.current().endpoint}/_aws/execute-api/{made['ApiId']}/x"
        client.invoke(FunctionName="waiter", Payload=json.dumps({"url": url}))
        [call] = [each for each in cloud.current().record.since() if each.action == "GET /x"]
        assert call.source == "function waiter"
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url, timeout=5)
        assert [each.source for each in cloud.current().record.since() if each.action == "GET /x"][-1] == "client"
    finally:
        cloud.stop()


def test_an_unknown_parent_is_nobody(route53: Any) -> None:
    backend: Any = cloud.current()._backend
    context: Context = backend.context
    context.traces.own("a" * 16, "function waiter")
    for parent, name in (("a" * 16, "function waiter"), ("b" * 16, "client")):
        with carried(f"Root=1-67891233-abcdef012345678912345678;Parent={parent}"):
            assert context.http_caller() == name
