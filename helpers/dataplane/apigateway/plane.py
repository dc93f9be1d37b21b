"""API Gateway's data plane: how its parts are joined, and what it completes in moto's control plane.

moto keeps APIs, resources, methods, stages and keys. Here: what happens when an API is called.
"""

from __future__ import annotations

from collections.abc import Mapping

from moto.apigateway.models import Stage

from helpers.dataplane.apigateway import patches
from helpers.dataplane.apigateway.access import Access
from helpers.dataplane.apigateway.caching import Cache
from helpers.dataplane.apigateway.integrations import Integrations
from helpers.dataplane.apigateway.monitoring import Monitoring, default_method_settings
from helpers.dataplane.apigateway.openapi import exporting, importing
from helpers.dataplane.apigateway.rest import RestApis, Step
from helpers.dataplane.apigateway.stages import Stages
from helpers.dataplane.apigateway.throttling import Throttle
from helpers.dataplane.apigateway.usage_plans import UsagePlans
from helpers.dataplane.apigateway.validation import Validation
from helpers.dataplane.call import Call
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse


class ApiGatewayPlane:
    """The data plane of one account's API Gateway."""

    service = "apigateway"

    def __init__(self, context: Context, post: Post) -> None:
        self._context = context
        self._plans, self._cache, self._monitoring = UsagePlans(context), Cache(context), Monitoring(context)
        self._access, self._stages = Access(context, post), Stages()
        steps: list[Step] = [
            self._access,
            self._plans,
            Throttle(context),
            Validation(),
        ]  # who may call, how often, is it valid: in AWS's order
        integrations = Integrations(context, post)
        self.rest = RestApis(
            context,
            self._stages.serves,
            steps,
            integrations.answer,
            cached=self._cache.answer,
            finished=self._monitoring.finished,
        )
        self._seams = Seams()
        self._seams.put(Stage, "_get_default_method_settings", default_method_settings)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            **patches.operations(),
            **self._stages.operations(),
            "CreateAuthorizer": self._access.authorizers.create,
            "FlushStageAuthorizersCache": self._access.authorizers.flush,
            "FlushStageCache": self._cache.flush_stage,
            "GetExport": exporting.get_export,
            "GetUsage": self._plans.get_usage,
            "ImportRestApi": importing.import_rest_api,
            "PutIntegration": self._put_integration,
            "PutRestApi": importing.put_rest_api,
            "UpdateStage": self._update_stage,
            "UpdateUsagePlan": self._plans.update_usage_plan,
        }

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"execute-api": self.rest.answer}

    def stop(self) -> None:
        """Give moto its own methods back."""
        self._seams.remove()
        self._stages.stop()

    def _update_stage(self, call: Call) -> HttpResponse:
        self._monitoring.check_stage(call)
        return self._stages.update_stage(call)

    def _put_integration(self, call: Call) -> HttpResponse:
        return patches.put_integration(call, self._cache.put_integration)
