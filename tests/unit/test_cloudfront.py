"""CloudFront's data plane: what contract tests cannot ask of AWS's documents, and the readers, by properties."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from helpers import cloud
from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudfront import cache, javascript, origins
from helpers.dataplane.cloudfront.edge_headers import changed, visible
from helpers.dataplane.cloudfront.request_policies import CachePolicy, Choice, Values, read_cache_policy
from helpers.dataplane.web import HttpRequest, HttpResponse
from helpers.teaching import distribution_address
from helpers.teaching.bill import bill
from tests.contract.distributions import (
    ALL_VIEWER,
    DISABLED,
    SAYS,
    TELLS,
    Edge,
    Server,
    behavior,
    listed,
    with_lambda,
)
from tests.contract.subjects import Course, Subject

NAMES = st.text("abcxyz", min_size=1, max_size=3)


@pytest.fixture
def aws() -> Iterator[Subject]:
    """An empty account of the local cloud."""
    subject = Course().empty()
    yield subject
    subject.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """An origin on this machine."""
    running = Server()
    yield running
    running.stop()


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 400))
def test_what_the_origin_tells_stays_within_the_policy(least: int, usual: int, most: int, told: int) -> None:
    least, usual, most = sorted((least, usual, most))
    policy = CachePolicy(min_ttl=least, default_ttl=usual, max_ttl=most)
    for control in (f"max-age={told}", f"public, max-age=7, s-maxage={told}"):
        seconds = cache.lifetime(Headers({"Cache-Control": control}), policy, 0)
        assert seconds == min(max(told, least), most)
    assert cache.lifetime(Headers(), policy, 0) == usual
    assert cache.lifetime(Headers({"Cache-Control": f"private, max-age={told}"}), policy, 0) == least


@pytest.mark.parametrize(
    ("status", "control", "seconds"),
    [
        (404, "", 10),
        (404, "max-age=60", 60),
        (404, "max-age=5", 10),
        (403, "", 0),
        (403, "max-age=60", 60),
        (401, "", 0),
    ],
)
def test_how_long_errors_last(status: int, control: str, seconds: float) -> None:
    assert cache.error_lifetime(status, Headers({"Cache-Control": control}), 10) == seconds


def test_expires_that_is_no_date_counts_as_none() -> None:
    policy = CachePolicy(default_ttl=50)
    assert cache.lifetime(Headers({"Expires": "soon"}), policy, 0) == 50
    assert cache.lifetime(Headers({"Expires": "Thu, 01 Jan 1970 00:01:00 GMT"}), policy, 20) == 40


@given(st.lists(st.tuples(NAMES, NAMES), max_size=6), st.frozensets(NAMES, max_size=3))
def test_chosen_query_strings_keep_their_order_and_nothing_is_lost(
    pairs: list[tuple[str, str]], names: frozenset[str]
) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    request = HttpRequest("GET", "/", query, Headers())
    kept = Values(queries=Choice("whitelist", names)).query(request)
    rest = Values(queries=Choice("allExcept", names)).query(request)
    assert kept == "&".join(f"{name}={value}" for name, value in pairs if name in names)
    assert sorted(f"{kept}&{rest}".strip("&").split("&")) == sorted(query.split("&"))


def test_a_cache_policy_without_times_has_those_of_aws() -> None:
    assert read_cache_policy({"MinTTL": 0}) == CachePolicy()
    with pytest.raises(AWSError, match="InvalidTTLOrder"):
        read_cache_policy({"MinTTL": 10, "DefaultTTL": 5})


@pytest.mark.parametrize(
    ("path", "pattern", "gone"),
    [("/a/b", "/a/*", True), ("/a", "/a*", True), ("/a", "a", True), ("/a?x=1", "/a", False), ("/A", "/a", False)],
)
def test_invalidation_patterns(path: str, pattern: str, gone: bool) -> None:
    kept = cache.EdgeCache()
    kept.put(("D", path), cache.Entry(HttpResponse(), path, 0, 9))
    kept.put(("OTHER", path), cache.Entry(HttpResponse(), path, 0, 9))
    kept.invalidate("D", [pattern])
    assert (kept.get(("D", path)) is None) is gone
    assert kept.get(("OTHER", path)) is not None


@pytest.mark.parametrize(
    ("domain", "bucket"),
    [
        ("site.s3.amazonaws.com", "site"),
        ("my.site.s3.eu-west-1.amazonaws.com", "my.site"),
        ("site.s3-website-us-east-1.amazonaws.com", ""),
        ("site.s3.amazonaws.com.example.com", ""),
    ],
)
def test_buckets_in_domain_names(domain: str, bucket: str) -> None:
    assert origins.bucket_of(domain) == bucket


@pytest.mark.parametrize("domain", ["example.com", "169.254.169.254", "site.s3-website-us-east-1.amazonaws.com"])
def test_nothing_leaves_the_machine(domain: str) -> None:
    with pytest.raises(AWSError, match="not built in this local cloud"):
        origins.check_origin({"Id": "o", "DomainName": domain})


def test_an_edge_function_cannot_choose_an_origin_outside(aws: Subject, server: Server) -> None:

    source = SAYS + "    cf['request']['origin']['custom']['domainName'] = 'example.com'\n    return cf['request']"
    page = with_lambda(aws, server, source, "origin-request").get("/")
    assert (page.status, server.asked) == (501, []) and b"example.com" in page.body


def test_a_uri_that_a_function_wrote_goes_to_the_origin_in_utf_8(aws: Subject, server: Server) -> None:
    source = SAYS + "    cf['request']['uri'] = '/käse/%20'\n    return cf['request']"
    assert with_lambda(aws, server, source, "viewer-request").get("/").status == 200
    assert server.asked[0][1] == "/k%C3%A4se/%20"


@given(st.lists(st.tuples(NAMES.map(lambda name: f"x-{name}"), NAMES), max_size=5))
def test_headers_that_a_function_returns_unchanged_stay(pairs: list[tuple[str, str]]) -> None:
    before = Headers([("Connection", "close"), ("Host", "d.cloudfront.net"), *pairs])
    assert sorted(changed(visible(before), before, "viewer-request")) == sorted(before)


def test_a_function_that_never_ends_is_ended() -> None:
    assert "interrupted" in javascript.run("function handler() { while (true) {} }", {}).error
    assert (
        javascript.run("function handler() { return new Promise(() => {}) }", {}).error
        == "The function did not finish."
    )
    assert "no_such" in javascript.run("function handler() { return no_such }", {}).error


def test_functions_share_nothing() -> None:
    code = "var count = 0; function handler() { count += 1; console.log(count, {a: 1}); return {count} }"
    first, second = javascript.run(code, {}), javascript.run(code, {})
    assert first.output == second.output == {"count": 1} and first.logs == ['1 {"a":1}']


def test_repeated_values_of_a_query_come_and_go_as_many() -> None:
    request = HttpRequest("GET", "/", "a=1&a=2&b=%20", Headers({"Cookie": "c=1"}))
    event = javascript.event_of({}, "192.0.2.1", request)["request"]
    assert event["querystring"]["a"] == {"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]}
    assert javascript.apply(event, request, None) is None
    assert (request.query, request.headers["Cookie"]) == ("a=1&a=2&b=%20", "c=1")


@pytest.mark.parametrize(
    "config",
    [
        {"Aliases": listed("www.example.com")},
        {"ViewerCertificate": {"ACMCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}},
        {"Logging": {"Enabled": True, "IncludeCookies": False, "Bucket": "logs", "Prefix": ""}},
        {"WebACLId": "acl"},
        {"Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", **listed("DE")}}},
        {"DefaultCacheBehavior": behavior(ResponseHeadersPolicyId="p")},
        {"DefaultCacheBehavior": behavior(TrustedSigners={"Enabled": True, **listed("self")})},
    ],
    ids=lambda config: next(iter(config)),
)
def test_what_is_not_built_says_so(aws: Subject, server: Server, config: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="not built in this local cloud") as refusal:
        Edge(aws, server.origin(), **config)
    assert refusal.value.response["Error"]["Code"] == "NotImplementedException"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_api_wants_its_own_host_header(aws: Subject) -> None:
    config = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    origin = {"Id": "api", "DomainName": "abc.execute-api.us-east-1.amazonaws.com", "CustomOriginConfig": config}
    chosen = behavior("api", DISABLED, OriginRequestPolicyId=ALL_VIEWER)
    page = Edge(aws, origin, DefaultCacheBehavior=chosen).get("/test/a")
    assert (page.status, page.json()) == (403, {"message": "Forbidden"})


def test_an_origin_that_is_not_there_is_a_502_and_one_that_is_silent_a_504(aws: Subject) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        config = {"HTTPPort": port, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only", "OriginReadTimeout": 1}
        origin = {"Id": "server", "DomainName": "127.0.0.1", "CustomOriginConfig": config}
        page = Edge(aws, origin).get("/a")
        assert page.status == 502 and b"wasn't able to connect to the origin" in page.body
        silent.listen()
        assert Edge(aws, origin, CallerReference="again").get("/b").status == 504


def test_a_distribution_that_is_its_own_origin_ends_at_once(aws: Subject) -> None:
    port = int(aws.endpoint.rpartition(":")[2])
    config = {"HTTPPort": port, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
    origin = {"Id": "server", "DomainName": "127.0.0.1", "CustomOriginConfig": config}
    edge = Edge(aws, origin)
    now = edge.client.get_distribution_config(Id=edge.id)
    now["DistributionConfig"]["Origins"]["Items"][0]["OriginPath"] = f"/_aws/cloudfront/{edge.id}"
    edge.client.update_distribution(Id=edge.id, DistributionConfig=now["DistributionConfig"], IfMatch=now["ETag"])
    page = edge.get("/a")
    assert page.status == 502 and b"is the distribution itself" in page.body


@pytest.mark.parametrize("event", ["viewer-request", "viewer-response"])
def test_a_function_cannot_split_a_response(event: str) -> None:
    with pytest.raises(ValueError, match="newline"):
        changed([("X-A", "1\r\nSet-Cookie: a=1")], Headers(), event)


def test_a_page_for_errors_is_no_hit_and_runs_no_function(aws: Subject, server: Server) -> None:
    server.answers |= {"/gone": (404, {}, b"no"), "/app.html": (200, {}, b"app")}
    told = {"ErrorCode": 404, "ResponsePagePath": "/app.html", "ResponseCode": "200", "ErrorCachingMinTTL": 60}
    edge = Edge(aws, server.origin(), CustomErrorResponses=listed(told))
    assert [edge.cached("/gone"), edge.cached("/gone")] == ["Error", "Error"]
    assert len(server.asked) == 2


def test_the_address_of_a_distribution() -> None:
    running = cloud.start()
    assert distribution_address("E1", "/a") == f"{running.endpoint}/_aws/cloudfront/E1/a"
    with pytest.raises(ValueError, match="must begin with a slash"):
        distribution_address("E1", "a")
    cloud.stop()


def test_requests_stand_in_the_record(aws: Subject, server: Server) -> None:
    Edge(aws, server.origin()).get("/a")
    entries = cloud.current().record.since(0)
    assert [(entry.source, entry.target, entry.action) for entry in entries][-1] == ("viewer", "cloudfront", "GET /a")


def test_a_bill_does_not_price_the_edge_as_lambda(aws: Subject, server: Server) -> None:

    with_lambda(aws, server, TELLS, "viewer-request").get("/a")
    used = cloud.current().record.used()
    lines = {f"{service}: {part.name}": part for service, part in bill(used, times=1_000_000).lines}
    assert not any(name.startswith("Lambda:") for name in lines)
    assert lines["CloudFront: Lambda@Edge"].usd == Decimal("0.60")
    assert lines["CloudFront: duration, Lambda@Edge"].quantity == Decimal(12_500)
    assert lines["CloudFront: HTTPS requests"].usd == Decimal("1.00")


def test_cloudfront_costs_nothing_at_the_start() -> None:
    """Its plane is made at the first call, and QuickJS is loaded at the first function."""
    program = (
        "import sys; from helpers import cloud; cloud.start(); print(sorted({'quickjs', 'moto.cloudfront.models', "
    )
    program += "'helpers.dataplane.cloudfront.plane'} & set(sys.modules))); cloud.stop()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
