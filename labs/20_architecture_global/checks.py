"""Acceptance checks of the lab architecture_global: they do what skippers and offices do, and switch a Region off.

They find your system by the outputs of its stacks, and look at nothing else of it.
"""

from __future__ import annotations

import io
import itertools
import time
from typing import Any

import coast
from coast import AWAY, HOME, REGIONS
from PIL import Image
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching.checks import Lab, eventually, not_attempted, wrong

LARGEST, GALE, SETTLED_SECONDS = 200, 8, 2.0
lab = Lab("architecture_global")
_numbers = itertools.count(1)


def made(*names: str) -> None:
    """See to it that the stacks have these outputs; the distribution is of the first Region alone."""
    if not any(coast.outputs(region) for region in REGIONS):
        not_attempted("There is no stack called `coast` with outputs yet.")
    missing = [
        (name, region)
        for name in names
        for region in (REGIONS if name != "Distribution" else (HOME,))
        if name not in coast.outputs(region)
    ]
    if len(missing) == sum(2 if name != "Distribution" else 1 for name in names):
        not_attempted(f"The stacks have no output `{missing[0][0]}` yet.")
    if missing:
        name, region = missing[0]
        wrong(f"The stack in {region} has no output `{name}`: the check does not know where to look.")


def reported(region: str, place: str, office: str, level: int) -> None:
    """Report, and see to it that the API has taken it."""
    status, said = coast.report(region, place, office, level)
    if status not in (200, 201):
        wrong(f"An office reports to the API in {region}, and it answers {status}.", said=said)


def level(region: str, place: str) -> Any:
    """Return the level that a Region's API tells."""
    status, said = coast.at_api(region, f"/api/reports/{place}")
    if status != 200 or not isinstance(said, dict) or "level" not in said:
        wrong(f"A skipper asks the API in {region} for a harbour, and gets {status} without a `level`.", said=said)
    return said["level"]


def agreed(place: str, wanted: int, seconds: float = 4) -> str:
    """Wait until both Regions tell a level; return what they say instead, or nothing."""
    deadline = time.monotonic() + seconds
    while (told := [level(region, place) for region in REGIONS]) != [wanted, wanted]:
        if time.monotonic() > deadline:
            return ", ".join(f"{region} says {one}" for region, one in zip(REGIONS, told, strict=True))
        time.sleep(0.05)
    return ""


@lab.task("board", hints=HINTS["board"], why=WHY["board"])
def board() -> None:
    """A page of the site is at the edge, and nobody gets it at the bucket."""
    made("Site", "Distribution")
    page = f"page-{next(_numbers)}.html"
    coast.put_page(page)
    status, said = coast.at_edge(f"/{page}")
    if status != 200:
        wrong(f"A page is in the bucket, and a skipper who asks CloudFront for it gets {status}.", said=said)
    for region in REGIONS:
        if coast.at_bucket(region, page) == 200:
            wrong(f"The bucket in {region} gives the page to anybody who asks it, past CloudFront.")


@lab.task("reports", hints=HINTS["reports"], why=WHY["reports"])
def reports() -> None:
    """What is reported in one Region is told in both; nonsense is refused."""
    made("Url", "Table")
    for region in REGIONS:
        place = coast.harbour()
        reported(region, place, "east", 6)
        said = agreed(place, 6)
        if said:
            wrong(f"An office has reported level 6 to the API in {region}, and not both Regions tell it: {said}.")
    for nonsense in (13, -1, "strong", None):
        status, said = coast.report(HOME, coast.harbour(), "east", nonsense)
        if status != 400:
            wrong(f"An office reports the level {nonsense!r}, and the API answers {status}, not 400.", said=said)
    if level(HOME, coast.harbour()) != 0:
        wrong("Nobody has reported a harbour, and its level is not 0.")


@lab.task("conflict", hints=HINTS["conflict"], why=WHY["conflict"])
def conflict() -> None:
    """Two offices report while the Regions are cut off from each other: the higher of their newest reports counts."""
    made("Url", "Table")
    place = coast.harbour()
    cloud.current().pause_replication(AWAY)
    try:
        reported(HOME, place, "east", 9)
        reported(AWAY, place, "west", 4)
    finally:
        cloud.current().resume_replication(AWAY)
    said = agreed(place, 9)
    if said:
        wrong(
            "The line between the Regions was cut. `east` reported 9 in one, then `west` 4 in the other. Now it is "
            f"back, and a storm is forgotten: {said}."
        )
    reported(AWAY, place, "east", 2)
    said = agreed(place, 4)
    if said:
        wrong(f"`east` had reported 9 and now reports 2, `west` 4: the level is 4. But {said}.")


@lab.task("mail", hints=HINTS["mail"], why=WHY["mail"])
def mail() -> None:
    """The desk gets one mail for a report of level 8 or more, from whichever Region took it."""
    made("Url", "Table")
    new, raised, calm, abroad = (coast.harbour() for _ in range(4))
    reported(HOME, new, "east", 9)
    reported(HOME, raised, "east", 3)
    reported(HOME, calm, "east", GALE - 1)
    reported(AWAY, abroad, "west", 10)
    wait_for_mail(new, "a new report of level 9")
    wait_for_mail(abroad, f"a report of level 10 in {AWAY}")
    reported(HOME, raised, "east", GALE)
    wait_for_mail(raised, f"a report that was raised from 3 to {GALE}")
    time.sleep(SETTLED_SECONDS)
    if coast.mails(calm) or len(coast.mails(raised)) > len(coast.mails(new)):
        wrong(f"The desk got a mail about a report below level {GALE}.")
    for place in (new, raised, abroad):
        sent = coast.mails(place)
        if len(sent) > 1:
            where = ", ".join(sorted(one.region for one in sent))
            wrong(f"The desk got {len(sent)} mails about one report, from {where}.")


def wait_for_mail(place: str, what: str) -> None:
    """Wait for a mail that names a harbour."""
    deadline = time.monotonic() + 6
    while not coast.mails(place):
        if time.monotonic() > deadline:
            wrong(
                f"The desk got no mail with the harbour in its subject about {what}. Did a function run for it? Then "
                "its log tells more."
            )
        time.sleep(0.05)


@lab.task("pictures", hints=HINTS["pictures"], why=WHY["pictures"])
def pictures() -> None:
    """A picture that was uploaded in one Region, whichever, is small at the edge."""
    made("Uploads", "Distribution")
    for region in REGIONS:
        name = f"webcam-{next(_numbers)}.jpg"
        coast.upload(region, name)
        found: Any = eventually(lambda name=name: small(name), f"a picture that was uploaded in {region}", seconds=6)
        if max(found) != LARGEST:
            wrong(f"The longer side of the picture at the edge has {max(found)} pixels, not {LARGEST}.")


def small(name: str) -> tuple[int, int]:
    """Return the size of a picture at the edge; without one the error tells what CloudFront answers."""
    status, content = coast.at_edge(f"/photos/{name}")
    if status != 200:
        raise LookupError(f"CloudFront answers {status} to GET /photos/{name}")
    return Image.open(io.BytesIO(content)).size


@lab.task("outage", hints=HINTS["outage"], why=WHY["outage"])
def outage() -> None:
    """Without the first Region skippers read on, offices report to the second, and nothing is lost or told twice."""
    made("Url", "Table", "Site", "Distribution")
    before, during, page = coast.harbour(), coast.harbour(), f"page-{next(_numbers)}.html"
    coast.put_page(page)
    reported(HOME, before, "east", 5)
    if agreed(before, 5):
        wrong("The Regions do not agree on a report even before one of them fails.")
    with coast.without(HOME):
        without_first_region(before, during, page)
    if agreed(during, 9):
        wrong(f"{HOME} is back, and does not know what was reported in {AWAY} meanwhile.")
    time.sleep(SETTLED_SECONDS)
    if len(coast.mails(during)) > 1:
        wrong(f"{HOME} came back, and sent the desk a second mail about a report that was told already.")


def without_first_region(before: str, during: str, page: str) -> None:
    """Do what is done while the first Region is off."""
    for path, what in ((f"/{page}", "a page that no cache has"), (f"/api/reports/{before}", "a harbour's level")):
        status, said = coast.at_edge(path)
        if status != 200:
            wrong(f"{HOME} is off. A skipper asks CloudFront for {what}, and gets {status}.", said=said)
    if said.get("level") != 5:
        wrong(f"{HOME} is off, and CloudFront tells another level than before.", said=said)
    reported(AWAY, during, "east", 9)
    wait_for_mail(during, f"a report of level 9 that was taken in {AWAY} while {HOME} is off")
