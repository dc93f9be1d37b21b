"""Changes to methods, integrations and responses: the rules of the Put operations, and the Update operations.

AWS: a patch operation has a path into the resource, with ``~1`` for a slash in a name
(``/requestTemplates/application~1json``); maps and lists take ``add``, ``remove`` and ``replace`` ("Patch operations",
API Gateway API Reference). Here: every member that moto keeps, the read-only ones excepted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.apigateway.models import Integration, Method, RestAPI, apigateway_backends
from moto.apigateway.models import Resource as MotoResource

from helpers.dataplane.apigateway.integrations.waiting import LONGEST_MS
from helpers.dataplane.apigateway.stages import api_of
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse

_MEMBERS = {
    "apiKeyRequired": "api_key_required",
    "authorizationScopes": "authorization_scopes",
    "authorizationType": "authorization_type",
    "authorizerId": "authorizer_id",
    "cacheKeyParameters": "cache_key_parameters",
    "cacheNamespace": "cache_namespace",
    "connectionType": "connection_type",
    "contentHandling": "content_handling",
    "credentials": "credentials",
    "description": "description",
    "httpMethod": "http_method",
    "operationName": "operation_name",
    "passthroughBehavior": "passthrough_behaviour",
    "requestModels": "request_models",
    "requestParameters": "request_parameters",
    "requestTemplates": "request_templates",
    "requestValidatorId": "request_validator_id",
    "responseModels": "response_models",
    "responseParameters": "response_parameters",
    "responseTemplates": "response_templates",
    "schema": "schema",
    "selectionPattern": "selection_pattern",
    "statusCode": "status_code",
    "timeoutInMillis": "timeout_in_millis",
    "uri": "uri",
}
"""API Gateway's names of members, and moto's."""
_LISTS = frozenset({"cacheKeyParameters", "authorizationScopes"})


def operations() -> Mapping[str, Operation]:
    """Return what this answers, by operation."""
    return {
        "CreateRestApi": _create_rest_api,
        "PutMethod": _put_method,
        "UpdateRestApi": _update_rest_api,
        "UpdateDeployment": _updates(lambda call: api_of(call).deployments.get(call.params["deploymentId"])),
        "UpdateGatewayResponse": _updates(lambda call: api_of(call).gateway_responses.get(call.params["responseType"])),
        "UpdateIntegration": _updates(_integration),
        "UpdateIntegrationResponse": _updates(_integration_response),
        "UpdateMethod": _updates(_method),
        "UpdateMethodResponse": _updates(lambda call: _method(call).method_responses.get(call.params["statusCode"])),
        "UpdateModel": _updates(lambda call: api_of(call).models.get(call.params["modelName"])),
    }


def _put_method(call: Call) -> HttpResponse:
    resource = api_of(call).resources.get(call.params["resourceId"])
    if resource is not None and call.params["httpMethod"] in resource.resource_methods:
        raise AWSError("ConflictException", "Method already exists for this resource", 409)
    return forward(call)


def apply(target: Any, patches: Iterable[Mapping[str, str]]) -> None:
    """Change one of moto's objects as patch operations say.

    Raises
    ------
    AWSError
        BadRequestException: no such member.
    """
    for patch in patches:
        name, *keys = [part.replace("~1", "/").replace("~0", "~") for part in patch["path"].strip("/").split("/")]
        member, kind = _MEMBERS.get(name, ""), patch["op"]
        if not hasattr(target, member) or kind not in ("add", "remove", "replace"):
            raise AWSError(
                "BadRequestException", f"Invalid patch path  '{patch['path']}' specified for op '{kind}'", 400
            )
        old, value = getattr(target, member), _value(name, patch.get("value"))
        if name in _LISTS:
            kept = [one for one in old or [] if one != (keys or [value])[0]]
            value = kept if kind == "remove" else [*kept, (keys or [value])[0]]
        elif keys:
            value = {key: one for key, one in (old or {}).items() if key != keys[0]} | (
                {} if kind == "remove" else {keys[0]: value}
            )
        setattr(target, member, None if kind == "remove" and not keys and name not in _LISTS else value)


def _value(name: str, text: str | None) -> Any:
    if name == "timeoutInMillis":
        return _checked_timeout(int(text or 0))
    return text == "true" if text in ("true", "false") else text


def _checked_timeout(milliseconds: int) -> int:
    if not 50 <= milliseconds <= LONGEST_MS:
        raise AWSError("BadRequestException", f"Timeout should be between 50 ms and {LONGEST_MS} ms", 400)
    return milliseconds


def _updates(find: Callable[[Call], Any]) -> Operation:
    def update(call: Call) -> HttpResponse:
        target = find(call)
        if target is None:
            raise AWSError("NotFoundException", "Invalid identifier specified", 404)
        apply(target, call.params.get("patchOperations") or [])
        return _described(call, target)

    return update


def _described(call: Call, target: Any, status: int = 0) -> HttpResponse:
    return call.reply({name: value for name, value in target.to_json().items() if value is not None}, status)


def _resource(call: Call) -> MotoResource:
    api: RestAPI = api_of(call)
    resource = api.resources.get(call.params["resourceId"])
    if resource is None:
        raise AWSError("NotFoundException", "Invalid Resource identifier specified", 404)
    return resource


def _method(call: Call) -> Method:
    method = _resource(call).resource_methods.get(call.params["httpMethod"])
    if method is None:
        raise AWSError("NotFoundException", "Invalid Method identifier specified", 404)
    return method


def _integration(call: Call) -> Integration:
    integration = _method(call).method_integration
    if integration is None:
        raise AWSError("NotFoundException", "Invalid Integration identifier specified", 404)
    return integration


def _integration_response(call: Call) -> Any:
    return (_integration(call).integration_responses or {}).get(call.params["statusCode"])


def put_integration(call: Call, put: Operation) -> HttpResponse:
    """PutIntegration: check what moto does not, let ``put`` do it, and fill in AWS's defaults.

    Raises
    ------
    AWSError
        BadRequestException.
    """
    given = call.params
    service = given["type"] == "AWS" and ":lambda:" not in (given.get("uri") or "")
    if service and not given.get("credentials"):
        raise AWSError("BadRequestException", "Role ARN must be specified for AWS integrations", 400)
    if given.get("contentHandling") == "CONVERT_TO_BINARY":
        raise not_built("conversion to binary")
    if given.get("responseTransferMode") == "STREAM":
        raise not_built("response streaming")
    timeout = _checked_timeout(int(given.get("timeoutInMillis") or LONGEST_MS))
    response = put(call)
    if response.status >= 400:
        return response
    integration = _integration(call)
    integration.cache_namespace = given.get("cacheNamespace") or given["resourceId"]
    integration.passthrough_behaviour = given.get("passthroughBehavior") or "WHEN_NO_MATCH"
    setattr(integration, "timeout_in_millis", timeout)
    return _described(call, integration, 201)


def _create_rest_api(call: Call) -> HttpResponse:
    """Keep the media types, which moto forgets."""
    response = forward(call)
    if response.status >= 400 or not call.params.get("binaryMediaTypes"):
        return response
    api = apigateway_backends[call.account_id][call.region].apis[json.loads(response.body)["id"]]
    api.binaryMediaTypes = list(call.params["binaryMediaTypes"])
    return call.reply(api.to_dict(), 201)


def _update_rest_api(call: Call) -> HttpResponse:
    """Take the media types from the paths, where AWS has them and moto does not look."""
    api, rest = api_of(call), []
    for patch in call.params.get("patchOperations") or []:
        _, _, media = patch["path"].replace("~1", "/").partition("/binaryMediaTypes/")
        if media:
            kept = [one for one in api.binaryMediaTypes if one != media]
            api.binaryMediaTypes = kept if patch["op"] == "remove" else [*kept, patch.get("value") or media]
        elif patch["path"] == "/disableExecuteApiEndpoint":  # for moto the text "false" is true
            api.disableExecuteApiEndpoint = patch.get("value") == "true"
        else:
            rest.append(patch)
    if not rest:
        return call.reply(api.to_dict())
    call.request.body = json.dumps({"patchOperations": rest}).encode()
    return forward(call)
