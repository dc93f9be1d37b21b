"""The texts of the Lambda service: lines as AWS wrote them in 2026, error payloads, what is billed."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda import report

TRACE = "Root=1-6ac7d554-62c6be2f6c1bd8032dac9acf;Parent=854892f93105b5ae;Sampled=1"


def test_report_of_a_cold_traced_invocation() -> None:
    assert report.report("r", 2.37, 1024, 95, 423.98, trace_header=TRACE) == (
        "REPORT RequestId: r\tDuration: 2.37 ms\tBilled Duration: 427 ms\t"
        "Memory Size: 1024 MB\tMax Memory Used: 95 MB\tInit Duration: 423.98 ms\t\n"
        "XRAY TraceId: 1-6ac7d554-62c6be2f6c1bd8032dac9acf\tSegmentId: 854892f93105b5ae\tSampled: true\t\n"
    )


def test_report_of_a_warm_invocation() -> None:
    assert report.report("r", 2.9, 128, 36, trace_header=TRACE.replace("Sampled=1", "Sampled=0")) == (
        "REPORT RequestId: r\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n"
    )


def test_report_of_a_timeout_bills_init_and_timeout() -> None:
    line = report.report("r", 3000, 128, 36, 402.04, "timeout", report.TIMED_OUT)
    assert line.endswith("Max Memory Used: 36 MB\tInit Duration: 402.04 ms\tStatus: timeout\n")
    assert "\tBilled Duration: 3403 ms\t" in line


@pytest.mark.parametrize(
    ("error_type", "shown"),
    [
        ("Runtime.OutOfMemory", "Runtime.OutOfMemory"),
        ("Function.Broken", "Function.Broken"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
def test_only_lambdas_own_error_types_are_named(error_type: str, shown: str) -> None:
    expected = f"INIT_REPORT Init Duration: 137.69 ms\tPhase: init\tStatus: error\tError Type: {shown}\n"
    assert report.init_report(137.69, "init", "error", error_type) == expected


@given(st.floats(0, 1e6), st.none() | st.floats(0, 1e4))
def test_billed_is_what_the_line_shows_rounded_up(duration_ms: float, init_ms: float | None) -> None:
    billed = report.billed_ms(duration_ms, init_ms)
    shown = float(f"{duration_ms:.2f}") + float(f"{init_ms or 0:.2f}")
    assert billed - 1 < shown <= billed + 1e-6
    assert billed == math.ceil(billed)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (0, "Runtime exited without providing a reason"),
        (3, "Runtime exited with error: exit status 3"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_exit_messages(status: int, message: str) -> None:
    assert report.exit_message(status) == message


def test_payloads() -> None:
    assert report.fault_payload("r", "Task timed out after 3.00 seconds", report.TIMED_OUT) == (
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r Error: Task timed out after 3.00 seconds"}'
    )
    assert json.loads(report.too_large_payload()) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


@pytest.mark.parametrize(
    ("runtime", "shown"),
    [("python3.13", "python:3.13.v"), ("nodejs22.x", "nodejs:22.v"), ("provided.al2023", "provided:al2023.v")],
)
def test_init_start_names_the_runtime(runtime: str, shown: str) -> None:
    line = report.init_start(runtime, "eu-west-1")
    assert line.startswith(f"INIT_START Runtime Version: {shown}")
    assert "\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:" in line


def test_timed_out_line() -> None:
    assert (
        report.timed_out_line(1783375200.25, "r", 3)
        == "2026-07-06T22:00:00.250Z r Task timed out after 3.00 seconds\n\n"
    )
