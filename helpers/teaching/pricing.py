"""What it would cost on AWS: Lambda, APIs, DynamoDB tables, workflows and, to compare, a server on EC2.

Exact decimal arithmetic on the prices of ``prices.py`` (USD, us-east-1). A result prints as a table and has its parts
as numbers::

    cost = pricing.lambda_cost(requests=3_000_000, duration_ms=120, memory_mb=512)
    cost.total, cost["requests"], cost["compute"]

Source: https://aws.amazon.com/lambda/pricing/
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

from helpers.teaching import prices
from helpers.teaching.costs import Cost, Number, Part
from helpers.teaching.costs import usd as usd
from helpers.teaching.prices import Architecture

_MB_PER_GB = 1024
_FREE_STORAGE_MB = 512
_PROVISIONED_STEP = 300


def lambda_cost(
    requests: int,
    duration_ms: Number,
    memory_mb: int = 128,
    *,
    architecture: Architecture = "x86_64",
    free_tier: bool = False,
    storage_mb: int = _FREE_STORAGE_MB,
    cold_starts: int = 0,
    init_ms: Number = 0,
    provisioned: int = 0,
    provisioned_hours: Number = 0,
) -> Cost:
    """Return what a month of one function costs.

    Parameters
    ----------
    requests:
        Invocations in the month, failed ones included.
    duration_ms:
        Mean duration in milliseconds, 0 to 900,000; each one is billed up to the next whole millisecond.
    memory_mb, storage_mb:
        The function's memory (128 to 10,240 MB) and ``/tmp`` (512 to 10,240 MB, the first 512 free).
    architecture:
        ``x86_64`` or ``arm64``.
    free_tier:
        Whether to take off the monthly free tier; it covers neither ``/tmp`` nor provisioned concurrency.
    cold_starts, init_ms:
        How many of the requests began with Init, and its mean duration in milliseconds: billed since 1 August 2025.
    provisioned, provisioned_hours:
        Environments kept ready, and for how many hours; all requests are then taken to run on them.

    Raises
    ------
    ValueError
        A number is out of range; the message gives the range.
    """
    _check("requests", requests)
    _check("duration_ms", duration_ms, 0, 900_000)
    _check("memory_mb", memory_mb, 128, 10_240)
    _check("storage_mb", storage_mb, _FREE_STORAGE_MB, 10_240)
    _check("cold_starts", cold_starts, 0, requests)
    for name, value in (("init_ms", init_ms), ("provisioned", provisioned), ("provisioned_hours", provisioned_hours)):
        _check(name, value)
    if architecture not in prices.COMPUTE:
        raise ValueError(f"architecture is {architecture!r}: use 'x86_64' or 'arm64'")
    free = free_tier and not provisioned
    seconds = _billed_seconds(requests, _decimal(duration_ms), cold_starts, _decimal(init_ms))
    gb_seconds = seconds * memory_mb / _MB_PER_GB
    parts = [_requests(requests, free)]
    if provisioned:
        held = _rounded_up(_decimal(provisioned_hours) * 3600, _PROVISIONED_STEP) * provisioned
        parts += _provisioned(gb_seconds, held * memory_mb / _MB_PER_GB, architecture)
    else:
        parts += _compute(gb_seconds, architecture, free)
    if storage_mb > _FREE_STORAGE_MB:
        amount = seconds * (storage_mb - _FREE_STORAGE_MB) / _MB_PER_GB
        parts.append(_part("storage", amount, "GB-s", prices.STORAGE.usd))
    return Cost(tuple(parts))


def server_cost(
    instance: str = "t3.medium",
    hours: Number = prices.HOURS_A_MONTH,
    *,
    servers: int = 1,
    disk_gb: int = 8,
    load_balancer: bool = False,
) -> Cost:
    """Return what EC2 servers cost that run for ``hours`` (730 are a month), busy or idle.

    Parameters
    ----------
    instance:
        ``t3.small`` (2 GB of memory), ``t3.medium`` (4 GB) or ``t3.large`` (8 GB); Linux, on demand.
    servers, disk_gb:
        How many, and the size of each one's gp3 disk in GB.
    load_balancer:
        Whether an Application Load Balancer stands before them (its hours; not its capacity units).

    Raises
    ------
    ValueError
        An instance without a price here, or a negative number.
    """
    if instance not in prices.INSTANCES:
        raise ValueError(f"there is no price for {instance!r} here: use one of {', '.join(prices.INSTANCES)}")
    for name, value in (("hours", hours), ("servers", servers), ("disk_gb", disk_gb)):
        _check(name, value)
    time = _decimal(hours)
    parts = [_part("servers", time * servers, f"h of {instance}", prices.INSTANCES[instance].usd)]
    if disk_gb:
        parts.append(_part("disk", disk_gb * servers * time / prices.HOURS_A_MONTH, "GB-months", prices.DISK.usd))
    if load_balancer:
        parts.append(_part("load balancer", time, "h", prices.LOAD_BALANCER.usd))
    return Cost(tuple(parts))


def api_cost(requests: int, *, cache_hours: Number = 0, cache_gb: str = "0.5") -> Cost:
    """Return what a month of a REST API costs, without what is behind it and without data transfer.

    Parameters
    ----------
    requests:
        Requests in the month, at most 333 million (further ones have another price). A hit in the cache counts too.
    cache_hours, cache_gb:
        For how many hours a stage has a cache, and its size in GB: ``0.5`` or ``237``, the smallest and the largest.

    Raises
    ------
    ValueError
        A number is out of range, or a size without a price here.
    """
    _check("requests", requests, 0, prices.REST_FIRST_TIER)
    _check("cache_hours", cache_hours)
    if cache_gb not in prices.API_CACHE:
        raise ValueError(f"there is no price for a cache of {cache_gb} GB here: use {' or '.join(prices.API_CACHE)}")
    each = prices.REST_REQUESTS.usd
    parts = [Part("API", Decimal(requests), "requests", f"{each} USD per million", requests * each / 1_000_000)]
    if cache_hours:
        parts.append(_part("cache", _decimal(cache_hours), f"h of {cache_gb} GB", prices.API_CACHE[cache_gb].usd))
    return Cost(tuple(parts))


def http_api_cost(requests: int) -> Cost:
    """Return what a month of an HTTP API costs, without what is behind it; requests at most 300 million."""
    _check("requests", requests, 0, prices.HTTP_FIRST_TIER)
    return Cost((_per_million("API", requests, "requests", prices.HTTP_REQUESTS.usd),))


def websocket_cost(messages: int, connection_minutes: Number) -> Cost:
    """Return what a month of a WebSocket API costs, without what is behind it.

    Parameters
    ----------
    messages:
        Messages from clients and to clients, each of at most 32 KB.
    connection_minutes:
        How many minutes all connections together were open.

    Raises
    ------
    ValueError
        A negative number.
    """
    _check("messages", messages)
    _check("connection_minutes", connection_minutes)
    minutes = _per_million("connections", connection_minutes, "minutes", prices.CONNECTION_MINUTES.usd)
    return Cost((_per_million("messages", messages, "messages", prices.WEBSOCKET_MESSAGES.usd), minutes))


def _per_million(name: str, quantity: Number, unit: str, each: Decimal) -> Part:
    return Part(name, _decimal(quantity), unit, f"{each} USD per million", _decimal(quantity) * each / 1_000_000)


def on_demand_table(writes: Number, reads: Number) -> Cost:
    """Return what the requests of a DynamoDB table in on-demand mode cost, without storage.

    Parameters
    ----------
    writes, reads:
        Write and read request units in the month: the same steps of 1 KB and 4 KB as capacity units.

    Raises
    ------
    ValueError
        A negative number.
    """
    parts = []
    for name, units, price in (("writes", writes, prices.WRITE_REQUESTS), ("reads", reads, prices.READ_REQUESTS)):
        _check(name, units)
        each = f"{price.usd} USD per million"
        parts.append(Part(name, _decimal(units), "request units", each, _decimal(units) * price.usd / 1_000_000))
    return Cost(tuple(parts))


def provisioned_table(write_units: Number, read_units: Number, hours: Number = prices.HOURS_A_MONTH) -> Cost:
    """Return what a DynamoDB table in provisioned mode costs, used or not, without storage.

    Parameters
    ----------
    write_units, read_units:
        Provisioned units a second; with auto scaling, their mean over ``hours``.
    hours:
        For how many hours they are provisioned; 730 are a month.

    Raises
    ------
    ValueError
        A negative number.
    """
    parts = []
    for name, units, price in (
        ("writes", write_units, prices.WRITE_CAPACITY),
        ("reads", read_units, prices.READ_CAPACITY),
    ):
        _check(f"{name[:-1]}_units", units)
        _check("hours", hours)
        parts.append(_part(name, _decimal(units) * _decimal(hours), "unit-hours", price.usd))
    return Cost(tuple(parts))


def workflow_cost(transitions: int) -> Cost:
    """Return what the state transitions of standard workflows cost, retries included, without the tasks' own cost.

    Raises
    ------
    ValueError
        A negative number.
    """
    _check("transitions", transitions)
    each, quantity = prices.TRANSITIONS.usd, _decimal(transitions)
    return Cost((Part("workflow", quantity, "transitions", f"{each} USD per thousand", quantity * each / 1000),))


def express_cost(executions: int, duration_ms: Number, memory_mb: Number = 50) -> Cost:
    """Return what executions of express workflows cost in a month, without the tasks' own cost.

    Parameters
    ----------
    executions:
        How many.
    duration_ms:
        Mean duration in milliseconds, at most 300,000; each one is billed up to the next 100 ms.
    memory_mb:
        50 MB + the definition + the data, the latter once for each step of Map and Parallel; billed in chunks of 64 MB.

    Raises
    ------
    ValueError
        A number is out of range.
    """
    _check("executions", executions)
    _check("duration_ms", duration_ms, 0, 300_000)
    _check("memory_mb", memory_mb, 50)
    gb = _rounded_up(_decimal(memory_mb), 64) / _MB_PER_GB
    seconds = _rounded_up(_decimal(duration_ms), 100) / 1000 * executions
    requests = _per_million("executions", executions, "executions", prices.EXPRESS_REQUESTS.usd)
    return Cost((requests, *_in_tiers("duration", gb * seconds, prices.EXPRESS_DURATION)))


def compute_cost(gb_seconds: Decimal, architecture: Architecture = "x86_64") -> Cost:
    """Return what a month's duration of all functions of an architecture costs, in the tiers of the price list."""
    return Cost(tuple(_compute(gb_seconds, architecture, free=False)))


def break_even(
    budget: Number, duration_ms: Number, memory_mb: int = 128, *, architecture: Architecture = "x86_64",
    free_tier: bool = False,
) -> int:  # fmt: skip
    """Return the most requests in a month for which a function costs no more than ``budget`` USD.

    ``budget`` is, for example, ``server_cost().total``; the other parameters are those of ``lambda_cost``.
    """
    _check("budget", budget)
    limit = _decimal(budget)

    def affordable(requests: int) -> bool:
        cost = lambda_cost(requests, duration_ms, memory_mb, architecture=architecture, free_tier=free_tier)
        return cost.total <= limit

    low, high = 0, 1
    while affordable(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if affordable(middle) else (low, middle)
    return low


def _requests(requests: int, free: bool) -> Part:
    paid = Decimal(max(0, requests - prices.FREE_REQUESTS) if free else requests)
    each = f"{prices.REQUESTS.usd} USD per million"
    return Part("requests", paid, "requests", each, paid * prices.REQUESTS.usd / 1_000_000)


def _compute(gb_seconds: Decimal, architecture: Architecture, free: bool) -> list[Part]:
    paid = max(Decimal(0), gb_seconds - prices.FREE_GB_SECONDS) if free else gb_seconds
    return _in_tiers("compute", paid, prices.COMPUTE[architecture])


def _in_tiers(name: str, gb_seconds: Decimal, tiers: tuple[prices.Tier, ...]) -> list[Part]:
    """Return one part for each price tier that the month reaches."""
    borders = [Decimal(0), *(tier.up_to if tier.up_to is not None else gb_seconds for tier in tiers)]
    parts: list[Part] = []
    for (start, end), tier in zip(pairwise(borders), tiers, strict=True):
        amount = max(Decimal(0), min(gb_seconds, end) - start)
        if amount or not parts:
            parts.append(_part(name, amount, "GB-s", tier.usd))
    return parts


def _provisioned(running: Decimal, held: Decimal, architecture: Architecture) -> list[Part]:
    return [
        _part("compute", running, "GB-s run", prices.PROVISIONED_RUNNING[architecture].usd),
        _part("provisioned", held, "GB-s ready", prices.PROVISIONED_IDLE[architecture].usd),
    ]


def _part(name: str, quantity: Decimal, unit: str, each: Decimal) -> Part:
    return Part(
        name,
        quantity,
        unit,
        f"{each:f} USD per {unit.split(' ')[0].replace('months', 'month').replace('hours', 'hour')}",
        quantity * each,
    )


def _billed_seconds(requests: int, duration_ms: Decimal, cold_starts: int, init_ms: Decimal) -> Decimal:
    warm = _rounded_up(duration_ms, 1) * (requests - cold_starts)
    return (warm + _rounded_up(duration_ms + init_ms, 1) * cold_starts) / 1000


def _rounded_up(value: Decimal, step: int) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


def _decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _check(name: str, value: Number, least: int = 0, most: int | None = None) -> None:
    fits = value >= least and (most is None or value <= most)
    if not fits:
        allowed = f"{least:,} or more" if most is None else f"{least:,} to {most:,}"
        raise ValueError(f"{name} is {value}: it must be {allowed}")
