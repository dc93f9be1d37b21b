"""The lab ab_at_the_edge: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from helpers.teaching import package
from tests.contract.distributions import OPTIMIZED, listed
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tests.labs.lighthouse_learner import (
    ALL_PATHS,
    AT_RANDOM,
    BY_THE_ORIGIN,
    CHOOSES,
    FILES,
    INTO_THE_COOKIE,
    MOSTLY_A,
    READS,
    SAFE,
    SUBSTRING,
    TELLS,
    TRUSTS,
    Learner,
)
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "18_ab_at_the_edge"
TASKS = ["private", "groups", "stays", "cached", "headers", "results", "news"]


@pytest.fixture(scope="module")
def shore() -> Iterator[Learner]:
    """One lighthouse for all tests: its functions stay warm."""
    with open_lab(FOLDER) as loaded:
        loaded["lighthouse"].open_doors()
        yield Learner(loaded["lighthouse"], loaded["checks"].lab)


@pytest.fixture
def learner(shore: Learner) -> Learner:
    shore.forget()
    return shore


def public(learner: Learner) -> None:
    learner.open()
    learner.s3.delete_public_access_block(Bucket="lighthouse")
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


def test_the_group_may_be_in_the_key_in_place_of_the_path(learner: Learner) -> None:
    cookies = {"CookieBehavior": "whitelist", "Cookies": listed("group")}
    learner.open(learner.policy(cookies=cookies, DefaultTTL=86_400))
    learner.at(viewer_request=INTO_THE_COOKIE, origin_request=BY_THE_ORIGIN, viewer_response=SAFE)
    learner.publish("/index.html")
    for name in ("groups", "cached", "news"):
        assert learner.result(name).state == "right", name


def test_the_version_must_be_numbered(learner: Learner) -> None:
    learner.open()
    latest = learner.version(CHOOSES).rpartition(":")[0] + ":$LATEST"
    with pytest.raises(learner.cloudfront.exceptions.InvalidLambdaFunctionAssociation, match="end with the version"):
        learner.default(LambdaFunctionAssociations=listed({"EventType": "viewer-request", "LambdaFunctionARN": latest}))


def test_a_test_without_groups_says_nothing(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.open()
    learner.lighthouse.weekend(learner.site)
    assert "The test says nothing" in capsys.readouterr().out
