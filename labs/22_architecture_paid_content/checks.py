"""Acceptance checks of the lab architecture_paid_content: they do what customers do, and what others would like to do.

They find your system by the outputs of the stack, and look at nothing else of it.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from urllib.parse import parse_qs

import school
from words import HINTS, WHY

from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import last_error

LONGEST_SECONDS = 120
lab = Lab("architecture_paid_content")
_new = itertools.count(100)


def made(*names: str) -> None:
    """See to it that the stack has these outputs."""
    outputs = school.outputs()
    if not outputs:
        not_attempted("There is no stack called `school` with outputs yet.")
    missing = [name for name in names if name not in outputs]
    if len(missing) == len(names):
        not_attempted(f"The stack has no output `{missing[0]}` yet.")
    if missing:
        wrong(f"The stack has no output `{missing[0]}`: the check does not know where to look.")


def buyer(course: str, seconds: int = 86_400) -> tuple[str, str]:
    """Return the token and the id of somebody who has just bought a course."""
    token, user = school.customer()
    failed = school.sell(user, course, seconds)
    if failed:
        wrong("The function `Office` failed when the shop told it of a payment.", said=failed)
    return token, user


def cause(status: int, said: object) -> object:
    """Return what the API said; where a function failed, the newest error in the logs, which says more."""
    return (last_error() or said) if status >= 500 else said


def query(course: str, token: str) -> str:
    """Return the query that the API gives to somebody who has paid."""
    status, said = school.ask(course, token)
    if status != 200:
        wrong(f"A customer has bought the course `{course}`, and the API answers {status}.", said=cause(status, said))
    if not isinstance(said.get("query"), str):
        wrong("The API answers, but its JSON has no `query` with a text.", said=said)
    return str(said["query"]).lstrip("?")


@lab.task("doors", hints=HINTS["doors"], why=WHY["doors"])
def doors() -> None:
    """Samples are for everybody, lessons for nobody without a signature, and S3 answers nobody but CloudFront."""
    made("Site", "Audio")
    status, heard = school.fetch(school.site("samples/spanish.mp3"))
    if (status, heard) != (200, "samples/spanish.mp3"):
        wrong(
            f"Somebody without an account asks the site for the sample of Spanish, and gets {status}.", said=heard[:300]
        )
    status, said = school.fetch(school.site("courses/spanish/1.mp3"))
    if status == 200:
        wrong("The site gives a lesson to somebody who has no signature.")
    if "MissingKey" not in said:
        wrong("The site refuses a lesson without a signature, but CloudFront does not ask for one.", said=said[:300])
    for how, address in school.at_s3("courses/spanish/1.mp3").items():
        if school.fetch(address)[0] == 200:
            wrong(f"A lesson can be had at S3 itself, past CloudFront, {how}.")


@lab.task("signed_in", hints=HINTS["signed_in"], why=WHY["signed_in"])
def signed_in() -> None:
    """Without a token the answer is 401; with one, but without a payment, 403."""
    made("Api", "App", "Users")
    status, said = school.ask("spanish")
    if status != 401:
        wrong(f"Asked without a token, the API answers {status}, not 401.", said=cause(status, said))
    token = school.customer()[0]
    head, body, rest = token.split(".")
    status, said = school.ask("spanish", f"{head}.{body}.{rest[::-1]}")
    if status != 401:
        wrong(f"Asked with a token that nobody has signed, the API answers {status}, not 401.", said=said)
    status, said = school.ask("spanish", token)
    if status == 200:
        wrong("Somebody who has paid nothing gets a course.", said=said)
    if status != 403:
        wrong(
            f"Somebody is signed in and has paid nothing: the API answers {status}, not 403.", said=cause(status, said)
        )


@lab.task("course", hints=HINTS["course"], why=WHY["course"])
def course() -> None:
    """Who has paid gets one signature for all lessons of the course, also for those to come."""
    made("Api", "Office", "Site", "Audio")
    token, _ = buyer("spanish")
    signed = query("spanish", token)
    status, said = school.fetch(school.site("courses/spanish/1.mp3", signed))
    if status != 200:
        wrong(f"The customer plays lesson 1 with your query, and the site answers {status}.", said=said[:300])
    for number in (2, 3):
        status, said = school.fetch(school.site(f"courses/spanish/{number}.mp3", signed))
        if status != 200:
            wrong(f"Your query opens lesson 1, but not lesson {number} of the same course.", said=said[:300])
    late = f"courses/spanish/{next(_new)}.mp3"
    school.put(late)
    if school.fetch(school.site(late, signed))[0] != 200:
        wrong("A lesson that was added later does not open: the query names the lessons one by one.")


@lab.task("bounds", hints=HINTS["bounds"], why=WHY["bounds"])
def bounds() -> None:
    """The signature is for this course, for minutes, and nobody but the payer gets it."""
    made("Api", "Office", "Site", "Audio")
    token, _ = buyer("spanish")
    signed = query("spanish", token)
    if school.fetch(school.site("courses/swahili/1.mp3", signed))[0] == 200:
        wrong("A customer bought Spanish, and the query opens Swahili.")
    if school.fetch(school.site("courses/spanish/1.mp3", signed))[0] != 200:
        wrong("The query opens no lesson of its own course.")
    life = ends(signed) - time.time()
    if life > LONGEST_SECONDS:
        wrong(f"A shared link lives for {life / 60:.0f} minutes; the school wants 2 at most.")
    if life < LONGEST_SECONDS / 4:
        wrong("A link is dead before the next lesson: let it live for one or two minutes.")
    for other in ("swahili", "*"):
        status, said = school.ask(other, token)
        if status != 403:
            wrong(
                f"A customer bought Spanish and asks for the course `{other}`: the API answers {status}, not 403.",
                said=cause(status, said),
            )
    if school.ask("spanish", school.customer()[0])[0] == 200:
        wrong("Somebody else asks for a course that one customer has bought, and gets it.")


def ends(signed: str) -> int:
    """Return when a query ends, in seconds since 1970."""
    given = parse_qs(signed)
    if "Expires" in given:
        return int(given["Expires"][0])
    text = given["Policy"][0].replace("-", "+").replace("_", "=").replace("~", "/")
    return int(json.loads(base64.b64decode(text))["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"])


@lab.task("ended", hints=HINTS["ended"], why=WHY["ended"])
def ended() -> None:
    """When a course is refunded, the next question is refused, and a new payment opens it again."""
    made("Api", "Office", "Site", "Audio")
    token, user = buyer("swahili")
    query("swahili", token)
    school.sell(user, "swahili", seconds=-60)
    status, said = school.ask("swahili", token)
    if status == 200:
        wrong("The course was refunded a minute ago, and the API still gives a query.", said=said)
    if status != 403:
        wrong(f"The course was refunded: the API answers {status}, not 403.", said=cause(status, said))
    school.sell(user, "swahili")
    if school.fetch(school.site("courses/swahili/2.mp3", query("swahili", token)))[0] != 200:
        wrong("The customer has paid again, and lesson 2 stays closed.")
