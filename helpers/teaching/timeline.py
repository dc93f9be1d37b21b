"""Invocations over time: one lane for each execution environment, one bar for each invocation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.dataplane.record import Entry
from helpers.teaching import names, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INIT, _WARM = 0, 1
_SMALLEST_SHARE = 0.004
"""A bar is at least this share of the whole time wide, or it would not be seen."""


def sentence(runs: Sequence[Entry]) -> str:
    """Return the stable summary: how many invocations, environments, cold starts and errors."""
    environments = {run.detail["environment"] for run in runs if run.detail.get("environment") is not None}
    cold = sum(run.action == "cold" for run in runs)
    errors = sum(run.outcome != "ok" for run in runs)
    parts = [
        names.count(len(runs), "invocation"),
        names.count(len(environments), "environment"),
        names.count(cold, "cold start"),
    ]
    return ", ".join([*parts, names.count(errors, "error")] if errors else parts)


def draw(function_name: str, runs: Sequence[Entry]) -> Figure:
    """Return the figure: hatched Init, plain invocations, a cross at each error, in seconds from the first start."""
    lanes = {key: place for place, key in enumerate(dict.fromkeys(run.detail.get("environment") for run in runs))}
    origin = min(run.started for run in runs)
    total = max(run.started + _seconds(run, "init_ms") + run.milliseconds / 1000 for run in runs) - origin
    figure, axes = plots.new(
        f"Invocations of {function_name}", x="Time since the first start (s)", y="Environment",
        height=2.1 + 0.5 * len(lanes),
    )  # fmt: skip
    labels = {_INIT: "Init (cold start)", _WARM: "Invocation"}
    errors = []
    for run in runs:
        lane, begin, init = lanes[run.detail.get("environment")], run.started - origin, _seconds(run, "init_ms")
        if init:
            axes.barh(lane, init, left=begin, height=0.6, **plots.fill(_INIT, labels.pop(_INIT, "")))
        width = max(run.milliseconds / 1000, total * _SMALLEST_SHARE)
        axes.barh(lane, width, left=begin + init, height=0.6, **plots.fill(_WARM, labels.pop(_WARM, "")))
        if run.outcome != "ok":
            errors.append((begin + init + width, lane))
    if errors:
        ends, places = zip(*errors, strict=True)
        axes.scatter(ends, places, s=90, marker="X", color="#000000", zorder=3, label="Error")
    axes.set_yticks(list(lanes.values()), [_lane_name(key) for key in lanes])
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.grid(False, axis="y")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _seconds(run: Entry, key: str) -> float:
    return float(run.detail.get(key) or 0) / 1000


def _lane_name(environment: object) -> str:
    return "none" if environment is None else str(environment)
