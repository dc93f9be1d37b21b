"""Application Load Balancers: from a listener to the server behind it.

AWS: the listener's default action forwards to a target group. No registered target is a 503, a target that refuses or
drops the connection a 502, one that does not answer within the idle timeout (60 s) a 504; what a target answers is
passed on ("Troubleshoot your Application Load Balancers"). The target gets ``X-Forwarded-For``, ``-Proto``, ``-Port``
("HTTP headers and Application Load Balancers") and a trace header if there is none; the load balancer records no
segment ("Request tracing for your Application Load Balancer", all Application Load Balancers User Guide).

Here a target is a server on this machine, registered by its address 127.0.0.1; AWS takes private addresses of the VPC,
instances or functions. The listener for HTTPS at port 443 answers. Differs: no field ``Self`` in the trace header. Not
built: rules, other actions, several targets (moto keeps one for each address), health checks: a registered target is
always asked, as on AWS when none is healthy.
"""

from __future__ import annotations

import time

import urllib3
from werkzeug.datastructures import Headers

from helpers.dataplane import tracing
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpRequest, HttpResponse

IDLE_SECONDS = 60
HTTPS = 443
_HERE = "127.0.0.1"
_OWN = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_WORDS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


class LoadBalancers:
    """The load balancers of one account."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pool = urllib3.PoolManager(maxsize=20, retries=False)

    def stop(self) -> None:
        """Close the connections to targets."""
        self._pool.clear()

    def answer(self, request: HttpRequest, dns_name: str) -> HttpResponse:
        """Answer an HTTPS request that came to the load balancer with that DNS name."""
        started = time.time()
        with tracing.entered(request.headers):
            response = self._forwarded(request, dns_name)
            took = (time.time() - started) * 1000
            self._context.record.add(
                "call", self._context.http_caller(), "elbv2", f"{request.method} {request.path}", started=started,
                outcome="ok" if response.status < 400 else str(response.status), milliseconds=took,
            )  # fmt: skip
        return response

    def _forwarded(self, request: HttpRequest, dns_name: str) -> HttpResponse:
        from moto.elbv2.models import elbv2_backends  # brings moto's EC2 along: 130 MB

        backend = elbv2_backends[self._context.account_id][dns_name.split(".")[-4]]
        balancer = next((each for each in backend.load_balancers.values() if each.dns_name == dns_name), None)
        if balancer is None:
            return _own(502, f"there is no load balancer {dns_name}")
        listener = next((each for each in balancer.listeners.values() if int(each.port) == HTTPS), None)
        if listener is None:
            return _own(502, f"{balancer.name} has no listener at port {HTTPS}")
        action = listener.default_actions[0].data
        if action.get("Type") != "forward" or "TargetGroupArn" not in action or len(listener.rules) > 1:
            return _own(501, "only a default action that forwards to one target group is built; AWS has more")
        targets = list(backend.target_groups[action["TargetGroupArn"]].targets.values())
        if not targets:
            return _own(503, "the target group has no registered targets")
        if len(targets) > 1 or targets[0]["Id"] != _HERE:
            return _own(501, f"only one target, at {_HERE}, is built; AWS takes more")
        return self._asked(request, f"http://{_HERE}:{targets[0]['Port']}{request.path}")

    def _asked(self, request: HttpRequest, url: str) -> HttpResponse:
        headers = urllib3.HTTPHeaderDict([pair for pair in request.headers if pair[0].lower() not in _OWN])
        headers.update({"X-Forwarded-For": _HERE, "X-Forwarded-Proto": "https", "X-Forwarded-Port": str(HTTPS)})
        url += f"?{request.query}" if request.query else ""
        try:
            answer = self._pool.request(
                request.method, url, body=request.body or None, headers=headers, redirect=False, timeout=IDLE_SECONDS
            )
        except urllib3.exceptions.HTTPError as error:
            late = isinstance(error, urllib3.exceptions.ReadTimeoutError)
            return _own(504 if late else 502, f"{type(error).__name__} at {url}")
        return HttpResponse(
            answer.status, Headers([p for p in answer.headers.items() if p[0].lower() not in _OWN]), answer.data
        )


def _own(status: int, reason: str) -> HttpResponse:
    """Return an answer of the load balancer itself."""
    words = f"{status} {_WORDS.get(status, 'Not Implemented')}"
    page = f"<html><head><title>{words}</title></head><body><center><h1>{words}</h1></center></body></html>\r\n"
    headers = Headers({"Content-Type": "text/html", "Server": "awselb/2.0", "x-local-cloud-reason": reason})
    return HttpResponse(status, headers, page.encode())
