"""API Gateway's data plane: how its parts are joined, and what it completes in moto's control plane.

moto keeps APIs, resources, methods, stages and keys. Here: what happens when an API is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.apigateway.models import Deployment, RestAPI, Stage

from helpers.dataplane.apigateway import snapshot
from helpers.dataplane.apigateway.access import Access
from helpers.dataplane.apigateway.caching import Cache
from helpers.dataplane.apigateway.integrations import Integrations
from helpers.dataplane.apigateway.monitoring import Monitoring, default_method_settings
from helpers.dataplane.apigateway.rest import RestApis, Step
from helpers.dataplane.apigateway.throttling import Throttle
from helpers.dataplane.apigateway.usage_plans import UsagePlans
from helpers.dataplane.apigateway.validation import Validation
from helpers.dataplane.call import Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Post
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpRequest, HttpResponse


class ApiGatewayPlane:
    """The data plane of one account's API Gateway."""

    service = "apigateway"

    def __init__(self, context: Context, post: Post) -> None:
        self._context = context
        self._plans, self._cache, self._monitoring = UsagePlans(context), Cache(context), Monitoring(context)
        self._access = Access(context, post)
        steps: list[Step] = [
            self._access,
            self._plans,
            Throttle(context),
            Validation(),
        ]  # who may call, how often, is it valid: in AWS's order
        integrations = Integrations(context, post)
        self.rest = RestApis(
            context,
            steps,
            integrations.answer,
            cached=self._cache.answer,
            finished=self._monitoring.finished,
        )
        self.others: list[Address] = []
        """Who answers for the ids of APIs that are no REST APIs."""
        self._seams = Seams()
        self._create_deployment = RestAPI.create_deployment
        self._seams.put(RestAPI, "create_deployment", self._deploy)
        self._seams.put(RestAPI, "update_integration_mocks", lambda *_: None)
        self._seams.put(Stage, "_get_default_method_settings", default_method_settings)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "CreateAuthorizer": self._access.authorizers.create,
            "FlushStageAuthorizersCache": self._access.authorizers.flush,
            "FlushStageCache": self._cache.flush_stage,
            "GetUsage": self._plans.get_usage,
            "PutIntegration": self._cache.put_integration,
            "UpdateStage": self._update_stage,
            "UpdateUsagePlan": self._plans.update_usage_plan,
        }

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"execute-api": self._answer}

    def stop(self) -> None:
        """Give moto its own methods back."""
        self._seams.remove()

    def _answer(self, request: HttpRequest, path: str) -> HttpResponse:
        known = self.rest.find(path.partition("/")[0]) is not None
        for other in self.others if not known else ():
            return other(request, path)
        return self.rest.answer(request, path)

    def _update_stage(self, call: Call) -> HttpResponse:
        self._monitoring.check_stage(call)
        return forward(call)

    def _deploy(self, api: RestAPI, name: str, description: str, stage_variables: Any = None) -> Deployment:
        """Take the place of moto's own, which keeps no snapshot and forgets the settings of an existing stage."""
        before = api.stages.get(name)
        deployment = self._create_deployment(api, name, description, stage_variables)
        setattr(deployment, "snapshot", snapshot.take(api))
        if before is not None:
            before.deployment_id = deployment.id
            before.variables |= stage_variables or {}
            api.stages[name] = before
        return deployment
