"""What API Gateway promises about WebSocket APIs."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from tests.contract.apis_v2 import LONG, WebSocketApi, told
from tests.contract.subjects import Subject, promise, refused

ROUTES = "API Gateway Developer Guide, Create routes for WebSocket APIs in API Gateway"
CONNECT = "API Gateway Developer Guide, Manage connected users and client apps: $connect and $disconnect routes"
ANSWERS = "API Gateway Developer Guide, Set up route responses for WebSocket APIs in API Gateway"
COMMANDS = "API Gateway Developer Guide, Use @connections commands in your backend service"
QUOTAS = "API Gateway Developer Guide, Quotas for configuring and running a WebSocket API in API Gateway"
BINARY = "API Gateway Developer Guide, Binary media types for WebSocket APIs in API Gateway"
AUTHORIZER = "API Gateway Developer Guide, Create an API Gateway Lambda REQUEST authorizer function"
VARIABLES = "API Gateway Developer Guide, WebSocket API mapping template reference for API Gateway"
PRINT = (
    "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event))\n    return {'statusCode': 200}"
)
PROTOCOL = "RFC 6455, The WebSocket Protocol"
WHO = ("who",)


def got(aws: Subject) -> list[dict[str, Any]]:
    """Return the events that the function printed."""
    return [json.loads(line.removeprefix("GOT ")) for line in aws.logged() if line.startswith("GOT ")]


def closing_code(client: ClientConnection, seconds: float = 20) -> int:
    """Wait until the server closes; return the code."""
    with pytest.raises(ConnectionClosed) as ended:
        client.recv(timeout=seconds)
    assert ended.value.rcvd is not None
    return int(ended.value.rcvd.code)


@promise(ROUTES, "the route whose key the selection expression gives takes a message; all others go to $default")
def test_routes(aws: Subject) -> None:
    api = WebSocketApi(aws, ("$connect",), two_way=("join", "$default"))
    with api.open() as client:
        for message, key in [
            ('{"action": "join"}', "join"),
            ('{"action": "leave"}', "$default"),
            ('{"verb": "join"}', "$default"),
            ("join", "$default"),
            ('{"action": "$connect"}', "$default"),
        ]:
            event = told(client, message)
            assert (event["requestContext"]["routeKey"], event["body"]) == (key, message)


@promise(ROUTES, "a message that no route takes, without a $default route, is an error")
def test_no_route(aws: Subject) -> None:
    with WebSocketApi(aws, ()).open() as client:
        answer = told(client, '{"action": "join"}')
    assert set(answer) == {"message", "connectionId", "requestId"} and answer["message"] == "Forbidden"


@promise(VARIABLES, "an event says its route, kind, connection, stage and domain; a message has an id")
def test_events(aws: Subject) -> None:
    api = WebSocketApi(aws, source=PRINT)
    with api.open("?room=7&room=8", user_agent_header="till/1") as client:
        client.send("hello")
        aws.wait(lambda: len(got(aws)) == 2)
    aws.wait(lambda: len(got(aws)) == 3)
    connected, message, gone = got(aws)
    for event, key, kind in [
        (connected, "$connect", "CONNECT"),
        (message, "$default", "MESSAGE"),
        (gone, "$disconnect", "DISCONNECT"),
    ]:
        context = event["requestContext"]
        assert (context["routeKey"], context["eventType"], context["stage"], context["apiId"]) == (
            key,
            kind,
            "prod",
            api.id,
        )
        assert context["connectionId"] == connected["requestContext"]["connectionId"]
        assert context["connectedAt"] == connected["requestContext"]["connectedAt"] <= context["requestTimeEpoch"]
        assert context["domainName"] == f"{api.id}.execute-api.us-east-1.amazonaws.com"
        assert context["messageDirection"] == "IN" and context["identity"]["userAgent"] == "till/1"
        assert ("messageId" in context, "body" in event) == (kind == "MESSAGE", kind == "MESSAGE")
        assert "httpMethod" not in context and "path" not in event
    assert connected["headers"]["User-Agent"] == "till/1" and "headers" not in message
    assert connected["queryStringParameters"] == {"room": "8"}
    assert connected["multiValueQueryStringParameters"] == {"room": ["7", "8"]}
    assert gone["requestContext"]["disconnectStatusCode"] == 1000


@promise(CONNECT, "a client is not connected before $connect has answered with a status of 2xx")
@pytest.mark.parametrize(("result", "status"), [("{'statusCode': 401}", 401), ("1 / 0", 502), ("None", 502)])
def test_refused(aws: Subject, result: str, status: int) -> None:
    api = WebSocketApi(aws, ("$connect",), f"def handler(event, context): return {result}")
    with pytest.raises(InvalidStatus) as refusal, api.open():
        pytest.fail("the client is connected")
    assert refusal.value.response.status_code == status


@promise(CONNECT, "a $connect route is optional")
def test_no_connect(aws: Subject) -> None:
    with WebSocketApi(aws, ("$default",)).open() as client:
        client.send("hello")
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.3)


@promise(CONNECT, "without a permission API Gateway cannot call the function: the connection is not made")
def test_no_permission(aws: Subject) -> None:
    api = WebSocketApi(aws, ("$connect",), allow=False)
    with pytest.raises(InvalidStatus) as refusal, api.open():
        pytest.fail("the client is connected")
    assert refusal.value.response.status_code == 500


@promise(AUTHORIZER, "on $connect a Lambda authorizer decides: 401 without its identity source, 403 if it denies")
def test_authorizer(aws: Subject) -> None:
    api = WebSocketApi(aws, ())
    source = """
def handler(event, context):
    assert event["methodArn"].endswith("/prod/$connect") and event["type"] == "REQUEST"
    effect = "Allow" if event["queryStringParameters"]["token"] == "good" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": "ann", "policyDocument": {"Statement": [statement]}, "context": {"plan": 7}}
"""
    functions = aws.function(source, "guard")
    functions.add_permission(
        FunctionName="guard", StatementId="a", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    arn = functions.get_function(FunctionName="guard")["Configuration"]["FunctionArn"]
    authorizer = api.client.create_authorizer(
        ApiId=api.id,
        Name="guard",
        AuthorizerType="REQUEST",
        AuthorizerUri=LONG.format(arn),
        IdentitySource=["route.request.querystring.token"],
    )["AuthorizerId"]
    api.route("$connect", api.target, AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    api.route_back("who")
    for query, status in [("", 401), ("?token=bad", 403)]:
        with pytest.raises(InvalidStatus) as refusal, api.open(query):
            pytest.fail("the client is connected")
        assert refusal.value.response.status_code == status
    with api.open("?token=good") as client:
        event = told(client, '{"action": "who"}')
    assert event["requestContext"]["authorizer"] == {"principalId": "ann", "plan": "7"}


@promise(ANSWERS, "what the function returns reaches the client only on a route with a route response")
def test_route_response(aws: Subject) -> None:
    api = WebSocketApi(
        aws, ("quiet",), "def handler(event, context): return {'statusCode': 200, 'body': 'hi'}", ("loud",)
    )
    with api.open() as client:
        client.send('{"action": "quiet"}')
        client.send('{"action": "loud"}')
        assert client.recv(timeout=20) == "hi"
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)


@promise(ROUTES, "a function that fails is told to the client, and the connection stays")
def test_function_fails(aws: Subject) -> None:
    with WebSocketApi(aws, ("$default",), "def handler(event, context): 1 / 0").open() as client:
        for _ in range(2):
            answer = told(client, "hello")
            assert answer["message"] == "Internal server error" and answer["connectionId"] and answer["requestId"]


@promise(
    COMMANDS, "a signed POST to @connections pushes a message to that client, GET tells about it, DELETE closes it"
)
def test_management(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open(user_agent_header="till/1") as ann, api.open() as ben:
        identifier = api.connection_id(ann)
        api.management.post_to_connection(ConnectionId=identifier, Data=b"for ann \xe2\x98\x95")
        assert ann.recv(timeout=20) == "for ann ☕"
        with pytest.raises(TimeoutError):
            ben.recv(timeout=0.1)
        told_of = api.management.get_connection(ConnectionId=identifier)
        assert told_of["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "till/1"}
        assert told_of["ConnectedAt"] <= told_of["LastActiveAt"]
        api.management.delete_connection(ConnectionId=identifier)
        assert closing_code(ann) == 1000


@promise(COMMANDS, "a function reaches its clients with the stage's address")
def test_push_from_function(aws: Subject) -> None:
    source = """
import boto3, os
def handler(event, context):
    api = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CALLBACK_URL"])
    api.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data=event["body"][::-1].encode())
    return {"statusCode": 200}
"""
    api = WebSocketApi(aws, ("$default",), source)
    variables = {"Variables": {"CALLBACK_URL": api.address("prod")}}
    aws.client("lambda").update_function_configuration(FunctionName="f", Environment=variables)
    with api.open() as client:
        client.send("hello")
        assert client.recv(timeout=20) == "olleh"


@promise(COMMANDS, "a connection that is closed, unknown or of another stage is gone: 410")
def test_gone(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open() as client:
        identifier = api.connection_id(client)
    for command in (api.management.get_connection, api.management.delete_connection):
        with refused("GoneException", status=410):
            command(ConnectionId=identifier)
    with refused("GoneException", status=410):
        api.management.post_to_connection(ConnectionId="never=", Data=b"hello")


@promise(COMMANDS, "while $connect runs the connection is not open yet: 410")
def test_not_yet(aws: Subject) -> None:
    source = """
import boto3, os
def handler(event, context):
    api = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CALLBACK_URL"])
    try:
        api.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data=b"hello")
    except api.exceptions.GoneException:
        return {"statusCode": 418}
    return {"statusCode": 200}
"""
    api = WebSocketApi(aws, ("$connect",), source)
    variables = {"Variables": {"CALLBACK_URL": api.address("prod")}}
    aws.client("lambda").update_function_configuration(FunctionName="f", Environment=variables)
    with pytest.raises(InvalidStatus) as refusal, api.open():
        pytest.fail("the client is connected")
    assert refusal.value.response.status_code == 418


@promise(COMMANDS, "a command that is not signed is refused")
def test_unsigned(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open() as client:
        address = api.address(f"prod/@connections/{api.connection_id(client)}")
        page = aws.http(address, "POST", b"hello")
        assert page.status == 403
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.1)


@promise(QUOTAS, "a message may have 128 KB in frames of 32 KB; a larger frame or message closes with 1009")
def test_sizes(aws: Subject) -> None:
    api = WebSocketApi(
        aws, (), "def handler(event, context): return {'statusCode': 200, 'body': str(len(event['body']))}"
    )
    api.route_back("$default")
    frame = "x" * 32 * 1024
    with api.open() as client:
        client.send(frame)
        assert client.recv(timeout=20) == str(len(frame))
        client.send([frame] * 4)
        assert client.recv(timeout=20) == str(4 * len(frame))
    for too_much in (frame + "x", [frame] * 4 + ["x"]):
        with api.open() as client:
            with suppress(ConnectionClosed):  # it may be closed before all is sent
                client.send(too_much)
            assert closing_code(client) == 1009


@promise(QUOTAS, "PostToConnection takes 128 KB and splits it into frames of 32 KB")
def test_large_push(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open() as client:
        identifier = api.connection_id(client)
        api.management.post_to_connection(ConnectionId=identifier, Data=b"x" * 128 * 1024)
        assert [len(part) for part in client.recv_streaming()] == [32 * 1024] * 4
        with refused("PayloadTooLargeException", status=413):
            api.management.post_to_connection(ConnectionId=identifier, Data=b"x" * (128 * 1024 + 1))


@promise(BINARY, "a binary message closes the connection with 1003")
def test_binary(aws: Subject) -> None:
    with WebSocketApi(aws).open() as client:
        client.send(b"\x00\xff")
        assert closing_code(client) == 1003


@promise(QUOTAS, "a connection without messages is closed after 10 minutes; one with messages is not")
@pytest.mark.cloud(speed=150)
def test_idle(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open() as silent, api.open() as busy:
        began = time.monotonic()
        for _ in range(6):
            api.connection_id(busy)
            time.sleep(0.75)
        assert closing_code(silent, 3) == 1001
        assert api.connection_id(busy)
        assert time.monotonic() - began > 3.6


@promise(QUOTAS, "no connection lives longer than 2 hours")
@pytest.mark.cloud(speed=3600)
def test_life(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open() as client:
        began = time.monotonic()
        with pytest.raises(ConnectionClosed) as ended:
            while time.monotonic() - began < 6:
                api.connection_id(client)
                time.sleep(0.02)
    assert ended.value.rcvd is not None and ended.value.rcvd.code == 1001
    assert 1.5 < time.monotonic() - began < 6


@promise(QUOTAS, "an account opens 500 connections a second, or as many as its quota allows")
@pytest.mark.cloud(speed=1, quotas={"apigateway.new_connections_per_second": 2})
def test_new_connections(aws: Subject) -> None:
    api, opened = WebSocketApi(aws, ()), []
    with ExitStack() as clients:
        with pytest.raises(InvalidStatus) as refusal:
            for _ in range(30):  # the bucket fills meanwhile, more slowly than clients come
                opened.append(clients.enter_context(api.open()))
        assert len(opened) >= 2 and refusal.value.response.status_code == 429
        time.sleep(1)
        with api.open():
            """The bucket has filled again."""


@promise(QUOTAS, "the number of open connections has no quota: 200 clients each get their own message")
def test_two_hundred(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with ExitStack() as clients, ThreadPoolExecutor(8) as pool:
        opened = [clients.enter_context(api.open()) for _ in range(200)]
        identifiers = list(pool.map(api.connection_id, opened))
        assert len(set(identifiers)) == 200
        list(pool.map(lambda one: api.management.post_to_connection(ConnectionId=one, Data=one.encode()), identifiers))
        assert [client.recv(timeout=20) for client in opened] == identifiers


@promise(CONNECT, "a client that vanishes without a close is noticed: $disconnect runs, and it is gone")
def test_vanished(aws: Subject) -> None:
    api = WebSocketApi(aws, ("$connect", "$disconnect"), PRINT)
    with api.open() as client:
        aws.wait(lambda: got(aws))
        client.socket.shutdown(socket.SHUT_RDWR)
        aws.wait(lambda: len(got(aws)) == 2)
    context = got(aws)[1]["requestContext"]
    assert context["eventType"] == "DISCONNECT" and context["disconnectStatusCode"] == 1006


@promise(PROTOCOL, "a client that breaks the protocol is disconnected, and others are not")
@pytest.mark.parametrize("content", [b"\xff\xff\xff\xff", Frame(Opcode.TEXT, b"not masked").serialize(mask=False)])
def test_malformed(aws: Subject, content: bytes) -> None:
    api = WebSocketApi(aws, (), two_way=WHO)
    with api.open() as good, api.open() as bad:
        bad.socket.sendall(content)
        assert closing_code(bad) == 1002
        assert api.connection_id(good)


@promise(PROTOCOL, "text that is not UTF-8 closes the connection with 1007")
def test_not_utf8(aws: Subject) -> None:
    with WebSocketApi(aws).open() as client:
        client.socket.sendall(Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True))
        assert closing_code(client) == 1007


@promise(PROTOCOL, "a plain HTTP request to a WebSocket API does not become one")
def test_plain_http(aws: Subject) -> None:
    api = WebSocketApi(aws)
    assert [aws.http(api.address(stage)).status for stage in ("prod", "other")] == [426, 403]


@promise(ROUTES, "changes are served once they are deployed to the stage; with AutoDeploy at once")
def test_deployments(aws: Subject) -> None:
    api = WebSocketApi(aws, (), two_way=("$default",))
    api.stage("old", AutoDeploy=False)
    old = WebSocketApi.address(api, "old").replace("http", "ws", 1)
    with pytest.raises(InvalidStatus), connect(old):
        pytest.fail("nothing is deployed to that stage")
    api.client.create_deployment(ApiId=api.id, StageName="old")
    api.route_back("join")
    for address, key in [(old, "$default"), (old.replace("old", "prod"), "join")]:
        with connect(address) as client:
            assert told(client, '{"action": "join"}')["requestContext"]["routeKey"] == key


@promise(PROTOCOL, "ping is answered with pong")
def test_ping(aws: Subject) -> None:
    with WebSocketApi(aws).open() as client:
        assert client.ping().wait(5)
