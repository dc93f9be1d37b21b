"""Prices: the arithmetic of Lambda's bill, against a plain restatement and published sums."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.teaching import load, prices
from helpers.teaching.prices import Architecture
from helpers.teaching.pricing import (
    api_cost,
    break_even,
    express_cost,
    http_api_cost,
    lambda_cost,
    on_demand_table,
    provisioned_table,
    server_cost,
    usd,
    websocket_cost,
    workflow_cost,
)

REQUESTS = st.integers(0, 10**12)
DURATIONS = st.integers(0, 900_000)
MEMORY = st.integers(128, 10_240)
ARCHITECTURES = st.sampled_from(["x86_64", "arm64"])
BILLION = 10**9


def restated(requests: int, ms: int, mb: int, architecture: str, free: bool) -> Fraction:
    """The price page in other words: walk through the tiers from the cheapest down."""
    gb_seconds = Fraction(requests * ms * mb, 1000 * 1024)
    if free:
        gb_seconds = max(Fraction(0), gb_seconds - 400_000)
        requests = max(0, requests - 1_000_000)
    table = {
        "x86_64": [(15, "0.0000133334"), (6, "0.0000150000"), (0, "0.0000166667")],
        "arm64": [(Fraction(75, 4), "0.0000106667"), (Fraction(15, 2), "0.0000120001"), (0, "0.0000133334")],
    }
    total = Fraction(requests, 10**6) * Fraction("0.20")
    for billions, price in table[architecture]:
        above = max(Fraction(0), gb_seconds - billions * BILLION)
        total += above * Fraction(price)
        gb_seconds -= above
    return total


@settings(max_examples=200, deadline=None)
@given(REQUESTS, DURATIONS, MEMORY, ARCHITECTURES, st.booleans())
def test_equals_a_plain_restatement(requests: int, ms: int, mb: int, architecture: Architecture, free: bool) -> None:
    cost = lambda_cost(requests, ms, mb, architecture=architecture, free_tier=free)
    expected = restated(requests, ms, mb, architecture, free)
    assert math.isclose(cost.total, expected, rel_tol=1e-20)
    assert cost.total >= 0
    assert cost.total == cost["requests"] + cost["compute"]


@settings(max_examples=100, deadline=None)
@given(REQUESTS, DURATIONS, MEMORY, ARCHITECTURES, st.booleans(), st.sampled_from(["requests", "ms", "mb"]))
def test_more_never_costs_less(
    requests: int, ms: int, mb: int, architecture: Architecture, free: bool, what: str
) -> None:
    more = {"requests": (requests + 1, ms, mb), "ms": (requests, min(ms + 1, 900_000), mb), "mb": (requests, ms, min(mb + 1, 10_240))}[what]  # fmt: skip # noqa: E501
    options = {"architecture": architecture, "free_tier": free}
    assert lambda_cost(*more, **options).total >= lambda_cost(requests, ms, mb, **options).total  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(REQUESTS, DURATIONS, MEMORY, st.integers(512, 10_240))
def test_the_free_tier_takes_off_and_never_gives(requests: int, ms: int, mb: int, storage: int) -> None:
    paid = lambda_cost(requests, ms, mb, storage_mb=storage)
    free = lambda_cost(requests, ms, mb, storage_mb=storage, free_tier=True)
    assert all(part.usd >= 0 for part in free.parts)
    most = Decimal("0.20") + 400_000 * Decimal("0.0000166667")
    assert 0 <= paid.total - free.total <= most
    assert free["storage"] == paid["storage"]


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_tiers_are_continuous_at_their_borders(architecture: Architecture) -> None:
    for tier in prices.COMPUTE[architecture]:
        if tier.up_to is None:
            continue
        border = int(tier.up_to)  # 1 request of 1 s at 1,024 MB is 1 GB-second
        below, at, above = (lambda_cost(border + step, 1000, 1024, architecture=architecture)["compute"] for step in (-1, 0, 1))  # fmt: skip # noqa: E501
        assert at - below == tier.usd
        assert 0 < above - at < tier.usd


@pytest.mark.parametrize(
    ("architecture", "billions", "published"),
    [
        ("x86_64", "6", "100000.20"), ("x86_64", "15", "235000.20"), ("x86_64", "30", "435001.20"),
        ("arm64", "7.5", "100000.50"), ("arm64", "18.75", "235001.63"), ("arm64", "37.5", "435002.26"),
    ],
)  # fmt: skip
def test_published_sums(architecture: Architecture, billions: str, published: str) -> None:
    """Sums of infracost's lambda_function_test.golden, which asks AWS's price list (it rounds each tier to cents)."""
    cost = lambda_cost(int(Decimal(billions) * BILLION), 1000, 1024, architecture=architecture)
    assert abs(cost["compute"] - Decimal(published)) <= Decimal("0.01")


def test_the_example_of_the_price_page() -> None:
    cost = lambda_cost(3_000_000, 120, 1536)
    assert cost["requests"] == Decimal("0.60")
    assert cost["compute"] == Decimal(540_000) * Decimal("0.0000166667")


def test_durations_are_billed_up_to_a_whole_millisecond() -> None:
    assert lambda_cost(1000, 2.01).total == lambda_cost(1000, 3).total


def test_init_is_billed_with_the_duration() -> None:
    """AWS's own example: Duration 3000.00 ms and Init 402.04 ms are billed as 3403 ms."""
    cost = lambda_cost(1, 3000.00, 1024, cold_starts=1, init_ms=402.04)
    assert cost.parts[1].quantity == Decimal("3.403")
    one_of_ten = lambda_cost(10, 100, 1024, cold_starts=1, init_ms=200)
    assert one_of_ten.parts[1].quantity == Decimal("1.2")


def test_storage_above_512_mb_costs() -> None:
    cost = lambda_cost(1_000_000, 1000, 1024, storage_mb=1536)
    assert cost["storage"] == Decimal(1_000_000) * Decimal("0.0000000309")
    assert lambda_cost(1_000_000, 1000, 1024)["storage"] == 0


def test_provisioned_concurrency() -> None:
    cost = lambda_cost(1000, 100, 1024, provisioned=2, provisioned_hours=1.01, free_tier=True)
    assert cost["provisioned"] == 2 * Decimal(3900) * Decimal("0.0000041667")  # 61 minutes are billed as 65
    assert cost["compute"] == 100 * Decimal("0.0000097222")
    assert cost["requests"] == Decimal("0.0002")  # no free tier for such a function
    arm = lambda_cost(1000, 100, 1024, provisioned=2, provisioned_hours=1, architecture="arm64")
    assert arm["provisioned"] == 7200 * Decimal("0.0000033334")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"requests": -1}, "requests is -1: it must be 0 or more"),
        ({"duration_ms": 900_001}, "duration_ms is 900001: it must be 0 to 900,000"),
        ({"duration_ms": float("nan")}, "duration_ms is nan"),
        ({"memory_mb": 127}, "128 to 10,240"),
        ({"storage_mb": 511}, "512 to 10,240"),
        ({"cold_starts": 11}, "cold_starts is 11: it must be 0 to 10"),
        ({"provisioned_hours": -1}, "provisioned_hours"),
        ({"architecture": "arm"}, "use 'x86_64' or 'arm64'"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, object], words: str) -> None:
    given_arguments: dict[str, object] = {"requests": 10, "duration_ms": 100} | arguments
    with pytest.raises(ValueError, match=words):
        lambda_cost(**given_arguments)  # type: ignore[arg-type]


def test_a_server_costs_whether_busy_or_idle() -> None:
    month = server_cost("t3.medium", load_balancer=True)
    assert round(month["servers"], 2) == Decimal("30.37")
    assert month["disk"] == Decimal("0.64")
    assert abs(month["load balancer"] - Decimal("16.42")) < Decimal("0.01")
    assert server_cost("t3.large", 1460, disk_gb=0).total.quantize(Decimal("0.01")) == Decimal("121.47")
    assert server_cost(hours=365, servers=2).total == server_cost(hours=730).total
    with pytest.raises(ValueError, match=r"no price for 'm9\.huge' here: use one of t3\.small"):
        server_cost("m9.huge")
    with pytest.raises(ValueError, match="hours is -1"):
        server_cost(hours=-1)


def test_an_api_costs_by_request_and_its_cache_by_the_hour() -> None:
    """Sums of infracost's api_gateway_rest_api_test.golden and api_gateway_stage_test.golden."""
    assert api_cost(333_000_000)["API"] == Decimal("1165.50")
    month = api_cost(1_000_000, cache_hours=730)
    assert (month["API"], month["cache"], month.total) == (Decimal("3.50"), Decimal("14.60"), Decimal("18.10"))
    assert api_cost(0, cache_hours=730, cache_gb="237").total == Decimal("2774.00")
    assert "730 h of 0.5 GB  0.02 USD per h" in str(month)
    with pytest.raises(ValueError, match="0 to 333,000,000"):
        api_cost(333_000_001)
    with pytest.raises(ValueError, match=r"no price for a cache of 7 GB here: use 0\.5 or 237"):
        api_cost(1, cache_hours=1, cache_gb="7")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60_000), MEMORY, st.booleans())
def test_break_even_is_the_last_affordable_request(budget: int, ms: int, mb: int, free: bool) -> None:
    most = break_even(budget, ms, mb, free_tier=free)
    assert (
        lambda_cost(most, ms, mb, free_tier=free).total <= budget < lambda_cost(most + 1, ms, mb, free_tier=free).total
    )


def test_a_cost_prints_as_a_table_in_usd() -> None:
    assert str(lambda_cost(3_000_000, 120, 512)) == (
        "Part                Quantity  Price                          Cost\n"
        "requests  3,000,000 requests  0.20 USD per million       0.60 USD\n"
        "compute         180,000 GB-s  0.0000166667 USD per GB-s  3.00 USD\n"
        "total                                                    3.60 USD"
    )
    assert "$" not in repr(lambda_cost(1, 1) + server_cost())


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00 USD"), (0.2, "0.20 USD"), (12.4, "12.40 USD"), (1234.5, "1,234.50 USD"),
        (0.05, "0.0500 USD"), (0.0000166667, "0.0000167 USD"),
    ],
)  # fmt: skip
def test_amounts(amount: float, text: str) -> None:
    assert usd(amount) == text


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**8), st.sampled_from(["flat", "office", "spike"]))
def test_a_day_adds_up(requests: int, shape: load.Shape) -> None:
    minutes = load.day(requests, shape)
    assert len(minutes) == 1440
    assert sum(minutes) == requests
    assert min(minutes) >= 0


def test_shapes_differ_in_the_servers_they_take() -> None:
    needed = [load.servers_needed(load.day(864_000, shape), 10) for shape in ("flat", "office", "spike")]
    assert needed == [1, 4, 33]
    assert load.servers_needed([], 1) == 1


def test_bad_loads_are_refused() -> None:
    with pytest.raises(ValueError, match="use one of flat, office, spike"):
        load.day(10, "wave")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 or more"):
        load.day(-1)
    with pytest.raises(ValueError, match="more than 0"):
        load.servers_needed([1], 0)


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_an_on_demand_table_costs_its_requests(writes: int, reads: int) -> None:
    expected = Fraction(writes * 625 + reads * 125, 1000 * 10**6)
    assert Fraction(on_demand_table(writes, reads).total) == expected


@given(st.integers(0, 40_000), st.integers(0, 40_000), st.integers(0, 744))
def test_a_provisioned_table_costs_its_units_used_or_not(writes: int, reads: int, hours: int) -> None:
    cost = provisioned_table(writes, reads, hours)
    assert Fraction(cost.total) == Fraction((writes * 65 + reads * 13) * hours, 100_000)
    assert cost["writes"] + cost["reads"] == cost.total


def test_both_modes_of_a_table_cost_the_same_at_29_percent_of_use() -> None:
    month = 730 * 3600
    for units in ((100, 0), (0, 100), (20, 80)):
        writes, reads = units
        share = provisioned_table(writes, reads).total / on_demand_table(writes * month, reads * month).total
        assert round(share, 4) == Decimal("0.2889")


def test_a_table_has_no_negative_units() -> None:
    with pytest.raises(ValueError, match="writes is -1"):
        on_demand_table(-1, 0)
    with pytest.raises(ValueError, match="read_units is -1"):
        provisioned_table(0, -1)


def test_http_and_websocket_apis() -> None:
    assert http_api_cost(28_800_000).total == Decimal("28.80")
    chat = websocket_cost(messages=1_500_000, connection_minutes=2_000_000)
    assert (chat["messages"], chat["connections"], chat.total) == (Decimal("1.50"), Decimal("0.50"), Decimal("2.00"))
    with pytest.raises(ValueError, match="300,000,000"):
        http_api_cost(300_000_001)
    with pytest.raises(ValueError, match="0 or more"):
        websocket_cost(-1, 0)


def test_a_workflow_costs_its_transitions() -> None:
    assert workflow_cost(6_000_000).total == Decimal("150.00")
    with pytest.raises(ValueError, match="transitions is -1"):
        workflow_cost(-1)


@pytest.mark.parametrize(
    ("executions", "milliseconds", "memory", "duration"),
    [
        (100_000_000, 17_100, 50, "585.23"),  # 29,687.5 GB-hours, as infracost's reference has them
        (10_000_000, 6_400, 64, "63.34"),  # 1,111.1 GB-hours
        (1_000_000, 100, 50, "0.10"),
        (1_000_000, 101, 65, "0.42"),
    ],
)
def test_an_express_workflow_costs_its_executions_and_its_time(
    executions: int, milliseconds: int, memory: int, duration: str
) -> None:
    cost = express_cost(executions, milliseconds, memory)
    assert cost["executions"] == Decimal(executions) / 1_000_000
    assert f"{cost['duration']:.2f}" == duration


def test_an_express_workflow_ends_after_five_minutes() -> None:
    assert express_cost(0, 300_000).total == 0
    with pytest.raises(ValueError, match="0 to 300,000"):
        express_cost(1, 300_001)
    with pytest.raises(ValueError, match="50 or more"):
        express_cost(1, 1, 49)
