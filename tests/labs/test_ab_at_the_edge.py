"""The lab ab_at_the_edge: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from helpers import cloud
from helpers.teaching import distribution_address, package
from helpers.teaching.checks import Lab, Result
from tests.contract.distributions import DISABLED, OPTIMIZED, listed
from tests.labs.lab_under_test import WrongAnswers, lab_modules
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "18_ab_at_the_edge"
TASKS = ["private", "groups", "stays", "cached", "headers", "results", "news"]
READS = """
import random
from http.cookies import SimpleCookie

def handler(event, context):
    cf = event["Records"][0]["cf"]
    request, lines = cf["request"], cf["request"]["headers"].get("cookie", [])
    cookies = SimpleCookie("; ".join(line["value"] for line in lines))
    group = cookies["group"].value if "group" in cookies else ""
"""
VALID = '    group = group if group in ("a", "b") else random.choice("ab")\n'
REWRITE = '    if request["uri"] == "/": request["uri"] = f"/{group}/index.html"\n    return request\n'
CHOOSES = READS + VALID + REWRITE
BY_THE_ORIGIN = CHOOSES.replace('== "/"', '== "/index.html"')
AT_RANDOM = READS + '    group = random.choice("ab")\n' + REWRITE
MOSTLY_A = READS + VALID.replace('"ab"', '"aaaaaaaaab"') + REWRITE
TRUSTS = READS + '    group = group or random.choice("ab")\n' + REWRITE
ALL_PATHS = READS + VALID + REWRITE.replace('if request["uri"] == "/"', "if True").replace("index.html", "index.html")
SUBSTRING = (
    """
import random

def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    text = str(request["headers"].get("cookie"))
    group = "b" if "group=b" in text else "a" if "group=a" in text else random.choice("ab")
"""
    + REWRITE
)
SIGNS = """
SAFE = {"strict-transport-security": "max-age=31536000", "x-content-type-options": "nosniff", "x-frame-options": "DENY"}

def handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    for group in response["headers"].get("x-amz-meta-group", []):
        cookie = "group=" + group["value"] + "; Max-Age=2592000; Path=/"
        response["headers"]["set-cookie"] = [{"value": cookie}]
"""
BACK = "    return response\n"
TELLS = SIGNS + BACK
SAFE = SIGNS + "    response['headers'].update({name: [{'value': value}] for name, value in SAFE.items()})\n" + BACK
FILES = ("/results/index.html", "/results/bookings.csv")


class Learner:
    """Somebody who builds the test: what a learner's cells would do, and the checks."""

    def __init__(self, lighthouse: Any, lab: Lab) -> None:
        self.lighthouse, self.lab = lighthouse, lab
        self.s3, self.cloudfront, self.functions = (boto3.client(name) for name in ("s3", "cloudfront", "lambda"))
        self.role = boto3.client("iam").get_role(RoleName="edge")["Role"]["Arn"]
        sign = {"SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
        made = self.cloudfront.create_origin_access_control(OriginAccessControlConfig={"Name": "lighthouse", **sign})
        self.control, self.versions = made["OriginAccessControl"]["Id"], dict[str, str]()
        self.key = rsa.generate_private_key(65537, 2048)
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        known = {"CallerReference": "k", "Name": "k", "EncodedKey": public}
        self.key_id = self.cloudfront.create_public_key(PublicKeyConfig=known)["PublicKey"]["Id"]
        config = {"Name": "g", "Items": [self.key_id]}
        self.trusted = {
            "Enabled": True,
            **listed(self.cloudfront.create_key_group(KeyGroupConfig=config)["KeyGroup"]["Id"]),
        }

    def behavior(self, policy: str, **more: Any) -> dict[str, Any]:
        return {"TargetOriginId": "bucket", "CachePolicyId": policy, "ViewerProtocolPolicy": "allow-all", **more}

    def open(self, policy: str = DISABLED, root: str = "index.html") -> None:
        """Make the distribution, and the bucket's policy for it."""
        origin = {"Id": "bucket", "DomainName": "lighthouse.s3.us-east-1.amazonaws.com"}
        origin |= {"S3OriginConfig": {"OriginAccessIdentity": ""}, "OriginAccessControlId": self.control}
        config = {"CallerReference": uuid.uuid4().hex, "Comment": "", "Enabled": True, "DefaultRootObject": root}
        config |= {"Origins": listed(origin), "DefaultCacheBehavior": self.behavior(policy)}
        made = self.cloudfront.create_distribution(DistributionConfig=config)["Distribution"]
        self.site = made["Id"]
        self.allow(Condition={"StringEquals": {"AWS:SourceArn": made["ARN"]}})

    def allow(self, **more: Any) -> None:
        reader = {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject"}
        statement = {**reader, "Resource": "arn:aws:s3:::lighthouse/*", **more}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.s3.put_bucket_policy(Bucket="lighthouse", Policy=text)

    def change(self, edit: Callable[[dict[str, Any]], Any]) -> None:
        now = self.cloudfront.get_distribution_config(Id=self.site)
        edit(now["DistributionConfig"])
        given = {"DistributionConfig": now["DistributionConfig"], "IfMatch": now["ETag"]}
        self.cloudfront.update_distribution(Id=self.site, **given)

    def default(self, **more: Any) -> None:
        self.change(lambda config: config["DefaultCacheBehavior"].update(more))

    def version(self, source: str) -> str:
        """Return a version with this code; each is made once for all tests."""
        if source not in self.versions:
            code, name = package({"app.py": source}), f"f{uuid.uuid4().hex}"
            python = {"Runtime": "python3.13", "Role": self.role, "Handler": "app.handler"}
            self.functions.create_function(FunctionName=name, Code={"ZipFile": code}, **python)
            self.versions[source] = self.functions.publish_version(FunctionName=name)["FunctionArn"]
        return self.versions[source]

    def at(self, **sources: str) -> None:
        """Associate functions with events, and no others."""
        found = [
            {"EventType": event.replace("_", "-"), "LambdaFunctionARN": self.version(source)}
            for event, source in sources.items()
        ]
        self.default(LambdaFunctionAssociations=listed(*found))

    def policy(self, cookies: Any = None, queries: Any = None, **ttl: int) -> str:
        """Make a cache policy."""
        key = {"EnableAcceptEncodingGzip": False, "HeadersConfig": {"HeaderBehavior": "none"}}
        key["CookiesConfig"] = cookies or {"CookieBehavior": "none"}
        key["QueryStringsConfig"] = queries or {"QueryStringBehavior": "none"}
        config = {"Name": uuid.uuid4().hex, "MinTTL": 0, **ttl, "ParametersInCacheKeyAndForwardedToOrigin": key}
        return str(self.cloudfront.create_cache_policy(CachePolicyConfig=config)["CachePolicy"]["Id"])

    def lock(self, pattern: str = "/results/*") -> None:
        locked = self.behavior(OPTIMIZED, PathPattern=pattern, TrustedKeyGroups=self.trusted)
        self.change(lambda config: config.update(CacheBehaviors=listed(locked)))

    def let_in(self, hours: int = 8, canned: bool = False, prefix: str = "CloudFront-") -> dict[str, str]:
        address, until = distribution_address(self.site, FILES[0] if canned else "/results/*"), int(time.time())
        rule = {"Resource": address, "Condition": {"DateLessThan": {"AWS:EpochTime": until + hours * 3600}}}
        text = json.dumps({"Statement": [rule]}, separators=(",", ":"))
        signer = CloudFrontSigner(self.key_id, lambda one: self.key.sign(one, padding.PKCS1v15(), hashes.SHA1()))
        query = signer.generate_presigned_url(address, policy=text).partition("?")[2]
        return {f"{prefix}{name}": value for name, _, value in (part.partition("=") for part in query.split("&"))}

    def register(self, name: str, function: Callable[..., Any]) -> None:
        self.lighthouse.answers[name] = function

    def publish(self, *paths: str, put: bool = True) -> None:
        """Write the function ``publish``; the paths are what it invalidates."""

        def publish(key: str, text: str) -> None:
            if put:
                self.lighthouse.put(key, text)
            if paths:
                named = [path.format(key) for path in paths]
                batch = {"CallerReference": uuid.uuid4().hex, "Paths": listed(*named)}
                self.cloudfront.create_invalidation(DistributionId=self.site, InvalidationBatch=batch)

        self.register("publish", publish)

    def done(self, tasks: int) -> None:
        """Do so many tasks."""
        steps: list[Callable[[], None]] = [
            self.open,
            partial(self.at, viewer_request=CHOOSES),
            partial(self.at, viewer_request=CHOOSES, viewer_response=TELLS),
            partial(self.default, CachePolicyId=OPTIMIZED),
            partial(self.at, viewer_request=CHOOSES, viewer_response=SAFE),
            lambda: (self.lock(), self.register("let_in", self.let_in))[0],
            partial(self.publish, "/{}"),
        ]
        for step in steps[:tasks]:
            step()

    def forget(self) -> None:
        self.lighthouse.answers.clear()
        for one in self.cloudfront.list_distributions()["DistributionList"].get("Items", []):
            self.site = one["Id"]
            self.change(lambda config: config.update(Enabled=False))
            etag = self.cloudfront.get_distribution(Id=self.site)["ETag"]
            self.cloudfront.delete_distribution(Id=self.site, IfMatch=etag)
        self.lighthouse.put("b/index.html", self.lighthouse.PAGES["b/index.html"])

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture(scope="module")
def shore() -> Iterator[Learner]:
    """One lighthouse for all tests: its functions stay warm."""
    with lab_modules(FOLDER) as loaded:
        cloud.start()
        try:
            loaded["lighthouse"].open_doors()
            yield Learner(loaded["lighthouse"], loaded["checks"].lab)
        finally:
            cloud.stop()


@pytest.fixture
def learner(shore: Learner) -> Learner:
    shore.forget()
    return shore


def public(learner: Learner) -> None:
    learner.open()
    learner.allow(Principal="*")


def all_of_cloudfront(learner: Learner) -> None:
    learner.open()
    learner.allow()


def nobody(learner: Learner) -> None:
    learner.open()
    learner.allow(Condition={"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}})


def no_root(learner: Learner) -> None:
    learner.open(root="")


def chosen(source: str, learner: Learner) -> None:
    learner.open()
    learner.at(viewer_request=source)


def after_the_cache(learner: Learner) -> None:
    learner.open(OPTIMIZED)
    learner.at(origin_request=BY_THE_ORIGIN)


def told(source: str, learner: Learner) -> None:
    learner.open()
    learner.at(viewer_request=CHOOSES, viewer_response=source)


def cached(learner: Learner, **policy: Any) -> None:
    learner.done(3)
    learner.default(CachePolicyId=learner.policy(**policy))


def all_cookies(learner: Learner) -> None:
    cached(learner, cookies={"CookieBehavior": "all"})


def all_queries(learner: Learner) -> None:
    cached(learner, queries={"QueryStringBehavior": "all"})


def no_time(learner: Learner) -> None:
    cached(learner, DefaultTTL=0, MaxTTL=0)


def key_without_the_group(learner: Learner) -> None:
    """The path is changed behind the cache, and the cookie reaches the origin, but not the key."""
    cookies = {"CookieBehavior": "whitelist", "Cookies": listed("group")}
    config = {"Name": uuid.uuid4().hex, "CookiesConfig": cookies, "HeadersConfig": {"HeaderBehavior": "none"}}
    config["QueryStringsConfig"] = {"QueryStringBehavior": "none"}
    made = learner.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=config)
    learner.open(OPTIMIZED)
    learner.default(OriginRequestPolicyId=made["OriginRequestPolicy"]["Id"])
    learner.at(origin_request=BY_THE_ORIGIN, viewer_response=TELLS)


def with_headers(source: str, learner: Learner) -> None:
    learner.done(4)
    learner.at(viewer_request=CHOOSES, viewer_response=source)


def after_the_photo(learner: Learner) -> None:
    learner.done(4)
    learner.lighthouse.Visitor(learner.site).get("/photos/tower.jpg")
    learner.at(viewer_request=CHOOSES, viewer_response=TELLS, origin_response=SAFE)


def not_associated(learner: Learner) -> None:
    learner.done(4)
    name = learner.version(TELLS).split(":")[-2]
    learner.functions.update_function_code(FunctionName=name, ZipFile=package({"app.py": SAFE}))
    learner.functions.publish_version(FunctionName=name)
    del learner.versions[TELLS]


def locked_out(learner: Learner) -> None:
    learner.done(5)
    learner.default(TrustedKeyGroups=learner.trusted)


def one_file(learner: Learner) -> None:
    learner.done(5)
    learner.lock(FILES[0])


def entering(learner: Learner, **how: Any) -> None:
    learner.done(5)
    learner.lock()
    learner.register("let_in", partial(learner.let_in, **how))


def for_one_address(learner: Learner) -> None:
    entering(learner, canned=True)


def for_a_year(learner: Learner) -> None:
    entering(learner, hours=365 * 24)


def without_prefix(learner: Learner) -> None:
    entering(learner, prefix="")


def publishing(learner: Learner, *paths: str, put: bool = True) -> None:
    learner.done(4)
    learner.publish(*paths, put=put)


def no_invalidation(learner: Learner) -> None:
    publishing(learner)


def what_visitors_ask_for(learner: Learner) -> None:
    publishing(learner, "/", "/index.html")


def everything(learner: Learner) -> None:
    publishing(learner, "/*")


def nothing_put(learner: Learner) -> None:
    publishing(learner, "/{}", put=False)


def named(name: str, answer: Callable[[Learner], None]) -> Callable[[Learner], None]:
    answer.__name__ = name  # type: ignore[attr-defined]
    return answer


def response(change: str) -> str:
    """Return the function of the viewer's response, with a change in its text."""
    before, after = change.split(" -> ")
    assert before in TELLS
    return TELLS.replace(before, after)


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("private", public, "allows everybody", ""),
    ("private", all_of_cloudfront, "lets in all of CloudFront", ""),
    ("private", nobody, "does not give out `/photos/tower.jpg`", "Access Denied"),
    ("private", no_root, "which file is the root", "403"),
    ("groups", named("at_random", partial(chosen, AT_RANDOM)), "the cookie does not count", ""),
    ("groups", named("mostly_a", partial(chosen, MOSTLY_A)), "% saw page A. It should be about half", ""),
    ("groups", named("trusts", partial(chosen, TRUSTS)), "A cookie is what the visitor says", ""),
    ("groups", named("substring", partial(chosen, SUBSTRING)), "Compare the cookie's whole name", ""),
    ("groups", named("all_paths", partial(chosen, ALL_PATHS)), "The photo is gone", ""),
    (
        "groups",
        named("fails", partial(chosen, "def handler(event, context): return event['x']")),
        "got an error",
        "503",
    ),
    (
        "groups",
        named("nothing", partial(chosen, READS + "    return request")),
        "neither page A nor page B",
        "weekends",
    ),
    ("groups", after_the_cache, "Which event comes before the cache?", ""),
    ("stays", named("no_cookie", partial(told, response("set-cookie -> cookie"))), "gets no cookie called `group`", ""),
    ("stays", named("always_a", partial(told, response('group["value"] -> "a"'))), "saw page B and got the cookie", ""),
    ("stays", named("session", partial(told, response("Max-Age=2592000; -> "))), "browsers forget your cookie", ""),
    ("stays", named("path", partial(told, response("Path=/ -> Path=/a"))), "The cookie is for the path `/a`", ""),
    ("cached", all_cookies, "each visitor has a session cookie", ""),
    ("cached", all_queries, "each came through another link", ""),
    ("cached", no_time, "The same request twice", ""),
    ("cached", key_without_the_group, "its key does not tell them apart", ""),
    ("headers", named("weak", partial(with_headers, SAFE.replace("31536000", "300"))), "too weak: `Strict-", ""),
    ("headers", named("one", partial(with_headers, SAFE.replace("x-frame", "x-f"))), "weak: `X-Frame-Options`", ""),
    ("headers", named("no_cookie", partial(with_headers, SAFE.replace("set-", ""))), "gets no cookie any more", ""),
    ("headers", after_the_photo, "kept with each object", ""),
    ("headers", not_associated, "still runs version 1", ""),
    ("results", locked_out, "visitors are locked out", "Missing Key-Pair-Id"),
    ("results", one_file, "Anybody reads `/results/bookings.csv`", ""),
    ("results", for_one_address, "do not open `/results/bookings.csv`", "Access denied"),
    ("results", for_a_year, "good for 365 days", ""),
    ("results", without_prefix, "must return a dict of the cookies", ""),
    ("news", no_invalidation, "it is still in the cache", ""),
    ("news", what_visitors_ask_for, "Under which path does the cache know it", ""),
    ("news", everything, "Name what changed, not all", ""),
    ("news", nothing_put, "The bucket still has the old page", "90 USD"),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_after_each_task_the_next_is_not_attempted(learner: Learner) -> None:
    assert learner.result("private").state == "not attempted"
    for number, name in enumerate(TASKS):
        learner.forget()
        learner.done(number)
        assert learner.result(name).state == "not attempted", name


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.done(7)
    for name in [*TASKS, "private", "stays", "news"]:
        assert learner.result(name).state == "right", name
    learner.lighthouse.weekend(learner.site)
    assert "Visitors who saw two pages: 0." in capsys.readouterr().out


def test_the_version_must_be_numbered(learner: Learner) -> None:
    learner.open()
    latest = learner.version(CHOOSES).rpartition(":")[0] + ":$LATEST"
    with pytest.raises(learner.cloudfront.exceptions.InvalidLambdaFunctionAssociation, match="end with the version"):
        learner.default(LambdaFunctionAssociations=listed({"EventType": "viewer-request", "LambdaFunctionARN": latest}))


def test_a_test_without_groups_says_nothing(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.open()
    learner.lighthouse.weekend(learner.site)
    assert "The test says nothing" in capsys.readouterr().out
