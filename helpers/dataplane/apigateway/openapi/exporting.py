"""Export: from a stage's deployed API to an OpenAPI document.

AWS: GetExport gives the API of a stage as OpenAPI 3.0 (``oas30``) or 2.0 (``swagger``), in JSON or YAML; the extensions
``integrations`` (or ``apigateway``) and ``authorizers`` add what API Gateway needs to import it again ("Export a REST
API from API Gateway", API Gateway Developer Guide; GetExport, API Reference). Here: of the stage's deployment, without
Postman's extensions. Not sourced: that request validators, gateway responses, binary media types and the policy come
with ``integrations``.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import yaml
from moto.apigateway.models import RestAPI, Stage, apigateway_backends

from helpers.dataplane.apigateway.openapi.document import ANY, EXTENSION
from helpers.dataplane.apigateway.snapshot import Snapshot
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.web import HttpResponse

_PLACES = {"querystring": "query", "header": "header", "path": "path"}
_COPIED = (
    "uri", "httpMethod", "credentials", "requestParameters", "requestTemplates", "cacheKeyParameters",
    "timeoutInMillis", "contentHandling", "tlsConfig", "connectionType",
)  # fmt: skip
_AUTHORIZER = (
    "authorizerUri", "authorizerCredentials", "identityValidationExpression", "authorizerResultTtlInSeconds",
    "providerARNs",
)  # fmt: skip


def get_export(call: Call) -> HttpResponse:
    """GetExport."""
    kind = call.params["exportType"]
    if kind not in ("oas30", "swagger"):
        raise AWSError("BadRequestException", f"No API exporter for type '{kind}'", 400)
    extensions = frozenset(parse_qs(call.request.query).get("extensions", [""])[0].split(","))
    if "postman" in extensions:
        raise not_built("an export with Postman's extensions")
    api = apigateway_backends[call.account_id][call.region].apis.get(call.params["restApiId"])
    stage = api.stages.get(call.params["stageName"]) if api else None
    if api is None or stage is None:
        raise AWSError("NotFoundException", "Invalid stage identifier specified", 404)
    document = Export(api, stage, call.region, kind == "oas30", extensions).document()
    as_yaml = "yaml" in call.params.get("accepts", "")
    text = yaml.safe_dump(document, sort_keys=False) if as_yaml else json.dumps(document, indent=2)
    suffix, media = ("yaml", "application/yaml") if as_yaml else ("json", "application/json")
    disposition = f'attachment; filename="{kind}_{api.version}.{suffix}"'
    return call.reply({"contentDisposition": disposition, "body": text.encode()}, content_type=media)


class Export:
    """One stage of one API on its way into a document."""

    def __init__(self, api: RestAPI, stage: Stage, region: str, three: bool, extensions: frozenset[str]) -> None:
        self._api, self._stage, self._region, self._three = api, stage, region, three
        self._integrations = bool(extensions & {"integrations", "apigateway"})
        self._authorizers = "authorizers" in extensions
        self._snapshot: Snapshot = api.deployments[str(stage.deployment_id)].snapshot  # type: ignore[attr-defined]
        self._schemes: dict[str, Any] = {}
        self._schemas = "#/components/schemas/" if three else "#/definitions/"

    def document(self) -> dict[str, Any]:
        """Return the document."""
        paths: dict[str, Any] = {}
        for resource in sorted(self._snapshot.resources, key=lambda one: one.path):
            operations = {
                ANY if verb == "ANY" else verb.lower(): self._operation(resource.path, method)
                for verb, method in sorted(resource.methods.items())
            }
            if operations:
                paths[resource.path] = operations
        models = {name: self._schema(json.loads(text)) for name, text in sorted(self._snapshot.models.items())}
        return self._head() | {"paths": paths} | self._components(models) | self._extensions()

    def _head(self) -> dict[str, Any]:
        info = {"title": self._api.name, "description": self._api.description, "version": self._api.version}
        host, base = f"{self._api.id}.execute-api.{self._region}.amazonaws.com", f"/{self._stage.name}"
        if self._three:
            server = {"url": f"https://{host}/{{basePath}}", "variables": {"basePath": {"default": base}}}
            return {"openapi": "3.0.1", "info": _filled(info), "servers": [server]}
        return {"swagger": "2.0", "info": _filled(info), "host": host, "basePath": base, "schemes": ["https"]}

    def _components(self, models: dict[str, Any]) -> dict[str, Any]:
        if self._three:
            return _filled({"components": _filled({"schemas": models, "securitySchemes": self._schemes})})
        return _filled({"securityDefinitions": self._schemes, "definitions": models})

    def _extensions(self) -> dict[str, Any]:
        if not self._integrations:
            return {}
        taken = self._snapshot
        validators = {one["name"]: _without(one, "id", "name") for one in taken.validators.values()}
        responses = {
            kind: _filled(_without(one, "responseType", "defaultResponse"))
            for kind, one in taken.gateway_responses.items()
        }
        return _filled(
            {
                f"{EXTENSION}request-validators": validators,
                f"{EXTENSION}gateway-responses": responses,
                f"{EXTENSION}binary-media-types": list(taken.binary_media_types),
                f"{EXTENSION}policy": json.loads(taken.policy or "{}"),
                f"{EXTENSION}api-key-source": "" if taken.api_key_source == "HEADER" else taken.api_key_source,
            }
        )

    def _operation(self, path: str, method: dict[str, Any]) -> dict[str, Any]:
        models = method.get("requestModels") or {}
        said: dict[str, Any] = {
            "operationId": method.get("operationName"),
            "parameters": self._parameters(path, method),
        }
        if self._three:
            content = {media: {"schema": self._model(name)} for media, name in models.items()}
            said["requestBody"] = {"content": content, "required": True} if content else None
        elif models:
            name = next(iter(models.values()))
            body = {"in": "body", "name": name, "required": True, "schema": self._model(name)}
            said |= {"consumes": list(models), "parameters": [*said["parameters"], body]}
        said["responses"] = {
            code: self._response(code, one) for code, one in sorted((method.get("methodResponses") or {}).items())
        }
        said["security"] = self._security(method)
        if self._integrations:
            validator = self._snapshot.validators.get(method.get("requestValidatorId") or "")
            said[f"{EXTENSION}request-validator"] = validator and validator["name"]
            said[f"{EXTENSION}integration"] = self._integration(method.get("methodIntegration") or {})
        # responses must stand there, even if there are none
        return {"responses": said.pop("responses")} | _filled(said)

    def _parameters(self, path: str, method: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = {f"method.request.path.{name}": True for name in re.findall(r"\{([^}+]+)\+?\}", path)}
        found = []
        for key, required in sorted((wanted | (method.get("requestParameters") or {})).items()):
            place, _, name = key.removeprefix("method.request.").partition(".")
            kind: dict[str, Any] = {"schema": {"type": "string"}} if self._three else {"type": "string"}
            required = place == "path" or str(required).lower() == "true"
            found.append({"name": name, "in": _PLACES[place], "required": required} | kind)
        return found

    def _response(self, code: str, response: dict[str, Any]) -> dict[str, Any]:
        models = response.get("responseModels") or {}
        kind: dict[str, Any] = {"schema": {"type": "string"}} if self._three else {"type": "string"}
        names = [key.removeprefix("method.response.header.") for key in response.get("responseParameters") or {}]
        said: dict[str, Any] = {"description": f"{code} response", "headers": {name: kind for name in names}}
        if self._three:
            said["content"] = {media: {"schema": self._model(name)} for media, name in models.items()}
        elif models:
            said["schema"] = self._model(next(iter(models.values())))
        return _filled(said)

    def _integration(self, taken: dict[str, Any]) -> dict[str, Any]:
        if not taken:
            return {}
        responses = {
            one.get("selectionPattern") or "default": _filled(_without(one, "selectionPattern"))
            for one in (taken.get("integrationResponses") or {}).values()
        }
        said = {"type": taken["type"].lower()} | {name: taken.get(name) for name in _COPIED}
        behaviour = (taken.get("passthroughBehavior") or "WHEN_NO_MATCH").lower()
        return _filled(said | {"passthroughBehavior": behaviour, "responses": responses})

    def _security(self, method: dict[str, Any]) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = []
        if method.get("apiKeyRequired"):
            self._schemes["api_key"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
            found.append({"api_key": []})
        if method.get("authorizationType") == "AWS_IAM":
            self._schemes["sigv4"] = _header("Authorization") | {f"{EXTENSION}authtype": "awsSigv4"}
            found.append({"sigv4": []})
        authorizer = self._snapshot.authorizers.get(method.get("authorizerId") or "")
        if authorizer:
            name = str(authorizer.name)
            self._schemes[name] = self._scheme(authorizer.to_json())
            found.append({name: method.get("authorizationScopes") or []})
        return found

    def _scheme(self, authorizer: dict[str, Any]) -> dict[str, Any]:
        kind = authorizer["type"].lower()
        source = authorizer.get("identitySource") or ""
        scheme = _header(source.rpartition(".")[2] if kind != "request" else "Unused")
        scheme[f"{EXTENSION}authtype"] = "cognito_user_pools" if kind == "cognito_user_pools" else "custom"
        if self._authorizers:
            said = {"type": kind} | {name: authorizer.get(name) for name in _AUTHORIZER}
            said["identitySource"] = source if kind == "request" else None
            scheme[f"{EXTENSION}authorizer"] = _filled(said)
        return scheme

    def _model(self, name: str) -> dict[str, str]:
        return {"$ref": self._schemas + name}

    def _schema(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._schema(one) for one in node]
        if not isinstance(node, dict):
            return node
        return {
            key: self._schemas + value.rpartition("/")[2]
            if key == "$ref" and isinstance(value, str)
            else self._schema(value)
            for key, value in node.items()
        }


def _header(name: str) -> dict[str, Any]:
    return {"type": "apiKey", "name": name, "in": "header"}


def _without(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in names}


def _filled(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value not in (None, "", [], {})}
