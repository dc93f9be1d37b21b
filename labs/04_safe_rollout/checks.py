"""Checks of the lab safe_rollout: they look at alias, policies and metrics, and ask each version for prices."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Literal

import boto3
from botocore.exceptions import ClientError
from shop import ALIAS, FUNCTION, RELEASES, USER, website
from words import HINTS, WHY

from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import found, metric_sum

Kind = Literal["stable", "bad sale", "good sale", "other"]
BASKET, STABLE_TOTAL, SALE_TOTAL = ["novel", "atlas"], 42, 27
WEIGHT, FEWEST_VISITORS = 0.1, 100

lab = Lab("safe_rollout")


def alias() -> dict[str, Any] | None:
    """Return the alias live, or None."""
    return found(boto3.client("lambda").get_alias, FunctionName=FUNCTION, Name=ALIAS)


def weights(of: dict[str, Any]) -> dict[str, float]:
    """Return the further versions of an alias that get calls, with their shares."""
    found = (of.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return {version: weight for version, weight in found.items() if weight > 0}


def published() -> list[str]:
    """Return the numbers of the published versions, in order."""
    listed = boto3.client("lambda").list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    return [each["Version"] for each in listed if each["Version"] != "$LATEST"]


def call(qualifier: str, basket: list[str]) -> tuple[Any, bool]:
    """Ask a version, never the alias (that would count as a visitor); return the answer, and whether it failed."""
    event = json.dumps({"basket": basket})
    response = boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier=qualifier, Payload=event)
    return json.loads(response["Payload"].read() or b"null"), "FunctionError" in response


def total(qualifier: str, basket: list[str]) -> Any:
    """Return the total that a version tells, or None if it fails or tells none."""
    payload, failed = call(qualifier, basket)
    return payload.get("total") if isinstance(payload, dict) and not failed else None


def kind(qualifier: str) -> Kind:
    """Return what a version does: no sale, the sale with its mistake, the repaired sale, or something else."""
    full, empty = total(qualifier, BASKET), total(qualifier, [])
    if full == STABLE_TOTAL and empty == 0:
        return "stable"
    if full == SALE_TOTAL:
        return "good sale" if empty == 0 else "bad sale"
    return "other"


def of_kind(wanted: Kind) -> list[str]:
    """Return the published versions of a kind, in order."""
    return [version for version in published() if kind(version) == wanted]


def counted(metric: str, version: str = "") -> int:
    """Return how often CloudWatch counted a metric of the alias, or of one version behind it."""
    dimensions = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:{ALIAS}"}
    if version:
        dimensions["ExecutedVersion"] = version
    return round(metric_sum("AWS/Lambda", metric, **dimensions))


@lab.task("live", hints=HINTS["live"], why=WHY["live"])
def live() -> None:
    """The code that served the shop is version 1, and live points to a published version."""
    found, numbers = alias(), published()
    if found is None:
        others = [each["Name"] for each in boto3.client("lambda").list_aliases(FunctionName=FUNCTION)["Aliases"]]
        if others:
            wrong(f"You made an alias called `{others[0]}`; the website asks for `{ALIAS}`. Create it under that name.")
        if numbers:
            wrong(f"Version {numbers[0]} is published, but there is no alias `{ALIAS}` that points to it.")
        not_attempted(f"There is no version and no alias `{ALIAS}` yet.")
    if found["FunctionVersion"] == "$LATEST":
        wrong(f"`{ALIAS}` points to `$LATEST`: each upload would reach the visitors. Let it point to a version.")
    if kind("1") != "stable":
        wrong(
            f"Version 1 is not the code that the shop ran until now: for `{json.dumps(BASKET)}` or for an empty basket "
            "it tells other prices. Start anew with the first cell, and publish before you upload anything."
        )


@lab.task("website", hints=HINTS["website"], why=WHY["website"])
def website_may() -> None:
    """The website's user may invoke the alias, and nothing else."""
    if alias() is None:
        not_attempted(f"There is no alias `{ALIAS}` yet that a policy could name.")
    refusal = refused("invoke", Qualifier=ALIAS, InvocationType="DryRun")
    if refusal is not None:
        if not has_policies():
            not_attempted(f"The user {USER} has no policy yet.")
        wrong(f"{USER} has a policy, but it still may not invoke `{FUNCTION}:{ALIAS}`.", said=refusal)
    for qualifier in ("$LATEST", *published()):
        if refused("invoke", Qualifier=qualifier, InvocationType="DryRun") is None:
            wrong(
                f"{USER} may invoke the alias, but also `{FUNCTION}:{qualifier}`. "
                "Name the alias's ARN as the Resource, without a star."
            )
    if refused("invoke", InvocationType="DryRun") is None:
        wrong(f"{USER} may invoke the alias, but also the function without a qualifier, which runs `$LATEST`.")
    if refused("get_alias", Name=ALIAS) is None or refused("get_function_configuration", Qualifier=ALIAS) is None:
        wrong(f"{USER} may do more than invoke. Allow the one action `lambda:InvokeFunction`.")


def refused(operation: str, **arguments: str) -> ClientError | None:
    """Return the refusal that the website's user gets, or None; nothing is run."""
    try:
        getattr(website(), operation)(FunctionName=FUNCTION, **arguments)
    except ClientError as error:
        return error
    return None


def has_policies() -> bool:
    """Return whether the website's user has policies."""
    iam = boto3.client("iam")
    inline = iam.list_user_policies(UserName=USER)["PolicyNames"]
    return bool(inline or iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"])


@lab.task("canary", hints=HINTS["canary"], why=WHY["canary"])
def canary() -> None:
    """The sale gets 10 % of the visitors, or got them before it was rolled back."""
    found = alias()
    if found is None:
        not_attempted(f"There is no alias `{ALIAS}` yet.")
    sales = of_kind("bad sale")
    if not sales:
        no_sale_published()
    share = weights(found)
    if found["FunctionVersion"] in sales:
        wrong(f"`{ALIAS}` points to version {found['FunctionVersion']}: it gets the most visitors, not 10 % of them.")
    for version in sales:
        if version in share and abs(share[version] - WEIGHT) > 1e-9:
            wrong(f"Version {version} gets {share[version]:.0%} of the visitors. Nora asks for 10 %.")
    met = sum(counted("Invocations", version) for version in sales)
    if not met and not set(sales) & set(share):
        wrong(f"Version {sales[-1]} is published, but `{ALIAS}` sends it no visitors.")
    if met > max(20, 0.2 * counted("Invocations")):
        wrong(f"Version {sales[-1]} met {met} visitors, far more than 10 % of them. Start anew with the first cell.")


def no_sale_published() -> None:
    """Say why no version has the sale as the colleague wrote it."""
    repaired, others = of_kind("good sale"), published()[1:]
    if repaired:
        wrong(f"Version {repaired[0]} is not `shop.SALE` as it was written. This time publish it unchanged.")
    if kind("$LATEST") == "bad sale":
        wrong("The sale is uploaded, but not published: an alias can share between published versions only.")
    if others:
        wrong(
            f"Version {others[-1]} does not tell the prices of the sale: "
            f"for `{json.dumps(BASKET)}` that is {SALE_TOTAL}."
        )
    not_attempted("The sale is not published yet.")


@lab.task("evidence", hints=HINTS["evidence"], why=WHY["evidence"])
def evidence() -> None:
    """The release log has what CloudWatch counted for each version."""
    bad = met_sale("No visitor has met the sale yet. Run the cell with the visitors.")
    if counted("Invocations") < FEWEST_VISITORS:
        wrong(
            f"Only {counted('Invocations')} visitors have come. Let more come before you judge: `shop.visitors(400)`."
        )
    items = {item["version"]: item for item in boto3.resource("dynamodb").Table(RELEASES).scan()["Items"]}
    if not items:
        not_attempted(f"The table {RELEASES} is empty.")
    for version in ("1", bad):
        if version not in items:
            wrong(f"{RELEASES} has no item for version {version}.")
    wrote = numbers_of(items[bad], bad)
    if wrote != (counted("Invocations", bad), counted("Errors", bad)):
        explain(wrote, bad)
    calls, errors = numbers_of(items["1"], "1")
    if errors != counted("Errors", "1") or not 0 < calls <= counted("Invocations", "1"):
        wrong(
            f"The item of version {bad} is right. For version 1 the log says {calls} calls and {errors} errors, "
            "and CloudWatch says otherwise."
        )


def met_sale(otherwise: str) -> str:
    """Return the sale's version that visitors met."""
    met = [version for version in of_kind("bad sale") if counted("Invocations", version)]
    if not met:
        not_attempted(otherwise)
    return met[-1]


def numbers_of(item: dict[str, Any], version: str) -> tuple[int, int]:
    """Return calls and errors of an item."""
    for name in ("calls", "errors"):
        if not isinstance(item.get(name), Decimal) or int(item[name]) != item[name]:
            wrong(f"The item of version {version} needs `{name}`, a whole number.")
    return int(item["calls"]), int(item["errors"])


def explain(wrote: tuple[int, int], version: str) -> None:
    """Say which metric the numbers come from, if that can be seen."""
    if wrote == (counted("Invocations"), counted("Errors")):
        wrong(f"These are the numbers of the whole alias. Add the dimension ExecutedVersion, which is {version}.")
    wrong(
        f"For version {version} the log says {wrote[0]} calls and {wrote[1]} errors. "
        "CloudWatch has counted other numbers by now: read them again."
    )


@lab.task("rollback", hints=HINTS["rollback"], why=WHY["rollback"])
def rollback() -> None:
    """No visitor meets the bad version any more."""
    bad = met_sale("There is nothing to roll back yet.")
    found = alias()
    if found is None:
        wrong(f"The alias `{ALIAS}` is gone, and with it the name that the website asks for: now every visitor fails.")
    if found["FunctionVersion"] == bad:
        wrong(f"`{ALIAS}` points to version {bad}: that is a promotion. Now most visitors meet the errors.")
    share = weights(found).get(bad, 0)
    if share == WEIGHT:
        not_attempted(f"Version {bad} still gets 10 % of the visitors.")
    if share:
        wrong(f"Version {bad} still gets {share:.0%} of the visitors, and some of them see errors.")
    if found["FunctionVersion"] == "$LATEST":
        wrong(f"`{ALIAS}` points to `$LATEST`. Roll back to the published version that served the shop before.")


@lab.task("promote", hints=HINTS["promote"], why=WHY["promote"])
def promote() -> None:
    """The repaired sale is published, has met visitors without an error, and gets all of them."""
    found = alias()
    bad = of_kind("bad sale")
    if found is None or not bad:
        not_attempted("The sale has not been tried yet.")
    first, share = found["FunctionVersion"], weights(found)
    if first == "$LATEST":
        wrong(f"`{ALIAS}` points to `$LATEST`. Publish the repaired sale and point to its version.")
    now = kind(first)
    if now == "bad sale":
        wrong(f"Version {first} gets the visitors, and it still fails for an empty basket.", said=call(first, [])[0])
    if now == "other":
        wrong(
            f"Version {first} gets the visitors, but for `{json.dumps(BASKET)}` it tells "
            f"`{json.dumps(total(first, BASKET))}` and for an empty basket `{json.dumps(total(first, []))}`. "
            f"It should be {SALE_TOTAL} and 0."
        )
    if now == "stable":
        not_promoted_yet(share, bad)
    if share:
        version, weight = next(iter(share.items()))
        wrong(f"Version {first} is repaired, but version {version} still gets {weight:.0%}. Empty the weights, too.")
    if not counted("Invocations", first):
        wrong(f"Version {first} is live, but no visitor has met it. Let some come, and look at the errors.")
    if counted("Errors", first):
        wrong(f"CloudWatch has counted {counted('Errors', first)} errors of version {first}.")


def not_promoted_yet(share: dict[str, float], bad: list[str]) -> None:
    """Say how far the repaired sale has come while version 1 is live."""
    repaired = of_kind("good sale")
    trying = [version for version in repaired if version in share]
    if trying:
        wrong(
            f"Version {trying[0]} is repaired and gets {share[trying[0]]:.0%}. "
            "If it makes no errors, give it everything."
        )
    if repaired:
        wrong(f"Version {repaired[-1]} is repaired and published, but `{ALIAS}` sends it no visitors.")
    if kind("$LATEST") == "good sale":
        wrong("The sale is repaired in `$LATEST`. Publish it: an alias should point to what cannot change.")
    if len(bad) > 1:
        wrong(f"Version {bad[-1]} still fails for an empty basket.", said=call(bad[-1], [])[0])
    not_attempted("Visitors get the prices without a sale.")
