"""What API Gateway promises about HTTP APIs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.contract.apis_v2 import HttpApi
from tests.contract.subjects import Subject, promise

ROUTES = "API Gateway Developer Guide, Create routes for HTTP APIs in API Gateway"
STAGES = "API Gateway Developer Guide, Stages for HTTP APIs in API Gateway"
LAMBDA = "API Gateway Developer Guide, Create AWS Lambda proxy integrations for HTTP APIs in API Gateway"
SERVERS = "API Gateway Developer Guide, Create HTTP proxy integrations for HTTP APIs"
CORS = "API Gateway Developer Guide, Configure CORS for HTTP APIs in API Gateway"
JWT = "API Gateway Developer Guide, Control access to HTTP APIs with JWT authorizers in API Gateway"
KEYS = ("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default")


@promise(ROUTES, "a full match goes before a path variable, that before a greedy one, and $default comes last")
def test_priority(aws: Subject) -> None:
    api = HttpApi(aws, KEYS)
    for method, path, key, parameters in [
        ("GET", "pets/dog/1", KEYS[0], None),
        ("GET", "pets/dog/2", KEYS[1], {"id": "2"}),
        ("GET", "pets/cat/1", KEYS[2], {"proxy": "cat/1"}),
        ("POST", "test/5", KEYS[3], {"proxy": "test/5"}),
        ("GET", "", KEYS[4], None),
    ]:
        event = api.event(path, method)
        assert (event["routeKey"], event.get("pathParameters")) == (key, parameters)


@promise(ROUTES, "ANY takes the methods that no other route of the path takes")
def test_any(aws: Subject) -> None:
    api = HttpApi(aws, ("GET /pets", "ANY /pets"))
    assert [api.event("pets", method)["routeKey"] for method in ("GET", "POST")] == ["GET /pets", "ANY /pets"]


@promise(ROUTES, "a request that nothing matches is a 404: Not Found")
def test_not_found(aws: Subject) -> None:
    page = HttpApi(aws, ("GET /pets",)).ask("cats")
    assert (page.status, page.json()) == (404, {"message": "Not Found"})


@promise(STAGES, "the stage that the path names serves a request, else $default; each has its own variables")
def test_stages(aws: Subject) -> None:
    api = HttpApi(aws)
    api.stage("test", StageVariables={"colour": "blue"})
    named, other = api.event("test/pets"), api.event("pets")
    assert (named["requestContext"]["stage"], named["stageVariables"]) == ("test", {"colour": "blue"})
    assert (named["rawPath"], other["rawPath"]) == ("/test/pets", "/pets")
    assert other["requestContext"]["stage"] == "$default" and "stageVariables" not in other


@promise(STAGES, "a stage serves its deployment; only with AutoDeploy are changes served at once")
def test_deployments(aws: Subject) -> None:
    api = HttpApi(aws, ("GET /one",))
    api.stage("test", AutoDeploy=False)
    assert api.ask("test/one").status == 404
    first = api.client.create_deployment(ApiId=api.id, StageName="test")["DeploymentId"]
    api.route("GET /two", api.target)
    assert [api.ask(path).status for path in ("test/one", "test/two", "two")] == [200, 404, 200]
    second = api.client.create_deployment(ApiId=api.id)["DeploymentId"]
    assert api.ask("test/two").status == 404
    api.client.update_stage(ApiId=api.id, StageName="test", DeploymentId=second)
    assert api.ask("test/two").status == 200
    assert {one["DeploymentId"] for one in api.client.get_deployments(ApiId=api.id)["Items"]} == {first, second}


@promise(LAMBDA, "a stage variable chooses the function")
def test_stage_variable(aws: Subject) -> None:
    api = HttpApi(aws)
    arn = api.function.removesuffix("f") + "${stageVariables.name}"
    target = api.integration(IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0")
    api.route("GET /chosen", target)
    api.stage("test", StageVariables={"name": "f"})
    assert (api.ask("test/chosen").status, api.ask("chosen").status) == (200, 500)


@promise(LAMBDA, "payload format 2.0: one value for each header and parameter, cookies apart, the route's key")
def test_payload_2(aws: Subject) -> None:
    event = HttpApi(aws).event("pets?tag=a&tag=b", "POST", b"fed", Cookie="x=1; y=2", Content_Type="text/plain")
    assert (event["version"], event["routeKey"], event["cookies"]) == ("2.0", "$default", ["x=1", "y=2"])
    assert event["queryStringParameters"] == {"tag": "a,b"} and event["rawQueryString"] == "tag=a&tag=b"
    assert (event["body"], event["requestContext"]["http"]["method"]) == ("fed", "POST")
    assert event["requestContext"]["accountId"] == "123456789012"


@promise(LAMBDA, "payload format 1.0 is that of REST APIs, with its version")
def test_payload_1(aws: Subject) -> None:
    event = HttpApi(aws, ("GET /pets/{id}",), payload="1.0").event("pets/7?tag=a&tag=b")
    assert (event["version"], event["httpMethod"]) == ("1.0", "GET")
    assert (event["path"], event["resource"]) == ("/pets/7", "/pets/{id}")
    assert event["multiValueQueryStringParameters"] == {"tag": ["a", "b"]}
    assert event["queryStringParameters"] == {"tag": "b"} and event["pathParameters"] == {"id": "7"}
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


@promise(LAMBDA, "in format 2.0 a result without a statusCode is the body: 200, application/json")
def test_inferred(aws: Subject) -> None:
    page = HttpApi(aws, source="def handler(event, context): return {'fed': 3}").ask()
    assert (page.status, page.headers["Content-Type"], page.json()) == (200, "application/json", {"fed": 3})


@promise(LAMBDA, "a result with status, headers, cookies and a body in base64 becomes that response")
def test_response(aws: Subject) -> None:
    result = {"statusCode": 201, "headers": {"X-Tea": "yes"}, "cookies": ["a=1", "b=2"], "isBase64Encoded": True}
    result["body"] = base64.b64encode(b"\x00\xff").decode()
    page = HttpApi(aws, source=f"def handler(event, context): return {result!r}").ask()
    assert (page.status, page.headers["X-Tea"], page.body) == (201, "yes", b"\x00\xff")
    assert page.headers.get_all("Set-Cookie") == ["a=1", "b=2"]  # type: ignore[attr-defined]


@promise(LAMBDA, "a function that fails, or that may not be called, is a 500: Internal Server Error")
@pytest.mark.parametrize(("source", "allow"), [("1 / 0", True), ("{'statusCode': 'soon'}", True), ("'fine'", False)])
def test_failure(aws: Subject, source: str, allow: bool) -> None:
    page = HttpApi(aws, source=f"def handler(event, context): return {source}", allow=allow).ask()
    assert (page.status, page.json()) == (500, {"message": "Internal Server Error"})


@pytest.fixture
def server() -> Iterator[str]:
    """An HTTP server on this machine that says what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told = json.dumps([self.command, self.path, self.headers["X-Tea"], body]).encode()
            self.send_response(202)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,)).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@promise(SERVERS, "HTTP_PROXY passes the request on, path variables put in, and the response back")
def test_http_proxy(aws: Subject, server: str) -> None:
    api = HttpApi(aws, ())
    target = api.integration(
        IntegrationType="HTTP_PROXY",
        IntegrationUri=f"{server}/v1/{{proxy}}",
        IntegrationMethod="ANY",
        PayloadFormatVersion="1.0",
    )
    api.route("ANY /shop/{proxy+}", target)
    page = api.ask("shop/tea/7?size=l", "POST", b"please", X_Tea="yes")
    assert (page.status, page.json()) == (202, ["POST", "/v1/tea/7?size=l", "yes", "please"])


@promise(CORS, "with a CORS configuration API Gateway answers preflights, and its headers replace the function's")
def test_cors(aws: Subject) -> None:
    cors = {"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-till"]}
    source = "def handler(event, context): return {'statusCode': 200, 'headers': {'Access-Control-Allow-Origin': '*'}}"
    api = HttpApi(aws, ("GET /pets",), source, CorsConfiguration={**cors, "MaxAge": 60})
    preflight = api.ask("pets", "OPTIONS", Origin="https://shop.example", Access_Control_Request_Method="PUT")
    assert (preflight.status // 100, preflight.body) == (2, b"")
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET,PUT"
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-till"
    assert preflight.headers["Access-Control-Max-Age"] == "60"
    page = api.ask("pets", Origin="https://shop.example")
    assert page.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Origin" not in api.ask("pets", Origin="https://other.example").headers


@promise(CORS, "without one, OPTIONS is a method as all others, and the function's headers pass")
def test_no_cors(aws: Subject) -> None:
    source = "def handler(event, context): return {'statusCode': 200, 'headers': {'Access-Control-Allow-Origin': '*'}}"
    api = HttpApi(aws, ("GET /pets",), source)
    assert api.ask("pets", "OPTIONS", Origin="https://shop.example").status == 404
    assert api.ask("pets").headers["Access-Control-Allow-Origin"] == "*"


class Members:
    """An HTTP API behind a JWT authorizer, and the tokens of a user of its pool."""

    def __init__(self, aws: Subject, **route: Any) -> None:
        cognito = aws.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="club")["UserPool"]["Id"]
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="app", ExplicitAuthFlows=flows)
        client_id = client["UserPoolClient"]["ClientId"]
        cognito.admin_create_user(UserPoolId=pool, Username="ann")
        cognito.admin_set_user_password(UserPoolId=pool, Username="ann", Password="Secret-12345", Permanent=True)
        signed_in = cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ann", "PASSWORD": "Secret-12345"},
        )
        self.tokens = signed_in["AuthenticationResult"]
        self.api = HttpApi(aws, ())
        config = {"Issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}", "Audience": [client_id]}
        self._lock("GET /club", config, **route)
        self._lock("GET /other", config | {"Audience": ["somebody else"]})

    def _lock(self, key: str, config: dict[str, Any], **route: Any) -> None:
        made = self.api.client.create_authorizer(
            ApiId=self.api.id,
            Name="club",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration=config,
        )
        locked = {"AuthorizationType": "JWT", "AuthorizerId": made["AuthorizerId"], **route}
        self.api.route(key, self.api.target, **locked)


@promise(JWT, "a token of the issuer for the audience opens the route, and its claims reach the function")
def test_jwt(aws: Subject) -> None:
    members = Members(aws)
    token = members.tokens["IdToken"]
    event = members.api.event("club", Authorization=f"Bearer {token}")
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["cognito:username"] == "ann" and all(isinstance(value, str) for value in claims.values())
    assert members.api.ask("club", Authorization=token).status == 200


@promise(JWT, "no token, a spoilt one, or one for another audience is a 401: Unauthorized")
def test_jwt_refused(aws: Subject) -> None:
    members = Members(aws)
    token = members.tokens["IdToken"]
    spoilt = token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]
    pages = [members.api.ask("club"), members.api.ask("club", Authorization=spoilt)]
    pages.append(members.api.ask("other", Authorization=token))
    assert [(page.status, page.json()) for page in pages] == [(401, {"message": "Unauthorized"})] * 3
    assert pages[0].headers["www-authenticate"].startswith("Bearer")


@promise(JWT, "with scopes on the route the token must have one of them")
@pytest.mark.parametrize(("scopes", "status"), [(["aws.cognito.signin.user.admin", "x"], 200), (["x"], 403)])
def test_scopes(aws: Subject, scopes: list[str], status: int) -> None:
    members = Members(aws, AuthorizationScopes=scopes)
    assert members.api.ask("club", Authorization=members.tokens["AccessToken"]).status == status
