"""A state machine as a Mermaid flowchart, and what an execution made of it.

The states are drawn from the definition, in the shapes of a flowchart: a Choice is a diamond, Parallel and Map frame
their own states. With an execution, each state says how it ended in a word and a sign, so that colour is never needed.
The outcomes are read from the execution's history, as its console page on AWS does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from helpers.teaching import names
from helpers.teaching.diagrams import escape

SCHEDULED = ("TaskScheduled", "LambdaFunctionScheduled")
"""The events with which an attempt of a task begins."""
NOT_OF_A_STATE = ("Execution", "MapIteration")
"""With what the events begin that tell nothing about a state of its own."""
_SIGNS = {"succeeded": "✓", "failed": "✗", "caught": "⚠", "running": "▶", "aborted": "■", "not reached": "·"}
_SHAPES = {"Choice": ('{"', '"}'), "Succeed": ('(["', '"])'), "Fail": ('(["', '"])'), "Wait": ('[/"', '"/]')}
_STYLES = (
    "classDef failed stroke-width:4px",
    "classDef caught stroke-width:3px",
    "classDef skipped stroke-dasharray:4 4",
)
_CLASSES = {"failed": "failed", "aborted": "failed", "caught": "caught", "not reached": "skipped"}


@dataclass
class Outcome:
    """What became of one state: how often it was entered, left and tried, and its newest error."""

    entered: int = 0
    left: int = 0
    tried: int = 0
    error: str = ""
    ends: bool = False
    """Whether its entry ends the execution as failed: a Fail state."""
    began: datetime | None = None
    ended: datetime | None = None
    """When it was entered for the first time, and left for the last time."""

    @property
    def word(self) -> str:
        """Return ``succeeded``, ``caught``, ``failed``, ``not left`` or ``not reached``."""
        if not self.entered:
            return "not reached"
        if self.left >= self.entered:
            return "caught" if self.error else "succeeded"
        return "failed" if self.error or self.ends else "not left"

    @property
    def retries(self) -> int:
        """Return how many times its task was tried again."""
        return max(0, self.tried - self.entered)

    @property
    def took(self) -> str:
        """Return how long it took, such as ``, 2.4 s``; an empty text for a state that was not left."""
        return f", {(self.ended - self.began).total_seconds():.1f} s" if self.began and self.ended else ""


def visits(history: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Yield each event with the id of the event that entered its state, 0 before the first one."""
    entered: dict[int, int] = {}
    frames: list[int] = []
    for event in history:
        kind, frame = event["type"], event["type"].startswith(("ParallelState", "MapState"))
        visit = event["id"] if kind.endswith("StateEntered") else entered.get(event["previousEventId"], 0)
        if frame and kind.endswith("Entered"):
            frames.append(visit)
        elif frame and kind.endswith("Exited"):
            visit = frames.pop()
        elif frame and frames:
            visit = frames[-1]  # its previous event may be one of the states inside
        entered[event["id"]] = visit
        yield event, visit


def outcomes(history: Sequence[Mapping[str, Any]], times: bool = False) -> dict[str, Outcome]:
    """Return what became of each state that was entered, read from the events of a history in their order.

    With ``times`` also how long each one took, which differs at each run.
    """
    found: dict[str, Outcome] = {}
    states: dict[int, str] = {}
    error = ""
    for event, visit in visits(history):
        kind = event["type"]
        if kind.endswith("StateEntered"):
            states[visit] = event["stateEnteredEventDetails"]["name"]
        if visit not in states or kind.startswith(NOT_OF_A_STATE):
            continue
        outcome = found.setdefault(states[visit], Outcome(began=event["timestamp"] if times else None))
        if kind.endswith("StateEntered"):
            outcome.entered += 1
            outcome.ends = kind == "FailStateEntered"
            error = "" if outcome.ends else error  # no event names its error, except that of the execution's end
        elif kind.endswith("StateExited"):
            outcome.left += 1
            outcome.ended = event["timestamp"] if times else None
        elif kind in SCHEDULED:
            outcome.tried += 1
        elif kind.endswith("Succeeded"):
            outcome.error = ""
        elif kind.endswith(("Failed", "TimedOut")):
            error = error_of(event) or error or "an error"
            outcome.error = error
    return found


def error_of(event: Mapping[str, Any]) -> str:
    """Return the name of the error that an event tells, or an empty text."""
    details = [value for name, value in event.items() if name.endswith("EventDetails")]
    return str(details[0].get("error", "")) if details else ""


def flowchart(definition: Mapping[str, Any], found: Mapping[str, Outcome] | None = None, ended: bool = True) -> str:
    """Return the Mermaid text of a definition, each state marked with its outcome if there are outcomes.

    Parameters
    ----------
    definition:
        The state machine's definition, read from its JSON.
    found:
        What ``outcomes`` returned for one of its executions.
    ended:
        Whether that execution is over: a state that was not left is then aborted, otherwise it is running.
    """
    lines = ["flowchart TD"]
    ids = {name: f"s{number}" for number, (name, _) in enumerate(every_state(definition))}
    _draw(definition, "m", ids, lines, found, ended)
    return "\n".join([lines[0], *(f"    {line}" for line in [*lines[1:], *(_STYLES if found is not None else ())])])


def every_state(graph: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and the definition of each state, those inside of Parallel and Map states after their frame."""
    for name, state in graph["States"].items():
        yield name, state
        for inner in _inner(state):
            yield from every_state(inner)


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*state.get("Branches", []), *(state[field] for field in ("ItemProcessor", "Iterator") if field in state)]


def _draw(
    graph: Mapping[str, Any], prefix: str, ids: Mapping[str, str], lines: list[str],
    found: Mapping[str, Outcome] | None, ended: bool,
) -> None:  # fmt: skip
    lines.append(f"{prefix}_start((start)) --> {ids[graph['StartAt']]}")
    for name, state in graph["States"].items():
        here, inner = ids[name], _inner(state)
        word, text = "", f"{escape(name)}<br/>{escape(state['Type'])}"
        if found is not None:
            outcome = found.get(name, Outcome())
            word = _word(outcome, ended)
            text = f"{_SIGNS[word]} {escape(name)}<br/>{escape(_said(outcome, word))}"
        if inner:
            lines.append(f'subgraph {here}["{text}"]')
            for number, branch in enumerate(inner):
                _draw(branch, f"{here}_{number}", ids, lines, found, ended)
            lines.append("end")
        else:
            before, after = _SHAPES.get(state["Type"], ('["', '"]'))
            lines.append(f"{here}{before}{text}{after}")
        if word in _CLASSES:
            lines.append(f"class {here} {_CLASSES[word]}")
        lines += _arrows(state, here, prefix, ids)


def _arrows(state: Mapping[str, Any], here: str, prefix: str, ids: Mapping[str, str]) -> Iterator[str]:
    for rule in state.get("Choices", []):
        yield f'{here} -->|"{escape(condition(rule))}"| {ids[rule["Next"]]}'
    if "Default" in state:
        yield f'{here} -->|"otherwise"| {ids[state["Default"]]}'
    if "Next" in state:
        yield f"{here} --> {ids[state['Next']]}"
    for catcher in state.get("Catch", []):
        yield f'{here} -.->|"{escape(names.listed(catcher["ErrorEquals"]))}"| {ids[catcher["Next"]]}'
    if state.get("End") or state["Type"] in ("Succeed", "Fail"):
        yield f"{here} --> {prefix}_end((end))"


def condition(rule: Mapping[str, Any]) -> str:
    """Return a Choice's rule in short: ``$.total NumericGreaterThan 100``, or its JSONata."""
    if "Condition" in rule:
        return str(rule["Condition"]).strip("{}% ")
    for word in ("And", "Or"):
        if word in rule:
            return f" {word.lower()} ".join(condition(part) for part in rule[word])
    if "Not" in rule:
        return f"not {condition(rule['Not'])}"
    test = next(name for name in rule if name not in ("Variable", "Next", "Comment", "Assign", "Output"))
    return f"{rule['Variable']} {test} {rule[test]}"


def _word(outcome: Outcome, ended: bool) -> str:
    """Return an outcome's word, with what ``not left`` means in an execution that ended or still runs."""
    return outcome.word if outcome.word != "not left" else "aborted" if ended else "running"


def _said(outcome: Outcome, word: str) -> str:
    parts = [word, *([outcome.error] if word in ("failed", "caught") and outcome.error else [])]
    text = " ".join(parts)
    text += f", {outcome.entered} times" if outcome.entered > 1 else ""
    text += f", {names.count(outcome.retries, 'retry', 'retries')}" if outcome.retries else ""
    return text + outcome.took


def text(definition: Mapping[str, Any], found: Mapping[str, Outcome] | None = None, ended: bool = True) -> list[str]:
    """Return one line for each state: its type, or how it ended; for those who cannot see the drawing."""
    lines = []
    for name, state in every_state(definition):
        outcome = (found or {}).get(name, Outcome())
        lines.append(f"{name}: {state['Type'] if found is None else _said(outcome, _word(outcome, ended))}")
    return lines
