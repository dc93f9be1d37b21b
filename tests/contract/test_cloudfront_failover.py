"""What CloudFront promises about origin groups: when the second origin takes over, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.distributions import ALL_METHODS, DISABLED, Edge, Server, behavior, listed
from tests.contract.subjects import Subject, promise, refused

FAILOVER = "CloudFront Developer Guide, Optimize high availability with CloudFront origin failover"


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Two web servers."""
    running = [Server(), Server()]
    yield running
    for one in running:
        one.stop()


def group(*statuses: int, members: tuple[str, ...] = ("first", "second")) -> dict[str, Any]:
    """Return an origin group that fails over at these statuses."""
    criteria = {"StatusCodes": listed(*statuses)}
    return {"Id": "both", "FailoverCriteria": criteria, "Members": listed(*[{"OriginId": one} for one in members])}


def edge(aws: Subject, servers: list[Server], policy: str = DISABLED, **more: Any) -> Edge:
    """Return a distribution before two servers that answer with their names."""
    names = ("first", "second")
    for server, name in zip(servers, names, strict=True):
        server.answers["/"] = (200, {}, name.encode())
    origins = [server.origin(Id=name) for server, name in zip(servers, names, strict=True)]
    chosen = {"DefaultCacheBehavior": behavior("both", policy), "OriginGroups": listed(group(500, 503)), **more}
    return Edge(aws, *origins, **chosen)


@promise(FAILOVER, "the second origin is asked when the first answers with a status of the group, request by request")
def test_failover(aws: Subject, servers: list[Server]) -> None:
    found = edge(aws, servers)
    assert found.get().body == b"first"
    servers[0].answers["/"] = (503, {}, b"out of order")
    assert [(page.status, page.body) for page in (found.get(), found.get())] == [(200, b"second")] * 2
    assert len(servers[0].asked) == 3, "each request goes to the first origin first"
    servers[0].answers["/"] = (200, {}, b"first")
    assert found.get().body == b"first"


@promise(FAILOVER, "any other status of the first origin is the viewer's")
def test_other_statuses(aws: Subject, servers: list[Server]) -> None:
    found = edge(aws, servers)
    servers[0].answers["/"] = (404, {}, b"lost")
    assert (found.get().status, servers[1].asked) == (404, [])


@promise(FAILOVER, "what is in the cache is served without asking either origin")
def test_cached(aws: Subject, servers: list[Server]) -> None:
    found = edge(aws, servers, policy=behavior()["CachePolicyId"])
    assert found.get().body == b"first"
    servers[0].answers["/"] = (503, {}, b"out of order")
    assert found.get().body == b"first" and found.cached() == "Hit"
    assert (len(servers[0].asked), servers[1].asked) == (1, [])


@promise(FAILOVER, "a behaviour with an origin group allows no POST, PUT, PATCH or DELETE")
def test_reads_only(aws: Subject, servers: list[Server]) -> None:
    with refused("InvalidArgument", "cannot include POST, PUT, PATCH, or DELETE", 400):
        edge(aws, servers, DefaultCacheBehavior=behavior("both", DISABLED, AllowedMethods=ALL_METHODS))


@promise("CloudFront API Reference, CreateDistribution", "a group of origins that are not there is NoSuchOrigin")
def test_unknown_member(aws: Subject, servers: list[Server]) -> None:
    with refused("NoSuchOrigin"):
        edge(aws, servers, OriginGroups=listed(group(500, members=("first", "third"))))
