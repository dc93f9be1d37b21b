"""REST APIs: from a request to a response, step by step.

AWS: the stage's deployment decides what there is; then come the check of the caller, throttling and validation, the
cache, and the integration. Whatever stops a request on its way is a gateway response. Here the address is
``{endpoint}/_aws/execute-api/API/STAGE/path`` in place of ``https://API.execute-api.REGION.amazonaws.com/STAGE/path``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from moto.apigateway.models import RestAPI, Stage, apigateway_backends

from helpers.dataplane.apigateway import gateway_responses, routing
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.snapshot import Resource, Snapshot
from helpers.dataplane.apigateway.traces import StageTraces
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpRequest, HttpResponse

LARGEST_BODY = 10 * 1024 * 1024
NOWHERE = Resource("", "", {})
"""The resource of a request that found none."""


class Step(Protocol):
    """Something that may stop a request."""

    def check(self, exchange: Exchange) -> None:
        """Look at a request, and note what has been learned.

        Raises
        ------
        GatewayError
            The request ends here.
        """


Serves = Callable[[RestAPI, Stage], tuple[Snapshot, dict[str, str], bool | None]]
Integrate = Callable[[Exchange], HttpResponse]
Answer = Callable[[Exchange, Callable[[], HttpResponse]], HttpResponse]
Finished = Callable[[Exchange, HttpResponse], None]


class RestApis:
    """Answers at the addresses of REST APIs.

    Parameters
    ----------
    serves:
        Returns what a stage serves: a deployment, stage variables, and whether it is its canary's.
    steps:
        What each request passes, in order.
    integrate:
        Asks the backend.
    cached:
        Answers from the cache, or asks the backend by the function that it gets.
    finished:
        Is told of each request and its response.
    """

    def __init__(
        self,
        context: Context,
        serves: Serves,
        steps: Sequence[Step],
        integrate: Integrate,
        cached: Answer,
        finished: Finished,
    ) -> None:
        self._context, self._serves, self._steps, self._integrate = context, serves, steps, integrate
        self._cached, self._finished, self._traces = cached, finished, StageTraces(context)

    def find(self, api_id: str) -> RestAPI | None:
        """Return the REST API of that id, from any Region."""
        regions = list(apigateway_backends[self._context.account_id].values())
        return next((one.apis[api_id] for one in regions if api_id in one.apis), None)

    def answer(self, request: HttpRequest, path: str) -> HttpResponse:
        """Answer a request; ``path`` is ``API/STAGE/path``."""
        started = time.time()
        api_id, _, rest = path.partition("/")
        stage_name, _, below = rest.partition("/")
        api = self.find(api_id)
        stage = api.stages.get(stage_name) if api else None
        if api is None or stage is None or (api.disableExecuteApiEndpoint and not request.domain):
            return gateway_responses.plain(GatewayError("INVALID_API_KEY"))  # the same words: Forbidden
        if api.region_name in self._context.switched_off:
            return gateway_responses.unavailable()
        exchange = self._exchange(request, api, stage, f"/{below}")
        response = self._traces.traced(exchange, self._answered)
        response.headers.setdefault("x-amzn-RequestId", exchange.request_id)
        response.headers.setdefault("x-amz-apigw-id", exchange.request_id)
        self._finished(exchange, response)
        self._context.record.meter("apigateway", "REST requests")
        self._context.record.add(
            "call", exchange.client, "apigateway", f"{request.method} {exchange.path}",
            outcome="ok" if response.status < 400 else str(response.status),
            started=started, milliseconds=(time.time() - started) * 1000, request_id=exchange.request_id,
        )  # fmt: skip
        return response

    def _exchange(self, request: HttpRequest, api: RestAPI, stage: Stage, path: str) -> Exchange:
        snapshot, variables, is_canary = self._serves(api, stage)
        return Exchange(
            request, api, stage, snapshot, NOWHERE, {"httpMethod": request.method}, path, {}, variables,
            self._context.new_id(), self._context.account_id, api.region_name,
            identity={"sourceIp": "127.0.0.1", "userAgent": request.headers.get("User-Agent")},
            client=self._context.http_caller(),
            extra={} if is_canary is None else {"isCanaryRequest": str(is_canary).lower()},
        )  # fmt: skip

    def _answered(self, exchange: Exchange) -> HttpResponse:
        try:
            self._route(exchange)
            for step in self._steps:
                step.check(exchange)
            return self._cached(exchange, lambda: self._timed(exchange))
        except GatewayError as error:
            return gateway_responses.render(error, exchange)
        except AWSError as error:  # what is not built says so
            return gateway_responses.plain(GatewayError("API_CONFIGURATION_ERROR", error.message, error.status or 500))
        except Exception as error:  # a mistake of this program: the client sees what AWS's own mistakes look like
            exchange.failed(f"{type(error).__name__}: {error}")
            return gateway_responses.render(GatewayError("API_CONFIGURATION_ERROR"), exchange)

    def _timed(self, exchange: Exchange) -> HttpResponse:
        started, exchange.integration_began = time.perf_counter(), time.time()
        try:
            return self._integrate(exchange)
        finally:
            exchange.integration_ms = (time.perf_counter() - started) * 1000

    def _route(self, exchange: Exchange) -> None:
        request = exchange.request
        found = routing.find(exchange.snapshot.resources, request.method, exchange.path)
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        exchange.resource, exchange.path_parameters = found
        exchange.method = exchange.resource.methods.get(request.method) or exchange.resource.methods["ANY"]
        if len(request.body) > LARGEST_BODY:
            raise GatewayError("REQUEST_TOO_LARGE", f"HTTP content length exceeded {LARGEST_BODY} bytes.")
