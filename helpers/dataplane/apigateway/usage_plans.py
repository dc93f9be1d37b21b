"""API keys and usage plans: who is known by a key, how fast they may call, and how often in a day, week or month.

AWS: a method that wants a key gets it in ``x-api-key``, or from its Lambda authorizer. The key must be enabled, and in
a usage plan that names the stage; otherwise the answer is 403 ``Forbidden``. The plan's limits are for each key, over
all of the plan's stages: for one method, then for all, then the quota ("Creating and using usage plans with API keys"
and "Throttle requests to your REST APIs", API Gateway Developer Guide). A method that wants no key counts for no plan.

A quota's periods are those of the calendar in UTC (a day: as AWS's users report; ``QuotaSettings`` in the
CloudFormation User Guide says that a plan may start in the middle of a week or month). ``offset`` is taken off the
first one, which here begins with a key's first request. Not sourced: that a week begins on Monday, and that a
throttled request does not count for the quota. With a key in two plans for one stage, which AWS refuses, the first
plan is taken.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from moto.apigateway.exceptions import UsagePlanNotFoundException
from moto.apigateway.models import APIGatewayBackend, ApiKey, UsagePlan, apigateway_backends

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.throttling import Buckets
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.web import HttpResponse

_VISIBLE = 6
_LONGEST_DAYS = 90


def period_start(day: date, period: str) -> date:
    """Return the first day of the DAY, WEEK or MONTH in which ``day`` lies."""
    if period == "MONTH":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period == "WEEK" else day


class Quotas:
    """Counts requests by day."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], Counter[date]] = {}
        self._lock = threading.Lock()

    def take(self, plan: str, key: str, quota: dict[str, Any], day: date) -> bool:
        """Count a request of ``key`` on ``day``, unless the quota of its plan is used up; return whether it counted."""
        with self._lock:
            days = self._days.setdefault((plan, key), Counter())
            days.setdefault(day, 0)
            if self._left(days, quota, day) <= 0:
                return False
            days[day] += 1
            return True

    def usage(self, plan: str, key: str, quota: dict[str, Any], day: date) -> list[int]:
        """Return how many requests counted on ``day``, and how many were left at its end."""
        with self._lock:
            days = self._days.get((plan, key), Counter())
            return [days[day], max(0, self._left(days, quota, day))]

    @staticmethod
    def _left(days: Counter[date], quota: dict[str, Any], day: date) -> int:
        start = period_start(day, quota["period"])
        first = not days or period_start(min(days), quota["period"]) == start
        limit = int(quota["limit"]) - (int(quota.get("offset") or 0) if first else 0)
        return limit - sum(count for each, count in days.items() if start <= each <= day)


class UsagePlans:
    """The limits that hold for each caller, known by its key."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._buckets = Buckets(context.clock.now)
        self._quotas = Quotas()

    def check(self, exchange: Exchange) -> None:
        """Find out whose key it is, and take what the request costs from the key's plan.

        Raises
        ------
        GatewayError
            INVALID_API_KEY, THROTTLED or QUOTA_EXCEEDED.
        """
        stage, wanted = f"{exchange.api.id}/{exchange.stage.name}", exchange.method.get("apiKeyRequired")
        by_header = exchange.request.headers.get("x-api-key", "")
        value = exchange.usage_key if exchange.snapshot.api_key_source == "AUTHORIZER" else by_header
        hidden = "*" * max(0, len(value) - _VISIBLE) + value[-_VISIBLE:]
        exchange.note(f"Verifying Usage Plan for request: {exchange.request_id}. API Key: {hidden} API Stage: {stage}")
        if wanted:
            self._identified(exchange, value, hidden)
        else:
            method = f"{exchange.method['httpMethod']} {exchange.resource.path}"
            exchange.note(
                f"API Key {hidden} authorized because method '{method}' does not require API Key. "
                "Request will not contribute to throttle or quota limits"
            )
        exchange.note(f"Usage Plan check succeeded for API Key {hidden} and API Stage {stage}")

    def _identified(self, exchange: Exchange, value: str, hidden: str) -> None:
        kept = self._moto(exchange.region)
        key = next((one for one in kept.keys.values() if value and one.value == value and one.enabled), None)
        plan = self._plan(exchange, key) if key else None
        if key is None or plan is None:
            raise GatewayError("INVALID_API_KEY")
        exchange.identity |= {"apiKey": value, "apiKeyId": key.id}
        refused = f"API Key {hidden} exceeded {{}} limit for API Stage {exchange.api.id}/{exchange.stage.name}: {{}}"
        limits = self._throttled(exchange, plan, key)
        if limits:
            exchange.note(refused.format("throttle", limits), "ERROR")
            raise GatewayError("THROTTLED")
        if _has_quota(plan) and not self._quotas.take(plan.id, key.id, plan.quota, self._today()):
            words = f"Limit: {plan.quota['limit']} Period: {plan.quota['period']}"
            exchange.note(refused.format("quota", f"Key quota exhausted for Usage Plan ID {plan.id}. {words}"), "ERROR")
            raise GatewayError("QUOTA_EXCEEDED")

    def _plan(self, exchange: Exchange, key: ApiKey) -> UsagePlan | None:
        kept = self._moto(exchange.region)
        for plan in kept.usage_plans.values():
            if key.id in kept.usage_plan_keys.get(plan.id, {}) and _stage_of(plan, exchange) is not None:
                return plan
        return None

    def _throttled(self, exchange: Exchange, plan: UsagePlan, key: ApiKey) -> str:
        """Take tokens for one method and for all; return what was exceeded, or nothing."""
        method = f"{exchange.resource.path}/{exchange.method['httpMethod']}"
        stage = f"{exchange.api.id}:{exchange.stage.name}"
        of_method = ((_stage_of(plan, exchange) or {}).get("throttle") or {}).get(method)
        for name, limits in ((f"{stage}{method}", of_method), ("", plan.throttle)):
            if not limits:
                continue
            rate, burst = float(limits.get("rateLimit", -1)), float(limits.get("burstLimit", -1))
            if not self._buckets.take((plan.id, key.id, name), rate, burst):
                return (
                    f"Key throttle limit exceeded for Usage Plan ID {plan.id}, RestApi {exchange.api.id}, "
                    f"Stage {exchange.stage.name}, Resource {exchange.resource.id}, "
                    f"HttpMethod {exchange.method['httpMethod']}. Limit: {rate:.2f} Burst: {burst:.0f}"
                )
        return ""

    def get_usage(self, call: Call) -> HttpResponse:
        """GetUsage: for each key of a plan and each day, how many requests counted and how many are left."""
        given, kept = call.params, self._moto(call.region)
        if given["usagePlanId"] not in kept.usage_plans:
            raise AWSError("NotFoundException", UsagePlanNotFoundException().message, 404)
        plan = kept.usage_plans[given["usagePlanId"]]
        if not _has_quota(plan):
            raise not_built("GetUsage of a plan without a quota")
        days = _days(given["startDate"], given["endDate"])
        keys = [key for key in kept.usage_plan_keys.get(plan.id, {}) if given.get("keyId") in (None, key)]
        items = {key: [self._quotas.usage(plan.id, key, plan.quota, day) for day in days] for key in keys}
        return call.reply({**{name: given[name] for name in ("usagePlanId", "startDate", "endDate")}, "items": items})

    def update_usage_plan(self, call: Call) -> HttpResponse:
        """UpdateUsagePlan: moto's, which would pass over in silence what it does not know."""
        for patch in call.params.get("patchOperations") or []:
            if patch["path"].startswith("/apiStages/"):
                raise not_built(f"changing {patch['path']} of a usage plan")
        return forward(call)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._context.clock.time(), UTC).date()

    def _moto(self, region: str) -> APIGatewayBackend:
        return apigateway_backends[self._context.account_id][region]


def _has_quota(plan: UsagePlan) -> bool:
    """Whether a plan has a whole quota: patches may set its limit and its period one after the other."""
    return {"limit", "period"} <= plan.quota.keys()


def _stage_of(plan: UsagePlan, exchange: Exchange) -> dict[str, Any] | None:
    """Return the entry of the exchange's stage in a plan, or None."""
    wanted = (exchange.api.id, exchange.stage.name)
    return next((one for one in plan.api_stages if (one.get("apiId"), one.get("stage")) == wanted), None)


def _days(first: str, last: str) -> list[date]:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise AWSError("BadRequestException", "Invalid date: use the form YYYY-MM-DD", 400) from None
    if not timedelta(0) <= end - start <= timedelta(days=_LONGEST_DAYS):
        raise AWSError("BadRequestException", f"The dates must be in order and at most {_LONGEST_DAYS} days apart", 400)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]
