"""CloudFront Functions as resources: a development stage, a live stage, and a test that needs no distribution.

AWS: a function is created in the stage DEVELOPMENT, tried there with TestFunction, and copied to LIVE by
PublishFunction; only a live function can be associated with a distribution ("Create functions", "Test functions",
"Publish functions", CloudFront Developer Guide). moto keeps the stage DEVELOPMENT; here: UpdateFunction,
PublishFunction, TestFunction, LIVE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudfront.models import CloudFrontFunction, random_id
from moto.core.utils import utcnow

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.cloudfront import javascript
from helpers.dataplane.cloudfront.distribution import backend
from helpers.dataplane.cloudfront.request_policies import check_version
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse


@dataclass(frozen=True)
class _Live:
    code: str
    config: Mapping[str, Any]


class CloudFrontFunctions:
    """The CloudFront functions of one account."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._live: dict[str, _Live] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what is answered, by operation."""
        return {
            "CreateFunction": self._create,
            "UpdateFunction": self._update,
            "PublishFunction": self._publish,
            "DescribeFunction": self._describe,
            "GetFunction": self._get,
            "TestFunction": self._test,
            "DeleteFunction": self._delete,
        }

    def live_code(self, arn: str) -> str:
        """Return the published code of a function.

        Raises
        ------
        AWSError
            ``InvalidFunctionAssociation``: there is none; its words are not AWS's, which publishes none.
        """
        live = self._live.get(arn.rpartition("/")[2])
        if live is None:
            message = f"The function must be published to the LIVE stage before it is associated. Function: {arn}"
            raise AWSError("InvalidFunctionAssociation", message, 400)
        return live.code

    def count(self) -> None:
        """Count a run of a published function at an event of a distribution."""
        self._context.record.meter("cloudfront", "functions")

    def _create(self, call: Call) -> HttpResponse:
        _check(call.params)
        return forward(call)

    def _update(self, call: Call) -> HttpResponse:
        function = self._find(call)
        check_version(call.params.get("IfMatch"), function.etag)
        _check(call.params)
        function.code, function.config = call.params["FunctionCode"], call.params["FunctionConfig"]
        function.etag, function.last_modified_time, function.status = random_id(), utcnow(), "UNPUBLISHED"
        return call.reply({"FunctionSummary": function.function_summary, "ETag": function.etag})

    def _publish(self, call: Call) -> HttpResponse:
        function = self._find(call)
        check_version(call.params.get("IfMatch"), function.etag)
        self._live[function.name] = _Live(_text(function.code), function.config)
        function.status = "UNASSOCIATED"
        return call.reply({"FunctionSummary": self._summary(function, "LIVE")})

    def _describe(self, call: Call) -> HttpResponse:
        function, stage = self._staged(call)
        return call.reply({"FunctionSummary": self._summary(function, stage), "ETag": function.etag})

    def _get(self, call: Call) -> HttpResponse:
        function, stage = self._staged(call)
        code = self._live[function.name].code if stage == "LIVE" else _text(function.code)
        response = call.reply({"ETag": function.etag, "ContentType": "application/octet-stream"})
        response.body = code.encode()
        return response

    def _test(self, call: Call) -> HttpResponse:
        function, stage = self._staged(call)
        check_version(call.params.get("IfMatch"), function.etag)
        try:
            event = json.loads(call.params["EventObject"])
        except ValueError:
            raise AWSError("TestFunctionFailed", "The event object is not valid JSON.", 500) from None
        code = self._live[function.name].code if stage == "LIVE" else _text(function.code)
        ran = javascript.run(code, event)
        result = {"FunctionSummary": self._summary(function, stage), "FunctionExecutionLogs": ran.logs}
        if ran.error:
            result["FunctionErrorMessage"] = ran.error
        else:
            kind = "response" if "statusCode" in (ran.output or {}) else "request"
            result["FunctionOutput"] = json.dumps({kind: ran.output}, separators=(",", ":"))
        return call.reply({"TestResult": result})

    def _delete(self, call: Call) -> HttpResponse:
        check_version(call.params.get("IfMatch"), self._find(call).etag)
        self._live.pop(call.params["Name"], None)
        return forward(call)

    def _find(self, call: Call) -> CloudFrontFunction:
        function = backend(self._context.account_id).functions.get(call.params["Name"])
        if function is None:
            raise AWSError("NoSuchFunctionExists", "The function does not exist.", 404)
        return function

    def _staged(self, call: Call) -> tuple[CloudFrontFunction, str]:
        function, stage = self._find(call), call.params.get("Stage") or "DEVELOPMENT"
        if stage == "LIVE" and function.name not in self._live:
            raise AWSError("NoSuchFunctionExists", "The function does not exist.", 404)
        return function, stage

    def _summary(self, function: CloudFrontFunction, stage: str) -> dict[str, Any]:
        summary: dict[str, Any] = function.function_summary
        config = self._live[function.name].config if stage == "LIVE" else function.config
        return {
            **summary,
            "FunctionConfig": config,
            "FunctionMetadata": {**summary["FunctionMetadata"], "Stage": stage},
        }


def _check(given: Mapping[str, Any]) -> None:
    if (given["FunctionConfig"].get("KeyValueStoreAssociations") or {}).get("Quantity"):
        raise not_built("a key value store of a CloudFront function")
    size = len(given["FunctionCode"])
    if size > javascript.CODE_BYTES:
        message = f"The function size exceeds the maximum: {size} bytes. Max allowed: {javascript.CODE_BYTES}"
        raise AWSError("FunctionSizeLimitExceeded", message, 413)


def _text(code: bytes | str) -> str:
    return code if isinstance(code, str) else code.decode("utf-8", "replace")
