"""What API Gateway promises about HTTP servers behind REST APIs; here one of this test, in the place of EC2 or a load
balancer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.contract.rest_api import Api
from tests.contract.subjects import Subject, promise

PROXY = "API Gateway Developer Guide, HTTP integrations for REST APIs in API Gateway"
MAPPING = "API Gateway Developer Guide, Parameter mapping for REST APIs in API Gateway"
PASSTHROUGH = "API Gateway Developer Guide, Method request behavior for payloads without mapping templates"
RESPONSES = "API Gateway Developer Guide, Gateway response types for API Gateway"
NOTES = "API Gateway Developer Guide, Amazon API Gateway important notes"


class Echo(BaseHTTPRequestHandler):
    """Answers what it was asked; ``/slow`` takes two seconds, ``/status/404`` answers with that status."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/slow":
            time.sleep(2)
        said = {"method": self.command, "path": self.path, "body": body, "headers": dict(self.headers.items())}
        content = json.dumps(said).encode()
        self.send_response(int(self.path.removeprefix("/status/")) if self.path.startswith("/status/") else 200)
        for name, value in (
            ("Content-Type", "application/json"),
            ("X-Backend", "echo"),
            ("X-Many", "a"),
            ("X-Many", "b"),
        ):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def backend_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def proxied(aws: Subject, url: str, **integration: object) -> Api:
    """Return an API that passes all paths below / on to a server."""
    api = Api(aws)
    mapped = {"integration.request.path.proxy": "method.request.path.proxy"}
    api.method(
        "/{proxy+}",
        "ANY",
        {"type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "uri": url, "requestParameters": mapped, **integration},
        requestParameters={"method.request.path.proxy": True},
    )
    api.deploy()
    return api


@promise(PROXY, "HTTP_PROXY passes method, path, query, headers and body on, and the answer back")
def test_proxy(aws: Subject, backend_url: str) -> None:
    api = proxied(aws, backend_url + "/site/{proxy}")
    page = api.ask("/a/b%20c?x=1&x=2", "POST", b"tea", content_type="text/plain", x_shop="Bakery")
    said = page.json()
    assert (said["method"], said["path"], said["body"]) == ("POST", "/site/a/b%20c?x=1&x=2", "tea")
    assert (said["headers"]["X-Shop"], said["headers"]["Content-Type"]) == ("Bakery", "text/plain")
    assert said["headers"]["x-amzn-apigateway-api-id"] == api.id
    assert page.headers["X-Backend"] == "echo" and page.headers.get_all("X-Many") == ["a", "b"]  # type: ignore[attr-defined]
    assert api.ask("/x", "GET").json()["method"] == "GET"


@promise(PROXY, "HTTP_PROXY gives the client the server's own status")
def test_proxy_status(aws: Subject, backend_url: str) -> None:
    api = proxied(aws, backend_url + "/{proxy}")
    assert [api.ask(f"/status/{status}").status for status in (201, 404, 500)] == [201, 404, 500]


@promise(NOTES, "headers such as Date and Server of the backend come back as x-amzn-Remapped-")
def test_remapped(aws: Subject, backend_url: str) -> None:
    page = proxied(aws, backend_url + "/{proxy}").ask("/x")
    assert "BaseHTTP" in page.headers["x-amzn-Remapped-Server"] and page.headers["x-amzn-Remapped-Date"]
    assert "Server" not in page.headers


@promise(MAPPING, "requestParameters give the backend headers, query and path from the request, the stage or constants")
def test_parameters(aws: Subject, backend_url: str) -> None:
    api = Api(aws)
    mapped = {
        "integration.request.path.what": "method.request.path.id",
        "integration.request.querystring.q": "method.request.querystring.search",
        "integration.request.header.X-Stage": "context.stage",
        "integration.request.header.X-Colour": "stageVariables.colour",
        "integration.request.header.X-Item": "method.request.body.order.item",
        "integration.request.header.X-Fixed": "'yes'",
        "integration.request.header.X-Missing": "method.request.header.nobody",
    }
    integration = {"type": "HTTP", "integrationHttpMethod": "PUT", "uri": backend_url + "/v1/{what}"}
    api.method("/{id}", "POST", {**integration, "requestParameters": mapped})
    api.respond(
        "/{id}", "POST", responseParameters={"method.response.header.X-Was": "integration.response.header.X-Backend"}
    )
    api.deploy(variables={"colour": "red"})
    page = api.ask("/7?search=tea&other=1", "POST", b'{"order": {"item": "bread"}}', content_type="application/json")
    said = page.json()
    assert (said["method"], said["path"]) == ("PUT", "/v1/7?q=tea")
    kept = {key: value for key, value in said["headers"].items() if key.startswith("X-") and "Trace-Id" not in key}
    assert kept == {"X-Stage": "prod", "X-Colour": "red", "X-Item": "bread", "X-Fixed": "yes"}
    assert page.headers["X-Was"] == "echo" and "X-Backend" not in page.headers


@promise(PROXY, "behind HTTP the backend's status chooses the integration response")
def test_status_patterns(aws: Subject, backend_url: str) -> None:
    api = Api(aws)
    uri = {"type": "HTTP", "integrationHttpMethod": "GET", "uri": backend_url + "/status/{n}"}
    api.method("/{n}", "GET", {**uri, "requestParameters": {"integration.request.path.n": "method.request.path.n"}})
    api.respond("/{n}", "GET", "200")
    api.respond("/{n}", "GET", "418", selectionPattern=r"4\d{2}", responseTemplates={"application/json": '{"tea": 1}'})
    api.deploy()
    assert [api.ask(f"/{n}").status for n in (200, 404, 500)] == [200, 418, 200]
    assert api.ask("/404").json() == {"tea": 1}


@promise(PASSTHROUGH, "a body without a template passes, passes if there is no template at all, or is a 415")
def test_passthrough(aws: Subject, backend_url: str) -> None:
    api = Api(aws)
    template = {"requestTemplates": {"application/json": '{"made": true}'}}
    cases = [
        (behaviour, given)
        for behaviour in ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
        for given in (template, {"requestTemplates": {}})
    ]
    for number, (behaviour, given) in enumerate(cases):
        integration = {
            "type": "HTTP",
            "integrationHttpMethod": "POST",
            "uri": backend_url,
            "passthroughBehavior": behaviour,
        }
        api.method(f"/{number}", "POST", {**integration, **given})
        api.respond(f"/{number}", "POST")
    api.deploy()
    xml = [api.ask(f"/{number}", "POST", b"<a/>", content_type="application/xml") for number in range(6)]
    assert [page.status for page in xml] == [200, 200, 415, 200, 415, 415]
    assert xml[0].json()["body"] == "<a/>" and xml[2].json() == {"message": "Unsupported Media Type"}
    untyped = [api.aws.http(api.url(f"/{number}"), "POST", b"{}", {"Content-Type": ""}) for number in range(6)]
    assert [page.status for page in untyped] == [200, 200, 200, 200, 200, 415]
    assert untyped[0].json()["body"] == '{"made": true}'


@promise(RESPONSES, "a server that is not there is a 504, one that takes too long too")
def test_unreachable(aws: Subject, backend_url: str) -> None:
    page = proxied(aws, "http://127.0.0.1:9/{proxy}").ask("/x")
    assert (page.status, page.json()) == (504, {"message": "Network error communicating with endpoint"})
    page = proxied(aws, backend_url + "/{proxy}", timeoutInMillis=100).ask("/slow")
    assert (page.status, page.json()) == (504, {"message": "Endpoint request timed out"})


@promise(PROXY, "a stage variable chooses the server")
def test_stage_variable(aws: Subject, backend_url: str) -> None:
    api = proxied(aws, "http://${stageVariables.server}/{proxy}")
    api.deploy("prod", variables={"server": backend_url.removeprefix("http://")})
    assert api.ask("/x").json()["path"] == "/x"
    api.deploy("beta")
    assert (api.ask("/x", stage="beta").status, api.ask("/x", stage="beta").json()["message"]) == (
        500,
        "Internal server error",
    )
