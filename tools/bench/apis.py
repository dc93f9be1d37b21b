"""How fast a REST API answers: a mock, a function behind AWS_PROXY, a response from the cache; and the first API call.

One client asks again and again over one connection, as a load test's simplest user does.
"""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

SECONDS, WARM_UP = 1.5, 20
OK = {"application/json": '{"statusCode": 200}'}
ANSWER = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['path']}\n"


def requests_per_second(client: Any, function: Any) -> dict[str, float]:
    """Return how many requests a second each kind of method answers, and the milliseconds of the first API call."""
    gateway = client("apigateway")
    began = time.perf_counter()
    api = gateway.create_rest_api(name="shop")["id"]
    first = (time.perf_counter() - began) * 1000
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    _method(gateway, api, root, "mock", type="MOCK", requestTemplates=OK)
    _method(gateway, api, root, "cached", type="MOCK", requestTemplates=OK)
    arn = function("shop", ANSWER)
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    _method(gateway, api, root, "proxy", type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    client("lambda").add_permission(
        FunctionName="shop", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    gateway.create_deployment(restApiId=api, stageName="prod")
    settings = {"/cacheClusterEnabled": "true", "/~1cached/GET/caching/enabled": "true"}
    operations = [{"op": "replace", "path": path, "value": value} for path, value in settings.items()]
    gateway.update_stage(restApiId=api, stageName="prod", patchOperations=operations)
    endpoint = gateway.meta.endpoint_url
    rates = {f"api_{name}": _rate(endpoint, api, name) for name in ("mock", "proxy", "cached")}
    return {"api_first": first, **rates}


def _method(gateway: Any, api: str, root: str, name: str, **integration: Any) -> None:
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=name)["id"]
    place = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_method_response(**place, statusCode="200")
    gateway.put_integration(**place, **integration)
    if integration["type"] == "MOCK":
        answer = {"application/json": '{"id": "$context.requestId"}'}
        gateway.put_integration_response(**place, statusCode="200", responseTemplates=answer)


def _rate(endpoint: str, api: str, name: str) -> float:
    """Return the requests a second; a cloud that knows no path for APIs is asked by the host's name, as AWS is."""
    port = urlsplit(endpoint).port
    forms: list[tuple[str, dict[str, str]]] = [
        (f"/_aws/execute-api/{api}/prod/{name}", {}),
        (f"/prod/{name}", {"Host": f"{api}.execute-api.localhost:{port}"}),
    ]
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    path, headers = next(form for form in forms if _ask(connection, *form) == 200)
    for _ in range(WARM_UP):
        _ask(connection, path, headers)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        assert _ask(connection, path, headers) == 200
        count += 1
    connection.close()
    return count / SECONDS


def _ask(connection: HTTPConnection, path: str, headers: dict[str, str]) -> int:
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    return response.status
