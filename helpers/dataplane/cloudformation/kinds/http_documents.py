"""An HTTP API's OpenAPI document, as SAM writes one: its routes, integrations and authorizers.

AWS: ImportApi and ReimportApi ("Working with OpenAPI definitions for HTTP APIs", API Gateway Developer Guide). Here:
the API's parts are made by the calls for each part, from the same extensions; a new document takes the place of all
of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from helpers.dataplane.cloudformation.kinds.kind import Site, shaped

_FUNCTION = re.compile(r"^arn:aws[\w-]*:apigateway:.*:lambda:path/.*/functions/(arn:.*)/invocations$")
_ANY = "x-amazon-apigateway-any-method"


def read(body: Any) -> dict[str, Any]:
    """Return a document, which a template holds as an object or as text."""
    found: dict[str, Any] = yaml.safe_load(body) if isinstance(body, str) else body
    return found


def apply(site: Site, api_id: str, document: Mapping[str, Any]) -> None:
    """Make the API's parts what the document says."""
    client = site.client("apigatewayv2")
    routes = client.get_routes(ApiId=api_id)["Items"]
    for one in routes:
        client.delete_route(ApiId=api_id, RouteId=one["RouteId"])
    for one in client.get_integrations(ApiId=api_id)["Items"]:
        client.delete_integration(ApiId=api_id, IntegrationId=one["IntegrationId"])
    for guard in {one["AuthorizerId"] for one in routes if one.get("AuthorizerId")}:
        client.delete_authorizer(ApiId=api_id, AuthorizerId=guard)
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    protections = {name: _protection(site, api_id, name, one) for name, one in schemes.items()}
    made: dict[str, str] = {}
    for path, methods in (document.get("paths") or {}).items():
        for method, said in methods.items():
            integration = said.get("x-amazon-apigateway-integration")
            if method == "parameters" or not integration:
                continue
            text = json.dumps(integration, sort_keys=True)
            if text not in made:
                made[text] = client.create_integration(ApiId=api_id, **_integration(site, integration))["IntegrationId"]
            verb = "ANY" if method == _ANY else method.upper()
            key = "$default" if path in ("$default", "/$default") else f"{verb} {path}"
            guard = _guard(said.get("security", document.get("security")), protections)
            client.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{made[text]}", **guard)


def settings(site: Site, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's own settings that stand in the document."""
    found: dict[str, Any] = {}
    info, cors = document.get("info") or {}, document.get("x-amazon-apigateway-cors")
    found["Name"] = info.get("title") or site.logical
    if info.get("description"):
        found["Description"] = info["description"]
    if cors:
        found["CorsConfiguration"] = cors
    if (document.get("x-amazon-apigateway-endpoint-configuration") or {}).get("disableExecuteApiEndpoint"):
        found["DisableExecuteApiEndpoint"] = True
    return found


def _integration(site: Site, said: Mapping[str, Any]) -> dict[str, Any]:
    names = {"type": "IntegrationType", "uri": "IntegrationUri", "httpMethod": "IntegrationMethod",
             "credentials": "CredentialsArn", "subtype": "IntegrationSubtype"}  # fmt: skip
    members = site.client("apigatewayv2").meta.service_model.operation_model("CreateIntegration").input_shape
    ready = {names.get(name, name): value for name, value in said.items() if name != "responses"}
    ready["IntegrationType"] = ready["IntegrationType"].upper()
    function = _FUNCTION.match(ready.get("IntegrationUri", ""))
    if function:
        ready["IntegrationUri"] = function[1]
    found: dict[str, Any] = shaped(members, ready, "x-amazon-apigateway-integration")
    return found


def _protection(site: Site, api_id: str, name: str, scheme: Mapping[str, Any]) -> dict[str, Any]:
    said = scheme.get("x-amazon-apigateway-authorizer")
    if not said:
        return {"AuthorizationType": "AWS_IAM"}
    jwt = said["type"] == "jwt"
    names = {"type": "AuthorizerType", "authorizerCredentials": "AuthorizerCredentialsArn"}
    ready = {names.get(one, one): value for one, value in said.items()}
    ready["AuthorizerType"] = "JWT" if jwt else "REQUEST"
    client = site.client("apigatewayv2")
    members = client.meta.service_model.operation_model("CreateAuthorizer").input_shape
    source = ready.get("identitySource", [])
    ready["identitySource"] = [one.strip() for one in source.split(",")] if isinstance(source, str) else source
    made = client.create_authorizer(ApiId=api_id, Name=name, **shaped(members, ready, "x-amazon-apigateway-authorizer"))
    return {"AuthorizationType": "JWT" if jwt else "CUSTOM", "AuthorizerId": made["AuthorizerId"]}


def _guard(security: Any, protections: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    for one in security or []:
        for name, scopes in one.items():
            if name in protections:
                return protections[name] | ({"AuthorizationScopes": scopes} if scopes else {})
    return {}
