"""The bill: the sums of the price functions, added up line by line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.dataplane import record as records
from helpers.dataplane.record import Record, Use
from helpers.teaching import pricing, show
from helpers.teaching.bill import bill

AMOUNTS = st.integers(0, 10**9)
KINDS = (
    Use("lambda", "invocations", "512 MB x86_64"), Use("lambda", "invocations", "1024 MB arm64"),
    Use("lambda", "billed milliseconds", "512 MB x86_64"), Use("apigateway", "REST requests"),
    Use("apigateway", "HTTP requests"), Use("apigateway", "WebSocket messages"), Use("dynamodb", "read request units"),
    Use("dynamodb", "write request units"), Use("s3", "PutObject"), Use("s3", "GetObject"), Use("s3", "DeleteObject"),
    Use("sqs", "SendMessage"), Use("sqs", "SendMessage", "fifo"), Use("sns", "Publish"), Use("events", "custom events"),
    Use("stepfunctions", "state transitions"), Use("secretsmanager", "GetSecretValue"), Use("xray", "traces recorded"),
    Use("logs", "bytes"), Use("lambda", "GetFunction"), Use("iam", "CreateRole"),
)  # fmt: skip
USED = st.dictionaries(st.sampled_from(KINDS), st.integers(0, 10**6))
"""So little that Lambda's duration stays in its first price tier."""
DURATIONS = st.sampled_from([None, 0, 1, 100, 2500])


@given(USED, USED, DURATIONS)
def test_bills_add_up(one: dict[Use, float], other: dict[Use, float], duration_ms: int | None) -> None:
    both = {use: one.get(use, 0) + other.get(use, 0) for use in {*one, *other}}
    totals = [bill(each, duration_ms=duration_ms).cost.total for each in (one, other, both)]
    assert totals[0] + totals[1] == pytest.approx(totals[2], rel=Decimal("1e-20"))


@given(USED, DURATIONS, st.integers(1, 100))
def test_a_bill_that_is_paid_many_times(used: dict[Use, float], duration_ms: int | None, times: int) -> None:
    many = bill(used, times=times, duration_ms=duration_ms).cost.total
    assert many == pytest.approx(times * bill(used, duration_ms=duration_ms).cost.total, rel=Decimal("1e-20"))


@settings(deadline=None)
@given(AMOUNTS, st.integers(1, 900_000), st.booleans())
def test_lambda_as_its_price_function(requests: int, duration_ms: int, free_tier: bool) -> None:
    used = {Use("lambda", "invocations", "512 MB arm64"): requests}
    expected = pricing.lambda_cost(requests, duration_ms, 512, architecture="arm64", free_tier=free_tier)
    assert bill(used, free_tier=free_tier, duration_ms=duration_ms).cost.total == pytest.approx(expected.total)


@given(st.integers(0, 3 * 10**8))
def test_others_as_their_price_functions(amount: int) -> None:
    for kind, expected in (
        (Use("apigateway", "REST requests"), pricing.api_cost(amount)),
        (Use("apigateway", "HTTP requests"), pricing.http_api_cost(amount)),
        (Use("apigateway", "WebSocket messages"), pricing.websocket_cost(amount, 0)),
        (Use("dynamodb", "write request units"), pricing.on_demand_table(amount, 0)),
        (Use("dynamodb", "read request units"), pricing.on_demand_table(0, amount)),
        (Use("stepfunctions", "state transitions"), pricing.workflow_cost(amount)),
    ):
        assert bill({kind: amount}).cost.total == expected.total


@given(USED)
def test_the_free_tier_never_costs(used: dict[Use, float]) -> None:
    with_it, without = bill(used, free_tier=True).cost.total, bill(used).cost.total
    assert 0 <= with_it <= without


def test_what_is_free_is_free_once() -> None:
    queues: dict[Use, float] = {Use("sqs", "SendMessage"): 600_000, Use("sqs", "SendMessage", "fifo"): 600_000}
    assert bill(queues, free_tier=True).cost.total == Decimal("0.10")
    functions: dict[Use, float] = {
        Use("lambda", "invocations", "1024 MB x86_64"): 300_000,
        Use("lambda", "invocations", "1024 MB arm64"): 300_000,
    }
    made = bill(functions, free_tier=True, duration_ms=1000)
    assert made.cost.total == 200_000 * Decimal("0.0000133334")


def test_measured_durations_and_the_log() -> None:
    used: dict[Use, float] = {
        Use("lambda", "invocations", "1024 MB x86_64"): 2,
        Use("lambda", "billed milliseconds", "1024 MB x86_64"): 1500,
        Use("logs", "bytes"): 2_000_000_000,
    }
    measured, taken = bill(used, duration_ms=None).cost, bill(used, duration_ms=100).cost
    assert measured["duration, x86_64"] == Decimal("1.5") * Decimal("0.0000166667")
    assert taken["duration, x86_64"] == Decimal("0.2") * Decimal("0.0000166667")
    assert (measured["data taken in"], taken["data taken in"]) == (1, 0)


@given(st.integers(0, 10**6), st.sampled_from([1, 100, 250, 1000]), st.sampled_from([64, 128]))
def test_express_as_its_price_function(executions: int, duration_ms: int, memory: int) -> None:
    used: dict[Use, float] = {Use("stepfunctions", "express executions", f"{memory} MB"): executions}
    expected = pricing.express_cost(executions, duration_ms, memory).total
    assert bill(used, duration_ms=duration_ms).cost.total == pytest.approx(expected)
    measured: dict[Use, float] = {**used, Use("stepfunctions", "express milliseconds", f"{memory} MB"): 300}
    expected = pricing.express_cost(executions, 0).total + pricing.express_cost(1, 300, memory)["duration"]
    assert bill(measured, duration_ms=None).cost.total == pytest.approx(expected)


def test_what_has_no_price_is_named() -> None:
    held = {Use("dax", "nodes", "dax.r5.large"): 730, Use("dax", "nodes", "dax.t3.small"): 730}
    made = bill({Use("firehose", "PutRecord"): 3, Use("sns", "Publish"): 1, Use("iam", "CreateRole"): 1}, held)
    why = "not priced here: no sourced price"
    assert made.unpriced == (("DAX", "nodes dax.r5.large", why), ("Firehose", "used", why))
    assert f"| Firehose | used |  | {why} |  |" in made.table()
    assert made.cost["nodes, dax.t3.small"] == Decimal("29.20")


def test_negative_numbers_are_refused() -> None:
    for wrong in ({"times": -1}, {"hours": -1}, {"duration_ms": -1}):
        with pytest.raises(ValueError, match="none can be negative"):
            bill({}, **wrong)


def test_the_record_goes_on_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_LONGEST", 10)
    record = Record()
    for number in range(100):
        record.add("call", "you", "sqs", "SendMessage", subject="q.fifo", request_id=str(number))
    record.add("call", "you", "sqs", "SendMessage", outcome="AccessDenied", request_id="no")
    record.add("call", "client", "apigateway", "GET /x", request_id="not an API call")
    record.add("invocation", "you", "function f", "throttled", subject="f", request_id="no")
    record.add("invocation", "you", "function f", "cold", subject="f", billed_ms=3, memory_mb=128, architecture="arm64")
    record.meter("dynamodb", "read request units", 0.5)
    record.meter("dynamodb", "read request units", 2)
    assert len(record.since()) <= 10
    assert record.used() == {
        Use("sqs", "SendMessage", "fifo"): 100,
        Use("lambda", "invocations", "128 MB arm64"): 1,
        Use("lambda", "billed milliseconds", "128 MB arm64"): 3,
        Use("dynamodb", "read request units"): 2.5,
    }


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    record = Record()
    record.add("invocation", "you", "function f", "cold", subject="f", billed_ms=7, memory_mb=512)
    record.meter("dynamodb", "write request units", 2)
    show.bill(record, times=1_000_000)
    assert capsys.readouterr().out.splitlines() == [
        "| Service | What | Quantity | Price | Cost |",
        "| --- | --- | ---: | ---: | ---: |",
        "| Lambda | invocations | 1,000,000 requests | 0.20 USD per million | 0.20 USD |",
        "| Lambda | duration, x86_64 | 50,000 GB-s | 0.0000166667 USD per GB-s | 0.83 USD |",
        "| DynamoDB | writes, on demand | 2,000,000 request units | 0.625 USD per million | 1.25 USD |",
        "| **Total** |  |  |  | **2.28 USD** |",
        "",
        "Everything since the start, 1,000,000 times over in a month: 2.28 USD, without the free tier. Each run of "
        "a function or an express workflow is taken to last 100 ms. What is kept or provisioned is not seen here, "
        "and not counted. Data of the logs are not counted.",
    ]
    show.bill(record)
    assert "| DynamoDB | writes, on demand | 2 request units | 0.625 USD per million | 0.00000125 USD |" in (
        capsys.readouterr().out
    )
