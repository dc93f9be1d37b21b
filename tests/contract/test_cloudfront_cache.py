"""What CloudFront promises about its cache: what is the same request, how long an answer lasts, how it ends early."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.contract.distributions import (
    ALL_METHODS,
    ALL_VIEWER,
    DISABLED,
    OPTIMIZED,
    Edge,
    Server,
    behavior,
    cache_policy,
    listed,
)
from tests.contract.subjects import Subject, promise, refused

GUIDE = "CloudFront Developer Guide"
KEY, POLICY = f"{GUIDE}, Understand the cache key", f"{GUIDE}, Control the cache key with a policy"
EXPIRATION = f"{GUIDE}, Manage how long content stays in the cache (expiration)"
ERRORS = f"{GUIDE}, How CloudFront processes HTTP 4xx and 5xx status codes from your origin"
INVALIDATION = f"{GUIDE}, Invalidate files to remove content"
BEHAVIORS = f"{GUIDE}, Cache behavior settings"
REQUESTS = f"{GUIDE}, Control origin requests with a policy"


@pytest.fixture
def server() -> Iterator[Server]:
    """An origin on this machine."""
    running = Server()
    yield running
    running.stop()


@promise(f"{GUIDE}, How CloudFront delivers content", "the first answer comes from the origin, the next from the cache")
def test_miss_and_hit(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin())
    first, second = edge.get("/a"), edge.get("/a")
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("Miss from cloudfront", "Hit from cloudfront")
    assert (first.body, second.body, len(server.asked)) == (b"hello", b"hello", 1)
    assert int(second.headers["Age"]) >= 0 and "Age" not in first.headers
    assert second.headers["X-Amz-Cf-Id"] != first.headers["X-Amz-Cf-Id"] and second.headers["X-Amz-Cf-Pop"]
    assert second.headers["Via"].endswith("cloudfront.net (CloudFront)")


@promise(
    KEY, "by default the path alone is the key: query strings, cookies and headers neither count nor reach the origin"
)
def test_default_key(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin())
    edge.get("/a?color=red", Cookie="group=a", Accept_Language="de")
    assert edge.cached("/a?color=blue", Cookie="group=b", Accept_Language="fr") == "Hit"
    assert edge.cached("/b") == "Miss"
    (_, path, headers, _), _ = server.asked
    assert path == "/a" and "cookie" not in headers and "accept-language" not in headers
    assert headers["user-agent"] == "Amazon CloudFront" and headers["x-forwarded-for"] == "127.0.0.1"


@promise(POLICY, "what a cache policy names counts in the key, and reaches the origin")
def test_cache_policy(aws: Subject, server: Server) -> None:
    policy = cache_policy(aws, headers=["Accept-Language"], cookies=["group"], queries=["color"])
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=behavior(policy=policy))
    edge.get("/a?color=red&x=1", Cookie="group=a; session=7", Accept_Language="de")
    assert server.asked[0][1] == "/a?color=red"
    assert server.asked[0][2]["cookie"] == "group=a" and server.asked[0][2]["accept-language"] == "de"
    same = {"Cookie": "group=a; session=8", "Accept_Language": "de"}
    assert edge.cached("/a?color=red&x=2", **same) == "Hit"
    assert edge.cached("/a?color=blue", **same) == "Miss"
    assert edge.cached("/a?color=red", **{**same, "Cookie": "group=b"}) == "Miss"
    assert edge.cached("/a?color=red", **{**same, "Accept_Language": "fr"}) == "Miss"


@promise(f"{GUIDE}, Use managed cache policies", "CachingDisabled sends every request to the origin")
def test_caching_disabled(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=behavior(policy=DISABLED))
    assert [edge.cached("/a"), edge.cached("/a")] == ["Miss", "Miss"]
    assert len(server.asked) == 2


@promise(f"{GUIDE}, Use managed origin request policies", "AllViewer sends all to the origin, and changes no cache key")
def test_origin_request_policy(aws: Subject, server: Server) -> None:
    chosen = behavior(OriginRequestPolicyId=ALL_VIEWER)
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=chosen)
    edge.get("/a?x=1", Cookie="group=a", X_Shop="bakery")
    _, path, headers, _ = server.asked[0]
    assert path == "/a?x=1" and headers["cookie"] == "group=a" and headers["x-shop"] == "bakery"
    assert headers["host"] == edge.domain
    assert edge.cached("/a?x=2") == "Hit"


@promise(
    f"{GUIDE}, Values that you specify when you create or update a distribution", "ForwardedValues: the older settings"
)
def test_forwarded_values(aws: Subject, server: Server) -> None:
    chosen = behavior()
    del chosen["CachePolicyId"]
    cookies = {"Forward": "whitelist", "WhitelistedNames": listed("group")}
    chosen["ForwardedValues"] = {"QueryString": True, "Cookies": cookies, "Headers": listed("X-Shop")}
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=chosen)
    assert [edge.cached("/a?x=1"), edge.cached("/a?x=1"), edge.cached("/a?x=2")] == ["Miss", "Hit", "Miss"]
    assert [edge.cached("/a?x=1", Cookie="group=b"), edge.cached("/a?x=1", Cookie="other=b")] == ["Miss", "Hit"]


@pytest.mark.cloud(speed=60)
@promise(EXPIRATION, "max-age decides between the minimum and the maximum TTL; without it the default TTL does")
def test_times_to_live(aws: Subject, server: Server) -> None:
    server.answers["/short"] = (200, {"Cache-Control": "max-age=120"}, b"")
    server.answers["/shared"] = (200, {"Cache-Control": "max-age=3000, s-maxage=120"}, b"")
    server.answers["/expires"] = (200, {"Expires": "Thu, 01 Dec 1994 16:00:00 GMT"}, b"")
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=behavior(policy=cache_policy(aws)))
    for path in ("/short", "/shared", "/plain", "/expires"):
        assert edge.cached(path) == "Miss"
    assert [edge.cached(path) for path in ("/short", "/plain", "/expires")] == ["Hit", "Hit", "Miss"]
    time.sleep(130 / aws.speed)
    assert [edge.cached(path) for path in ("/short", "/shared", "/plain")] == ["Miss", "Miss", "Hit"]


@promise(EXPIRATION, "no-store is not cached, unless a minimum TTL says so")
def test_no_store(aws: Subject, server: Server) -> None:
    server.answers["/a"] = server.answers["/least"] = (200, {"Cache-Control": "no-store"}, b"")
    second = behavior(policy=cache_policy(aws, "least", MinTTL=60), PathPattern="/least")
    zero = cache_policy(aws, "zero")
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=behavior(policy=zero), CacheBehaviors=listed(second))
    assert [edge.cached("/a"), edge.cached("/a")] == ["Miss", "Miss"]
    assert [edge.cached("/least"), edge.cached("/least")] == ["Miss", "Hit"]


@pytest.mark.cloud(speed=60)
@promise(
    EXPIRATION, "an expired object is asked for again by its ETag, and kept when the origin says that it is the same"
)
def test_revalidation(aws: Subject, server: Server) -> None:
    server.answers["/a"] = (200, {"Cache-Control": "max-age=60", "ETag": '"1"'}, b"body")
    edge = Edge(aws, server.origin())
    edge.get("/a")
    time.sleep(70 / aws.speed)
    again = edge.get("/a")
    assert (again.status, again.body, again.headers["X-Cache"]) == (200, b"body", "RefreshHit from cloudfront")
    assert server.asked[1][2]["if-none-match"] == '"1"'
    assert edge.cached("/a") == "Hit"


@promise(f"{GUIDE}, Conditional requests", "a viewer that has the version already gets 304, from the cache too")
def test_conditional(aws: Subject, server: Server) -> None:
    server.answers["/a"] = (200, {"ETag": '"1"'}, b"body")
    edge = Edge(aws, server.origin())
    edge.get("/a")
    page = edge.get("/a", If_None_Match='"1"')
    assert (page.status, page.body, page.headers["X-Cache"]) == (304, b"", "Hit from cloudfront")


@promise(INVALIDATION, "an invalidation removes the paths that it names, with * at the end all that begin so")
def test_invalidation(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin())
    paths = ("/a", "/images/1.png", "/images/2.png")
    for path in paths:
        edge.get(path)
    made = edge.invalidate("/a")
    assert made["Status"] == "InProgress"
    assert [edge.cached(path) for path in paths] == ["Miss", "Hit", "Hit"]
    edge.invalidate("/images/*", reference="again")
    assert [edge.cached(path) for path in paths] == ["Hit", "Miss", "Miss"]
    edge.client.get_waiter("invalidation_completed").wait(DistributionId=edge.id, Id=made["Id"])


@pytest.mark.cloud(speed=5)
@promise(ERRORS, "an error of the origin is cached for 10 seconds, a 403 only if the origin says for how long")
def test_error_caching(aws: Subject, server: Server) -> None:
    server.answers |= {"/gone": (404, {}, b"no"), "/secret": (403, {}, b"no")}
    edge = Edge(aws, server.origin())
    assert [edge.cached("/gone"), edge.cached("/gone"), len(server.asked)] == ["Error", "Error", 1]
    edge.get("/secret")
    edge.get("/secret")
    assert len(server.asked) == 3
    time.sleep(12 / aws.speed)
    edge.get("/gone")
    assert len(server.asked) == 4


@promise(
    f"{GUIDE}, How CloudFront processes HTTP 3xx status codes", "redirects are passed on; 307 is cached only if told"
)
def test_redirects(aws: Subject, server: Server) -> None:
    server.answers |= {
        "/moved": (301, {"Location": "/a"}, b""),
        "/now": (307, {"Location": "/a"}, b""),
        "/kept": (307, {"Location": "/a", "Cache-Control": "max-age=600"}, b""),
    }
    edge = Edge(aws, server.origin())
    answered = [edge.redirected(path) for path in ("/moved", "/moved", "/now", "/now", "/kept", "/kept")]
    assert [status for status, _ in answered] == [301, 301, 307, 307, 307, 307]
    assert [result for _, result in answered] == ["Miss", "Hit", "Miss", "Miss", "Miss", "Hit"]


@promise(f"{GUIDE}, Generate custom error responses", "a page of the distribution's own, with a status of its own")
def test_custom_error_response(aws: Subject, server: Server) -> None:
    server.answers |= {"/gone": (404, {}, b"no"), "/app.html": (200, {"Content-Type": "text/html"}, b"<p>app</p>")}
    told = {"ErrorCode": 404, "ResponsePagePath": "/app.html", "ResponseCode": "200", "ErrorCachingMinTTL": 5}
    page = Edge(aws, server.origin(), CustomErrorResponses=listed(told)).get("/gone")
    assert (page.status, page.body, page.headers["Content-Type"]) == (200, b"<p>app</p>", "text/html")


@promise(BEHAVIORS, "the first behaviour whose path pattern matches decides, the default last")
def test_behaviors(aws: Subject, server: Server) -> None:
    images = behavior("other", PathPattern="images/*.jp?g")
    all_images = behavior(PathPattern="/images/*", policy=DISABLED)
    other = {**server.origin(OriginPath="/store"), "Id": "other"}
    edge = Edge(aws, server.origin(), other, CacheBehaviors=listed(images, all_images))
    for path in ("/images/a.jpeg", "/images/a.png", "/images/a.JPEG", "/index.html"):
        edge.get(path)
    assert [path for _, path, _, _ in server.asked] == [
        "/store/images/a.jpeg",
        "/images/a.png",
        "/images/a.JPEG",
        "/index.html",
    ]
    assert [edge.cached("/images/a.jpeg"), edge.cached("/images/a.png")] == ["Hit", "Miss"]


@promise(BEHAVIORS, "a method that the behaviour does not allow is refused; POST is never cached")
def test_methods(aws: Subject, server: Server) -> None:
    writes = behavior(PathPattern="/write", AllowedMethods=ALL_METHODS)
    edge = Edge(aws, server.origin(), CacheBehaviors=listed(writes))
    page = edge.get("/a", "POST", b"x")
    assert page.status == 403 and b"not configured to allow the HTTP request method" in page.body
    assert (page.headers["X-Cache"], server.asked) == ("Error from cloudfront", [])
    for _ in range(2):
        assert edge.get("/write", "POST", b"x=1").headers["X-Cache"] == "Miss from cloudfront"
    assert [(method, body) for method, _, _, body in server.asked] == [("POST", b"x=1")] * 2


@promise(f"{GUIDE}, Specify a default root object", "a request for the root gets the default root object")
def test_default_root_object(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin(), DefaultRootObject="index.html")
    edge.get("/")
    edge.get("/docs/")
    assert [path for _, path, _, _ in server.asked] == ["/index.html", "/docs/"]


@promise(f"{GUIDE}, Add custom headers to origin requests", "an origin gets the headers that the distribution adds")
def test_custom_headers(aws: Subject, server: Server) -> None:
    secret = listed({"HeaderName": "X-Origin-Secret", "HeaderValue": "s3cret"})
    Edge(aws, server.origin(CustomHeaders=secret)).get("/")
    assert server.asked[0][2]["x-origin-secret"] == "s3cret"


@promise("CloudFront API Reference, CreateDistribution", "unknown origins and policies are refused")
def test_refusals(aws: Subject, server: Server) -> None:
    with refused("NoSuchOrigin"):
        Edge(aws, server.origin(), CacheBehaviors=listed(behavior("nowhere", PathPattern="/a")))
    with refused("NoSuchCachePolicy"):
        Edge(aws, server.origin(), DefaultCacheBehavior=behavior(policy="658327ea-0000-0000-0000-000000000000"))
    with refused("TrustedKeyGroupDoesNotExist"):
        keys = {"Enabled": True, **listed("K123")}
        Edge(aws, server.origin(), DefaultCacheBehavior=behavior(TrustedKeyGroups=keys))


@promise("CloudFront API Reference, UpdateDistribution", "an update wants the current ETag, and takes effect")
def test_update(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin())
    edge.client.get_waiter("distribution_deployed").wait(Id=edge.id)
    edge.get("/a")
    now = edge.client.get_distribution_config(Id=edge.id)
    config = now["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["CachePolicyId"] == OPTIMIZED
    config["DefaultCacheBehavior"]["CachePolicyId"] = DISABLED
    with refused("PreconditionFailed", status=412):
        edge.client.update_distribution(Id=edge.id, DistributionConfig=config, IfMatch="EOLD")
    done = edge.client.update_distribution(Id=edge.id, DistributionConfig=config, IfMatch=now["ETag"])
    assert done["ETag"] != now["ETag"] and done["Distribution"]["Status"] == "InProgress"
    edge.invalidate("/a")
    assert [edge.cached("/a"), edge.cached("/a")] == ["Miss", "Miss"]


@promise("CloudFront API Reference, DeleteDistribution", "a distribution must be disabled before it is deleted")
def test_delete(aws: Subject, server: Server) -> None:
    edge = Edge(aws, server.origin())
    with refused("DistributionNotDisabled", status=409):
        edge.client.delete_distribution(Id=edge.id, IfMatch=edge.etag)
    config = {**edge.config, "Enabled": False}
    etag = edge.client.update_distribution(Id=edge.id, DistributionConfig=config, IfMatch=edge.etag)["ETag"]
    assert edge.get("/").status >= 400
    edge.client.delete_distribution(Id=edge.id, IfMatch=etag)
    with refused("NoSuchDistribution"):
        edge.client.get_distribution(Id=edge.id)
