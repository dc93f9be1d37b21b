"""What API Gateway promises about API keys and usage plans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.subjects import Page, Subject, promise
from tests.contract.traffic import Shop

PLANS = "API Gateway Developer Guide, Creating and using usage plans with API keys"
QUOTA = "API Gateway API Reference, QuotaSettings"
pytestmark = pytest.mark.cloud(speed=1)
"""No day ends between two requests, and no bucket fills."""
THREE = {"quota": {"limit": 3, "period": "MONTH"}}


def forbidden(page: Page) -> bool:
    """Return whether the answer is API Gateway's to a key that is missing or wrong."""
    words = {"message": "Forbidden"}
    return (page.status, page.json(), page.headers["x-amzn-ErrorType"]) == (403, words, "ForbiddenException")


def used(shop: Shop, plan: str, key: str) -> list[Any]:
    """Return what GetUsage says of a key from yesterday to tomorrow, without the days that were not used."""
    today = datetime.now(UTC).date()
    days = {"startDate": str(today - timedelta(days=1)), "endDate": str(today + timedelta(days=1))}
    usage = shop.client.get_usage(usagePlanId=plan, **days)["items"][key]
    assert len(usage) == 3
    return [day for day in usage if day[0]]


@promise(PLANS, "a method that wants a key refuses requests without one, with an unknown one, with a disabled one")
def test_forbidden(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    plan = shop.plan()
    _, value = shop.key("web", plan)
    _, disabled = shop.key("old", plan, enabled=False)
    assert shop.ask(x_api_key=value).status == 200
    assert forbidden(shop.ask())
    assert forbidden(shop.ask(x_api_key="unknown"))
    assert forbidden(shop.ask(x_api_key=disabled))


@promise(PLANS, "a key is good for the stages of its plan only")
def test_other_stage(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    shop.deploy("beta")
    _, without_plan = shop.key("lonely")
    _, value = shop.key("web", shop.plan("prod"))
    assert shop.ask(x_api_key=value).status == 200
    assert forbidden(shop.ask(x_api_key=value, stage="beta"))
    assert forbidden(shop.ask(x_api_key=without_plan))


@promise(PLANS, "a method that wants no key takes any request, and counts it for no plan")
def test_not_required(aws: Subject) -> None:
    shop = Shop(aws)
    plan = shop.plan(**THREE)
    key, value = shop.key("web", plan)
    assert shop.statuses(5, x_api_key=value) == [200] * 5
    assert shop.ask(x_api_key="unknown").status == 200
    assert used(shop, plan, key) == []


@promise(PLANS, "the plan's rate and burst are for each key: one client's flood does not throttle another")
def test_clients(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    plan = shop.plan(throttle={"rateLimit": 0.2, "burstLimit": 3})
    _, flood = shop.key("flood", plan)
    _, quiet = shop.key("quiet", plan)
    assert shop.statuses(8, x_api_key=flood) == [200] * 3 + [429] * 5
    refused = shop.ask(x_api_key=flood)
    assert refused.json() == {"message": "Too Many Requests"}
    assert refused.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert shop.statuses(2, x_api_key=quiet) == [200] * 2


@promise(PLANS, "a plan may limit single methods of a stage")
def test_method(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    _, value = shop.key("web", shop.plan(throttle_method={"/tea/GET": {"rateLimit": 0.2, "burstLimit": 2}}))
    assert shop.statuses(4, x_api_key=value) == [200, 200, 429, 429]
    assert shop.statuses(4, "tea/sencha", x_api_key=value) == [200] * 4


@promise(QUOTA, "after as many requests as the quota allows in its period: 429 Limit Exceeded; GetUsage counts them")
@pytest.mark.parametrize("period", ["DAY", "WEEK", "MONTH"])
def test_quota(aws: Subject, period: str) -> None:
    shop = Shop(aws, keys=True)
    plan = shop.plan(quota={"limit": 3, "period": period})
    key, value = shop.key("web", plan)
    assert shop.statuses(5, x_api_key=value) == [200] * 3 + [429] * 2
    refused = shop.ask(x_api_key=value)
    assert refused.json() == {"message": "Limit Exceeded"}
    assert refused.headers["x-amzn-ErrorType"] == "LimitExceededException"
    assert used(shop, plan, key) == [[3, 0]]


@promise("API Gateway API Reference, UpdateUsagePlan", "a plan gets its quota and its limits by patches, too")
def test_patched(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    plan = shop.plan()
    _, value = shop.key("web", plan)

    def patch(path: str, text: str) -> None:
        change = {"op": "replace", "path": path, "value": text}
        shop.client.update_usage_plan(usagePlanId=plan, patchOperations=[change])

    for path, text in {"/quota/limit": "4", "/quota/period": "MONTH"}.items():
        patch(path, text)
        assert shop.ask(x_api_key=value).status == 200
    patch("/throttle/rateLimit", "0")
    patch("/throttle/burstLimit", "1")
    assert shop.statuses(2, x_api_key=value) == [200, 429]
    assert shop.ask(x_api_key=value).json() == {"message": "Too Many Requests"}


@promise(QUOTA, "the offset is taken off the limit of the first period")
def test_offset(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    _, value = shop.key("web", shop.plan(quota={"limit": 5, "offset": 3, "period": "MONTH"}))
    assert shop.statuses(4, x_api_key=value) == [200] * 2 + [429] * 2


@promise(PLANS, "a quota is for each key, over all stages of the plan")
def test_aggregated(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    shop.deploy("beta")
    plan = shop.plan("prod", "beta", **THREE)
    _, value = shop.key("web", plan)
    _, other = shop.key("app", plan)
    assert shop.statuses(2, x_api_key=value) == [200] * 2
    assert shop.statuses(2, x_api_key=value, stage="beta") == [200, 429]
    assert shop.ask(x_api_key=other).status == 200
