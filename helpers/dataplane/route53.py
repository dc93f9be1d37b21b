"""Route 53: which name leads where. A request to a name is carried to what answers there.

AWS: a hosted zone has records. An alias record leads to an AWS resource (an API's custom domain name, a load balancer),
a CNAME to another name, an A record to an address; the record of the longest zone that fits counts ("Choosing between
alias and non-alias records", Route 53 Developer Guide). Who asks for a name with no record gets no address (NXDOMAIN),
and sends nothing.

Here no name server runs and nothing speaks TLS: ``{endpoint}/_aws/https/NAME/path`` stands for ``https://NAME/path``.
Each request looks the name up, so a changed record counts at once; on AWS resolvers keep the old answer until its TTL
ends. A name that leads nowhere is a 502 here, with the reason in the header ``x-local-cloud-reason``. Routing policies
(weighted, latency, failover, ...), health checks, wildcards and private zones are not built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.load_balancers import LoadBalancers
from helpers.dataplane.web import HttpRequest, HttpResponse

_LONGEST_CHAIN = 8


class Route53Plane:
    """What answers at the names of one account.

    Parameters
    ----------
    door:
        Answers a request at an address of this cloud: an API's.
    """

    service = "route53"

    def __init__(self, context: Context, door: Callable[[HttpRequest], HttpResponse]) -> None:
        self._context, self._door = context, door
        self._balancers = LoadBalancers(context)

    def operations(self) -> Mapping[str, Operation]:
        """Return nothing: moto keeps zones and records."""
        return {}

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"https": self.answer}

    def stop(self) -> None:
        """Close connections to servers."""
        self._balancers.stop()

    def answer(self, request: HttpRequest, path: str) -> HttpResponse:
        """Answer a request; ``path`` is ``NAME/path``."""
        name, _, below = path.partition("/")
        name = name.lower()
        try:
            target = self._target(name)
        except AWSError as error:
            return _nowhere(error.message, error.status)
        headers = Headers([pair for pair in request.headers if pair[0].lower() != "host"])
        headers["Host"] = name
        named = replace(request, path=f"/{below}", headers=headers, socket=None)
        if target.endswith(".elb.amazonaws.com"):
            return self._balancers.answer(named, target)
        if ".execute-api." in target:
            from helpers.dataplane.apigateway import domain_names  # moto's part of API Gateway is slow to import

            return domain_names.answer(self._context, named, name, target, self._door)
        return _nowhere(f"{name} leads to {target or 'nothing'}, and nothing answers there")

    def _target(self, name: str) -> str:
        """Return where a name's chain of records ends; empty for a name without a record."""
        found = ""
        for _ in range(_LONGEST_CHAIN):
            record = self._record(found or name)
            if record is None:
                break
            if record.set_identifier:
                raise not_built("A routing policy of Route 53")
            alias = (record.alias_target or {}).get("DNSName")
            found = str(alias or record.records[0]).rstrip(".").lower().removeprefix("dualstack.")
        return found

    def _record(self, name: str) -> Any:
        from moto.route53.models import route53_backends  # few notebooks use it

        zones = route53_backends[self._context.account_id]["aws"].zones.values()
        wanted = f"{name}."
        for zone in sorted(zones, key=lambda each: -len(each.name)):
            if not zone.private_zone and wanted.endswith(f".{zone.name}"):
                return next((each for each in zone.rrsets if _leads(each, wanted)), None)
        return None


def _leads(record: Any, name: str) -> bool:
    return record.type in ("A", "CNAME") and f"{str(record.name).rstrip('.').lower()}." == name


def _nowhere(reason: str, status: int = 502) -> HttpResponse:
    headers = Headers({"Content-Type": "text/plain; charset=utf-8", "x-local-cloud-reason": reason})
    return HttpResponse(status, headers, f"{reason}\n".encode())
