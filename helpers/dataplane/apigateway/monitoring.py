"""What API Gateway writes about a request: metrics always, logs only where they are enabled.

AWS: the namespace ``AWS/ApiGateway`` gets Count, 4XXError, 5XXError, Latency, IntegrationLatency and, where caching is
on, CacheHitCount and CacheMissCount, for the API (dimension ApiName) and for its stage (ApiName, Stage); with
``metricsEnabled`` also for the method ("Amazon API Gateway dimensions and metrics", API Gateway Developer Guide). AWS
sends them once a minute, here at once. Execution logs (``loggingLevel`` ERROR or INFO) and access logs
(``accessLogSettings``) are written with the account's ``cloudwatchRoleArn`` ("Set up CloudWatch logging for REST
APIs"). The lines are those of recorded logs, without the ones that show headers and bodies (``dataTraceEnabled``). Not
sourced: that requests to paths that no resource has are in the metrics.
"""

from __future__ import annotations

import re
import time
from typing import Any

from moto.apigateway.models import Stage, apigateway_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow
from moto.logs.models import logs_backends

from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpResponse

LONGEST_TTL = 3600
_OF_STAGE = re.compile(
    r"/(deploymentId|description|cacheCluster\w+|accessLogSettings|canarySettings|variables|tracingEnabled)\b"
)
_OF_METHOD = re.compile(
    r"/[^/]+/[^/]+/(metrics/enabled|logging/(dataTrace|loglevel)|throttling/(burst|rate)Limit|caching/(dataEncrypted|"
    r"enabled|requireAuthorizationForCacheControl|ttlInSeconds|unauthorizedCacheControlHeaderStrategy))"
)
_VARIABLE = re.compile(r"\$context\.(\w+(?:\.\w+)*)")


class Monitoring:
    """Writes metrics and logs of one account's REST APIs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def finished(self, exchange: Exchange, response: HttpResponse) -> None:
        """Note a request and how it ended."""
        latency = (time.time() - exchange.started) * 1000
        exchange.extra |= {
            "status": str(response.status),
            "responseLength": str(len(response.body)),
            "responseLatency": str(round(latency)),
        }
        if exchange.integration_ms is not None:
            milliseconds = str(round(exchange.integration_ms))
            exchange.extra |= {"integration.latency": milliseconds, "integrationLatency": milliseconds}
        self._count(exchange, response.status, latency)
        if self._account(exchange.region).cloudwatch_role_arn:
            self._log_execution(exchange, response)
            self._log_access(exchange)

    def _count(self, exchange: Exchange, status: int, latency: float) -> None:
        counts = {"Count": 1, "4XXError": int(400 <= status < 500), "5XXError": int(status >= 500)}
        if exchange.cache:
            counts |= {"CacheHitCount": int(exchange.cache == "hit"), "CacheMissCount": int(exchange.cache == "miss")}
        times = {"Latency": latency}
        if exchange.integration_ms is not None:
            times["IntegrationLatency"] = exchange.integration_ms
        now = utcnow()
        cloudwatch_backends[self._context.account_id][exchange.region].put_metric_data(
            "AWS/ApiGateway",
            [
                {"MetricName": name, "Value": float(value), "Unit": unit, "Timestamp": now, "Dimensions": dimensions}
                for unit, values in (("Count", counts), ("Milliseconds", times))
                for name, value in values.items()
                for dimensions in dimensions_of(exchange)
            ],
        )

    def _log_execution(self, exchange: Exchange, response: HttpResponse) -> None:
        level = exchange.setting("loggingLevel")
        if "error.message" not in exchange.extra:
            exchange.note("Successfully completed execution")
        exchange.note(f"Method completed with status: {response.status}")
        wanted = {"INFO": ("INFO", "ERROR"), "ERROR": ("ERROR",)}.get(level, ())
        lines = [f"({exchange.request_id}) {text}" for kind, text in exchange.notes if kind in wanted]
        self._write(exchange.region, f"API-Gateway-Execution-Logs_{exchange.api.id}/{exchange.stage.name}", lines)

    def _log_access(self, exchange: Exchange) -> None:
        settings = exchange.stage.access_log_settings or {}
        if settings.get("destinationArn"):
            group = settings["destinationArn"].partition(":log-group:")[2].removesuffix(":*")
            self._write(exchange.region, group, [filled(settings.get("format") or "", exchange.variables())])

    def _write(self, region: str, group: str, lines: list[str]) -> None:
        if not lines:
            return
        backend, stream = logs_backends[self._context.account_id][region], "0" * 32
        backend.ensure_log_group(group)
        if stream not in backend.groups[group].streams:
            backend.create_log_stream(group, stream)
        moment = int(time.time() * 1000)
        backend.put_log_events(group, stream, [{"timestamp": moment, "message": line} for line in lines])

    def check_stage(self, call: Call) -> None:
        """Refuse what UpdateStage may not set: logs without a role, a cache for more than an hour, an unknown setting.

        Raises
        ------
        AWSError
            ``BadRequestException``. The words are AWS's, but for those about the cache; AWS lists the known paths, too.
        """
        for patch in call.params.get("patchOperations") or []:
            path, value = patch.get("path", ""), patch.get("value") or ""
            if patch.get("op") != "remove" and not _OF_STAGE.match(path) and not _OF_METHOD.fullmatch(path):
                raise AWSError("BadRequestException", f"Invalid method setting path: {path}", 400)
            logs = path.startswith("/accessLogSettings/") or (path.endswith("/logging/loglevel") and value != "OFF")
            if logs and patch.get("op") != "remove" and not self._account(call.region).cloudwatch_role_arn:
                words = "CloudWatch Logs role ARN must be set in account settings to enable logging"
                raise AWSError("BadRequestException", words, 400)
            if path.endswith("/caching/ttlInSeconds") and not (value.isdecimal() and int(value) <= LONGEST_TTL):
                raise AWSError("BadRequestException", f"Invalid cache TTL: must be between 0 and {LONGEST_TTL}", 400)

    def _account(self, region: str) -> Any:
        return apigateway_backends[self._context.account_id][region].account


def default_method_settings(_: Stage) -> dict[str, Any]:
    """Return what GetStage shows of a method when one of its settings is set: moto's defaults are of another time."""
    return {
        "metricsEnabled": False,
        "dataTraceEnabled": False,
        "throttlingBurstLimit": 5000,
        "throttlingRateLimit": 10000.0,
        "cachingEnabled": False,
        "cacheTtlInSeconds": 300,
        "cacheDataEncrypted": False,
        "requireAuthorizationForCacheControl": True,
        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
    }


def dimensions_of(exchange: Exchange) -> list[list[dict[str, str]]]:
    """Return the sets of dimensions under which a request counts."""
    api = {"Name": "ApiName", "Value": exchange.api.name}
    stage = {"Name": "Stage", "Value": str(exchange.stage.name)}
    sets = [[api], [api, stage]]
    if exchange.resource.id and exchange.setting("metricsEnabled"):
        method = {"Name": "Method", "Value": exchange.method["httpMethod"]}
        sets.append([api, method, {"Name": "Resource", "Value": exchange.resource.path}, stage])
    return sets


def filled(template: str, variables: dict[str, Any]) -> str:
    """Return an access log's format with the values of its ``$context`` variables; one without a value is ``-``."""

    def value(match: re.Match[str]) -> str:
        found: Any = variables
        for name in match[1].split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return "-" if found in (None, "", {}) else str(found)

    return _VARIABLE.sub(value, template)
