"""Custom domain names of REST APIs: from a name and a path to an API's stage.

AWS: a custom domain name has a certificate and a target, to which DNS leads (``d-....execute-api.REGION.amazonaws.com``
for Regional ones). The name in the request decides which custom domain name it is for; a base path mapping decides
which API and stage, and is taken off the path; without one that fits the request goes to the mapping of ``(none)``
("Use API mappings to connect API stages to a custom domain name for REST APIs", API Gateway Developer Guide). An API
whose default endpoint is disabled still answers here ("Custom domain name for public REST APIs in API Gateway").

Not built: mutual TLS, mappings of HTTP and WebSocket APIs, a mapping without a stage. Not sourced: that a request for
which there is no mapping is a 403 ``Forbidden``, as is one to an API's disabled endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from moto.apigateway.models import BasePathMapping, DomainName, apigateway_backends

from helpers.dataplane.apigateway import gateway_responses
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpRequest, HttpResponse

NO_BASE_PATH = "(none)"


def answer(
    context: Context, request: HttpRequest, name: str, target: str, door: Callable[[HttpRequest], HttpResponse]
) -> HttpResponse:
    """Answer a request to ``name``, whose record leads to ``target``; ``door`` answers at the API's own address."""
    backend = apigateway_backends[context.account_id][target.rpartition(".execute-api.")[2].partition(".")[0]]
    domain = backend.domain_names.get(name)
    mappings = backend.base_path_mappings.get(name) or {}
    first, _, rest = request.path.lstrip("/").partition("/")
    mapping = mappings.get(first) or mappings.get(NO_BASE_PATH)
    if domain is None or target != target_of(domain) or mapping is None:
        return gateway_responses.plain(GatewayError("INVALID_API_KEY"))  # the same words: Forbidden
    below = rest if mapping.base_path == first else request.path.lstrip("/")
    return door(replace(request, path=f"/_aws/execute-api/{_stage(mapping)}/{below}", domain=name))


def target_of(domain: DomainName) -> str:
    """Return the name to which the DNS record of a custom domain name has to lead."""
    regional = "REGIONAL" in ((domain.endpoint_configuration or {}).get("types") or ())
    return str(domain.regional_domain_name if regional else domain.distribution_domain_name)


def _stage(mapping: BasePathMapping) -> str:
    return f"{mapping.rest_api_id}/{mapping.stage}"
