"""The bill: what all that was used since the cloud started would have cost on AWS, by service.

The data planes record what was used; here it is counted as AWS counts it and priced with ``prices.py``. On AWS a bill
is made each month, and the free tier is taken off each month: all use is taken for that of one month.

Not counted: what costs by the hour or month whether it is used or not (storage, provisioned capacity and concurrency,
caches, alarms, secrets), data transfer, open WebSocket connections, Lambda's polling of queues, the steps of 64 KB in
which large messages are billed. Not sourced: whether API Gateway charges for requests that it refuses; here they count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import cast

from helpers.dataplane.record import Use
from helpers.teaching import names, output, prices
from helpers.teaching.costs import Cost, Number, Part, quantity, usd
from helpers.teaching.prices import Architecture, Price
from helpers.teaching.pricing import compute_cost

_PER = {"million": 1_000_000, "thousand": 1000, "10,000": 10_000, "GB": 1}
_S3_WRITES = ("Put", "Copy", "Post", "List", "Create", "Upload", "Complete")
_UNPRICED = frozenset(
    {"cloudfront", "cloudwatch", "cognito-idp", "dax", "dynamodbstreams", "firehose", "kinesis", "kms", "scheduler"}
)
"""Services whose use costs something, for which ``prices.py`` has no price."""


@dataclass(frozen=True)
class _Rate:
    """A line of the bill: its service, what is counted in which unit, its price, and how much of it is free."""

    service: str
    what: str
    unit: str
    price: Price
    free: int = 0


_RATES = {
    "lambda": _Rate("lambda", "invocations", "requests", prices.REQUESTS, prices.FREE_REQUESTS),
    "REST requests": _Rate("apigateway", "REST APIs", "requests", prices.REST_REQUESTS),
    "HTTP requests": _Rate("apigateway", "HTTP APIs", "requests", prices.HTTP_REQUESTS),
    "WebSocket messages": _Rate("apigateway", "WebSocket APIs", "messages", prices.WEBSOCKET_MESSAGES),
    "write request units": _Rate("dynamodb", "writes, on demand", "request units", prices.WRITE_REQUESTS),
    "read request units": _Rate("dynamodb", "reads, on demand", "request units", prices.READ_REQUESTS),
    "s3 writes": _Rate("s3", "PUT, COPY, POST, LIST", "requests", prices.S3_WRITES),
    "s3 reads": _Rate("s3", "GET and all other", "requests", prices.S3_READS),
    "sqs": _Rate("sqs", "standard queues", "requests", prices.QUEUE_REQUESTS, prices.FREE_QUEUE_REQUESTS),
    "sqs fifo": _Rate("sqs", "FIFO queues", "requests", prices.FIFO_REQUESTS, prices.FREE_QUEUE_REQUESTS),
    "sns": _Rate("sns", "topics", "requests", prices.TOPIC_REQUESTS, prices.FREE_TOPIC_REQUESTS),
    "custom events": _Rate("events", "custom events", "events", prices.EVENTS),
    "state transitions": _Rate(
        "stepfunctions", "standard workflows", "transitions", prices.TRANSITIONS, prices.FREE_TRANSITIONS
    ),
    "express executions": _Rate("stepfunctions", "express workflows", "executions", prices.EXPRESS_REQUESTS),
    "secretsmanager": _Rate("secretsmanager", "secrets", "requests", prices.SECRET_REQUESTS),
    "traces recorded": _Rate("xray", "traces recorded", "traces", prices.TRACES, prices.FREE_TRACES),
    "bytes": _Rate("logs", "data taken in", "GB", prices.LOG_DATA, prices.FREE_LOG_GB),
}
"""The lines but those of Lambda's duration, in the order of the bill."""


@dataclass(frozen=True)
class Bill:
    """What use would have cost: its ``lines`` (a service's name and a part), and the services without a price here."""

    lines: tuple[tuple[str, Part], ...]
    unpriced: tuple[str, ...]
    words: str
    """The same as sentences, with what was assumed."""

    @property
    def cost(self) -> Cost:
        """Return all lines as one cost."""
        return Cost(tuple(part for _, part in self.lines))

    def table(self) -> str:
        """Return the bill as a Markdown table."""
        rows = [[service, *_cells(part)] for service, part in self.lines]
        rows += [[service, "used", "", "not priced here", ""] for service in self.unpriced]
        rows.append(["**Total**", "", "", "", f"**{usd(self.cost.total)}**"])
        return output.table(["Service", "What", "Quantity", "Price", "Cost"], rows, right=[2, 3, 4])


def bill(
    used: Mapping[Use, float], *, free_tier: bool = False, times: Number = 1, duration_ms: Number | None = 100
) -> Bill:
    """Return what the same use, ``times`` over in one month, would cost.

    Parameters
    ----------
    used:
        What a record says (``record.used()``).
    free_tier:
        Whether to take off what is free each month and does not expire.
    duration_ms:
        What each run of a function or an express workflow is taken to last, in milliseconds; None takes what was
        billed, and counts log data too.

    Raises
    ------
    ValueError
        A negative number.
    """
    if times < 0 or (duration_ms is not None and duration_ms < 0):
        raise ValueError(f"times is {times} and duration_ms is {duration_ms}: neither can be negative")
    scale, counted = Decimal(str(times)), _counted(used, duration_ms)
    left = {(rate.service, rate.free): Decimal(rate.free if free_tier else 0) for rate in _RATES.values()}
    free_seconds = prices.FREE_GB_SECONDS if free_tier else Decimal(0)
    lines: list[tuple[str, Part]] = []
    for name, rate in _RATES.items():
        if name in counted:
            amount = counted[name] * scale
            free = min(amount, left[rate.service, rate.free])
            left[rate.service, rate.free] -= free
            lines.append((names.of(rate.service), _part(rate, amount - free)))
        if name == "lambda":
            lines += _durations(_gb_seconds(used, duration_ms, scale), free_seconds)
        if name == "express executions" and name in counted:
            lines.append((names.of("stepfunctions"), _express(used, duration_ms, scale)))
    services = sorted({names.of(use.service) for use in used if use.service in _UNPRICED})
    over = f", {times:,} times over in a month" if times != 1 else ""
    lasts = "lasts as long as was billed" if duration_ms is None else f"is taken to last {duration_ms:g} ms"
    total = usd(Cost(tuple(part for _, part in lines)).total)
    words = (
        f"Everything since the start{over}: {total}, {'with' if free_tier else 'without'} the free tier. Each "
        f"run of a function or an express workflow {lasts}. Not counted is what costs by the hour or month (storage, "
        "provisioned capacity, caches, alarms), and data transfer."
    )
    return Bill(tuple(lines), tuple(services), words)


def _counted(used: Mapping[Use, float], duration_ms: Number | None) -> dict[str, Decimal]:
    """Return how much there is of each line; log data, which has durations in it, only if those are measured."""
    found: dict[str, Decimal] = {}
    for use, amount in used.items():
        name = _line_of(use)
        if name in _RATES and (name != "bytes" or duration_ms is None):
            units = Decimal(str(amount)) / (10**9 if name == "bytes" else 1)
            found[name] = found.get(name, Decimal(0)) + units
    return found


def _line_of(use: Use) -> str:
    """Return under which name ``_RATES`` has what was used; one that it has not for what costs nothing."""
    if use.service == "s3":
        kind = "writes" if use.what.startswith(_S3_WRITES) else "reads"
        return "free" if use.what.startswith("Delete") else f"s3 {kind}"
    if use.service in ("sqs", "sns", "secretsmanager"):
        return f"{use.service} {use.detail}".strip()
    return "lambda" if (use.service, use.what) == ("lambda", "invocations") else use.what


def _gb_seconds(used: Mapping[Use, float], duration_ms: Number | None, scale: Decimal) -> dict[Architecture, Decimal]:
    """Return for how many GB-seconds functions ran, by architecture."""
    what = "billed milliseconds" if duration_ms is None else "invocations"
    each = 1 if duration_ms is None else math.ceil(duration_ms)
    spent: dict[Architecture, Decimal] = {}
    for use, amount in used.items():
        if (use.service, use.what) == ("lambda", what):
            memory, _, name = use.detail.split()
            architecture = cast(Architecture, name)
            seconds = Decimal(str(amount)) * each * int(memory) / 1024 / 1000
            spent[architecture] = spent.get(architecture, Decimal(0)) + seconds * scale
    return spent


def _durations(spent: Mapping[Architecture, Decimal], free: Decimal) -> list[tuple[str, Part]]:
    """Return the lines of what functions cost for running; the free GB-seconds are those of all architectures."""
    lines = []
    for architecture, amount in sorted(spent.items(), reverse=True):
        unpaid = min(free, amount)
        free -= unpaid
        for part in compute_cost(amount - unpaid, architecture).parts:
            lines.append((names.of("lambda"), replace(part, name=f"duration, {architecture}")))
    return lines


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


def _part(rate: _Rate, amount: Decimal) -> Part:
    per = rate.price.unit.split()[0]
    return Part(rate.what, amount, rate.unit, f"{rate.price.usd} USD per {per}", amount * rate.price.usd / _PER[per])


def _cells(part: Part) -> list[str]:
    unit = part.unit.removesuffix("s") if part.quantity == 1 and not part.unit.endswith("-s") else part.unit
    return [part.name, f"{quantity(part.quantity)} {unit}", part.each, usd(part.usd)]
