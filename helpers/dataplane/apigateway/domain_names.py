"""Custom domain names of REST and HTTP APIs: from a name and a path to an API's stage.

AWS: a custom domain name has a certificate and a target, to which DNS leads (``d-....execute-api.REGION.amazonaws.com``
for Regional ones). The name in the request decides which custom domain name it is for; a base path mapping decides
which API and stage, and is taken off the path; without one that fits the request goes to the mapping of ``(none)``
("Use API mappings to connect API stages to a custom domain name for REST APIs", API Gateway Developer Guide). An API
whose default endpoint is disabled still answers here ("Custom domain name for public REST APIs in API Gateway").

Not built: mutual TLS, names of WebSocket APIs, mappings of several levels or without a stage; and a name that was made
with one version of the API has mappings of the same. Not sourced: that a request for which there is no mapping is a 403
``Forbidden``, as is one to an API's disabled endpoint; what paths an HTTP API's function sees below a mapping's key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends

from helpers.dataplane.apigateway import gateway_responses
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpRequest, HttpResponse

NO_BASE_PATH = "(none)"


def answer(
    context: Context, request: HttpRequest, name: str, target: str, door: Callable[[HttpRequest], HttpResponse]
) -> HttpResponse:
    """Answer a request to ``name``, whose record leads to ``target``; ``door`` answers at the API's own address."""
    path = request.path.lstrip("/")
    first, _, rest = path.partition("/")
    region = target.rpartition(".execute-api.")[2].partition(".")[0]
    targets, stages = _rest(context.account_id, region, name) or _http(context.account_id, region, name)
    base_path = first if first in stages else NO_BASE_PATH
    if target not in targets or base_path not in stages:
        return gateway_responses.plain(GatewayError("INVALID_API_KEY"))  # the same words: Forbidden
    below = rest if base_path == first else path
    return door(replace(request, path=f"/_aws/execute-api/{stages[base_path]}/{below}", domain=name))


Found = tuple[set[str], dict[str, str]]
"""To which names DNS may lead, and by base path the API and the stage that answer."""


def _rest(account_id: str, region: str, name: str) -> Found | None:
    backend = apigateway_backends[account_id][region]
    domain = backend.domain_names.get(name)
    if domain is None:
        return None
    regional = "REGIONAL" in ((domain.endpoint_configuration or {}).get("types") or ())
    mappings = (backend.base_path_mappings.get(name) or {}).items()
    stages = {base_path: f"{one.rest_api_id}/{one.stage}" for base_path, one in mappings}
    return {str(domain.regional_domain_name if regional else domain.distribution_domain_name)}, stages


def _http(account_id: str, region: str, name: str) -> Found:
    backend = apigatewayv2_backends[account_id][region]
    domain = backend.domain_names.get(name)
    if domain is None:
        return set(), {}
    mappings = [one for one in backend.api_mappings.values() if one.domain_name == name]
    stages = {one.api_mapping_key or NO_BASE_PATH: f"{one.api_id}/{one.stage}" for one in mappings}
    whole = {base_path: place.removesuffix("/$default") for base_path, place in stages.items()}
    return {one["apiGatewayDomainName"] for one in domain.domain_name_configurations}, whole
