"""HTTP and HTTP_PROXY: any HTTP server, such as EC2 instances, Elastic Beanstalk, a load balancer or one's own.

AWS: HTTP_PROXY passes headers, query and body on and the answer back; HTTP passes what is mapped, and maps the answer.
Some headers of the answer come back as ``x-amzn-Remapped-NAME`` ("HTTP integrations for REST APIs in API Gateway" and
"Amazon API Gateway important notes", API Gateway Developer Guide). A server that cannot be reached is a 504, an
address that is none a 500 ("Gateway response types").

Differs: only servers on this machine are reached, since the course never leaves it; all others are a 504.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from werkzeug.datastructures import Headers

from helpers.dataplane import tracing
from helpers.dataplane.apigateway import proxy_event
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations import mapping
from helpers.dataplane.apigateway.integrations.waiting import patience
from helpers.dataplane.web import HttpResponse

UNREACHABLE = "Network error communicating with endpoint"
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
_REMAPPED = frozenset({"connection", "content-length", "date", "server"})
_DROPPED = frozenset({"transfer-encoding", "keep-alive"})


class Http:
    """Asks HTTP servers."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=20, retries=False)

    def proxy(self, exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
        """Return what the server answers."""
        request, mapped = exchange.request, mapping.parameters(exchange, integration)
        headers = Headers([pair for pair in proxy_event.headers_of(request) if pair[0].lower() != "host"])
        headers.update(mapped.header)
        query = "&".join(part for part in (request.query, urlencode(mapped.querystring)) if part)
        answered = self._send(exchange, integration, mapped, query, headers, request.body)
        kept = Headers()
        for name, value in answered.headers:
            if name.lower() not in _DROPPED:
                kept.add(f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value)
        answered.headers = kept
        return answered

    def custom(self, exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
        """Return what the integration's templates make of the server's answer."""
        body = mapping.request_body(exchange, integration)
        mapped = mapping.parameters(exchange, integration)
        headers = Headers({"Accept": "application/json", "Content-Type": "application/json"})
        headers.update({tracing.HEADER: tracing.current(), **mapped.header})
        answered = self._send(exchange, integration, mapped, urlencode(mapped.querystring), headers, body.encode())
        backend = mapping.Backend(answered.status, answered.body.decode("utf-8", "replace"), answered.headers)
        return mapping.answer(exchange, integration, str(answered.status), backend)

    def _send(
        self,
        exchange: Exchange,
        integration: dict[str, Any],
        mapped: mapping.Mapped,
        query: str,
        headers: Headers,
        body: bytes,
    ) -> HttpResponse:
        method = integration.get("httpMethod") or "ANY"
        method = exchange.request.method if method == "ANY" else method
        url = _checked(mapped.uri(integration["uri"], exchange.stage_variables), exchange)
        url += ("&" if "?" in url else "?") + query if query else ""
        headers["User-Agent"] = headers.get("User-Agent") or f"AmazonAPIGateway_{exchange.api.id}"
        headers["x-amzn-apigateway-api-id"] = exchange.api.id
        sent = urllib3.HTTPHeaderDict(list(headers))
        try:
            answer = self._pool.request(
                method, url, body=body or None, headers=sent, redirect=False, timeout=patience(integration)
            )
        except (urllib3.exceptions.HTTPError, UnicodeError, OSError) as error:
            timeout = isinstance(error, urllib3.exceptions.TimeoutError)
            if timeout and not isinstance(error, urllib3.exceptions.NewConnectionError):
                raise GatewayError("INTEGRATION_TIMEOUT") from None
            exchange.failed(f"{UNREACHABLE}: {error}")
            raise GatewayError("INTEGRATION_FAILURE", UNREACHABLE) from None
        return HttpResponse(answer.status, Headers(list(answer.headers.items())), answer.data)


def _checked(url: str, exchange: Exchange) -> str:
    """Return a URL that may be asked, its path percent-encoded."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "{" not in url
    except ValueError:
        valid = False
    if not valid:
        reason = f"Execution failed due to configuration error: Invalid endpoint address: {url}"
        exchange.failed(reason)
        raise GatewayError("API_CONFIGURATION_ERROR")
    if parts.hostname not in _HERE:
        exchange.failed(f"{parts.hostname} is not on this machine, and the course never leaves it")
        raise GatewayError("INTEGRATION_FAILURE", UNREACHABLE)
    return parts._replace(path=quote(parts.path, safe="/%:@!$&'()*+,;=~")).geturl()
