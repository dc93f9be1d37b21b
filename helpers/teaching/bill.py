"""The bill: what all that was used or kept since the cloud started would have cost on AWS, by service.

The data planes record what was used and what stands; here it is counted as AWS counts it and priced with ``rates.py``.
On AWS a bill is made each month, and the free tier is taken off each month: all use is taken for that of one month.
Prices are those of us-east-1, of the first tier (Lambda's duration has all tiers).

Not counted: headers and the answers of API calls among the data to the internet, data between Regions and zones,
X-Ray's traces that are read back, requests of the keys that services use for you, extended and enhanced options. What
is used and has no price here stands on the bill without one. Not sourced: whether API Gateway charges for requests that
it refuses (here they count), and whether the Scheduler does for retries (here they do not).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import cast

from helpers.dataplane.record import Use
from helpers.teaching import names, output, prices
from helpers.teaching.costs import Cost, Number, Part, quantity, usd
from helpers.teaching.prices import Architecture
from helpers.teaching.pricing import compute_cost
from helpers.teaching.rates import FREE, RATES, Rate, line_of

_NO_PRICE = "not priced here: no sourced price"
_MEASURED = frozenset({"logs bytes", "logs stored bytes"})
"""Lines whose quantities differ at each run, because log lines have durations in them."""


@dataclass(frozen=True)
class Bill:
    """What use would have cost: its ``lines`` (a service's name and a part), and what has no price here, and why."""

    lines: tuple[tuple[str, Part], ...]
    unpriced: tuple[tuple[str, str, str], ...]
    words: str
    """The same as sentences, with what was assumed."""

    @property
    def cost(self) -> Cost:
        """Return all lines as one cost."""
        return Cost(tuple(part for _, part in self.lines))

    def table(self) -> str:
        """Return the bill as a Markdown table."""
        rows = [[service, *_cells(part)] for service, part in self.lines]
        rows += [[service, what, "", why, ""] for service, what, why in self.unpriced]
        rows.append(["**Total**", "", "", "", f"**{usd(self.cost.total)}**"])
        return output.table(["Service", "What", "Quantity", "Price", "Cost"], rows, right=[2, 3, 4])


def bill(
    used: Mapping[Use, float],
    held: Mapping[Use, float] | None = None,
    *,
    free_tier: bool = False,
    times: Number = 1,
    duration_ms: Number | None = 100,
    hours: Number | None = prices.HOURS_A_MONTH,
) -> Bill:
    """Return what the same use, ``times`` over in one month, would cost, and what was kept meanwhile, once.

    Parameters
    ----------
    used, held:
        What a record says (``record.used()``, ``record.held(hours)``); ``held`` is None where nobody knows.
    free_tier:
        Whether to take off what is free each month and does not expire.
    duration_ms:
        What each run of a function or an express workflow is taken to last, in milliseconds; None takes what was
        billed, and counts log data too.
    hours:
        For how many hours ``held`` was made: what stands now is taken for that long; None if it was measured.

    Raises
    ------
    ValueError
        A negative number.
    """
    if times < 0 or (duration_ms is not None and duration_ms < 0) or (hours is not None and hours < 0):
        raise ValueError(f"times is {times}, duration_ms {duration_ms}, hours {hours}: none can be negative")
    scale, kept = Decimal(str(times)), held or {}
    counted = _counted(used, scale) | _counted(kept, Decimal(1))
    lines = _lines(counted, used, scale, free_tier, duration_ms)
    over = f", {times:,} times over in a month" if times != 1 else ""
    lasts = "lasts as long as was billed" if duration_ms is None else f"is taken to last {duration_ms:g} ms"
    stood = "counts for as long as it was there" if hours is None else f"is taken for {hours:g} hours"
    once = f"{stood}, once, however often the rest is done" if held is not None else "is not seen here, and not counted"
    words = (
        f"Everything since the start{over}: {usd(Cost(tuple(part for _, part in lines)).total)}, "
        f"{'with' if free_tier else 'without'} the free tier. Each run of a function or an express workflow {lasts}. "
        f"What is kept or provisioned {once}."
    )
    if duration_ms is not None:
        words += " Data of the logs are not counted."
    return Bill(tuple(lines), tuple(_unpriced(used, kept, hours)), words)


def _lines(
    counted: Mapping[str, Decimal],
    used: Mapping[Use, float],
    scale: Decimal,
    free_tier: bool,
    duration_ms: Number | None,
) -> list[tuple[str, Part]]:
    left = {rate.pool or name: Decimal(str(rate.free)) * free_tier for name, rate in RATES.items()}
    lines: list[tuple[str, Part]] = []
    for name, rate in RATES.items():
        if counted.get(name) and (name not in _MEASURED or duration_ms is None):
            amount = _steady(counted[name], rate, duration_ms)
            free = min(amount, left[rate.pool or name])
            left[rate.pool or name] -= free
            lines.append((names.of(rate.service), _part(rate, amount - free)))
        if name == "lambda provisioned":
            lines += _durations(used, duration_ms, scale, prices.FREE_GB_SECONDS if free_tier else Decimal(0))
        if name == "express executions" and name in counted:
            lines.append((names.of("stepfunctions"), _express(used, duration_ms, scale)))
        if name == "lambda@edge" and name in counted:
            spent = sum(_gb_seconds(used, "lambda@edge", duration_ms).values(), Decimal(0)) * scale
            lines.append(
                (names.of("cloudfront"), _seconds("duration, Lambda@Edge", spent, prices.EDGE_LAMBDA_DURATION))
            )
    return lines


def _counted(uses: Mapping[Use, float], scale: Decimal) -> dict[str, Decimal]:
    """Return how much there is of each line, in its unit."""
    found: dict[str, Decimal] = {}
    for use, amount in uses.items():
        name = line_of(use)
        if name in RATES:
            units = Decimal(str(amount)) * scale * _unit(use) / RATES[name].divisor
            found[name] = found.get(name, Decimal(0)) + units
    return found


def _unit(use: Use) -> Decimal:
    """Return what an hour of a thing is in the unit of its line."""
    if use.what == "provisioned concurrency":
        return Decimal(int(use.detail.split()[0])) * 3600 / 1024
    return Decimal(60 if use.what == "open connections" else 1)


def _steady(amount: Decimal, rate: Rate, duration_ms: Number | None) -> Decimal:
    """Return an amount of data to two digits, rounded up: its last bytes differ from run to run, a bill may not."""
    if not rate.unit.startswith("GB") or rate.unit == "GB-s" or duration_ms is None or not amount:
        return amount
    return amount.quantize(Decimal(1).scaleb(amount.adjusted() - 1), ROUND_CEILING)


def _unpriced(
    used: Mapping[Use, float], held: Mapping[Use, float], hours: Number | None
) -> Iterator[tuple[str, str, str]]:
    found = {names.of(use.service): "used" for use in used if use.service not in FREE and _has_no_line(use)}
    for use in (use for use in held if _has_no_line(use)):
        found[names.of(use.service)] = f"{use.what} {use.detail}".strip()
    for service, what in sorted(found.items()):
        yield service, what, _NO_PRICE
    if hours is not None and Use("apigateway", "WebSocket connections") in used:
        yield names.of("apigateway"), "connection minutes", "counted with hours=None only"


def _has_no_line(use: Use) -> bool:
    return line_of(use) not in {*RATES, "free"}


def _gb_seconds(used: Mapping[Use, float], service: str, duration_ms: Number | None) -> dict[str, Decimal]:
    """Return for how many GB-seconds functions ran, by architecture and whether on provisioned concurrency."""
    what = "billed milliseconds" if duration_ms is None else "invocations"
    each = 1 if duration_ms is None else math.ceil(duration_ms)
    spent: dict[str, Decimal] = {}
    for use, amount in used.items():
        if (use.service, use.what) == (service, what):
            memory, _, kind = use.detail.split(maxsplit=2)
            seconds = Decimal(str(amount)) * each * int(memory) / 1024 / 1000
            spent[kind] = spent.get(kind, Decimal(0)) + seconds
    return spent


def _durations(
    used: Mapping[Use, float], duration_ms: Number | None, scale: Decimal, free: Decimal
) -> list[tuple[str, Part]]:
    """Return the lines of what functions cost for running; the free GB-seconds are those of all architectures."""
    lines = []
    for kind, seconds in sorted(_gb_seconds(used, "lambda", duration_ms).items(), reverse=True):
        amount, (architecture, _, provisioned) = seconds * scale, kind.partition(" ")
        price = prices.PROVISIONED_RUNNING[cast(Architecture, architecture)]
        if provisioned:
            lines.append(_seconds(f"duration, {architecture}, provisioned", amount, price))
            continue
        unpaid = min(free, amount)
        free -= unpaid
        parts = compute_cost(amount - unpaid, cast(Architecture, architecture)).parts
        lines += [replace(part, name=f"duration, {architecture}") for part in parts]
    what = "storage milliseconds" if duration_ms is None else "storage invocations"
    each = 1 if duration_ms is None else math.ceil(duration_ms)
    extra = [(int(use.detail.split()[0]) - 512, amount) for use, amount in used.items() if use.what == what]
    if extra:
        spent = sum((Decimal(str(amount)) * mb for mb, amount in extra), Decimal(0)) * each * scale / 1024 / 1000
        lines.append(_seconds("/tmp above 512 MB", spent, prices.STORAGE))
    return [(names.of("lambda"), part) for part in lines]


def _express(used: Mapping[Use, float], duration_ms: Number | None, scale: Decimal) -> Part:
    """Return the line of what express workflows cost for running: steps of 100 ms, at the price of the first tier."""
    what = "express milliseconds" if duration_ms is None else "express executions"
    each = 1 if duration_ms is None else math.ceil(duration_ms / 100) * 100
    spent = Decimal(0)
    for use, amount in used.items():
        if (use.service, use.what) == ("stepfunctions", what):
            spent += Decimal(str(amount)) * each * int(use.detail.split()[0]) / 1024 / 1000
    price = prices.EXPRESS_DURATION[0].usd
    return Part("duration, express", spent * scale, "GB-s", f"{price} USD per GB-s", spent * scale * price)


def _seconds(name: str, spent: Decimal, price: prices.Price) -> Part:
    return Part(name, spent, "GB-s", f"{price.usd:f} USD per GB-s", spent * price.usd)


def _part(rate: Rate, amount: Decimal) -> Part:
    per = "GB-s" if rate.unit == "GB-s" else rate.per
    return Part(
        rate.what, amount, rate.unit, f"{rate.price.usd:f} USD per {per}", amount * rate.price.usd / rate.units_a_price
    )


def _cells(part: Part) -> list[str]:
    unit = part.unit.removesuffix("s") if part.quantity == 1 and not part.unit.endswith("-s") else part.unit
    return [part.name, f"{quantity(part.quantity)} {unit}", part.each, usd(part.usd)]
