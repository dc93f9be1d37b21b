"""Somebody who does the lab ab_at_the_edge, well or badly: the functions' sources, and what the cells would do."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from helpers.teaching import distribution_address, package
from helpers.teaching.checks import Lab, Result
from tests.contract.distributions import DISABLED, OPTIMIZED, listed

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
INTO_THE_COOKIE = (
    READS
    + VALID
    + """    request["headers"]["cookie"] = [{"key": "Cookie", "value": f"group={group}"}]
    return request
"""
)
AT_RANDOM = READS + '    group = random.choice("ab")\n' + REWRITE
MOSTLY_A = READS + VALID.replace('"ab"', '"aaaaaaaaab"') + REWRITE
TRUSTS = READS + '    group = group or random.choice("ab")\n' + REWRITE
ALL_PATHS = READS + VALID + REWRITE.replace('if request["uri"] == "/"', "if True")
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
