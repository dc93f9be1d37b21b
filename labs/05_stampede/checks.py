"""Checks of the lab stampede: they look at reservations, environments, orders, mails, and send crowds."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError
from records import (
    ACCOUNT,
    ALIAS,
    CATALOGUE,
    CHECKOUT,
    CUSTOMERS,
    MAILER,
    MAILS,
    MAILS_AT_ONCE,
    ORDERS,
    SUGGEST,
    rehearse,
    served,
    together,
)  # fmt: skip
from words import HINTS, WHY

from helpers.teaching.checks import Lab, eventually, not_attempted, wrong
from helpers.teaching.lookups import found

CUSTOMERS_AT_ONCE, DATABASE_BEARS, READY = 4, 3, 3

lab = Lab("stampede")


def reserved(name: str) -> int | None:
    """Return a function's reserved concurrency, or None."""
    found = boto3.client("lambda").get_function_concurrency(FunctionName=name)
    return found.get("ReservedConcurrentExecutions")


def exists(name: str) -> bool:
    """Return whether there is such a function."""
    return found(boto3.client("lambda").get_function_configuration, FunctionName=name) is not None


def items(table: str) -> dict[str, dict[str, Any]]:
    """Return what a table holds, by order."""
    return {item["order"]: item for item in boto3.resource("dynamodb").Table(table).scan()["Items"]}


def check_reserved() -> None:
    """Stop unless the checkout has what its customers need, and no more."""
    found = reserved(CHECKOUT)
    if found is None:
        not_attempted(f"Nothing is reserved for {CHECKOUT} yet.")
    if found == 0:
        wrong(f"{CHECKOUT} has a reservation of 0. That is the off switch: now nobody can pay.")
    if found < CUSTOMERS_AT_ONCE:
        wrong(f"{found} is too few: {CUSTOMERS_AT_ONCE} customers pay at once. A reservation is a ceiling, too.")
    if found > CUSTOMERS_AT_ONCE:
        left = boto3.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        wrong(
            f"{CHECKOUT} keeps {found} for itself, also while nobody pays; {left} of {ACCOUNT} are left for functions "
            f"without a reservation. The bank takes {CUSTOMERS_AT_ONCE} payments at once, so that many are enough."
        )


@lab.task("reserve", hints=HINTS["reserve"], why=WHY["reserve"])
def reserve() -> None:
    """Four customers can pay while the catalogue is stormed."""
    if reserved(CHECKOUT) is None and reserved(CATALOGUE) not in (None, 0, DATABASE_BEARS):
        wrong(f"You reserved concurrency for {CATALOGUE}. It is {CHECKOUT} that needs the guarantee.")
    check_reserved()
    paid = rehearse()
    if paid < CUSTOMERS_AT_ONCE:
        wrong(f"The reservation is there, but in our rehearsal only {paid} of {CUSTOMERS_AT_ONCE} customers paid.")


@lab.task("cap", hints=HINTS["cap"], why=WHY["cap"])
def cap() -> None:
    """The catalogue never runs more often at once than its database bears."""
    found = reserved(CATALOGUE)
    if found is None:
        not_attempted(f"{CATALOGUE} has no ceiling yet.")
    if found == 0:
        wrong(f"With 0, {CATALOGUE} is switched off: nobody sees a page. Its database bears {DATABASE_BEARS}.")
    if found > DATABASE_BEARS:
        wrong(f"Up to {found} pages at once would reach a database that bears {DATABASE_BEARS}.")
    if found < DATABASE_BEARS:
        wrong(f"{found} protects the database, but it bears {DATABASE_BEARS}: more visitors could see a page.")
    pages = served(together(DATABASE_BEARS + 2, CATALOGUE), "page")
    if pages != DATABASE_BEARS:
        wrong(f"The ceiling is set, but of {DATABASE_BEARS + 2} visitors at once {pages} saw a page.")


@lab.task("switch_off", hints=HINTS["switch_off"], why=WHY["switch_off"])
def switch_off() -> None:
    """Suggestions are off for today, and can come back tomorrow."""
    if not exists(SUGGEST):
        wrong(f"{SUGGEST} is gone, with its code and its settings. Marta wants it back tomorrow: begin anew above.")
    found = reserved(SUGGEST)
    if found is None:
        if served(together(1, SUGGEST), "page"):
            not_attempted(f"{SUGGEST} still runs.")
        wrong(f"{SUGGEST} was throttled, but not by a reservation of its own.")
    if found > 0:
        wrong(
            f"{SUGGEST} may still run, {found} at once, and keeps that from all others. Which number lets nothing run?"
        )
    if served(together(1, SUGGEST), "page"):
        wrong(f"{SUGGEST} has a reservation of 0 and still answered.")


@lab.task("provision", hints=HINTS["provision"], why=WHY["provision"])
def provision() -> None:
    """Three environments of the checkout are initialised before the first customer comes."""
    configs = boto3.client("lambda").list_provisioned_concurrency_configs(FunctionName=CHECKOUT)
    found = configs["ProvisionedConcurrencyConfigs"]
    if not found:
        others = (
            boto3.client("lambda").list_provisioned_concurrency_configs(FunctionName=name)
            for name in (CATALOGUE, MAILER)
        )
        if any(other["ProvisionedConcurrencyConfigs"] for other in others):
            wrong(f"You provisioned another function. It is {CHECKOUT} whose customers should not wait.")
        not_attempted(f"{CHECKOUT} has no provisioned concurrency yet.")
    wanted = sum(config["RequestedProvisionedConcurrentExecutions"] for config in found)
    if wanted < READY:
        wrong(f"{wanted} kept ready: of {READY} customers at once, {READY - wanted} would wait for a cold start.")
    if wanted > READY:
        wrong(f"{wanted} kept ready, and Marta pays for each by the second. {READY} are enough for the first minute.")
    check_alias()
    eventually(ready, "the environments to be READY", 25)
    started = [answer.get("started") for answer in together(READY, f"{CHECKOUT}:{ALIAS}", label="check")]
    warm = started.count("provisioned-concurrency")
    if warm < READY:
        wrong(f"Of {READY} customers who pay through `{ALIAS}`, {warm} met an environment that was ready.")


def check_alias() -> None:
    """Stop unless the alias points to a version."""
    try:
        version = boto3.client("lambda").get_alias(FunctionName=CHECKOUT, Name=ALIAS)["FunctionVersion"]
    except ClientError as error:
        wrong(f"The alias `{ALIAS}` is gone, and with it the name that the shop calls.", said=error)
    if version == "$LATEST":
        wrong(f"`{ALIAS}` points to `$LATEST`, which cannot have provisioned concurrency. Point it to version 1.")


def ready() -> bool:
    """Return whether all that was asked for is there."""
    found = boto3.client("lambda").list_provisioned_concurrency_configs(FunctionName=CHECKOUT)
    return all(config["Status"] == "READY" for config in found["ProvisionedConcurrencyConfigs"])


@lab.task("retry", hints=HINTS["retry"], why=WHY["retry"])
def retry() -> None:
    """Twelve customers have paid at noon, through a checkout that serves four at once."""
    orders = items(ORDERS)
    if "log" not in orders:
        not_attempted("Noon has not come yet: run `records.noon(till)` with your till.")
    check_reserved()
    log = orders["log"]
    paid = sum(order.startswith("noon-") for order in orders)
    if paid < CUSTOMERS and not log["again"]:
        wrong(f"{CUSTOMERS - paid} customers left without paying, and nobody tried twice: the till does not retry.")
    if paid < CUSTOMERS:
        wrong(f"{CUSTOMERS - paid} customers left without paying. The till retries, but it gives up too early.")
    if not log["again"]:
        wrong("Everybody paid at the first attempt, so noon was no stampede. Put back what the earlier tasks set.")


@lab.task("buffer", hints=HINTS["buffer"], why=WHY["buffer"])
def buffer() -> None:
    """Every order was confirmed by a mail, and the mail server was not overrun."""
    mails = items(MAILS)
    if "log" not in mails:
        not_attempted("No mails yet: run `records.confirm(send)` with your `send`.")
    if reserved(MAILER) != MAILS_AT_ONCE:
        wrong(f"The mail server takes {MAILS_AT_ONCE} mails at a time: leave the reservation of {MAILER} at that.")
    if mails["log"]["refused"]:
        wrong(
            f"{mails['log']['refused']} of {CUSTOMERS} orders were refused with 429, and those customers got no mail. "
            "Nobody waits for a mail: hand the event over and let Lambda retry."
        )
    eventually(lambda: len(items(MAILS)) > 1, "the first mail", 5)
    eventually(lambda: len(items(MAILS)) > CUSTOMERS, f"all {CUSTOMERS} mails", 20)
