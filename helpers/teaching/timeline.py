"""Invocations over time: one lane for each execution environment, one bar for each invocation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.dataplane.record import Entry
from helpers.teaching import names, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INIT, _RUN = 0, 1
_SMALLEST_SHARE = 0.004
"""A bar is at least this share of the whole time wide, or it would not be seen."""


def sentence(runs: Sequence[Entry]) -> str:
    """Return the stable summary: how many invocations, environments, cold starts, errors and throttles."""
    ran = [run for run in runs if run.action != "throttled"]
    parts = [
        names.count(len(ran), "invocation"),
        names.count(len({run.detail.get("environment") for run in ran}), "environment"),
        names.count(sum(run.action == "cold" for run in ran), "cold start"),
    ]
    errors = sum(run.outcome != "ok" for run in ran)
    parts += [names.count(errors, "error")] if errors else []
    parts += [f"{len(runs) - len(ran)} throttled"] if len(ran) < len(runs) else []
    return ", ".join(parts)


def draw(function_name: str, runs: Sequence[Entry]) -> Figure:
    """Return the figure, in seconds from the first start: hatched Init, plain invocations, a cross at each error."""
    lanes = {key: place for place, key in enumerate(dict.fromkeys(map(_lane, runs)))}
    origin = min(run.started for run in runs)
    total = max(run.started + _seconds(run, "init_ms") + run.milliseconds / 1000 for run in runs) - origin
    title, height = f"Invocations of {function_name}", 2.1 + 0.5 * len(lanes)
    figure, axes = plots.new(title, x="Time since the first start (s)", y="Environment", height=height)
    labels = {_INIT: "Init (cold start)", _RUN: "Invocation"}
    crosses: list[tuple[float, int]] = []
    for run in runs:
        lane, begin, init = lanes[_lane(run)], run.started - origin, _seconds(run, "init_ms")
        width = max(run.milliseconds / 1000, total * _SMALLEST_SHARE)
        if init:
            axes.barh(lane, init, left=begin, height=0.6, **plots.fill(_INIT, labels.pop(_INIT, "")))
        if run.action != "throttled":
            axes.barh(lane, width, left=begin + init, height=0.6, **plots.fill(_RUN, labels.pop(_RUN, "")))
        if run.outcome != "ok":
            crosses.append((begin if run.action == "throttled" else begin + init + width, lane))
    if crosses:
        ends, places = zip(*crosses, strict=True)
        axes.scatter(ends, places, s=90, marker="X", color="#000000", zorder=3, label="Error or throttled")
    axes.set_yticks(list(lanes.values()), list(lanes))
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.grid(False, axis="y")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _lane(run: Entry) -> str:
    return "throttled" if run.action == "throttled" else str(run.detail.get("environment"))


def _seconds(run: Entry, key: str) -> float:
    return float(run.detail.get(key) or 0) / 1000
