"""A distribution that a contract test configures and asks, and an origin that notes what it is asked."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.contract.subjects import ASSUME, BACKEND, Page, Subject

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
SAYS = "def handler(event, context):\n    cf = event['Records'][0]['cf']\n"
TELLS = SAYS + (
    "    print('SEEN', __import__('json').dumps(cf))\n"
    "    return cf.get('response') or cf['request']\n"
)  # fmt: skip
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


class Server:
    """A web server on this machine: answers what it is told, by path, and notes each request."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, headers, content = outer.answers.get(self.path.partition("?")[0], (200, {}, b"hello"))
                tag = headers.get("ETag")
                if tag and self.headers.get("If-None-Match") == tag:
                    status, content = 304, b""
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else content)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def origin(self, **more: Any) -> dict[str, Any]:
        """Return the server as an origin."""
        config = {"HTTPPort": self.port, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
        return {"Id": "server", "DomainName": "127.0.0.1", "CustomOriginConfig": config, **more}

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def listed(*items: Any) -> dict[str, Any]:
    """Return a list as CloudFront's API writes it."""
    return {"Quantity": len(items), "Items": list(items)} if items else {"Quantity": 0}


def behavior(origin: str = "server", policy: str = OPTIMIZED, **more: Any) -> dict[str, Any]:
    """Return a cache behaviour."""
    chosen = {"TargetOriginId": origin, "ViewerProtocolPolicy": "allow-all", "CachePolicyId": policy, **more}
    methods = more.get("AllowedMethods")
    if isinstance(methods, list):
        chosen["AllowedMethods"] = {**listed(*methods), "CachedMethods": listed("GET", "HEAD")}
    return chosen


class Edge:
    """A distribution."""

    def __init__(self, aws: Subject, *origins: Mapping[str, Any], **config: Any) -> None:
        self.aws, self.client = aws, aws.client("cloudfront")
        given = {"DefaultCacheBehavior": behavior(origins[0]["Id"]), "Enabled": True, "Comment": "", **config}
        self.config = {"CallerReference": "once", "Origins": listed(*origins), **given}
        made = self.client.create_distribution(DistributionConfig=self.config)
        self.id, self.arn, self.etag = made["Distribution"]["Id"], made["Distribution"]["ARN"], made["ETag"]
        self.domain = made["Distribution"]["DomainName"]
        by_name = BACKEND == "ministack"  # which knows distributions by the Host header only, as AWS does
        self.url = aws.endpoint if by_name else f"{aws.endpoint}/_aws/cloudfront/{self.id}"
        self.host = {"Host": self.domain} if by_name else {}

    def get(self, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Page:
        """Ask for a path, as a viewer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.aws.http(self.url + path, method, body, self.host | named)

    def cached(self, path: str = "/", **headers: str) -> str:
        """Return what X-Cache says of a path, without its end."""
        return self.get(path, **headers).headers["X-Cache"].removesuffix(" from cloudfront")

    def redirected(self, path: str) -> tuple[int, str]:
        """Return the status of a path, without following it, and what X-Cache says."""
        there = urlsplit(self.url)
        connection = http.client.HTTPConnection(there.netloc, timeout=20)
        connection.request("GET", there.path + path, headers=self.host)
        answer = connection.getresponse()
        connection.close()
        return answer.status, str(answer.getheader("X-Cache")).removesuffix(" from cloudfront")

    def invalidate(self, *paths: str, reference: str = "now") -> dict[str, Any]:
        """Invalidate paths; return the invalidation."""
        batch = {"CallerReference": reference, "Paths": listed(*paths)}
        made = self.client.create_invalidation(DistributionId=self.id, InvalidationBatch=batch)
        return dict(made["Invalidation"])


def cache_policy(aws: Subject, name: str = "p", **chosen: Any) -> str:
    """Create a cache policy; ``headers``, ``cookies`` and ``queries`` are names, the rest are its TTLs."""
    given = {kind: chosen.pop(kind, []) for kind in ("headers", "cookies", "queries")}
    parameters = {
        "EnableAcceptEncodingGzip": False,
        "HeadersConfig": _choice("Header", "Headers", given["headers"]),
        "CookiesConfig": _choice("Cookie", "Cookies", given["cookies"]),
        "QueryStringsConfig": _choice("QueryString", "QueryStrings", given["queries"]),
    }
    config = {"Name": name, "MinTTL": 0, "ParametersInCacheKeyAndForwardedToOrigin": parameters, **chosen}
    return str(aws.client("cloudfront").create_cache_policy(CachePolicyConfig=config)["CachePolicy"]["Id"])


def _choice(kind: str, plural: str, names: list[str]) -> dict[str, Any]:
    return {f"{kind}Behavior": "whitelist", plural: listed(*names)} if names else {f"{kind}Behavior": "none"}


def edge_role(aws: Subject, name: str = "edge") -> str:
    """Create a role that may run at the edge."""
    trust = json.loads(json.dumps(ASSUME))
    trust["Statement"][0]["Principal"]["Service"] = ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]
    iam = aws.client("iam")
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    return arn


def version(aws: Subject, source: str, name: str = "f", **settings: Any) -> str:
    """Create a function and publish it; return the version's ARN."""
    settings.setdefault("Role", edge_role(aws, f"{name}-edge"))
    client = aws.function(source, name, **settings)
    return str(client.publish_version(FunctionName=name)["FunctionArn"])


def lambdas(**arns: str) -> dict[str, Any]:
    """Return associations, as ``viewer_request="arn..."``."""
    found = [{"LambdaFunctionARN": arn, "EventType": event.replace("_", "-")} for event, arn in arns.items()]
    return listed(*found)


def with_lambda(aws: Subject, server: Server, source: str, *events: str, policy: str = "", **more: Any) -> Edge:
    """Return a distribution whose events run one function."""
    arn = version(aws, source)
    found = lambdas(**{event.replace("-", "_"): arn for event in events})
    chosen = behavior(LambdaFunctionAssociations=found, **({"policy": policy} if policy else {}))
    return Edge(aws, server.origin(), DefaultCacheBehavior=chosen, **more)
