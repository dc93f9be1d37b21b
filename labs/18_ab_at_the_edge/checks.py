"""Checks of the lab ab_at_the_edge: they visit, come back, ask with forged and with signed cookies, and read news."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import lighthouse
from lighthouse import Page, Visitor
from words import HINTS, WHY

from helpers.teaching.checks import Lab, not_attempted, wrong

NOTHING_CACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
VISITORS, VISITS, HITS = 120, 40, 36
YEAR, DAY = 31_536_000, 86_400
PHOTO, RESULTS = "/photos/tower.jpg", ("/results/index.html", "/results/bookings.csv")
SIGNED = ("CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id")
lab = Lab("ab_at_the_edge")


class Site:
    """The learner's distribution; the task is not attempted without one."""

    def __init__(self) -> None:
        found = lighthouse.distribution()
        if found is None:
            not_attempted("There is no distribution yet.")
        self.id: str = found["Id"]
        self.config: Mapping[str, Any] = found["DistributionConfig"]
        self.default: Mapping[str, Any] = self.config["DefaultCacheBehavior"]

    def visit(self, path: str = "/", **cookies: str) -> Page:
        """Return what a visitor with these cookies gets."""
        return Visitor(self.id, cookies).get(path)

    def associations(self) -> list[Mapping[str, Any]]:
        """Return the functions of either kind at the default behaviour."""
        kinds = ("LambdaFunctionAssociations", "FunctionAssociations")
        return [one for kind in kinds for one in (self.default.get(kind) or {}).get("Items") or []]

    def events(self) -> set[str]:
        """Return at which events functions run."""
        return {one["EventType"] for one in self.associations()}

    @property
    def caches(self) -> bool:
        """Whether the cache is on."""
        return self.default.get("CachePolicyId") != NOTHING_CACHED


def seen(page: Page) -> str:
    """Return whose landing page somebody saw; anything else is wrong."""
    if page.status != 200:
        wrong("A visitor of `/` got an error in place of a page.", said=page.said)
    if not page.group:
        wrong("A visitor of `/` saw neither page A nor page B.", said=page.text[:80])
    return page.group


@lab.task("private", hints=HINTS["private"], why=WHY["private"])
def private() -> None:
    """Files come through this distribution only."""
    site = Site()
    photo, root = site.visit(PHOTO), site.visit("/")
    if photo.status != 200:
        wrong(f"The distribution does not give out `{PHOTO}`.", said=photo.said)
    if root.status != 200:
        wrong("A visitor of `/` gets an error: which file is the root?", said=root.said)
    policy = json.loads(boto3.client("s3").get_bucket_policy(Bucket=lighthouse.BUCKET)["Policy"])
    if any(one.get("Principal") in ("*", {"AWS": "*"}) for one in policy["Statement"] if one["Effect"] == "Allow"):
        wrong("The bucket's policy allows everybody (`*`). Only CloudFront is to read it.")
    if lighthouse.fetch(lighthouse.bucket_address("index.html")).status == 200:
        wrong("Anybody reads the bucket directly.")
    with other_distribution(site.config) as other:
        stranger = Visitor(other).get(PHOTO)
    if stranger.status == 200:
        wrong(
            "We made another distribution in front of your bucket, as a stranger could in another account, and it read "
            "your photo. The policy lets in all of CloudFront."
        )


@contextmanager
def other_distribution(config: Mapping[str, Any]) -> Iterator[str]:
    """Make a second distribution with the same origin, and take it away again."""
    cloudfront = boto3.client("cloudfront")
    behavior = {"TargetOriginId": config["DefaultCacheBehavior"]["TargetOriginId"], "CachePolicyId": NOTHING_CACHED}
    given = {"CallerReference": uuid.uuid4().hex, "Comment": "", "Enabled": True, "Origins": config["Origins"]}
    given["DefaultCacheBehavior"] = {**behavior, "ViewerProtocolPolicy": "allow-all"}
    made = cloudfront.create_distribution(DistributionConfig=given)
    identifier, etag = made["Distribution"]["Id"], made["ETag"]
    try:
        yield identifier
    finally:
        off = {**given, "Enabled": False}
        etag = cloudfront.update_distribution(Id=identifier, DistributionConfig=off, IfMatch=etag)["ETag"]
        cloudfront.delete_distribution(Id=identifier, IfMatch=etag)


@lab.task("groups", hints=HINTS["groups"], why=WHY["groups"])
def groups() -> None:
    """New visitors fall into two halves; who has a cookie sees its page."""
    site = Site()
    if not site.events():
        not_attempted("No function runs at the distribution yet.")
    pages = [site.visit() for _ in range(VISITORS)]
    halves = Counter(seen(page) for page in pages)
    if len(halves) == 1 and all(page.hit for page in pages[1:]):
        wrong(
            f"One of {VISITORS} visitors was put into a group, and all others got the same page: it came from the "
            "cache, and your function did not run. Which event comes before the cache?"
        )
    share = 100 * halves["a"] // VISITORS
    if not 27 <= share <= 73:
        wrong(f"Of {VISITORS} new visitors {share} % saw page A. It should be about half.")
    for group in lighthouse.GROUPS:
        returning(site, group)
    for group, other in ("ab", "ba"):
        page = site.visit(newsgroup=other, group=group, theme="dark")
        if seen(page) != group:
            cookies = f"`newsgroup={other}; group={group}; theme=dark`"
            wrong(
                f"A visitor with the cookies {cookies} saw page {page.group.upper()}. Compare the cookie's whole name."
            )
    forged(site)
    photo = site.visit(PHOTO)
    if photo.text != lighthouse.PAGES[PHOTO[1:]]:
        wrong("The photo is gone: your function changes its path as well.", said=photo.said)


def returning(site: Site, group: str) -> None:
    """Check that somebody with a cookie sees the page of that group, again and again."""
    for visit in range(1, 13):
        page = site.visit(group=group)
        if seen(page) != group:
            saw = page.group.upper()
            wrong(
                f"A visitor with the cookie `group={group}` saw page {saw} at visit {visit}: the cookie does not count."
            )


def forged(site: Site) -> None:
    """Check that a group which does not exist leads nowhere else."""
    for value in ("results", "c"):
        page = site.visit(group=value)
        if page.text.startswith("Results"):
            wrong(
                "A visitor who writes `group=results` into the cookie reads your results. A cookie is what the visitor "
                "says: believe it only if it is `a` or `b`."
            )
        seen(page)


@lab.task("stays", hints=HINTS["stays"], why=WHY["stays"])
def stays() -> None:
    """A new visitor gets a cookie with the group of the page, for weeks."""
    site = Site()
    if not site.events() & {"viewer-response", "origin-response"}:
        not_attempted("No function changes a response yet.")
    for number in range(20):
        visitor = Visitor(site.id, {"session": f"stays{number}"})
        first = visitor.get()
        group, cookie = seen(first), first.cookies.get("group")
        if cookie is None:
            wrong("A new visitor gets no cookie called `group`.", said=first.headers.get("set-cookie"))
        if cookie.value != group:
            wrong(f"A visitor saw page {group.upper()} and got the cookie `group={cookie.value}`.")
        if seen(visitor.get()) != group:
            wrong("A visitor came back with your cookie and saw the other page.")
    if (cookie["path"] or "/") != "/":
        wrong(f"The cookie is for the path `{cookie['path']}`: browsers do not send it with `/`.")
    if int(cookie["max-age"] or 0) < 28 * DAY:
        wrong("The test takes four weeks, and browsers forget your cookie before. `Max-Age` counts in seconds.")
    if "group" in site.visit(PHOTO).cookies:
        wrong("The photo sets a cookie too: it belongs to no group.")


@lab.task("cached", hints=HINTS["cached"], why=WHY["cached"])
def cached() -> None:
    """Nine in ten visits are hits, whatever cookies and parameters visitors bring, and each page is the right one."""
    site = Site()
    if not site.caches:
        not_attempted("Nothing is cached yet.")
    for kind in ("session", "link"):
        hits = 0
        for number in range(VISITS):
            group, mark = lighthouse.GROUPS[number % 2], uuid.uuid4().hex
            page = (
                site.visit(group=group, session=mark)
                if kind == "session"
                else site.visit(f"/?from={mark}", group=group)
            )
            if seen(page) != group:
                saw = page.group.upper()
                wrong(
                    f"A visitor of group {group.upper()} got page {saw} from the cache: its key "
                    "does not tell them apart."
                )
            hits += page.hit
        if hits < HITS:
            too_few(site, kind, hits)
    if len({seen(site.visit(session=uuid.uuid4().hex)) for _ in range(30)}) == 1:
        wrong("Of 30 new visitors all got the same page: the cache has one page for all who have no cookie yet.")


def too_few(site: Site, kind: str, hits: int) -> None:
    """Say why there are few hits."""
    for _ in range(2):
        page = site.visit("/?twice", group="a")
    if not page.hit:
        wrong("The same request twice, and the second was no hit either: how long may the cache keep a page?")
    if kind == "session":
        wrong(f"Of {VISITS} visits {hits} were hits: each visitor has a session cookie, and your key contains it.")
    wrong(
        f"Of {VISITS} visits {hits} were hits: each came through another link `/?from=...`, and your key contains it."
    )


@lab.task("headers", hints=HINTS["headers"], why=WHY["headers"])
def headers() -> None:
    """Every answer has the three headers, hit or not, and the cookie is still there."""
    site = Site()
    pages = {"page A": site.visit(group="a"), "page B": site.visit(group="b"), "the photo": site.visit(PHOTO)}
    lacking = {name: missing(page) for name, page in pages.items()}
    if all(len(each) == 3 for each in lacking.values()):
        stale_version(site)
        not_attempted("The answers have none of the three headers yet.")
    for name, page in pages.items():
        listing = ", ".join(f"`{each}`" for each in lacking[name])
        if len(lacking[name]) == 3 and page.hit:
            wrong(
                f"Some answers have the headers, but {name} has none. It was in the cache before your function: what "
                "is added at the origin's side is kept with each object."
            )
        if listing:
            wrong(f"In the answer for {name} this is missing or too weak: {listing}.")
    if "group" not in site.visit().cookies:
        wrong("The headers are there, but a new visitor gets no cookie any more.")


def missing(page: Page) -> list[str]:
    """Return which of the headers an answer lacks."""
    transport = page.headers.get("strict-transport-security", "").partition("max-age=")[2].partition(";")[0]
    good = {
        "Strict-Transport-Security": transport.isdecimal() and int(transport) >= YEAR,
        "X-Content-Type-Options": page.headers.get("x-content-type-options", "").lower() == "nosniff",
        "X-Frame-Options": page.headers.get("x-frame-options", "").upper() == "DENY",
    }
    return [name for name, is_good in good.items() if not is_good]


def stale_version(site: Site) -> None:
    """Say so if the distribution names a version of a function, and a newer one exists."""
    for one in site.associations():
        if "LambdaFunctionARN" in one and one["EventType"].endswith("response"):
            name, version = one["LambdaFunctionARN"].split(":")[-2:]
            versions = boto3.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
            if versions[-1]["Version"] != version:
                newest = versions[-1]["Version"]
                wrong(f"`{name}` has a version {newest}, but the distribution still runs version {version}.")


@lab.task("results", hints=HINTS["results"], why=WHY["results"])
def results() -> None:
    """Only signed cookies open the results, all of them, and only for a day."""
    site = Site()
    behaviors = [site.default, *(site.config["CacheBehaviors"].get("Items") or [])]
    if not any((each.get("TrustedKeyGroups") or {}).get("Items") for each in behaviors):
        not_attempted("No behaviour asks for a signature yet.")
    if site.visit().status == 403:
        wrong("The landing page wants a signature now: visitors are locked out.", said=site.visit().said)
    for path in RESULTS:
        if site.visit(path).status == 200:
            wrong(f"Anybody reads `{path}`.")
    let_in = lighthouse.answers.get("let_in")
    if let_in is None:
        not_attempted("The results are locked, for Ruta too: there is no function `let_in` yet.")
    cookies = let_in()
    if not isinstance(cookies, dict) or not set(cookies) <= {*SIGNED, "CloudFront-Expires"}:
        wrong(f"`let_in()` must return a dict of the cookies {', '.join(SIGNED)}.")
    for path in RESULTS:
        page = site.visit(path, **cookies)
        if page.status != 200:
            wrong(f"Ruta's cookies do not open `{path}`.", said=page.said)
    days = (ends(cookies["CloudFront-Policy"]) - time.time()) / DAY
    if days > 1.01:
        wrong(f"Ruta's cookies are good for {days:.0f} days. Whoever finds her laptop has them too.")


def ends(policy: str) -> float:
    """Return when a signed policy ends, in seconds since the epoch."""
    text = base64.b64decode(policy.replace("-", "+").replace("_", "=").replace("~", "/"))
    return float(json.loads(text)["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"])


@lab.task("news", hints=HINTS["news"], why=WHY["news"])
def news() -> None:
    """A new page is seen at once, again and again, and what did not change stays in the cache."""
    site, publish = Site(), lighthouse.answers.get("publish")
    if publish is None:
        not_attempted("There is no function `publish` yet.")
    if not site.caches:
        not_attempted("Nothing is cached yet, so nothing can be old: solve `cached` first.")
    old = lighthouse.read("b/index.html")
    for text in ("Page B: now 80 USD.", "Page B: now 70 USD.", old):
        for path in ("/", PHOTO) * 2:
            site.visit(path, group="b")
        publish("b/index.html", text)
        if site.visit(group="b").text != text:
            not_seen(site, text)
        if not site.visit(PHOTO, group="b").hit:
            wrong("The new page is seen, but the photo has to come from the bucket again. Name what changed, not all.")


def not_seen(site: Site, text: str) -> None:
    """Say why a new page is not seen."""
    stored = lighthouse.read("b/index.html")
    if stored != text:
        wrong("The bucket still has the old page B.", said=stored)
    made = boto3.client("cloudfront").list_invalidations(DistributionId=site.id)["InvalidationList"]
    if not made.get("Items"):
        wrong("The bucket has the new page, and visitors of group B see the old one: it is still in the cache.")
    wrong(
        "You have made an invalidation, and visitors of group B still see the old page. Under which path does the "
        "cache know it, when your function has changed the path?"
    )
