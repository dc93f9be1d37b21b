"""What API Gateway promises about throttling."""

from __future__ import annotations

import time

import pytest

from tests.contract.subjects import Subject, promise
from tests.contract.traffic import Shop

THROTTLING = "API Gateway Developer Guide, Throttle requests to your REST APIs for better throughput"
SLOW = pytest.mark.cloud(speed=1)
"""At the usual speed of the tests, a bucket fills faster than a test asks."""


@promise(THROTTLING, "as many requests as the bucket holds pass at once; the others get 429 Too Many Requests")
@SLOW
def test_burst(aws: Subject) -> None:
    shop = Shop(aws)
    shop.set(throttling__rateLimit=0.2, throttling__burstLimit=5)
    assert shop.statuses(12) == [200] * 5 + [429] * 7
    refused = shop.ask()
    assert refused.json() == {"message": "Too Many Requests"}
    assert refused.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert "Retry-After" not in refused.headers


@promise(THROTTLING, "the bucket fills again at the rate")
@pytest.mark.cloud(speed=100)
def test_refill(aws: Subject) -> None:
    shop = Shop(aws)
    shop.set(throttling__rateLimit=0.004, throttling__burstLimit=2)
    assert shop.statuses(4) == [200, 200, 429, 429]
    aws.wait(lambda: shop.ask().status == 200)


@promise(THROTTLING, "a bucket that waits holds no more than its burst")
@pytest.mark.cloud(speed=100)
def test_full(aws: Subject) -> None:
    shop = Shop(aws)
    shop.set(throttling__rateLimit=0.04, throttling__burstLimit=2)
    shop.statuses(2)
    time.sleep(2)  # eight times as long as a token takes
    began = time.monotonic()
    passed = shop.statuses(8).count(200)
    assert 2 <= passed <= 2 + 0.04 * aws.speed * (time.monotonic() - began)


@promise(THROTTLING, "limits are for each method, and a method's own go before those of all")
@SLOW
def test_methods(aws: Subject) -> None:
    shop = Shop(aws)
    shop.set(throttling__rateLimit=0.2, throttling__burstLimit=2)
    shop.patch({"/~1tea/POST/throttling/rateLimit": 0.2, "/~1tea/POST/throttling/burstLimit": 4})
    assert shop.statuses(4) == [200, 200, 429, 429]
    assert shop.statuses(4, "tea/sencha") == [200, 200, 429, 429]
    assert shop.statuses(5, method="POST") == [200] * 4 + [429]


@promise(THROTTLING, "a stage has limits of its own, and they change without a deployment")
@SLOW
def test_stages(aws: Subject) -> None:
    shop = Shop(aws)
    shop.deploy("beta")
    shop.set("beta", throttling__rateLimit=0.2, throttling__burstLimit=1)
    assert shop.statuses(3, stage="beta") == [200, 429, 429]
    assert shop.statuses(3) == [200] * 3


@promise(THROTTLING, "all APIs of an account share one more bucket, and no setting of a method goes beyond it")
@pytest.mark.cloud(speed=1, quotas={"apigateway.requests_per_second": 1, "apigateway.burst": 4})
def test_account(aws: Subject) -> None:
    shop, other = Shop(aws), Shop(aws, name="other")
    shop.set(throttling__rateLimit=1000, throttling__burstLimit=1000)
    began = time.monotonic()
    statuses = shop.statuses(3) + other.statuses(5)
    assert statuses[:4] == [200] * 4 and statuses.count(200) <= 4 + time.monotonic() - began


@promise("API Gateway Developer Guide, Amazon API Gateway quotas", "10,000 requests per second, a bucket of 5,000")
def test_account_settings(aws: Subject) -> None:
    settings = aws.client("apigateway").get_account()["throttleSettings"]
    assert settings == {"rateLimit": 10000.0, "burstLimit": 5000}


@promise(THROTTLING, "a throttled request does not reach the backend")
@SLOW
def test_backend(aws: Subject) -> None:
    shop = Shop(aws)
    shop.set(throttling__rateLimit=0.2, throttling__burstLimit=3)
    shop.statuses(8)
    assert shop.metric("Count", "SampleCount") == 8
    assert shop.metric("IntegrationLatency", "SampleCount") == 3
