"""The lighthouse as you find it: a private bucket with two landing pages, a role, and visitors with browsers.

``lighthouse.open_doors()`` makes them, ``lighthouse.put("b/index.html", text)`` writes a page,
``lighthouse.Visitor(site).get("/")`` visits a distribution as a browser does, cookies included, and
``lighthouse.weekend(site)`` sends a hundred and twenty. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import boto3

from helpers import cloud
from helpers.teaching import distribution_address

BUCKET, ROLE, GROUPS = "lighthouse", "edge", "ab"
PAGES = {
    "index.html": "The lighthouse is open on weekends.",
    "a/index.html": "Page A: spend a night above the waves.",
    "b/index.html": "Page B: a night in the tower, breakfast included. 90 USD.",
    "photos/tower.jpg": "a photo of the tower",
    "results/index.html": "Results: bookings of group A and group B",
    "results/bookings.csv": "visitor,group,booked",
}
VISITORS, BOOKS = 120, {"a": 25, "b": 4}
"""How many come on a weekend; one visitor in so many books, by the page that the visitor sees."""
answers: dict[str, Callable[..., Any]] = {}


def open_doors() -> None:
    """Make what there is before you come: run it once, right after ``cloud.start``."""
    answers.clear()
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    for key, text in PAGES.items():
        put(key, text)
    services = ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = boto3.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
    logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=logs)
    print(f"The bucket {BUCKET} has {len(PAGES)} files: {', '.join(PAGES)}.")


def put(key: str, text: str) -> None:
    """Write a file into the bucket; the two landing pages say in their metadata whose they are."""
    group = key.partition("/")[0]
    kind = "image/jpeg" if key.endswith(".jpg") else "text/csv" if key.endswith(".csv") else "text/html"
    metadata = {"group": group} if group in GROUPS else {}
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode(), ContentType=kind, Metadata=metadata)


def read(key: str) -> str:
    """Return what the bucket has under a key."""
    return str(boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())


def answer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function of yours: a decorator."""
    answers[function.__name__] = function
    return function


def distribution() -> dict[str, Any] | None:
    """Return your newest distribution: its id, ARN, state and configuration, or None."""
    cloudfront = boto3.client("cloudfront")
    found = cloudfront.list_distributions()["DistributionList"].get("Items")
    return dict(cloudfront.get_distribution(Id=found[-1]["Id"])["Distribution"]) if found else None


@dataclass(frozen=True)
class Page:
    """What a visitor got; ``headers`` have lower-case names, ``cookies`` are what the answer sets."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: SimpleCookie

    @property
    def group(self) -> str:
        """The group whose page it is, or an empty text."""
        found = re.match(r"Page ([AB])\b", self.text)
        return found[1].lower() if found and self.status == 200 else ""

    @property
    def hit(self) -> bool:
        """Whether the cache answered."""
        return "Hit" in self.headers.get("x-cache", "")

    @property
    def said(self) -> str:
        """What CloudFront or S3 say in an error, in one line."""
        found = re.search(r"<Message>(.*?)</Message>|<HR noshade[^>]*>(.*?)<HR", self.text, re.DOTALL)
        text = " ".join((found[1] or found[2] or "").split()) if found else self.text[:80]
        return f"{self.status} {self.headers.get('x-cache', '')}: {text}"


@dataclass
class Visitor:
    """A visitor of a distribution, with a browser, which keeps cookies and sends them back."""

    site: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str = "/") -> Page:
        """Visit a path."""
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        page = fetch(distribution_address(self.site, path), sent)
        self.cookies |= {name: one.value for name, one in page.cookies.items()}
        return page


def fetch(address: str, cookie: str = "") -> Page:
    """Ask for an address, with a Cookie header or without."""
    request = urllib.request.Request(address, headers={"Cookie": cookie} if cookie else {})
    try:
        told = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as refusal:
        told = refusal
    with told:
        cookies: SimpleCookie = SimpleCookie()
        for line in told.headers.get_all("Set-Cookie") or []:
            cookies.load(line)
        headers = {name.lower(): value for name, value in told.headers.items()}
        return Page(told.status, headers, told.read().decode(errors="replace"), cookies)


def bucket_address(key: str) -> str:
    """Return where the bucket itself would answer."""
    return f"{cloud.current().endpoint}/{BUCKET}/{key}"


def weekend(site: str) -> None:
    """Let visitors come up to three times each, book or not, and print what the test says."""
    came, booked = Counter[str](), Counter[str]()
    moved = hits = visits = 0
    for number in range(VISITORS):
        visitor = Visitor(site, {"session": f"s{number}"})
        pages = [visitor.get(f"/?from=link{number}") for _ in range(1 + number % 3)]
        group = pages[0].group
        came[group] += 1
        booked[group] += bool(group) and number % BOOKS[group] == 0
        moved += len({page.group for page in pages}) > 1
        hits, visits = hits + sum(page.hit for page in pages), visits + len(pages)
    print(f"{VISITORS} visitors came {visits} times. Visitors who saw two pages: {moved}.")
    print("Nine in ten visits or more were hits:", hits >= 0.9 * visits)
    if moved or came[""] or min(came[group] for group in GROUPS) < VISITORS / 4:
        print("The test says nothing: the groups are not two halves that stay as they are.")
    else:
        better = booked["b"] / came["b"] > booked["a"] / came["a"]
        print("Page B sells more." if better else "Page B does not sell more.")
