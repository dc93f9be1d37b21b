"""An execution of Step Functions over time: one lane for each state, one bar for each attempt of its work.

Times are those of the execution's history, in AWS's seconds from its first event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.teaching import plots, workflows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOOKS = {"succeeded": 1, "failed": 0, "not over": 3}
_LABELS = {"succeeded": "succeeded", "failed": "failed (cross)", "not over": "not over"}
_SMALLEST_SHARE = 0.006
"""A bar is at least this share of the whole time wide, or it would not be seen."""


@dataclass
class Bar:
    """One attempt of a state, or its whole stay if it attempts nothing; ``began`` and ``ended`` in seconds."""

    state: str
    began: float
    ended: float
    outcome: str = "not over"


def bars(history: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Return the bars of an execution, read from the events of its history in their order."""
    first, last = history[0]["timestamp"], (history[-1]["timestamp"] - history[0]["timestamp"]).total_seconds()
    stays: dict[int, Bar] = {}
    attempts: dict[int, list[Bar]] = {}
    for event, visit in workflows.visits(history):
        kind, now = event["type"], (event["timestamp"] - first).total_seconds()
        if kind.endswith("StateEntered"):
            outcome = "failed" if kind == "FailStateEntered" else "not over"
            stays[visit] = Bar(event["stateEnteredEventDetails"]["name"], now, last, outcome)
        elif visit not in stays or kind.startswith(workflows.NOT_OF_A_STATE):
            continue
        elif kind in workflows.SCHEDULED:
            attempts.setdefault(visit, []).append(Bar(stays[visit].state, now, last))
        elif kind.endswith(("Succeeded", "Failed", "TimedOut")):
            bar = attempts[visit][-1] if visit in attempts else stays[visit]
            bar.ended, bar.outcome = now, "succeeded" if kind.endswith("Succeeded") else "failed"
        elif kind.endswith("StateExited") and stays[visit].outcome == "not over":
            stays[visit].ended, stays[visit].outcome = now, "succeeded"
    return [bar for visit, stay in stays.items() for bar in attempts.get(visit, [stay])]


def draw(title: str, definition: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the figure: plain bars succeeded, hatched ones failed and have a cross, dotted ones were not over."""
    found = bars(history)
    entered = {bar.state for bar in found}
    lanes = [name for name, _ in workflows.every_state(definition) if name in entered]
    least = max(bar.ended for bar in found) * _SMALLEST_SHARE
    figure, axes = plots.new(title, x="Time since the start (s)", y="State", height=1.8 + 0.45 * len(lanes))
    labels = dict(_LABELS)
    for bar in found:
        style, width = plots.fill(_LOOKS[bar.outcome], labels.pop(bar.outcome, "")), max(bar.ended - bar.began, least)
        axes.barh(lanes.index(bar.state), width, left=bar.began, height=0.6, **style)
        if bar.outcome == "failed":
            axes.scatter(bar.began + width, lanes.index(bar.state), s=80, marker="X", color="#000000", zorder=3)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(False, axis="y")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
