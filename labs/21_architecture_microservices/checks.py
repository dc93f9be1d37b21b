"""Checks of the lab architecture_microservices: they ask the services by their names, as guests and staff do."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import huts
from words import HINTS, WHY

from helpers.teaching.checks import Lab, eventually, not_attempted, wrong

PATIENCE_S = 4
"""How long a guest waits for a booking."""
LONGEST_S = 25
"""How long a check waits for what happens later."""
STOVES = 2
lab = Lab("architecture_microservices")
_numbers = itertools.count(1)


def task(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a task."""
    return lab.task(name, hints=HINTS[name], why=WHY[name])


def there(service: str) -> None:
    """Check that the stack is deployed and a service's name leads to it; without either the task is not attempted."""
    if huts.outputs() is None:
        not_attempted(f"There is no stack `{huts.STACK}` that is deployed.")
    if service not in huts.names():
        not_attempted(f"The name `{service}.{huts.DOMAIN}` has no record yet.")


def asked(service: str, path: str, body: dict[str, Any] | None = None, expected: int = 200) -> Any:
    """Return what a service answers; any other status is wrong."""
    status, said = huts.ask(service, path, body)
    name = f"{service}.{huts.DOMAIN}"
    if (status, said) == (403, {"message": "Forbidden"}):
        wrong(f"`{name}` leads to API Gateway, which does not know that name, or has no mapping for it.", said=said)
    if status != expected:
        method = "GET" if body is None else "POST"
        wrong(f"`{method} https://{name}{path}` answers {status}, not {expected}.", said=str(said))
    return said


def book(hut: str = "eagle", **more: Any) -> dict[str, Any]:
    """Book as a guest who waits no longer than she must; return what `bookings` answers."""
    booking = {"id": f"check-{time.time_ns()}-{next(_numbers)}", "hut": hut, "guests": 2, **more}
    began = time.monotonic()
    said = asked("bookings", "/bookings", booking, 201)
    took = time.monotonic() - began
    if not isinstance(said, dict) or said.get("id") != booking["id"]:
        wrong("The answer to a booking is not the booking.", said=str(said))
    return {**booking, **said, "took": took}


@task("bookings")
def bookings() -> None:
    """Bookings are taken and told at the service's own name."""
    if huts.outputs() is None:
        not_attempted(f"There is no stack `{huts.STACK}` that is deployed.")
    if "bookings" not in huts.names():
        wrong(f"The stack is there, but `bookings.{huts.DOMAIN}` has no record: no guest finds it.")
    booking = book()
    kept = asked("bookings", f"/bookings/{booking['id']}")
    if not isinstance(kept, dict) or (kept.get("id"), kept.get("guests")) != (booking["id"], 2):
        wrong("The booking was taken, and asked for afterwards it is another one.", said=str(kept))
    asked("bookings", "/bookings/nobody", expected=404)


@contextmanager
def rescue(mood: str, now: str = "sun") -> Iterator[None]:
    """Let the rescue's server be in a mood for a while."""
    huts.weather(mood, now)
    try:
        yield
    finally:
        huts.weather("fine")


@task("weather")
def weather() -> None:
    """A booking tells the weather; without news the last that was heard."""
    there("bookings")
    hut = f"hut{time.time_ns()}"
    with rescue("fine", "snow"):
        first = book(hut)
    if "weather" not in first:
        not_attempted("A booking says nothing about the weather yet.")
    if first["weather"] != "snow" or first.get("old"):
        wrong("It snows at the hut, the rescue says so, and the booking tells something else.", said=str(first))
    for mood in ("down", "slow"):
        with rescue(mood, "fog"):
            unheard(mood, hut)
    with rescue("down"):
        strange = book(f"new{hut}")
    if strange.get("weather") is not None or not strange.get("old"):
        wrong("Nobody ever heard the weather of that hut, and the booking tells one.", said=str(strange))
    with rescue("fine", "rain"):
        again = book(hut)
    if again["weather"] != "rain" or again.get("old"):
        wrong("The rescue's server is well again, and the booking still tells old weather.", said=str(again))


def unheard(mood: str, hut: str) -> None:
    """Check a booking while the rescue's server does not answer in time."""
    booking = {"id": f"check-{time.time_ns()}", "hut": hut, "guests": 1}
    began = time.monotonic()
    status, said = huts.ask("bookings", "/bookings", booking)
    if status != 201:
        wrong(f"While the rescue's server is {mood}, `bookings` answers {status}: nobody can book.", said=str(said))
    if time.monotonic() - began > PATIENCE_S:
        wrong(f"While the rescue's server is {mood}, a guest waits for more than {PATIENCE_S} seconds.")
    if said.get("weather") != "snow" or said.get("old") is not True:
        wrong(
            f"While the rescue's server is {mood}, the booking does not tell the last weather that was heard, marked "
            '`"old": true`.', said=str(said),
        )  # fmt: skip


@task("kitchen")
def kitchen() -> None:
    """The kitchen hears of each booking, nobody waits for it, and it never cooks for more than two at a time."""
    there("kitchen")
    big = book(courses=2 * PATIENCE_S)
    if big["took"] > PATIENCE_S - 1:
        wrong(f"The guest waited {big['took']:.0f} seconds: `bookings` answers when the meal is cooked.")
    all_of_them = [big] + [book(courses=2) for _ in range(4)]
    asked("bookings", f"/bookings/{big['id']}")
    cooked = []
    for number, one in enumerate(all_of_them, 1):
        what = f"the meal of booking {number} of {len(all_of_them)}"
        cooked.append(eventually(functools.partial(meal, one), what, LONGEST_S))
    at_once = max(sum(one["began"] <= moment["began"] < one["ended"] for one in cooked) for moment in cooked)
    if at_once > STOVES:
        wrong(f"The kitchen has {STOVES} stoves, and had to cook {at_once} meals at a time.")


def meal(booking: dict[str, Any]) -> Any:
    """Return the meal of a booking, or None while it is not cooked."""
    status, said = huts.ask("kitchen", f"/meals/{booking['id']}")
    if status not in (200, 404):
        wrong(f"`GET https://kitchen.{huts.DOMAIN}/meals/ID` answers {status}.", said=str(said))
    return said if status == 200 else None


def guests(hut: str) -> int:
    """Return how many guests the ledger has for a hut."""
    return int(asked("ledger", f"/nights/{hut}")["guests"])


@task("ledger")
def ledger() -> None:
    """The ledger hears of each booking, too, whatever the kitchen does."""
    there("ledger")
    hut = f"hut{time.time_ns()}"
    booked = [book(hut, guests=1) for _ in range(6)]
    deadline = time.monotonic() + LONGEST_S
    noted, cooked = guests(hut), 0
    while min(noted, cooked) < len(booked) and time.monotonic() < deadline:
        time.sleep(0.1)
        noted, cooked = guests(hut), sum(meal(one) is not None for one in booked)
    if not noted:
        wrong(f"The ledger has heard of none of {len(booked)} bookings.")
    heard = f"Of {len(booked)} bookings the ledger has heard of {noted}, and the kitchen has cooked for {cooked}."
    if noted + cooked == len(booked):
        wrong(f"{heard} Two readers of one queue share its messages; each of these two wants all.")
    if min(noted, cooked) < len(booked):
        wrong(heard)


@task("leftovers")
def leftovers() -> None:
    """What the kitchen cannot cook is kept, and stops nobody."""
    there("kitchen")
    queue = (huts.outputs() or {}).get("Leftovers")
    if not queue:
        not_attempted("The stack has no output `Leftovers` yet.")
    if not queue.startswith("http"):
        wrong("The output `Leftovers` is not the address (URL) of a queue.", said=queue)
    hut = f"hut{time.time_ns()}"
    odd = book(hut, diet="stones")
    plain = book(hut)
    eventually(lambda: meal(plain), "the meal of a guest who booked after one whose diet nobody can cook", LONGEST_S)
    sqs = boto3.client("sqs")

    def kept() -> bool:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        if any(plain["id"] in one["Body"] for one in found):
            wrong("A booking that was cooked is among the leftovers.")
        return any(odd["id"] in one["Body"] for one in found)

    eventually(kept, "the booking that cannot be cooked to come into the queue `Leftovers`", LONGEST_S)
    if "ledger" in huts.names():
        eventually(lambda: guests(hut) == 4, "the ledger to hear of it, too", LONGEST_S)
