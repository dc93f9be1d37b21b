"""HTTP and WebSocket APIs for contract tests: an API with one function ``f`` behind its routes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from websockets.sync.client import ClientConnection, connect

from tests.contract.subjects import BACKEND, Page, Subject

RETURN_THE_EVENT = (
    "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}"
)
LONG = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"


class ApiV2:
    """An API of either kind; ``allow`` lets it call its function."""

    def __init__(self, aws: Subject, protocol: str, source: str, *, allow: bool = True, **options: Any) -> None:
        self.aws, self.client = aws, aws.client("apigatewayv2")
        self._named: set[str] = set()
        self.id = str(self.client.create_api(Name="shop", ProtocolType=protocol, **options)["ApiId"])
        functions = aws.function(source)
        self.function = str(functions.get_function(FunctionName="f")["Configuration"]["FunctionArn"])
        if allow:
            functions.add_permission(
                FunctionName="f",
                StatementId=self.id,
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:us-east-1:123456789012:{self.id}/*",
            )

    def route(self, key: str, target: str, **options: Any) -> str:
        """Add a route to an integration; return its id."""
        target = f"integrations/{target}"
        return str(self.client.create_route(ApiId=self.id, RouteKey=key, Target=target, **options)["RouteId"])

    def integration(self, **options: Any) -> str:
        """Add an integration; return its id."""
        return str(self.client.create_integration(ApiId=self.id, **options)["IntegrationId"])

    def stage(self, name: str, **options: Any) -> None:
        """Add a stage that deploys at once, unless told otherwise."""
        self.client.create_stage(ApiId=self.id, StageName=name, **{"AutoDeploy": True, **options})
        self._named.add(name)

    def address(self, below: str = "") -> str:
        """Return an address of the API; those of ministack name the stage ``$default``, too."""
        if BACKEND == "ministack" and below.partition("/")[0] not in self._named:
            below = f"$default/{below}"
        return f"{self.aws.endpoint}/_aws/execute-api/{self.id}/{below}"


class HttpApi(ApiV2):
    """An HTTP API whose routes go to the function, with the stage ``$default``."""

    def __init__(
        self, aws: Subject, routes: Iterable[str] = ("$default",), source: str = RETURN_THE_EVENT, **options: Any
    ) -> None:
        payload = options.pop("payload", "2.0")
        super().__init__(aws, "HTTP", source, **options)
        self.target = self.integration(
            IntegrationType="AWS_PROXY", IntegrationUri=self.function, PayloadFormatVersion=payload
        )
        for key in routes:
            self.route(key, self.target)
        self.stage("$default")

    def ask(self, path: str = "", method: str = "GET", body: bytes | None = None, **headers: str) -> Page:
        """Ask for a path."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.aws.http(self.address(path), method, body, named)

    def event(self, path: str = "", method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
        """Return the event that the function got."""
        return self.ask(path, method, body, **headers).json()


class WebSocketApi(ApiV2):
    """A WebSocket API whose routes go to the function, with the stage ``prod``."""

    def __init__(
        self,
        aws: Subject,
        routes: Iterable[str] = ("$connect", "$disconnect", "$default"),
        source: str = RETURN_THE_EVENT,
        two_way: Iterable[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(aws, "WEBSOCKET", source, RouteSelectionExpression="$request.body.action", **options)
        self.target = self.integration(IntegrationType="AWS_PROXY", IntegrationUri=LONG.format(self.function))
        for key in routes:
            self.route(key, self.target)
        for key in two_way:
            self.route_back(key)
        self.stage("prod")
        self.management = aws._session.client(
            "apigatewaymanagementapi",
            endpoint_url=self.address("prod"),
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    def route_back(self, key: str) -> None:
        """Add a route whose function answers the client."""
        route = self.route(key, self.target, RouteResponseSelectionExpression="$default")
        self.client.create_route_response(ApiId=self.id, RouteId=route, RouteResponseKey="$default")

    @contextmanager
    def open(self, query: str = "", **options: Any) -> Iterator[ClientConnection]:
        """Connect a client."""
        address = self.address("prod").replace("http", "ws", 1) + query
        with connect(address, close_timeout=2, **options) as client:
            yield client

    def connection_id(self, client: ClientConnection) -> str:
        """Return the id of a client's connection, from what its two-way route ``who`` answers."""
        return str(told(client, '{"action": "who"}')["requestContext"]["connectionId"])


def told(client: ClientConnection, message: str) -> Any:
    """Send a message; return the answer, read as JSON."""
    client.send(message)
    return json.loads(client.recv(timeout=20))
