"""The drawing of a state machine, and of what an execution made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from helpers.teaching import executions, workflows

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


def test_an_error_that_no_event_names_is_caught_all_the_same() -> None:
    early = [event(1, "TaskStateEntered", 0, "Check"), event(2, "TaskFailed", 1, error="Busy")]
    history = [
        *early,
        event(3, "TaskSucceeded", 2),
        event(4, "TaskStateExited", 3, "Check"),
        event(5, "ParallelStateEntered", 4, "Both"),
        event(6, "FailStateEntered", 5, "Charge"),
        event(7, "ParallelStateFailed", 6),
        event(8, "ParallelStateExited", 7, "Both"),
    ]
    lines = workflows.text(SHOP, workflows.outcomes(history))
    assert lines[:3] == ["Check: succeeded", "Both: caught an error", "Charge: failed"]


def test_the_end_of_an_item_says_nothing_about_its_last_state() -> None:
    history = [
        event(1, "MapStateEntered", 0, "Both"),
        event(2, "FailStateEntered", 1, "Charge"),
        event(3, "MapIterationFailed", 2),
        event(4, "MapStateFailed", 3),
    ]
    assert workflows.text(SHOP, workflows.outcomes(history))[1:3] == ["Both: failed an error", "Charge: failed"]
    assert [bar.outcome for bar in executions.bars(timed(history))] == ["failed", "failed"]


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


BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def timed(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a history in which each event comes a second after the one before."""
    return [{**each, "timestamp": BEGAN + timedelta(seconds=each["id"] - 1)} for each in history]


def test_durations_are_told_only_when_asked_for() -> None:
    history = timed(HISTORY)
    assert workflows.text(SHOP, workflows.outcomes(history)) == workflows.text(SHOP, workflows.outcomes(HISTORY))
    assert workflows.text(SHOP, workflows.outcomes(history, times=True))[:3] == [
        "Check: succeeded, 1.0 s",
        "Both: caught Declined, 9.0 s",
        "Charge: failed Declined, 1 retry",
    ]


def test_each_attempt_is_a_bar_and_a_state_without_attempts_is_one() -> None:
    found = [(bar.state, bar.began, bar.ended, bar.outcome) for bar in executions.bars(timed(HISTORY))]
    assert found == [
        ("Check", 1, 2, "succeeded"),
        ("Both", 3, 11, "failed"),
        ("Charge", 7, 8, "failed"),
        ("Charge", 9, 10, "failed"),
        ("Pack", 6, 14, "not over"),
        ("Sorry", 13, 14, "failed"),
    ]


def test_two_visits_of_one_state_are_kept_apart() -> None:
    history = [
        event(1, "ExecutionStarted", 0),
        event(2, "MapStateEntered", 0, "Each"),
        event(3, "MapStateStarted", 2),
        event(4, "TaskStateEntered", 3, "Work"),
        event(5, "TaskStateEntered", 3, "Work"),
        event(6, "TaskScheduled", 4),
        event(7, "TaskScheduled", 5),
        event(8, "TaskSucceeded", 6),
        event(9, "TaskFailed", 7, error="Bad"),
        event(10, "MapStateFailed", 9),
    ]
    found = [(bar.state, bar.began, bar.outcome) for bar in executions.bars(timed(history))]
    assert found == [("Each", 1, "failed"), ("Work", 5, "succeeded"), ("Work", 6, "failed")]


def test_the_drawing_over_time_has_a_lane_for_each_state_that_ran() -> None:
    axes = executions.draw("Execution of shop", SHOP, timed(HISTORY[:10])).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Check", "Both", "Charge", "Pack"]
    assert axes.get_xlabel() == "Time since the start (s)"
    hatched = [bar for bar in axes.patches if bar.get_hatch() == "///"]
    assert len(hatched) == len(axes.collections) == 1
