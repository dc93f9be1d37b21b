"""What Route 53, custom domain names and load balancers promise: a name leads to an API or to a server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.contract.rest_api import Api, change
from tests.contract.stacks import Stacks
from tests.contract.subjects import Page, Subject, promise

MAPPINGS = "API Gateway Developer Guide, Use API mappings to connect API stages to a custom domain name for REST APIs"
NAMES = "API Gateway Developer Guide, Custom domain name for public REST APIs in API Gateway"
REGIONAL = "API Gateway Developer Guide, Set up a Regional custom domain name in API Gateway"
TROUBLE = "Application Load Balancers User Guide, Troubleshoot your Application Load Balancers"
TRACING = "Application Load Balancers User Guide, Request tracing for your Application Load Balancer"
RECORDS = "Route 53 Developer Guide, Choosing between alias and non-alias records"
SAM = "SAM Developer Guide, DomainConfiguration"
TRACE = "X-Amzn-Trace-Id"


class Names:
    """A hosted zone, a certificate, and what the names in the zone lead to."""

    def __init__(self, aws: Subject) -> None:
        self.aws, self.route53 = aws, aws.client("route53")
        zone = self.route53.create_hosted_zone(Name="books.example", CallerReference="1")["HostedZone"]["Id"]
        self.zone = zone.removeprefix("/hostedzone/")
        request = {"DomainName": "*.books.example", "ValidationMethod": "DNS"}
        self.certificate = aws.client("acm").request_certificate(**request)["CertificateArn"]

    def lead(self, name: str, zone: str, target: str, action: str = "CREATE") -> None:
        """Let an alias record of a name lead to a target."""
        alias = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": False}
        self.change(action, {"Name": f"{name}.books.example", "Type": "A", "AliasTarget": alias})

    def change(self, action: str, record: dict[str, Any]) -> None:
        """Change one record."""
        changes = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        self.route53.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=changes)

    def named(self, name: str, api: Api) -> dict[str, Any]:
        """Make a custom domain name for an API's stage."""
        made: dict[str, Any] = api.client.create_domain_name(
            domainName=f"{name}.books.example",
            regionalCertificateArn=self.certificate,
            endpointConfiguration={"types": ["REGIONAL"]},
        )
        self.map(name, api)
        return made

    def domain(self, name: str, api: Api, action: str = "CREATE") -> None:
        """Give an API's stage a name, and lead the name there."""
        made = self.named(name, api)
        self.lead(name, made["regionalHostedZoneId"], made["regionalDomainName"], action)

    def map(self, name: str, api: Api, base_path: str = "") -> None:
        """Map a base path of a name to an API's stage."""
        path = {"basePath": base_path} if base_path else {}
        api.client.create_base_path_mapping(domainName=f"{name}.books.example", restApiId=api.id, stage="prod", **path)

    def balancer(self, name: str) -> str:
        """Make a load balancer with a target group without targets, lead the name there; return the group's ARN."""
        elb, ec2 = self.aws.client("elbv2"), self.aws.client("ec2")
        subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
        made = elb.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]
        where = {"Protocol": "HTTP", "Port": 8080, "VpcId": made["VpcId"], "TargetType": "ip"}
        group = str(elb.create_target_group(Name=name, **where)["TargetGroups"][0]["TargetGroupArn"])
        elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTPS",
            Port=443,
            Certificates=[{"CertificateArn": self.certificate}],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        self.lead(name, made["CanonicalHostedZoneId"], f"dualstack.{made['DNSName']}")
        return group

    def register(self, group: str, port: int) -> None:
        """Register a server of this machine as a target."""
        self.aws.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": port}])

    def ask(self, name: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Page:
        """Send a request to a name."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.aws.http(f"{self.aws.endpoint}/_aws/https/{name}.books.example{path}", method, body, named)


@pytest.fixture
def names(aws: Subject) -> Names:
    return Names(aws)


def api_that_says(aws: Subject, word: str, *paths: str) -> Api:
    """Return a deployed REST API whose paths all answer with a word."""
    api = Api(aws)
    for path in paths or ("/x",):
        api.mock(path, body=json.dumps({"from": word, "path": path}))
    api.deploy()
    return api


class Echo(BaseHTTPRequestHandler):
    """Answers with what it got."""

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        got = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": sent}
        body = json.dumps(got).encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def server(handler: type[BaseHTTPRequestHandler] = Echo) -> Iterator[int]:
    """Run a server on this machine; give its port."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield running.server_port
    finally:
        running.shutdown()
        running.server_close()


@promise(REGIONAL, "an alias record that leads to the Regional domain name brings requests to the API")
def test_custom_domain_name(aws: Subject, names: Names) -> None:
    names.domain("orders", api_that_says(aws, "orders"))
    assert names.ask("orders", "/x").json() == {"from": "orders", "path": "/x"}


@promise(MAPPINGS, "a base path chooses the API and is taken off; what fits none goes to the mapping without one")
def test_base_paths(aws: Subject, names: Names) -> None:
    names.domain("api", api_that_says(aws, "all", "/x", "/hats"))
    names.map("api", api_that_says(aws, "shop", "/hats"), "shop")
    assert names.ask("api", "/shop/hats").json() == {"from": "shop", "path": "/hats"}
    assert names.ask("api", "/hats").json() == {"from": "all", "path": "/hats"}
    assert names.ask("api", "/x").json() == {"from": "all", "path": "/x"}


@promise(NAMES, "with its default endpoint disabled an API is a 403 there, and answers at its own name")
def test_disabled_endpoint(aws: Subject, names: Names) -> None:
    api = api_that_says(aws, "orders")
    names.domain("orders", api)
    assert api.ask("/x").status == 200
    api.patch("update_rest_api", change("replace", "/disableExecuteApiEndpoint", "true"))
    assert api.ask("/x").status == 403
    assert names.ask("orders", "/x").json()["from"] == "orders"


@promise(REGIONAL, "the record may be a CNAME; a name without a record leads nowhere")
def test_records(aws: Subject, names: Names) -> None:
    target = names.named("old", api_that_says(aws, "orders"))["regionalDomainName"]
    assert names.ask("old", "/x").status == 502
    leads = {"Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": target}]}
    names.change("CREATE", {"Name": "old.books.example", **leads})
    assert names.ask("old", "/x").json()["from"] == "orders"


@promise(TROUBLE, "without a registered target 503, with one that refuses 502; what a target answers comes through")
def test_load_balancer_errors(names: Names) -> None:
    group = names.balancer("prices")
    empty = names.ask("prices", "/emma")
    assert empty.status == 503 and b"503 Service Temporarily Unavailable" in empty.body
    with server() as port:
        names.register(group, port)
        assert names.ask("prices", "/emma").status == 200
        assert names.ask("prices", "/missing").status == 404
    gone = names.ask("prices", "/emma")
    assert gone.status == 502 and b"502 Bad Gateway" in gone.body


@promise(
    "Application Load Balancers User Guide, HTTP headers and Application Load Balancers",
    "the target gets method, path, query, body and Host as they came, and X-Forwarded-For, -Proto and -Port",
)
def test_load_balancer_forwards(names: Names) -> None:
    group = names.balancer("prices")
    with server() as port:
        names.register(group, port)
        got = names.ask("prices", "/emma?copies=2", "POST", b"please", Accept_Language="de").json()
    assert (got["method"], got["path"], got["body"]) == ("POST", "/emma?copies=2", "please")
    headers = got["headers"]
    assert (headers["Host"], headers["Accept-Language"]) == ("prices.books.example", "de")
    assert headers["X-Forwarded-For"] and headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Forwarded-Port"] == "443"


@promise(TRACING, "a load balancer adds a trace header where there is none, and keeps the root of one that came")
def test_load_balancer_trace_header(names: Names) -> None:
    group = names.balancer("prices")
    root = "1-67891233-abcdef012345678912345678"
    with server() as port:
        names.register(group, port)
        assert names.ask("prices").json()["headers"][TRACE].startswith("Root=1-")
        came = names.ask("prices", X_Amzn_Trace_Id=f"Root={root};CalledFrom=app").json()["headers"][TRACE]
    assert f"Root={root}" in came and "CalledFrom=app" in came


@promise(RECORDS, "who changes the record moves the name to another resource; callers keep the name")
def test_a_name_moves(aws: Subject, names: Names) -> None:
    group = names.balancer("prices")
    with server() as port:
        names.register(group, port)
        assert "path" in names.ask("prices", "/x").json() and names.ask("prices", "/x").json()["method"] == "GET"
        names.domain("prices", api_that_says(aws, "serverless"), action="UPSERT")
        assert names.ask("prices", "/x").json()["from"] == "serverless"


HTTP = "API Gateway Developer Guide, Map API stages to a custom domain name for HTTP APIs"


@promise(HTTP, "an HTTP API can have a name, too; the key of a mapping chooses the API below it")
def test_http_api_name(aws: Subject, names: Names) -> None:
    template = json.loads(json.dumps(TEMPLATE).replace("Serverless::Api", "Serverless::HttpApi"))
    del template["Resources"]["Api"]["Properties"]["StageName"]
    event = template["Resources"]["Function"]["Properties"]["Events"]["Ask"]
    event |= {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Path": "/x", "Method": "get"}}
    values = {"Zone": names.zone, "Certificate": names.certificate, "Name": "orders.books.example"}
    stacks = Stacks(aws)
    told = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    made = stacks.create(template, Parameters=told)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("CREATE_FAILED")
    assert names.ask("orders", "/x").body == b"orders.books.example"
    mapping = {"DomainName": "orders.books.example", "ApiMappingKey": "shop", "Stage": "$default"}
    client = aws.client("apigatewayv2")
    extra = client.create_api_mapping(ApiId=stacks.resource("Api"), **mapping)["ApiMappingId"]
    assert names.ask("orders", "/shop/x").status == 200
    client.delete_api_mapping(ApiMappingId=extra, DomainName="orders.books.example")
    assert stacks.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert client.get_domain_names().get("Items", []) == []


TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Zone": {"Type": "String"}, "Certificate": {"Type": "String"}, "Name": {"Type": "String"}},
    "Resources": {
        "Api": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "StageName": "prod",
                "Domain": {
                    "DomainName": {"Ref": "Name"},
                    "CertificateArn": {"Ref": "Certificate"},
                    "EndpointConfiguration": "REGIONAL",
                    "Route53": {"HostedZoneId": {"Ref": "Zone"}},
                },
            },
        },
        "Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "InlineCode": "def handler(event, _):\n"
                "    return {'statusCode': 200, 'body': event['requestContext']['domainName']}",
                "Events": {
                    "Ask": {"Type": "Api", "Properties": {"RestApiId": {"Ref": "Api"}, "Path": "/x", "Method": "get"}}
                },
            },
        },
    },
}


@promise(SAM, "an API's Domain becomes a custom domain name, a base path mapping and an alias record, and goes with it")
def test_sam_domain(aws: Subject, names: Names) -> None:
    stacks = Stacks(aws)

    def parameters(name: str) -> list[dict[str, str]]:
        values = {"Zone": names.zone, "Certificate": names.certificate, "Name": f"{name}.books.example"}
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]

    made = stacks.create(TEMPLATE, Parameters=parameters("orders"))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("CREATE_FAILED")
    assert names.ask("orders", "/x").body == b"orders.books.example"
    assert stacks.update(TEMPLATE, Parameters=parameters("shop"))["StackStatus"] == "UPDATE_COMPLETE"
    assert names.ask("shop", "/x").body == b"shop.books.example"
    assert names.ask("orders", "/x").status == 502
    stacks.delete()
    kept = names.route53.list_resource_record_sets(HostedZoneId=names.zone)["ResourceRecordSets"]
    assert {one["Type"] for one in kept} == {"NS", "SOA"}
    assert aws.client("apigateway").get_domain_names().get("items", []) == []
