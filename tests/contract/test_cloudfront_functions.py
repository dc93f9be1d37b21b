"""What CloudFront promises about functions at the edge: Lambda@Edge and CloudFront Functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from helpers.teaching import package
from tests.contract.distributions import (
    DISABLED,
    SAYS,
    TELLS,
    Edge,
    Server,
    behavior,
    cache_policy,
    lambdas,
    listed,
    version,
    with_lambda,
)
from tests.contract.subjects import Page, Subject, promise, refused

GUIDE = "CloudFront Developer Guide"
EVENTS = f"{GUIDE}, Lambda@Edge event structure"
TRIGGERS = f"{GUIDE}, CloudFront events that can trigger a Lambda@Edge function"
RESPONSES = f"{GUIDE}, Generate HTTP responses in request triggers"
RESTRICTIONS = f"{GUIDE}, Restrictions on Lambda@Edge"
ALL_EDGE = f"{GUIDE}, Restrictions on all edge functions"
QUOTAS = f"{GUIDE}, Quotas on Lambda@Edge"
FUNCTIONS = f"{GUIDE}, CloudFront Functions event structure"
PUBLISHING = f"{GUIDE}, Manage functions in CloudFront Functions"
EVERYWHERE = ("viewer-request", "origin-request", "origin-response", "viewer-response")
HELLO = (
    SAYS
    + "    return {'status': '200', 'headers': {'content-type': [{'value': 'text/plain'}]}, 'body': 'from the edge'}"
)


@pytest.fixture
def server() -> Iterator[Server]:
    """An origin on this machine."""
    running = Server()
    yield running
    running.stop()


def seen(aws: Subject) -> list[dict[str, Any]]:
    """Return what a function that TELLS was given, from the log of the edge."""
    lines = aws.logged("us-east-1.f")
    return [json.loads(line.partition("SEEN ")[2]) for line in lines if "SEEN " in line]


def script(aws: Subject, code: str, name: str = "s", *, publish: bool = True) -> str:
    """Create a CloudFront function; return its ARN."""
    client = aws.client("cloudfront")
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    made = client.create_function(Name=name, FunctionConfig=config, FunctionCode=code.encode())
    if publish:
        client.publish_function(Name=name, IfMatch=made["ETag"])
    return str(made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"])


def with_script(aws: Subject, server: Server, code: str, event: str = "viewer-request") -> Edge:
    """Return a distribution that runs a CloudFront function."""
    found = listed({"FunctionARN": script(aws, code), "EventType": event})
    return Edge(aws, server.origin(), DefaultCacheBehavior=behavior(FunctionAssociations=found))


def failed(page: Page, status: int, result: str, words: str) -> bool:
    """Return whether a page is CloudFront's own error."""
    assert (page.status, page.headers["X-Cache"]) == (status, f"{result} from cloudfront"), page.body
    assert words in page.body.decode()
    return True


@promise(TRIGGERS, "four events: the viewer's two at each request, the origin's two only when the cache has nothing")
def test_four_events(aws: Subject, server: Server) -> None:
    edge = with_lambda(aws, server, TELLS, *EVERYWHERE)
    assert [edge.cached("/a"), edge.cached("/a")] == ["Miss", "Hit"]
    kinds = [cf["config"]["eventType"] for cf in seen(aws)]
    assert kinds == [*EVERYWHERE, "viewer-request", "viewer-response"]


@promise(EVENTS, "an event holds the distribution, the request with its headers as lists, the origin and the response")
def test_event(aws: Subject, server: Server) -> None:
    server.answers["/a"] = (200, {"Set-Cookie": "theme=light"}, b"")
    edge = with_lambda(aws, server, TELLS, *EVERYWHERE)
    edge.get("/a?size=large", X_Shop="bakery")
    at_viewer, at_origin, answered, _ = seen(aws)
    assert at_viewer["config"]["distributionId"] == edge.id
    assert at_viewer["config"]["distributionDomainName"] == edge.domain and at_viewer["config"]["requestId"]
    request = at_viewer["request"]
    assert (request["method"], request["uri"], request["querystring"]) == ("GET", "/a", "size=large")
    assert request["headers"]["x-shop"][0]["value"] == "bakery" and request["clientIp"] == "127.0.0.1"
    assert request["headers"]["host"][0]["value"] == edge.domain and "origin" not in request
    assert at_origin["request"]["origin"]["custom"]["domainName"] == "127.0.0.1"
    assert at_origin["request"]["headers"]["user-agent"] == [{"key": "User-Agent", "value": "Amazon CloudFront"}]
    assert "connection" not in request["headers"]
    assert answered["response"]["status"] == "200"
    assert answered["response"]["headers"]["set-cookie"] == [{"key": "Set-Cookie", "value": "theme=light"}]


@promise(f"{GUIDE}, Edge function logs", "a copy is named after its home Region, and logs under that name")
def test_log_group(aws: Subject, server: Server) -> None:
    with_lambda(aws, server, TELLS, "viewer-request").get("/a")
    assert len(seen(aws)) == 1 and aws.logged("f") == []


@promise(TRIGGERS, "viewer-request may change what is asked for, and so the key of the cache")
def test_rewrite(aws: Subject, server: Server) -> None:
    source = SAYS + "    cf['request']['uri'] = '/b' + cf['request']['uri']\n    return cf['request']"
    edge = with_lambda(aws, server, source, "viewer-request")
    edge.get("/a")
    assert server.asked[0][1] == "/b/a"


@promise(RESPONSES, "a response of viewer-request is not cached, one of origin-request is; the origin is not asked")
def test_generated_response(aws: Subject, server: Server) -> None:
    arn = version(aws, HELLO)
    chosen = behavior(LambdaFunctionAssociations=lambdas(viewer_request=arn))
    second = behavior(PathPattern="/o", LambdaFunctionAssociations=lambdas(origin_request=arn))
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=chosen, CacheBehaviors=listed(second))
    page = edge.get("/a")
    assert (page.status, page.body, page.headers["Content-Type"]) == (200, b"from the edge", "text/plain")
    assert [edge.cached("/a"), edge.cached("/a")] == ["LambdaGeneratedResponse"] * 2
    assert [edge.cached("/o"), edge.cached("/o")] == ["LambdaGeneratedResponse", "Hit"]
    assert server.asked == []


@promise(
    f"{GUIDE}, Update HTTP responses in origin response triggers", "origin-response may change the answer, once for all"
)
def test_origin_response(aws: Subject, server: Server) -> None:
    source = SAYS + (
        "    response = cf['response']\n    response['status'] = '203'\n"
        "    response['headers']['strict-transport-security'] = [{'value': 'max-age=600'}]\n    return response"
    )
    edge = with_lambda(aws, server, source, "origin-response")
    for expected in ("Miss", "Hit"):
        page = edge.get("/a")
        assert (page.status, page.headers["Strict-Transport-Security"]) == (203, "max-age=600")
        assert page.headers["X-Cache"] == f"{expected} from cloudfront" and page.body == b"hello"


AB_TEST = (
    SAYS
    + """
    request, group = cf['request'], 'a'
    for cookie in request['headers'].get('cookie', []):
        if 'group=b' in cookie['value']:
            group = 'b'
    if cf['config']['eventType'] == 'viewer-request':
        request['headers']['cookie'] = [{'value': f'group={group}'}]
    else:
        request['uri'] = f'/{group}' + request['uri']
    return request
"""
)


@promise(f"{GUIDE}, Lambda@Edge example functions", "an A/B test: a cookie in the cache key chooses the page")
def test_ab_test(aws: Subject, server: Server) -> None:
    server.answers |= {"/a/home": (200, {}, b"page A"), "/b/home": (200, {}, b"page B")}
    arn = version(aws, AB_TEST)
    found = lambdas(viewer_request=arn, origin_request=arn)
    chosen = behavior(policy=cache_policy(aws, cookies=["group"]), LambdaFunctionAssociations=found)
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=chosen)
    for cookies in ("", "group=b; theme=dark", "group=a; theme=light", "group=b", "theme=dark"):
        assert edge.get("/home", Cookie=cookies).body == (b"page B" if "group=b" in cookies else b"page A")
    assert sorted(path for _, path, _, _ in server.asked) == ["/a/home", "/b/home"]


@promise(ALL_EDGE, "viewer-response does not run when the origin answers 400 or more, origin-response does")
def test_errors_of_the_origin(aws: Subject, server: Server) -> None:
    server.answers["/gone"] = (404, {}, b"no")
    edge = with_lambda(aws, server, TELLS, "origin-response", "viewer-response")
    assert edge.get("/gone").status == 404
    assert [cf["config"]["eventType"] for cf in seen(aws)] == ["origin-response"]


@promise(f"{GUIDE}, HTTP 503 status code (Service Unavailable)", "a function that fails is a 503")
def test_execution_error(aws: Subject, server: Server) -> None:
    edge = with_lambda(aws, server, SAYS + "    return {}['nothing']", "viewer-request")
    words = "is invalid or doesn't have the required permissions"
    assert failed(edge.get("/a"), 503, "LambdaExecutionError", words)
    assert server.asked == []


@promise(
    f"{GUIDE}, HTTP 503 status code (Service Unavailable)", "a function that takes longer than its timeout is a 503"
)
def test_timeout(aws: Subject, server: Server) -> None:
    arn = version(aws, "import time\ndef handler(event, context): time.sleep(5)", Timeout=1)
    found = lambdas(viewer_request=arn)
    edge = Edge(aws, server.origin(), DefaultCacheBehavior=behavior(LambdaFunctionAssociations=found))
    assert failed(edge.get("/a"), 503, "LambdaExecutionError", "invalid or doesn't have the required permissions")


@pytest.mark.cloud(quotas={"lambda.concurrent_executions": 0})
@promise(f"{GUIDE}, HTTP 503 status code (Service Unavailable)", "a function over the limit of concurrency is a 503")
def test_throttled(aws: Subject, server: Server) -> None:
    edge = with_lambda(aws, server, TELLS, "viewer-request")
    assert failed(edge.get("/a"), 503, "LambdaLimitExceeded", "was throttled")


@promise(f"{GUIDE}, HTTP 502 status code (Bad Gateway)", "a result that is no request and no response is a 502")
@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("'hello'", "failed validation"),
        ("{'status': '200', 'body': 'x' * 50_000}", "exceeds the maximum size"),
        ("{'status': '200', 'body': {'a': 1}}", "The body is not a string"),
        ("{'status': '199'}", "failed validation"),
        ("{'status': '200', 'headers': {'x-cache': [{'value': 'Hit'}]}}", "failed validation"),
        ("cf['request'] | {'headers': {}}", "add, delete, or change a read-only header"),
        ("cf['request'] | {'uri': 'a'}", "failed validation"),
    ],
    ids=["a text", "too large", "a body that is no text", "status", "disallowed header", "read-only header", "uri"],
)
def test_validation_error(aws: Subject, server: Server, result: str, words: str) -> None:
    edge = with_lambda(aws, server, SAYS + f"    return {result}", "viewer-request")
    assert failed(edge.get("/a"), 502, "LambdaValidationError", words)


@promise(RESTRICTIONS, "a numbered version in us-east-1, whose role edgelambda may assume, without variables or layers")
def test_refused_functions(aws: Subject, server: Server) -> None:
    def refuse(arn: str, words: str) -> None:
        with refused("InvalidLambdaFunctionAssociation", words):
            chosen = behavior(LambdaFunctionAssociations=lambdas(origin_request=arn))
            Edge(aws, server.origin(), DefaultCacheBehavior=chosen)

    arn = version(aws, HELLO)
    bare = arn.rpartition(":")[0]
    refuse(
        f"{bare}:$LATEST",
        f"reference a specific function version. (The ARN must end with the version number.) ARN: {bare}",
    )
    refuse(bare, "reference a specific function version")
    aws.client("lambda").create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    refuse(f"{bare}:live", "reference a specific function version")
    refuse(arn.replace("us-east-1", "eu-west-1"), "us-east-1")
    refuse(arn[:-1] + "9", "cannot retrieve the specified Lambda function")
    refuse(version(aws, HELLO, "v", Environment={"Variables": {"AB": "1"}}), "cannot have environment variables")
    content = {"ZipFile": package({"python/shared.py": "A = 1"})}
    layer = aws.client("lambda").publish_layer_version(LayerName="shared", Content=content)["LayerVersionArn"]
    refuse(version(aws, HELLO, "l", Layers=[layer]), "layers")
    trusts_lambda_only = aws.role("plain")
    refuse(version(aws, HELLO, "r", Role=trusts_lambda_only), "must be assumable with edgelambda.amazonaws.com")


@promise(QUOTAS, "viewer events: 5 seconds and 128 MB; origin events: 30 seconds and Lambda's memory")
def test_quotas(aws: Subject, server: Server) -> None:
    def associate(event: str, arn: str) -> Edge:
        found = lambdas(**{event: arn})
        return Edge(aws, server.origin(), DefaultCacheBehavior=behavior(LambdaFunctionAssociations=found))

    slow, large = version(aws, HELLO, "slow", Timeout=30), version(aws, HELLO, "large", MemorySize=1024)
    text = "The function timeout is larger than the maximum allowed for functions that are triggered by"
    with refused("InvalidLambdaFunctionAssociation", f"{text} a CloudFront event: 30 Max allowed: 5 Function: {slow}"):
        associate("viewer_request", slow)
    with refused("InvalidLambdaFunctionAssociation", "1024 Max allowed: 128"):
        associate("viewer_response", large)
    with refused("InvalidLambdaFunctionAssociation", "31 Max allowed: 30"):
        associate("origin_request", version(aws, HELLO, "slower", Timeout=31))
    assert associate("origin_request", slow).get("/a").body == b"from the edge"


@promise(
    FUNCTIONS, "a CloudFront function sees headers, cookies and query strings as objects, and may change a request"
)
def test_script_request(aws: Subject, server: Server) -> None:
    code = """
    async function handler(event) {
      const request = event.request;
      const group = request.cookies.group ? request.cookies.group.value : 'none';
      request.uri = '/' + group + '/' + request.headers['x-shop'].value + '/' + request.querystring.size.value
        + '/' + event.context.eventType + '/' + event.viewer.ip;
      return request;
    }"""
    with_script(aws, server, code).get("/a?size=large", Cookie="group=b", X_Shop="bakery")
    assert server.asked[0][1] == "/b/bakery/large/viewer-request/127.0.0.1"


@promise(FUNCTIONS, "a CloudFront function may answer itself: a redirect needs no origin")
def test_script_answers(aws: Subject, server: Server) -> None:
    code = """
    function handler(event) {
      return {statusCode: 403, statusDescription: 'No', headers: {'x-why': {value: 'edge'}}, body: 'closed',
              cookies: {seen: {value: '1', attributes: 'Secure'}}};
    }"""
    page = with_script(aws, server, code).get("/a")
    assert (page.status, page.headers["X-Why"], page.body) == (403, "edge", b"closed")
    assert page.headers["Set-Cookie"] == "seen=1; Secure" and server.asked == []


@promise(FUNCTIONS, "at viewer-response a CloudFront function changes what the viewer gets, from the cache too")
def test_script_response(aws: Subject, server: Server) -> None:
    code = "function handler(event) { event.response.headers['x-made'] = {value: 'yes'}; return event.response; }"
    edge = with_script(aws, server, code, "viewer-response")
    for _ in range(2):
        page = edge.get("/a")
        assert (page.headers["X-Made"], page.body) == ("yes", b"hello")


@promise(
    f"{GUIDE}, HTTP 503 status code (Service Unavailable)", "a CloudFront function that fails is a 503; no network"
)
def test_script_fails(aws: Subject, server: Server) -> None:
    edge = with_script(aws, server, "async function handler(event) { await fetch('http://127.0.0.1/'); }")
    page = edge.get("/a")
    assert page.status == 503 and b"is invalid or could not run" in page.body and server.asked == []


@promise(PUBLISHING, "a function is tested before it is published, and only a published one is associated")
def test_script_stages(aws: Subject, server: Server) -> None:
    client = aws.client("cloudfront")
    code = "function handler({request}) { console.log('for', request.uri); request.uri = '/b'; return request; }"
    arn = script(aws, code, publish=False)
    found = listed({"FunctionARN": arn, "EventType": "viewer-request"})
    with refused("InvalidFunctionAssociation"):
        Edge(aws, server.origin(), DefaultCacheBehavior=behavior(FunctionAssociations=found))
    etag = client.describe_function(Name="s")["ETag"]
    event = {"version": "1.0", "context": {"eventType": "viewer-request"}, "viewer": {"ip": "198.51.100.1"}}
    event["request"] = {"method": "GET", "uri": "/a", "querystring": {}, "headers": {}, "cookies": {}}
    asked = {"Name": "s", "IfMatch": etag, "Stage": "DEVELOPMENT", "EventObject": json.dumps(event).encode()}
    result = client.test_function(**asked)["TestResult"]
    assert json.loads(result["FunctionOutput"])["request"]["uri"] == "/b"
    assert result["FunctionExecutionLogs"] == ["for /a"]
    broken = client.update_function(
        Name="s",
        IfMatch=etag,
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"},
        FunctionCode=b"nonsense(",
    )
    result = client.test_function(**{**asked, "IfMatch": broken["ETag"]})["TestResult"]
    assert "SyntaxError" in result["FunctionErrorMessage"]


@promise(f"{GUIDE}, Quotas on CloudFront Functions", "10 KB of code and 2 MB of memory")
def test_script_quotas(aws: Subject, server: Server) -> None:
    with refused("FunctionSizeLimitExceeded", status=413):
        script(aws, "//" + "x" * 10_300, "large")
    edge = with_script(aws, server, "function handler(e) { let a = []; while (true) a.push('x'.repeat(1000)); }")
    assert edge.get("/a").status == 503


@promise(ALL_EDGE, "one function an event, and not both kinds at the viewer's events")
def test_combinations(aws: Subject, server: Server) -> None:
    arn, code = version(aws, TELLS), script(aws, "function handler(event) { return event.request; }")
    scripts = listed({"FunctionARN": code, "EventType": "viewer-request"})
    with refused("InvalidLambdaFunctionAssociation"):
        both = behavior(FunctionAssociations=scripts, LambdaFunctionAssociations=lambdas(viewer_response=arn))
        Edge(aws, server.origin(), DefaultCacheBehavior=both)
    with refused("InvalidFunctionAssociation"):
        origin = listed({"FunctionARN": code, "EventType": "origin-request"})
        Edge(aws, server.origin(), DefaultCacheBehavior=behavior(FunctionAssociations=origin))
    mixed = behavior(
        FunctionAssociations=scripts, LambdaFunctionAssociations=lambdas(origin_request=arn), policy=DISABLED
    )
    assert Edge(aws, server.origin(), DefaultCacheBehavior=mixed).get("/a").status == 200
    assert [cf["config"]["eventType"] for cf in seen(aws)] == ["origin-request"]
