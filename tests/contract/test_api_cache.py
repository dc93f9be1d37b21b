"""What API Gateway promises about the cache of a stage."""

from __future__ import annotations

import json
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.contract.subjects import Subject, promise, refused
from tests.contract.traffic import Shop

CACHE = "API Gateway Developer Guide, Cache settings for REST APIs in API Gateway"
KEYS = "API Gateway Developer Guide, Use method or integration parameters as cache keys"
INVALIDATE = "API Gateway Developer Guide, Invalidate an API Gateway cache entry"
NEW = {"Cache_Control": "max-age=0"}
REAL_TIME = pytest.mark.cloud(speed=1)


def kept(shop: Shop, first: str = "tea", second: str = "", **options: str) -> bool:
    """Return whether the second of two requests got the first one's answer."""
    return shop.ask(first, **options).body == shop.ask(second or first, **options).body


@promise(CACHE, "without a cache each request reaches the backend; with one, GET methods answer from it")
def test_on(aws: Subject) -> None:
    shop = Shop(aws)
    assert not kept(shop)
    shop.cache()
    assert kept(shop)
    assert not kept(shop, method="POST")


@promise(CACHE, "a method's own settings may switch the cache on, also for POST, or off")
def test_override(aws: Subject) -> None:
    shop = Shop(aws)
    shop.cache()
    shop.patch({"/~1tea/POST/caching/enabled": "true", "/~1tea/GET/caching/enabled": "false"})
    assert kept(shop, method="POST")
    assert not kept(shop)


@promise(CACHE, "a response is kept for 300 seconds by default")
@pytest.mark.cloud(speed=300)
def test_default_ttl(aws: Subject) -> None:
    shop = Shop(aws)
    shop.cache()
    stage = shop.client.get_stage(restApiId=shop.id, stageName="prod")
    assert stage["methodSettings"]["*/*"]["cacheTtlInSeconds"] == 300
    began, answer = time.monotonic(), shop.ask().body
    assert shop.ask().body == answer
    aws.wait(lambda: shop.ask().body != answer)
    assert 290 <= (time.monotonic() - began) * aws.speed < 1500


@promise(CACHE, "the time to live is at most 3,600 seconds, and 0 switches the cache off")
def test_ttl(aws: Subject) -> None:
    shop = Shop(aws)
    shop.cache(caching__ttlInSeconds=0)
    assert not kept(shop)
    shop.set(caching__ttlInSeconds=3600)
    assert kept(shop)
    with refused("BadRequestException", status=400):
        shop.set(caching__ttlInSeconds=3601)


@promise(KEYS, "only the chosen parameters tell requests apart; all others share an entry")
@REAL_TIME
def test_keys(aws: Subject) -> None:
    shop = Shop(aws, chosen=("method.request.querystring.page", "method.request.header.Language"))
    shop.cache()
    assert kept(shop, "tea?page=1", "tea?page=1&sort=up")
    assert not kept(shop, "tea?page=1", "tea?page=2")
    assert shop.ask("tea?page=1", Language="de").body != shop.ask("tea?page=1", Language="fr").body
    assert not kept(shop, "tea", "tea?page=")


@promise(KEYS, "a path parameter tells requests apart only if it is chosen")
@REAL_TIME
def test_path(aws: Subject) -> None:
    shop, careful = Shop(aws), Shop(aws, chosen=("method.request.path.name",), name="careful")
    shop.cache()
    careful.cache()
    assert kept(shop, "tea/sencha", "tea/assam")
    assert kept(careful, "tea/sencha")
    assert not kept(careful, "tea/sencha", "tea/assam")


@promise(KEYS, "what is to be part of the key must be a parameter of the method or of the integration")
def test_undeclared(aws: Subject) -> None:
    shop = Shop(aws)
    with refused("BadRequestException", "Invalid cache key parameter specified", 400):
        shop.client.put_integration(
            restApiId=shop.id, resourceId=shop.resource, httpMethod="GET", type="MOCK",
            cacheKeyParameters=["method.request.querystring.page"],
        )  # fmt: skip


@promise(INVALIDATE, "where no permission is wanted, Cache-Control: max-age=0 brings a new answer for everybody")
@REAL_TIME
def test_anybody(aws: Subject) -> None:
    shop = Shop(aws)
    shop.cache(caching__requireAuthorizationForCacheControl="false")
    first = shop.ask().body
    renewed = shop.ask(**NEW).body
    assert renewed != first
    assert shop.ask().body == renewed


@promise(INVALIDATE, "who may not invalidate gets the kept answer with a warning, without one, or 403")
@REAL_TIME
@pytest.mark.parametrize("strategy", ["SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER"])
def test_unauthorized(aws: Subject, strategy: str) -> None:
    shop = Shop(aws)
    shop.cache(caching__unauthorizedCacheControlHeaderStrategy=strategy)
    first = shop.ask()
    second = shop.ask(**NEW)
    assert (second.status, second.body) == (200, first.body)
    assert ("Warning" in second.headers) is (strategy == "SUCCEED_WITH_RESPONSE_HEADER")
    shop.set(caching__unauthorizedCacheControlHeaderStrategy="FAIL_WITH_403")
    assert shop.ask(**NEW).status == 403
    assert shop.ask().body == first.body


@promise(INVALIDATE, "who is allowed execute-api:InvalidateCache gets a new answer")
@pytest.mark.cloud(speed=1, enforce_iam=True)
def test_permission(aws: Subject) -> None:
    shop = Shop(aws, authorization="AWS_IAM")
    shop.cache()
    reader, editor = Credentials(*user(aws, "reader", "Invoke")), Credentials(*user(aws, "editor", "*"))
    url = f"{aws.endpoint}/_aws/execute-api/{shop.id}/prod/tea"

    def ask(who: Credentials, **headers: str) -> bytes:
        request = AWSRequest("GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()})
        SigV4Auth(who, "execute-api", "us-east-1").add_auth(request)
        page = aws.http(url, headers=dict(request.headers.items()))
        assert page.status == 200
        return page.body

    first = ask(reader)
    assert ask(reader, **NEW) == first
    assert ask(editor, **NEW) != first


def user(aws: Subject, name: str, action: str) -> tuple[str, str]:
    """Create a user who may do an action of execute-api; return its key."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": f"execute-api:{action}", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


@promise(CACHE, "FlushStageCache empties the cache of one stage")
@REAL_TIME
def test_flush(aws: Subject) -> None:
    shop = Shop(aws)
    shop.cache()
    first, other = shop.ask().body, shop.ask("tea/sencha").body
    shop.client.flush_stage_cache(restApiId=shop.id, stageName="prod")
    assert shop.ask().body != first
    assert shop.ask("tea/sencha").body != other


@promise(CACHE, "another capacity is another cache: what was kept is gone")
@REAL_TIME
def test_resize(aws: Subject) -> None:
    shop = Shop(aws)
    shop.cache()
    first = shop.ask().body
    shop.patch({"/cacheClusterSize": "1.6"})
    assert shop.ask().body != first
    shop.patch({"/cacheClusterEnabled": "false"})
    assert not kept(shop)


@promise("API Gateway Developer Guide, Amazon API Gateway dimensions and metrics", "hits and misses are counted")
@REAL_TIME
def test_metrics(aws: Subject) -> None:
    shop = Shop(aws)
    shop.ask()
    assert shop.metric("CacheHitCount") is None
    shop.cache()
    shop.statuses(4)
    assert [shop.metric("CacheHitCount"), shop.metric("CacheMissCount")] == [3, 1]
    assert shop.metric("CacheHitCount", "Average", Stage="prod") == 0.75
    assert shop.metric("IntegrationLatency", "SampleCount") == 2
