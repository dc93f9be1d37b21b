"""Throttling of all callers together: the stage's limits for each method, then the account's.

AWS: each method of a stage has a token bucket of its own, filled at ``throttlingRateLimit`` tokens a second up to
``throttlingBurstLimit``; a request takes a token, and without one it is refused with 429 ``Too Many Requests``. All
APIs of an account share one more bucket in each Region: 10,000 tokens a second, at most 5,000 ("Throttle requests to
your REST APIs for better throughput" and "Amazon API Gateway quotas", API Gateway Developer Guide). There "throttles
and quotas are applied on a best-effort basis"; here they are exact, and the account's bucket is for REST APIs only.
Limits of -1 mean none, as in Terraform's ``aws_api_gateway_method_settings``; that is not from AWS's own documents.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from moto.apigateway.models import apigateway_backends

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.context import Context
from helpers.dataplane.token_bucket import TokenBucket


class Buckets:
    """Token buckets by what they are for, each made when it is first needed."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[Hashable, TokenBucket] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, rate: float, burst: float) -> bool:
        """Take a token from the bucket of ``key``; a bucket whose limits are others than before is changed."""
        if rate < 0 or burst < 0:
            return True
        with self._lock:
            bucket = self._buckets.setdefault(key, TokenBucket(rate, burst, self._now))
            bucket.change(rate, burst)
        return bucket.take()


class Throttle:
    """The limits that hold for all callers together."""

    def __init__(self, context: Context) -> None:
        rate, burst = context.quotas["apigateway.requests_per_second"], context.quotas["apigateway.burst"]
        self._methods = Buckets(context.clock.now)
        self._account = TokenBucket(rate, burst, context.clock.now)
        account = apigateway_backends[context.account_id][context.region].account
        account.throttle_settings = {"rateLimit": float(rate), "burstLimit": burst}

    def check(self, exchange: Exchange) -> None:
        """Take a token of the method and one of the account.

        Raises
        ------
        GatewayError
            THROTTLED.
        """
        rate, burst = exchange.setting("throttlingRateLimit"), exchange.setting("throttlingBurstLimit")
        key = (exchange.api.id, exchange.stage.name, exchange.resource.id, exchange.method["httpMethod"])
        if rate is not None and burst is not None and not self._methods.take(key, rate, burst):
            raise GatewayError("THROTTLED")
        if not self._account.take():
            raise GatewayError("THROTTLED")
        exchange.note(f"Starting execution for request: {exchange.request_id}")
        exchange.note(f"HTTP Method: {exchange.request.method}, Resource Path: {exchange.path}")
