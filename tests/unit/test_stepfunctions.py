"""Step Functions without a cloud: the schedule of retries, what errors match, what is wrong with a definition."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from helpers.dataplane.call import AWSError
from helpers.dataplane.stepfunctions import definition, errors, express, expressions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(),
    lambda inner: st.lists(inner, min_size=2, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def waits(retrier: dict[str, Any], failures: int) -> list[float]:
    """Return how long moto's Retry waits before each attempt, in seconds, when a task fails so often."""
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": True}
    text = json.dumps({"StartAt": "A", "States": {"A": {**task, "Retry": [retrier]}}})
    program: Any = AmazonStateLanguageParser.parse(text)[0]
    found, waited = program.states.states["A"].retry.retriers[0], []
    found.error_equals = SimpleNamespace(eval=lambda env: env.stack.append(True))
    real, retrier_decl.time = retrier_decl.time, SimpleNamespace(sleep=waited.append)
    try:
        env = SimpleNamespace(stack=[], heap={}, is_running=lambda: True)
        for _ in range(failures):
            found._eval_body(env)
    finally:
        retrier_decl.time = real
    return waited


@given(
    interval=st.integers(1, 100),
    attempts=st.integers(0, 6),
    rate=st.integers(10, 40),
    most=st.integers(1, 1000) | st.none(),
)
def test_a_retry_waits_as_the_formula_says(interval: int, attempts: int, rate: int, most: int | None) -> None:
    retrier = {"ErrorEquals": ["X"], "IntervalSeconds": interval, "MaxAttempts": attempts, "BackoffRate": rate / 10}
    if most is not None:
        retrier["MaxDelaySeconds"] = most
    wanted = [min(interval * (rate / 10) ** n, most or float("inf")) for n in range(attempts)]
    assert waits(retrier, attempts + 2) == pytest.approx(wanted)


def test_a_retry_that_says_nothing_waits_1_2_and_4_seconds() -> None:
    assert waits({"ErrorEquals": ["X"]}, 5) == [1, 2, 4]


def test_full_jitter_waits_a_part_of_the_interval() -> None:
    retrier = {
        "ErrorEquals": ["X"],
        "IntervalSeconds": 100,
        "JitterStrategy": "FULL",
        "MaxAttempts": 20,
        "BackoffRate": 1,
    }
    waited = waits(retrier, 20)
    assert len(set(waited)) > 10
    assert all(0 <= seconds <= 100 for seconds in waited)


@pytest.mark.parametrize(
    ("wanted", "error", "verdict"),
    [
        (["OutOfStock"], "OutOfStock", True),
        (["OutOfStock"], "outofstock", False),
        (["States.ALL"], "OutOfStock", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.TaskFailed"], "Lambda.TooManyRequestsException", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.Timeout"], "States.HeartbeatTimeout", True),
        (["States.HeartbeatTimeout"], "States.HeartbeatTimeout", True),
        (["States.HeartbeatTimeout"], "States.Timeout", False),
        (["States.TaskFailed"], "States.HeartbeatTimeout", False),
    ],
)
def test_which_errors_a_name_matches(wanted: list[str], error: str, verdict: bool) -> None:
    assert errors.matches(wanted, error) is verdict


def test_the_name_of_a_functions_error() -> None:
    assert errors.of_function('{"errorType": "OutOfStock"}') == "OutOfStock"
    assert errors.of_function('{"errorMessage": "?"}') == "Lambda.Unknown"
    assert errors.of_function('"?"') == "Lambda.Unknown"


def refusal(states: Any, start: str = "A") -> str:
    with pytest.raises(AWSError) as refused:
        definition.check(states if isinstance(states, str) else json.dumps({"StartAt": start, "States": states}))
    return refused.value.message


def test_findings_inside_branches_and_maps_have_their_place() -> None:
    inner = {"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"}}}
    found = "Missing 'Next' target: C at /States/A/Branches[0]/States/B/Next"
    assert found in refusal({"A": {"Type": "Parallel", "End": True, "Branches": [inner]}})
    found = "Missing 'Next' target: C at /States/A/ItemProcessor/States/B/Next"
    assert found in refusal({"A": {"Type": "Map", "End": True, "ItemProcessor": inner}})


def test_targets_of_choices_and_catches_are_checked() -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "X"}], "Default": "A"}
    assert "Missing 'Next' target: X at /States/A/Choices[0]/Next" in refusal({"A": choice})


def test_what_is_no_definition_is_refused() -> None:
    assert "INVALID_JSON_DESCRIPTION" in refusal("{")
    assert "INVALID_JSON_DESCRIPTION" in refusal("[]")
    assert "These fields are required: [States]" in refusal("{}")
    assert "Expected value of type Object at /States/A" in refusal({"A": 3})
    assert "SCHEMA_VALIDATION_FAILED" in refusal({"A": {"Type": "Tsak", "End": True}})


def test_findings_about_express_workflows_have_their_place() -> None:
    wait = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True}
    inner = {"StartAt": "B", "States": {"B": wait}}
    states = {"A": {"Type": "Map", "End": True, "ItemProcessor": inner}}
    text = json.dumps({"StartAt": "A", "States": states})
    with pytest.raises(AWSError, match=r"'\.waitForTaskToken' .* at /States/A/ItemProcessor/States/B/Resource"):
        definition.check(text, express=True)
    definition.check(text)


@given(milliseconds=st.integers(0, 300_000), payload=st.integers(0, 262_144), items=st.integers(0, 600))
def test_what_an_express_execution_is_billed(milliseconds: int, payload: int, items: int) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [began, *[began] * items, began + timedelta(milliseconds=milliseconds)]
    kinds = ["ExecutionStarted", *["MapIterationStarted"] * items, "ExecutionSucceeded"]
    events = [{"timestamp": at.isoformat(), "type": kind} for at, kind in zip(moments, kinds, strict=True)]
    done = SimpleNamespace(
        to_history_output=lambda: {"events": events}, state_machine=SimpleNamespace(definition="d" * 1_000_000),
        execution_input="x" * payload,
    )  # fmt: skip
    billed = express.bill(done)
    used = 50_000_000 + 1_000_000 + payload * max(1, items)
    memory, duration = billed["billedMemoryUsedInMB"], billed["billedDurationInMilliseconds"]
    assert memory % 64 == duration % 100 == 0
    assert (memory - 64) * 10**6 < used <= memory * 10**6
    assert duration == 100 if milliseconds == 0 else milliseconds <= duration < milliseconds + 100


@given(JSON)
def test_values_pass_through_jsonata_unchanged(value: Any) -> None:
    declared = expressions.declarations({"$x": {"inner": value}})
    assert expressions.evaluate(f"({declared}$x)") == {"inner": value}


def test_a_wrong_expression_is_an_error_of_the_query() -> None:
    for wrong in ("(", "$sum('a')", '$uuid:=function(){"Function $uuid is currently not supported"};$uuid()'):
        with pytest.raises(Exception, match=r"."):
            expressions.evaluate(wrong)
