"""APIs: AWS::ApiGateway::* and AWS::ApiGatewayV2::*.

AWS: "Amazon API Gateway resource type reference" (CloudFormation Template Reference). Here: the types and properties
of the course; ``names.py`` has custom domain names. A REST API's own settings change by the patches that
UpdateRestApi takes.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.kinds import http_documents, names
from helpers.dataplane.cloudformation.kinds.functions import s3_text
from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site, Step, written


def _body(site: Site, made: Made, new: Any, old: Any) -> None:
    """Import an OpenAPI document in the place of the one before."""
    if new is not None:
        body = new if isinstance(new, str) else json.dumps(new)
        mode = "overwrite" if made.attributes else "merge"
        site.client("apigateway").put_rest_api(restApiId=made.id, mode=mode, body=body.encode())


def _own_settings(site: Site, made: Made, properties: Properties) -> None:
    """Put back what a document has taken away: the API's own properties count."""
    if "Body" in properties:
        for name, path in _PATHS.items():
            if name in properties:
                _patch("update_rest_api", path)(site, Made(made.id, {"": ""}, made.keys), properties[name], None)
        kinds = [
            {"op": "add", "path": f"/binaryMediaTypes/{one.replace('/', '~1')}"}
            for one in properties.get("BinaryMediaTypes", [])
        ]
        if kinds:
            site.client("apigateway").update_rest_api(**made.keys, patchOperations=kinds)


def _located_body(site: Site, properties: Properties) -> Properties:
    """Read a body that lies in a bucket; give the API the name that its document has."""
    ready = dict(properties)
    place = ready.pop("BodyS3Location", None)
    if place:
        ready["Body"] = s3_text(site, place)
    if not ready.get("Name"):
        document = ready.get("Body")
        document = json.loads(document) if isinstance(document, str) and document.startswith("{") else document
        title = document.get("info", {}).get("title") if isinstance(document, dict) else None
        ready["Name"] = title or site.logical
    return ready


class RestApiKind(Kind):
    """A REST API is made of its properties first, then of its document."""

    def create(self, site: Site, properties: Properties) -> Made:
        return super().create(site, _located_body(site, properties))

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        return super().update(site, made, _located_body(site, properties), _located_body(site, old))


def _patch(call: str, path: str) -> Step:
    """Return a step that patches what the create call has set already."""

    def step(site: Site, made: Made, new: Any, old: Any) -> None:
        if made.attributes:
            patch = {"op": "replace", "path": path, "value": written("" if new is None else new)}
            getattr(site.client("apigateway"), call)(**made.keys, patchOperations=[patch])

    return step


def _method_settings(site: Site, made: Made, new: Any, old: Any) -> None:
    names = {
        "ThrottlingRateLimit": "throttling/rateLimit", "ThrottlingBurstLimit": "throttling/burstLimit",
        "LoggingLevel": "logging/loglevel", "MetricsEnabled": "metrics/enabled",
        "DataTraceEnabled": "logging/dataTrace",
        "CachingEnabled": "caching/enabled", "CacheTtlInSeconds": "caching/ttlInSeconds",
        "CacheDataEncrypted": "caching/dataEncrypted",
    }  # fmt: skip

    def place(one: Properties) -> str:
        path = str(one.get("ResourcePath", "/*"))
        return f"/{'*' if path == '/*' else path.replace('/', '~1')}/{one.get('HttpMethod', '*')}"

    patches = [{"op": "remove", "path": place(one)} for one in old or []]
    for one in new or []:
        for name, end in names.items():
            if name in one:
                patches.append({"op": "replace", "path": f"{place(one)}/{end}", "value": written(one[name])})
    if patches:
        site.client("apigateway").update_stage(**made.keys, patchOperations=patches)


def _access_log(site: Site, made: Made, new: Any, old: Any) -> None:
    if new:
        names = {"DestinationArn": "destinationArn", "Format": "format"}
        patches = [
            {"op": "replace", "path": f"/accessLogSettings/{end}", "value": str(new[name])}
            for name, end in names.items()
            if name in new
        ]
    else:
        patches = [{"op": "remove", "path": "/accessLogSettings"}]
    site.client("apigateway").update_stage(**made.keys, patchOperations=patches)


def _stage_variables(site: Site, made: Made, new: Any, old: Any) -> None:
    new, old = new or {}, old or {}
    patches = [{"op": "replace", "path": f"/variables/{name}", "value": str(value)} for name, value in new.items()]
    patches += [{"op": "remove", "path": f"/variables/{name}"} for name in old if name not in new]
    if patches and made.attributes:
        site.client("apigateway").update_stage(**made.keys, patchOperations=patches)


def _deployed(site: Site, made: Made, properties: Properties) -> None:
    """Take away the stage that a deployment made: API Gateway deletes no deployment that a stage uses."""
    if properties.get("StageName"):
        where = {"restApiId": properties["RestApiId"], "stageName": properties["StageName"]}
        client = site.client("apigateway")
        if client.get_stage(**where)["deploymentId"] == made.id:
            client.delete_stage(**where)


def _deployment(site: Site, properties: Properties) -> Properties:
    ready = dict(properties)
    described = ready.pop("StageDescription", None) or {}
    names = {"Description": "stageDescription", "Variables": "variables", "TracingEnabled": "tracingEnabled",
             "CacheClusterEnabled": "cacheClusterEnabled", "CacheClusterSize": "cacheClusterSize"}  # fmt: skip
    return ready | {names.get(name, name): value for name, value in described.items()}


def _put_integration(site: Site, made: Made, properties: Properties) -> None:
    """Put a method's responses, and its integration with its responses."""
    for one in properties.get("MethodResponses") or []:
        _METHOD_RESPONSE.create(site, {**made.keys, **one})
    integration = dict(properties.get("Integration") or {})
    responses = integration.pop("IntegrationResponses", None) or []
    if integration:
        _INTEGRATION.create(site, {**made.keys, **integration})
    for one in responses:
        _INTEGRATION_RESPONSE.create(site, {**made.keys, **one})


class MethodKind(Kind):
    """A method is put anew when it changes."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        self.delete(site, made, old)
        return self.create(site, properties)


class UsagePlanKind(Kind):
    """A usage plan's stages, rate and quota are patched."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        patches: list[dict[str, str]] = []
        for name in ("Throttle", "Quota"):
            if properties.get(name) != old.get(name):
                patches += [
                    {"op": "replace", "path": f"/{name.lower()}/{end[0].lower() + end[1:]}", "value": str(value)}
                    for end, value in (properties.get(name) or {}).items()
                ] or [{"op": "remove", "path": f"/{name.lower()}"}]
        stages = [
            {f"{one['ApiId']}:{one['Stage']}" for one in said.get("ApiStages") or []} for said in (old, properties)
        ]
        patches += [{"op": "remove", "path": "/apiStages", "value": one} for one in sorted(stages[0] - stages[1])]
        patches += [{"op": "add", "path": "/apiStages", "value": one} for one in sorted(stages[1] - stages[0])]
        if patches:
            site.client("apigateway").update_usage_plan(**made.keys, patchOperations=patches)
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        self.update(site, made, {}, {"ApiStages": properties.get("ApiStages")})
        super().delete(site, made, properties)


def _account(site: Site, properties: Properties) -> Properties:
    role = properties.get("CloudWatchRoleArn") or ""
    return {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]}


class AccountKind(Kind):
    """API Gateway's settings of the account have one call for everything."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        return self.create(site, properties)


class HttpApiKind(Kind):
    """An HTTP API of a document: its settings first, then its parts."""

    def create(self, site: Site, properties: Properties) -> Made:
        own, document = _split(site, properties)
        made = super().create(site, {"ProtocolType": "HTTP", **own})
        if document:
            try:
                http_documents.apply(site, made.id, document)
            except (AWSError, ClientError):
                self.delete(site, made, properties)
                raise
        return made

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        (own, document), (before, was) = _split(site, properties), _split(site, old)
        after = super().update(site, made, own, before)
        if document and document != was:
            http_documents.apply(site, made.id, document)
        return after


def _split(site: Site, properties: Properties) -> tuple[Properties, dict[str, Any]]:
    """Return an HTTP API's own settings, and its document if it has one."""
    own = dict(properties)
    body, place = own.pop("Body", None), own.pop("BodyS3Location", None)
    own.pop("FailOnWarnings", None)
    if body is None and place is None:
        return own, {}
    document = http_documents.read(body if place is None else s3_text(site, place))
    return {**http_documents.settings(site, document), **own}, document


_PATHS = {
    "Name": "/name", "Description": "/description", "Policy": "/policy", "ApiKeySourceType": "/apiKeySource",
    "DisableExecuteApiEndpoint": "/disableExecuteApiEndpoint", "MinimumCompressionSize": "/minimumCompressionSize",
}  # fmt: skip
_REST = {"restApiId": "p.RestApiId"}
_METHOD_RESPONSE = Kind("MethodResponse", "apigateway", "put_method_response", "p.StatusCode")
_INTEGRATION = Kind("Integration", "apigateway", "put_integration", "p.Type")
_INTEGRATION_RESPONSE = Kind("IntegrationResponse", "apigateway", "put_integration_response", "p.StatusCode")


def _part(kind: str, call: str, key: str, **more: Any) -> Kind:
    """Return the table of a part of a REST API, which its answer's ``id`` names."""
    expression = more.pop("ref", "a.id")
    return Kind(
        f"AWS::ApiGateway::{kind}", "apigateway", f"create_{call}", expression, {**_REST, key: expression},
        f"delete_{call}",
        attributes={f"{kind}Id": expression}, **more,
    )  # fmt: skip


def _v2(name: str, key: str, **more: Any) -> Kind:
    """Return the table of a part of an HTTP or WebSocket API: the calls have the same form."""
    expression = more.pop("ref", f"a.{key}")
    call = name.lower()
    return Kind(
        f"AWS::ApiGatewayV2::{name}", "apigatewayv2", f"create_{call}", expression,
        {"ApiId": "p.ApiId", key: expression}, f"delete_{call}", (f"update_{call}",),
        attributes={key: expression}, **more,
    )  # fmt: skip


KINDS = [
    RestApiKind(
        "AWS::ApiGateway::RestApi", "apigateway", "create_rest_api", "a.id", {"restApiId": "a.id"}, "delete_rest_api",
        read="get_rest_api", attributes={"RootResourceId": "d.rootResourceId", "RestApiId": "d.id"},
        rename={"ApiKeySourceType": "apiKeySource"}, ignored=("FailOnWarnings", "Mode", "Parameters"),
        steps={"Body": _body, **{name: _patch("update_rest_api", path) for name, path in _PATHS.items()}},
        after=_own_settings,
    ),
    _part("Deployment", "deployment", "deploymentId", prepare=_deployment, before_delete=_deployed,
          rename={"DeploymentCanarySettings": "canarySettings"}),
    Kind(
        "AWS::ApiGateway::Stage", "apigateway", "create_stage", "p.StageName",
        {"restApiId": "p.RestApiId", "stageName": "p.StageName"}, "delete_stage",
        attributes={"StageName": "p.StageName"}, rename={"CanarySetting": "canarySettings"},
        steps={
            "DeploymentId": _patch("update_stage", "/deploymentId"),
            "Description": _patch("update_stage", "/description"),
            "TracingEnabled": _patch("update_stage", "/tracingEnabled"),
            "CacheClusterEnabled": _patch("update_stage", "/cacheClusterEnabled"),
            "CacheClusterSize": _patch("update_stage", "/cacheClusterSize"),
            "Variables": _stage_variables, "MethodSettings": _method_settings, "AccessLogSetting": _access_log,
        },
    ),
    _part("Resource", "resource", "resourceId"),
    MethodKind(
        "AWS::ApiGateway::Method", "apigateway", "put_method",
        lambda site, scope: f"{scope['p']['RestApiId']}|{scope['p']['ResourceId']}|{scope['p']['HttpMethod']}",
        {**_REST, "resourceId": "p.ResourceId", "httpMethod": "p.HttpMethod"}, "delete_method",
        prepare=lambda site, properties: {"AuthorizationType": "NONE", **properties},
        after=_put_integration, ignored=("Integration", "MethodResponses"), update_calls=("put_method",),
    ),
    _part("Authorizer", "authorizer", "authorizerId"),
    _part("Model", "model", "modelName", ref="a.name", name="Name",
          prepare=lambda site, properties: {"ContentType": "application/json", **properties}),
    _part("RequestValidator", "request_validator", "requestValidatorId"),
    Kind(
        "AWS::ApiGateway::GatewayResponse", "apigateway", "put_gateway_response", "p.ResponseType",
        {**_REST, "responseType": "p.ResponseType"}, "delete_gateway_response", ("put_gateway_response",),
    ),
    UsagePlanKind(
        "AWS::ApiGateway::UsagePlan", "apigateway", "create_usage_plan", "a.id", {"usagePlanId": "a.id"},
        "delete_usage_plan", ("update_usage_plan",), name="UsagePlanName", rename={"UsagePlanName": "name"},
        attributes={"Id": "a.id"}, own=("Throttle", "Quota", "ApiStages"),
    ),
    Kind(
        "AWS::ApiGateway::ApiKey", "apigateway", "create_api_key", "a.id", {"apiKey": "a.id"}, "delete_api_key",
        attributes={"APIKeyId": "a.id"}, name="Name",
    ),
    Kind(
        "AWS::ApiGateway::UsagePlanKey", "apigateway", "create_usage_plan_key", "a.id",
        {"usagePlanId": "p.UsagePlanId", "keyId": "a.id"}, "delete_usage_plan_key",
    ),
    AccountKind(
        "AWS::ApiGateway::Account", "apigateway", "update_account", lambda site, scope: site.logical,
        prepare=_account, update_calls=("update_account",),
    ),
    HttpApiKind(
        "AWS::ApiGatewayV2::Api", "apigatewayv2", "create_api", "a.ApiId", {"ApiId": "a.ApiId"}, "delete_api",
        ("update_api",), attributes={"ApiId": "a.ApiId", "ApiEndpoint": "a.ApiEndpoint"},
    ),
    _v2("Integration", "IntegrationId"),
    _v2("Route", "RouteId"),
    _v2("Authorizer", "AuthorizerId"),
    _v2("Deployment", "DeploymentId"),
    _v2("Stage", "StageName", ref="p.StageName"),
    *names.KINDS,
]  # fmt: skip
