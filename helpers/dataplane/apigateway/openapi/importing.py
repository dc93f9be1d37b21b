"""Import: from an OpenAPI document to a REST API, new or changed.

AWS: ImportRestApi makes an API; PutRestApi merges (what the document names is replaced, the rest stays) or overwrites
(the rest goes). Stages, deployments, keys and the endpoint stay as they are; a change is live after a deployment.
After an error nothing is changed; after a warning likewise, if ``failOnWarnings`` is true ("Develop REST APIs using
OpenAPI in API Gateway", "Use an OpenAPI definition to update an existing API" and "Errors and warnings from importing
your API definition", API Gateway Developer Guide). Here: moto's state, filled by moto's own methods. Base paths are
ignored, which is AWS's default. Not sourced: that a merge renames the API to the document's title.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from moto.apigateway.models import APIGatewayBackend, Resource, RestAPI, apigateway_backends
from moto.core.exceptions import JsonRESTError, ServiceException

from helpers.dataplane.apigateway.openapi.document import EXTENSION, Document, Operation
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.web import HttpResponse

MODEL = "https://apigateway.amazonaws.com/restapis/{}/models/{}"
_AUTHORIZERS = {"token": "TOKEN", "request": "REQUEST", "cognito_user_pools": "COGNITO_USER_POOLS"}


def import_rest_api(call: Call) -> HttpResponse:
    """ImportRestApi."""
    document, backend = _document(call), _backend(call)
    kind = call.request.query.partition("endpointConfigurationTypes=")[2].partition("&")[0]
    endpoint: Any = {"types": [kind]} if kind else None
    api = backend.create_rest_api(document.title, document.description, endpoint_configuration=endpoint)
    try:
        return _applied(call, backend, api, document, "merge", 201)
    except AWSError:
        backend.delete_rest_api(api.id)
        raise


def put_rest_api(call: Call) -> HttpResponse:
    """PutRestApi."""
    document, backend = _document(call), _backend(call)
    before = backend.apis.get(call.params["restApiId"])
    if before is None:
        raise AWSError("NotFoundException", "Invalid API identifier specified", 404)
    api = backend.apis[before.id] = copy.deepcopy(before)
    try:
        return _applied(call, backend, api, document, call.params.get("mode") or "merge", 200)
    except AWSError:
        backend.apis[before.id] = before
        raise


def _backend(call: Call) -> APIGatewayBackend:
    return apigateway_backends[call.account_id][call.region]


def _document(call: Call) -> Document:
    if "basepath=" in call.request.query and "basepath=ignore" not in call.request.query:
        raise not_built("basepath other than ignore")
    return Document(call.request.body)


def _applied(
    call: Call, backend: APIGatewayBackend, api: RestAPI, document: Document, mode: str, status: int
) -> HttpResponse:
    if document.warnings and call.params.get("failOnWarnings"):
        raise _refused("Warnings", document.warnings)
    Import(backend, api, document).apply(overwrite=mode == "overwrite")
    return call.reply(api.to_dict() | ({"warnings": document.warnings} if document.warnings else {}), status)


def _refused(what: str, findings: list[str]) -> AWSError:
    return AWSError("BadRequestException", f"{what} found during import:\n\t" + "\n\t".join(findings), 400)


class Import:
    """One document on its way into one API."""

    def __init__(self, backend: APIGatewayBackend, api: RestAPI, document: Document) -> None:
        self._backend, self._api, self._document = backend, api, document
        self._errors: list[str] = []
        self._validators: dict[str, str] = {}
        self._authorizers: dict[str, str] = {}

    def apply(self, overwrite: bool = False) -> None:
        """Make the API what the document says.

        Raises
        ------
        AWSError
            ``BadRequestException``, with every method whose integration is wrong.
        """
        if overwrite:
            self._clear()
        self._put_settings()
        for name, schema in self._document.models.items():
            text = json.dumps(_with_references(schema, self._api.id), default=str)
            description = schema.get("description") or ""
            self._backend.create_model(self._api.id, name, "application/json", description, text)
        for operation in self._document.operations:
            resource = self._resource(operation.path)
            try:
                self._put_method(resource, operation)
            except (JsonRESTError, ServiceException) as error:
                where = f"'{operation.verb}' for resource at path '{operation.path}'"
                self._errors.append(f"Unable to put integration on {where}: {error.message}")
        if self._errors:
            raise _refused("Errors", self._errors)

    def _clear(self) -> None:
        api = self._api
        root = api.resources[api.root_resource_id]
        root.resource_methods.clear()
        api.resources = {root.id: root}
        api.models, api.request_validators, api.authorizers, api.gateway_responses = {}, {}, {}, {}
        api.policy, api.binaryMediaTypes, api.api_key_source = None, [], "HEADER"

    def _put_settings(self) -> None:
        api, document = self._api, self._document
        api.name, api.description = document.title, document.description or api.description
        api.version = document.version or api.version
        api.binaryMediaTypes = document.extension("binary-media-types") or api.binaryMediaTypes
        api.api_key_source = document.extension("api-key-source") or api.api_key_source
        policy = document.extension("policy")
        if policy:
            api.policy = policy if isinstance(policy, str) else json.dumps(policy)
        for kind, said in (document.extension("gateway-responses") or {}).items():
            api.put_gateway_response(
                kind,
                said.get("statusCode") or None,  # type: ignore[arg-type]
                said.get("responseParameters") or {},
                said.get("responseTemplates") or {},
            )
        for name, said in (document.extension("request-validators") or {}).items():
            for known in [key for key, one in api.request_validators.items() if one.name == name]:
                del api.request_validators[known]
            body, parameters = bool(said.get("validateRequestBody")), bool(said.get("validateRequestParameters"))
            self._validators[name] = api.create_request_validator(name, body, parameters).id
        for name, scheme in document.schemes.items():
            if f"{EXTENSION}authorizer" in scheme:
                self._authorizers[name] = self._put_authorizer(name, scheme)

    def _put_authorizer(self, name: str, scheme: Mapping[str, Any]) -> str:
        said = scheme[f"{EXTENSION}authorizer"]
        kind = _AUTHORIZERS.get(said.get("type", ""))
        if kind is None:
            raise not_built(f"an authorizer of type {said.get('type')}")
        for known in [key for key, one in self._api.authorizers.items() if one.name == name]:
            del self._api.authorizers[known]
        made = self._backend.create_authorizer(
            self._api.id, name, kind,
            provider_arns=said.get("providerARNs"),
            auth_type=scheme.get(f"{EXTENSION}authtype"),
            authorizer_uri=said.get("authorizerUri"),
            authorizer_credentials=said.get("authorizerCredentials"),
            identity_source=said.get("identitySource") or f"method.request.header.{scheme.get('name', '')}",
            authorizer_result_ttl=said.get("authorizerResultTtlInSeconds", 300),
        )  # fmt: skip
        made.identity_validation_expression = said.get("identityValidationExpression")
        return str(made.id)

    def _resource(self, path: str) -> Resource:
        """Return the resource at ``path``, made with its parents if it is not there."""
        api = self._api
        found = api.resources[api.root_resource_id]
        for part in filter(None, path.split("/")):
            children = [one for one in api.resources.values() if one.parent_id == found.id and one.path_part == part]
            found = children[0] if children else self._backend.create_resource(api.id, found.id, part)
        return found

    def _put_method(self, resource: Resource, operation: Operation) -> None:
        kind, authorizer, scopes, needs_key = self._protection(operation)
        resource.add_method(
            operation.verb,
            kind,
            api_key_required=needs_key,
            request_parameters=operation.parameters,
            request_models=operation.models,
            operation_name=operation.name or None,
            authorizer_id=authorizer or None,
            authorization_scopes=scopes or None,
            request_validator_id=self._validator(operation.validator),
        )
        where = (self._api.id, resource.id, operation.verb)
        for code, said in operation.responses.items():
            self._backend.put_method_response(*where, code, said["responseModels"], said["responseParameters"])
        if operation.integration:
            self._put_integration(where, operation.integration)

    def _validator(self, name: str) -> str | None:
        known = {one.name: key for key, one in self._api.request_validators.items()}
        return (known | self._validators).get(name)

    def _protection(self, operation: Operation) -> tuple[str, str, list[str], bool]:
        """Return a method's authorization type, authorizer, scopes, and whether it needs an API key."""
        kind, authorizer, scopes, needs_key = operation.auth or "NONE", "", list[str](), False
        for name, wanted in ((name, wanted) for one in operation.security for name, wanted in one.items()):
            scheme = self._document.schemes.get(name) or {}
            if name in self._authorizers:
                authorizer, scopes = self._authorizers[name], list(wanted)
                pool = self._api.authorizers[authorizer].type == "COGNITO_USER_POOLS"
                kind = "COGNITO_USER_POOLS" if pool else "CUSTOM"
            elif scheme.get(f"{EXTENSION}authtype", "").lower() == "awssigv4":
                kind = "AWS_IAM"
            elif scheme.get("type") == "apiKey":
                needs_key = True
        return kind, authorizer, scopes, needs_key

    def _put_integration(self, where: tuple[str, str, str], said: dict[str, Any]) -> None:
        made = self._backend.put_integration(
            *where,
            integration_type=str(said.get("type", "")).upper(),
            uri=said.get("uri") or "",
            integration_method=said.get("httpMethod") or "",
            credentials=said.get("credentials"),
            request_templates=said.get("requestTemplates"),
            passthrough_behavior=str(said.get("passthroughBehavior") or "WHEN_NO_MATCH").upper(),
            tls_config=said.get("tlsConfig"),
            cache_namespace=said.get("cacheNamespace") or where[1],
            timeout_in_millis=said.get("timeoutInMillis"),
            request_parameters=said.get("requestParameters"),
            content_handling=said.get("contentHandling"),
            connection_type=said.get("connectionType"),
        )
        made.cache_key_parameters = list(said.get("cacheKeyParameters") or [])
        for pattern, response in (said.get("responses") or {}).items():
            self._backend.put_integration_response(
                *where,
                str(response.get("statusCode", "200")),
                "" if str(pattern) == "default" else str(pattern),
                response.get("responseTemplates") or {},
                response.get("responseParameters") or {},
                response.get("contentHandling"),
            )


def _with_references(node: Any, api_id: str) -> Any:
    """Return a schema whose references to other schemas of the document are such to the API's models."""
    if isinstance(node, list):
        return [_with_references(one, api_id) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: MODEL.format(api_id, value.rpartition("/")[2])
        if key == "$ref" and isinstance(value, str)
        else _with_references(value, api_id)
        for key, value in node.items()
    }
