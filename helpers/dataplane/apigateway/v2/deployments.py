"""Deployments of HTTP and WebSocket APIs: routes and integrations as they were when the API was deployed.

AWS: a stage serves a deployment; with ``AutoDeploy`` each change is deployed at once ("Publish HTTP APIs" and "Deploy
WebSocket APIs in API Gateway", API Gateway Developer Guide). moto has no deployments of these kinds: they are here.
Integrations are Lambda proxies, and HTTP proxies of HTTP APIs; the other types are refused when they are created.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from moto.apigatewayv2.models import (
    Api,
    ApiGatewayV2Backend,
    Authorizer,
    Integration,
    Route,
    Stage,
    apigatewayv2_backends,
)
from moto.core.utils import utcnow

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.control_plane import forward
from helpers.dataplane.web import HttpResponse


@dataclass(frozen=True)
class Deployed:
    """What a stage serves. Routes are by their key."""

    routes: dict[str, Route]
    integrations: dict[str, Integration]
    authorizers: dict[str, Authorizer]

    def integration_of(self, route: Route) -> Integration | None:
        """Return what stands behind a route, if anything does."""
        return self.integrations.get((route.target or "").removeprefix("integrations/"))


@dataclass
class Deployment:
    """One deployment, as GetDeployment tells it, and what it froze."""

    told: dict[str, Any]
    deployed: Deployed = field(repr=False)


class Deployments:
    """The deployments of all APIs of an account, and the operations that make and show them."""

    def __init__(self) -> None:
        self._by_api: dict[str, dict[str, Deployment]] = {}

    def served(self, api: Api, stage: Stage) -> Deployed | None:
        """Return what a stage serves now; None while nothing is deployed to it."""
        if stage.auto_deploy:
            return _live(api)
        found = self._by_api.get(api.api_id, {}).get(getattr(stage, "deployment_id", ""))
        return found.deployed if found else None

    def create(self, call: Call) -> HttpResponse:
        """Deploy an API, to a stage if one is named."""
        api = find(call)
        stage = find_stage(api, call.params["StageName"]) if call.params.get("StageName") else None
        if not api.routes:
            raise AWSError("BadRequestException", "At least one route is required before deploying the Api.", 400)
        identifier = call.request_id.replace("-", "")[:6]
        told = {
            "DeploymentId": identifier,
            "CreatedDate": utcnow(),
            "DeploymentStatus": "DEPLOYED",
            "AutoDeployed": False,
            "Description": call.params.get("Description"),
        }
        self._by_api.setdefault(api.api_id, {})[identifier] = Deployment(told, copy.deepcopy(_live(api)))
        if stage is not None:
            setattr(stage, "deployment_id", identifier)
        return call.reply(told, 201)

    def get(self, call: Call) -> HttpResponse:
        """Answer GetDeployments."""
        return call.reply({"Items": [one.told for one in self._by_api.get(find(call).api_id, {}).values()]})

    def create_stage(self, call: Call) -> HttpResponse:
        """Create a stage; moto does not know its deployment."""
        self._check(find(call), call.params)
        response = forward(call)
        if response.status < 400 and call.params.get("DeploymentId"):
            setattr(find_stage(find(call), call.params["StageName"]), "deployment_id", call.params["DeploymentId"])
        return response

    def update_stage(self, call: Call) -> HttpResponse:
        """Change a stage's variables, deployment or AutoDeploy."""
        api, params = find(call), call.params
        stage = find_stage(api, params["StageName"])
        self._check(api, params)
        if "StageVariables" in params:
            stage.stage_variables = params["StageVariables"]
        if "AutoDeploy" in params:
            stage.auto_deploy = params["AutoDeploy"]
        if "DeploymentId" in params:
            setattr(stage, "deployment_id", params["DeploymentId"])
        return call.reply({**_named(stage.to_json()), "DeploymentId": getattr(stage, "deployment_id", None)})

    def _check(self, api: Api, params: dict[str, Any]) -> None:
        if params.get("DeploymentId") and params["DeploymentId"] not in self._by_api.get(api.api_id, {}):
            raise AWSError("NotFoundException", f"Unable to find Deployment with ID {params['DeploymentId']}", 404)
        for name in ("AccessLogSettings", "RouteSettings", "DefaultRouteSettings"):
            if params.get(name):
                raise not_built(f"{name} of a stage of an HTTP or WebSocket API")


def backend_of(account_id: str, region: str) -> ApiGatewayV2Backend:
    """Return moto's part for a Region."""
    return apigatewayv2_backends[account_id][region]


def find_by_id(account_id: str, api_id: str) -> Api | None:
    """Return an API by its id, which is unique, from any Region."""
    found = [
        backend.apis[api_id] for backend in list(apigatewayv2_backends[account_id].values()) if api_id in backend.apis
    ]
    return found[0] if found else None


def find(call: Call) -> Api:
    """Return the API that a call names."""
    found = backend_of(call.account_id, call.region).apis.get(call.params["ApiId"])
    if found is None:
        raise AWSError("NotFoundException", f"Invalid API identifier specified {call.params['ApiId']}", 404)
    return found


def find_stage(api: Api, name: str) -> Stage:
    """Return a stage."""
    if name not in api.stages:
        raise AWSError("NotFoundException", f"Unable to find Stage with name {name}", 404)
    return api.stages[name]


def _live(api: Api) -> Deployed:
    routes = {route.route_key: route for route in api.routes.values()}
    return Deployed(routes, dict(api.integrations), dict(api.authorizers))


def _named(told: dict[str, Any]) -> dict[str, Any]:
    """Return a resource as the API names its parts: ``stageName`` is ``StageName``."""
    return {name[0].upper() + name[1:]: value for name, value in told.items()}
