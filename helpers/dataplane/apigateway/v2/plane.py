"""HTTP and WebSocket APIs in one plane: what answers at their addresses, and what is completed in moto's control plane.

The address of an API is here the local one: ``ApiEndpoint`` is ``http://127.0.0.1:PORT/_aws/execute-api/API``, and
``ws://...`` for a WebSocket API, where AWS has ``https://API.execute-api.REGION.amazonaws.com`` and ``wss://``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.gateway_responses import plain, unavailable
from helpers.dataplane.apigateway.v2.deployments import Deployments, backend_of, find, find_by_id
from helpers.dataplane.apigateway.v2.http_apis import HttpApis
from helpers.dataplane.apigateway.websocket import routes
from helpers.dataplane.apigateway.websocket.apis import WebSocketApis
from helpers.dataplane.apigateway.websocket.management import Management
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Post
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpRequest, HttpResponse

_AUTHORIZERS = {"HTTP": {"JWT"}, "WEBSOCKET": {"REQUEST"}}
_AUTHORIZATION = {"HTTP": {"NONE", "JWT"}, "WEBSOCKET": {"NONE", "CUSTOM"}}
_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone id that moto gives the targets of custom domain names; AWS has one for each Region."""
_INTEGRATIONS = {"HTTP": {"AWS_PROXY", "HTTP_PROXY"}, "WEBSOCKET": {"AWS_PROXY"}}


class ApiGatewayV2Plane:
    """The data plane of one account's HTTP and WebSocket APIs.

    Parameters
    ----------
    rest:
        What answers for the ids of all other APIs.
    """

    service = "apigatewayv2"

    def __init__(self, context: Context, post: Post, rest: Address) -> None:
        self._context, self._rest = context, rest
        self._deployments = Deployments()
        self._http = HttpApis(context, post, self._deployments)
        self._websocket = WebSocketApis(context, post, self._deployments)
        self._management = Management(context, self._websocket)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "CreateApi": self._create_api,
            "CreateAuthorizer": self._create_authorizer,
            "CreateDeployment": self._deployments.create,
            "CreateDomainName": self._create_domain_name,
            "CreateIntegration": self._create_integration,
            "CreateRoute": self._route,
            "CreateStage": self._deployments.create_stage,
            "GetDeployments": self._deployments.get,
            "UpdateIntegration": self._update_integration,
            "UpdateRoute": self._route,
            "UpdateStage": self._deployments.update_stage,
        }

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"execute-api": self._answer}

    def stop(self) -> None:
        """Close all connections."""
        self._websocket.stop()

    def _answer(self, request: HttpRequest, path: str) -> HttpResponse:
        api_id, _, below = path.partition("/")
        api = find_by_id(self._context.account_id, api_id)
        if api is None:
            return self._rest(request, path)
        if api.backend.region_name in self._context.switched_off:
            return unavailable()
        if api.protocol_type == "HTTP":
            return self._http.answer(api, request, below)
        stage_name, _, rest = below.partition("/")
        if rest.startswith("@connections/"):
            return self._management.answer(api_id, stage_name, rest.removeprefix("@connections/"), request)
        if stage_name not in api.stages or rest:
            return plain(GatewayError("ACCESS_DENIED", "Forbidden"))
        return self._websocket.answer(api, api.stages[stage_name], request)

    def _create_api(self, call: Call) -> HttpResponse:
        params = call.params
        expression, websocket = (
            str(params.get("RouteSelectionExpression") or ""),
            params.get("ProtocolType") == "WEBSOCKET",
        )
        _refuse(params, "Target", "DisableExecuteApiEndpoint")
        if websocket and not expression:
            raise AWSError("BadRequestException", "RouteSelectionExpression is required for WEBSOCKET protocol", 400)
        if websocket and not routes.is_expression(expression):
            raise not_built(f"the route selection expression {expression}")
        response = forward(call)
        if response.status >= 400:
            return response
        told = json.loads(response.body)
        api = backend_of(call.account_id, call.region).apis[told["apiId"]]
        scheme = "ws" if websocket else "http"
        api.api_endpoint = f"{scheme}{self._context.endpoint.removeprefix('http')}/_aws/execute-api/{api.api_id}"
        response.body, response.status = json.dumps(told | {"apiEndpoint": api.api_endpoint}).encode(), 201
        return response

    def _create_authorizer(self, call: Call) -> HttpResponse:
        kind = call.params["AuthorizerType"]
        if kind not in _AUTHORIZERS[find(call).protocol_type]:
            raise not_built(f"an authorizer of the type {kind} for this kind of API")
        return forward(call)

    def _create_domain_name(self, call: Call) -> HttpResponse:
        """Let moto keep the name, and give it the target that DNS has to lead to."""
        _refuse(call.params, "MutualTlsAuthentication", "RoutingMode")
        response = forward(call)
        if response.status >= 400:
            return response
        backend, told = backend_of(call.account_id, call.region), json.loads(response.body)
        for one in backend.domain_names[call.params["DomainName"]].domain_name_configurations:
            target = f"d-{self._context.new_id().replace('-', '')[:10]}.execute-api.{call.region}.amazonaws.com"
            one |= {"apiGatewayDomainName": target, "hostedZoneId": _ZONE, "domainNameStatus": "AVAILABLE"}
        configurations = backend.domain_names[call.params["DomainName"]].domain_name_configurations
        response.body = json.dumps(told | {"domainNameConfigurations": configurations}).encode()
        return response

    def _create_integration(self, call: Call) -> HttpResponse:
        params, protocol = call.params, find(call).protocol_type
        if params["IntegrationType"] not in _INTEGRATIONS[protocol] or params.get("IntegrationSubtype"):
            what = params.get("IntegrationSubtype") or params["IntegrationType"]
            raise not_built(f"the integration {what} of this kind of API")
        _refuse(params, "RequestParameters", "ResponseParameters", "CredentialsArn")
        if protocol == "HTTP" and not params.get("PayloadFormatVersion"):
            raise AWSError("BadRequestException", "PayloadFormatVersion is a required parameter for integration", 400)
        return forward(call)

    def _update_integration(self, call: Call) -> HttpResponse:
        _refuse(call.params, "IntegrationType", "RequestParameters", "ResponseParameters", "CredentialsArn")
        return forward(call)

    def _route(self, call: Call) -> HttpResponse:
        api, wanted = find(call), call.params.get("AuthorizationType") or "NONE"
        _refuse(call.params, "ApiKeyRequired", "RequestModels", "RequestParameters", "ModelSelectionExpression")
        if wanted not in _AUTHORIZATION[api.protocol_type]:
            raise not_built(f"AuthorizationType {wanted} for this kind of API")
        if call.name == "CreateRoute" and call.params["RouteKey"] in {one.route_key for one in api.routes.values()}:
            raise AWSError(
                "ConflictException", f"Route with key {call.params['RouteKey']} already exists for this API", 409
            )
        return forward(call)


def _refuse(params: Mapping[str, Any], *names: str) -> None:
    """Refuse parameters that would change what an API does, and do nothing here."""
    for name in names:
        if params.get(name):
            raise not_built(f"the parameter {name} of HTTP and WebSocket APIs")
