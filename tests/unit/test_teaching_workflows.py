"""The drawing of a state machine, and of what an execution made of it."""

from __future__ import annotations

from typing import Any

from helpers.teaching import workflows

TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}
SHOP = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.total", "NumericGreaterThan": 100, "Next": "Both"}],
            "Default": "Sorry",
        },
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Charge", "States": {"Charge": {**TASK, "End": True}}},
                {"StartAt": "Pack", "States": {"Pack": {**TASK, "End": True}}},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}],
            "End": True,
        },
        "Sorry": {"Type": "Fail"},
    },
}


def event(number: int, kind: str, before: int, name: str = "", **details: str) -> dict[str, Any]:
    """Return an event of a history, as boto3 returns it."""
    entered = "Entered" if kind.endswith("Entered") else "Exited"
    named = {f"state{entered}EventDetails": {"name": name}} if name else {}
    other = {"taskFailedEventDetails": details} if details else {}
    return {"id": number, "type": kind, "previousEventId": before, **named, **other}


HISTORY = [
    event(1, "ExecutionStarted", 0),
    event(2, "ChoiceStateEntered", 0, "Check"),
    event(3, "ChoiceStateExited", 2, "Check"),
    event(4, "ParallelStateEntered", 3, "Both"),
    event(5, "ParallelStateStarted", 4),
    event(6, "TaskStateEntered", 5, "Charge"),
    event(7, "TaskStateEntered", 5, "Pack"),
    event(8, "TaskScheduled", 6),
    event(9, "TaskFailed", 8, error="Declined"),
    event(10, "TaskScheduled", 9),
    event(11, "TaskFailed", 10, error="Declined"),
    event(12, "ParallelStateFailed", 11),
    event(13, "ParallelStateExited", 12, "Both"),
    event(14, "FailStateEntered", 13, "Sorry"),
    event(15, "ExecutionFailed", 14),
]


def test_the_outcome_of_each_state() -> None:
    assert workflows.text(SHOP, workflows.outcomes(HISTORY)) == [
        "Check: succeeded",
        "Both: caught Declined",
        "Charge: failed Declined, 1 retry",
        "Pack: aborted",
        "Sorry: failed",
    ]


def test_a_state_that_works_at_the_second_attempt_has_succeeded() -> None:
    history = [*HISTORY[:10], event(11, "TaskSucceeded", 10), event(12, "TaskStateExited", 11, "Charge")]
    lines = workflows.text(SHOP, workflows.outcomes(history), ended=False)
    assert lines == [
        "Check: succeeded",
        "Both: running",
        "Charge: succeeded, 1 retry",
        "Pack: running",
        "Sorry: not reached",
    ]


def test_the_drawing_has_every_state_and_arrow() -> None:
    drawn = workflows.flowchart(SHOP)
    for part in ('s0{"Check<br/>Choice"}', 'subgraph s1["Both<br/>Parallel"]', 's0 -->|"otherwise"| s4', "s1 -.->"):
        assert part in drawn
    assert drawn.count("subgraph") == drawn.count("\n    end\n") == 1
    assert "NumericGreaterThan 100" in drawn


def test_outcomes_are_told_without_colour() -> None:
    drawn = workflows.flowchart(SHOP, workflows.outcomes(HISTORY))
    assert "✗ Charge<br/>failed Declined, 1 retry" in drawn
    assert "✓ Check" in drawn
    assert "fill" not in drawn


def test_conditions_in_short() -> None:
    rule = {"Variable": "$.a", "IsNull": True}
    assert workflows.condition({"Condition": "{% $states.input.a > 3 %}", "Next": "X"}) == "$states.input.a > 3"
    assert workflows.condition({"Not": rule}) == "not $.a IsNull True"
    assert workflows.condition({"And": [rule, {"Variable": "$.b", "StringEquals": "x"}]}) == (
        "$.a IsNull True and $.b StringEquals x"
    )
