"""The drawing of a CodeDeploy deployment: how much traffic the new version got when, and the lifecycle events below.

All is read with CodeDeploy's API, from real accounts too: the steps follow from the deployment configuration and from
when AllowTraffic began and ended; times are AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from helpers.dataplane.codedeploy.configurations import steps
from helpers.teaching import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 16
_BARS = {
    "Succeeded": {"facecolor": "#000000", "edgecolor": "#000000"},
    "InProgress": {"facecolor": "#ffffff", "edgecolor": "#000000"},
    "Failed": {"facecolor": "#ffffff", "edgecolor": "#000000", "hatch": "////"},
}


@dataclass(frozen=True)
class Event:
    """A lifecycle event; times are minutes since the deployment began, None where there is none."""

    name: str
    status: str
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Rollout:
    """A deployment; ``shifts`` has the minute since AllowTraffic began and the percentage, as configured."""

    alias: str
    current: str
    target: str
    status: str
    error: str
    events: list[Event]
    shifts: list[tuple[int, int]]
    back: float | None
    """The minute at which a rollback took the traffic back."""


def read(client: Any, deployment_id: str) -> Rollout:
    """Ask CodeDeploy about a deployment.

    Raises
    ------
    ClientError
        There is no such deployment.
    LookupError
        It has no target: its AppSpec could not be read, or it has not begun.
    """
    told = client.get_deployment(deploymentId=deployment_id)["deploymentInfo"]
    target = _target(client, deployment_id)
    configuration = client.get_deployment_config(deploymentConfigName=told["deploymentConfigName"])
    traffic = configuration["deploymentConfigInfo"]["trafficRoutingConfig"]
    began, info = told.get("startTime") or told["createTime"], target["lambdaFunctionInfo"]
    events = [_event(each, began) for each in target["lifecycleEvents"]]
    undo, back = (told.get("rollbackInfo") or {}).get("rollbackDeploymentId"), None
    if undo:
        back = _event(_target(client, undo)["lifecycleEvents"][1], began).end
    return Rollout(
        alias=f"{info['functionName']}:{info['functionAlias']}",
        current=info["currentVersion"],
        target=info["targetVersion"],
        status=told["status"],
        error=(told.get("errorInformation") or {}).get("code", ""),
        events=events,
        shifts=_done(steps(traffic), events[1], _minutes(target["lastUpdatedAt"], began)),
        back=back,
    )


def _target(client: Any, deployment_id: str) -> Mapping[str, Any]:
    names = client.list_deployment_targets(deploymentId=deployment_id)["targetIds"]
    if not names:
        raise LookupError(f"the deployment {deployment_id} has no target: ask GetDeployment for its errorInformation")
    found = client.get_deployment_target(deploymentId=deployment_id, targetId=names[0])["deploymentTarget"]
    target: Mapping[str, Any] = found["lambdaTarget"]
    return target


def _event(told: Mapping[str, Any], began: datetime) -> Event:
    start, end = (told.get(name) for name in ("startTime", "endTime"))
    return Event(
        told["lifecycleEventName"],
        told["status"],
        None if start is None else _minutes(start, began),
        None if end is None else _minutes(end, began),
    )


def _minutes(moment: datetime, began: datetime) -> float:
    return (moment - began).total_seconds() / 60


def _done(planned: list[tuple[int, int]], allow: Event, updated: float) -> list[tuple[int, int]]:
    """Return the shifts that happened: all, or those for which there was time."""
    if allow.start is None:
        return []
    lasted = (updated if allow.end is None else allow.end) - allow.start
    return [shift for shift in planned if allow.status == "Succeeded" or shift[0] <= lasted]


def sentence(rollout: Rollout) -> str:
    """Return what there is to see: the same at each run of the same deployment."""
    moved = [f"{part} percent " + (f"after {minute} min" if minute else "at once") for minute, part in rollout.shifts]
    events = ", ".join(f"{event.name} {event.status}" for event in rollout.events)
    why = f" ({rollout.error})" if rollout.error else ""
    back = f", and a rollback took the traffic back to version {rollout.current}" if rollout.back is not None else ""
    return (
        f"Traffic of {rollout.alias} to version {rollout.target}: {', '.join(moved) or 'none'}. {events}. "
        f"The deployment is {rollout.status}{why}{back}."
    )


def draw(rollout: Rollout) -> Figure:
    """Draw the traffic of the new version over AWS's minutes, and the lifecycle events as bars below."""
    figure, axes = plots.new(
        f"Traffic of {rollout.alias}, from version {rollout.current} to {rollout.target}",
        x="Time since the deployment began (min, by AWS's clock)",
        y=f"To version {rollout.target} (%)",
        height=4.5,
    )
    known = [minute for event in rollout.events for minute in (event.start, event.end) if minute is not None]
    last = max([*known, rollout.back or 0.0, 0.5])
    begin = rollout.events[1].start or 0.0
    times, weights = [0.0], [0.0]
    for minute, percent in rollout.shifts:
        times, weights = [*times, begin + minute], [*weights, float(percent)]
    if rollout.back is not None:
        times, weights = [*times, rollout.back], [*weights, 0.0]
    axes.step([*times, last * 1.05], [*weights, weights[-1]], where="post", color="#000000")
    for row, event in enumerate(rollout.events, 1):
        _bar(axes, event, -_ROW * row, last)
    axes.set_ylim(-_ROW * (len(rollout.events) + 0.6), 108)
    axes.set_xlim(-0.02 * last, last * 1.05)
    axes.set_yticks(range(0, 101, 20))
    return figure


def _bar(axes: Any, event: Event, y: float, last: float) -> None:
    label = f"{event.name}: {event.status}"
    if event.start is None:
        axes.text(0, y, label, va="center", fontsize=10)
        return
    width = max((last if event.end is None else event.end) - event.start, last * 0.008)
    axes.broken_barh([(event.start, width)], (y - 3, 6), **_BARS.get(event.status, {}))
    middle = event.start + width / 2
    side = "left" if middle < last * 0.6 else "right"
    at = event.start + width if side == "left" and width < last * 0.3 else event.start
    above = width >= last * 0.3
    axes.text(
        at + (0 if above else last * (0.01 if side == "left" else -0.01)), y + (7 if above else 0), label,
        ha="left" if above else side, va="center", fontsize=10,
    )  # fmt: skip
