"""Deployment configurations: in which steps, and how many minutes apart, traffic moves to the new version.

AWS: "Deployment configurations on an AWS Lambda compute platform" and "CodeDeploy limits" (CodeDeploy User Guide): at
most 99 percent in one increment, at most 2,880 minutes between the first and the last. A linear deployment shifts
its percentage "at the start of each increment" (API_TimeBasedLinear), so 10 percent every minute is done after nine.

Differs: only those of Lambda are listed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from helpers.dataplane.call import AWSError, not_built

PREFIX = "CodeDeployDefault."
ALL_AT_ONCE = f"{PREFIX}LambdaAllAtOnce"
MOST_MINUTES = 2880
Traffic = dict[str, Any]


def _canary(percent: int, minutes: int) -> Traffic:
    interval = {"canaryPercentage": percent, "canaryInterval": minutes}
    return {"type": "TimeBasedCanary", "timeBasedCanary": interval}


def _linear(percent: int, minutes: int) -> Traffic:
    interval = {"linearPercentage": percent, "linearInterval": minutes}
    return {"type": "TimeBasedLinear", "timeBasedLinear": interval}


PREDEFINED: dict[str, Traffic] = {
    ALL_AT_ONCE: {"type": "AllAtOnce"},
    **{f"{PREFIX}LambdaCanary10Percent{each}Minutes": _canary(10, each) for each in (5, 10, 15, 30)},
    f"{PREFIX}LambdaLinear10PercentEvery1Minute": _linear(10, 1),
    **{f"{PREFIX}LambdaLinear10PercentEvery{each}Minutes": _linear(10, each) for each in (2, 3, 10)},
}
"""AWS writes ``Every1Minute`` in the singular."""


def steps(traffic: Traffic) -> list[tuple[int, int]]:
    """Return when, in minutes from the first shift, which percentage goes to the new version."""
    if traffic["type"] == "TimeBasedCanary":
        canary = traffic["timeBasedCanary"]
        return [(0, canary["canaryPercentage"]), (canary["canaryInterval"], 100)]
    if traffic["type"] == "TimeBasedLinear":
        percent, minutes = traffic["timeBasedLinear"]["linearPercentage"], traffic["timeBasedLinear"]["linearInterval"]
        return [(step * minutes, min(100, (step + 1) * percent)) for step in range(math.ceil(100 / percent))]
    return [(0, 100)]


def checked(given: Mapping[str, Any]) -> Traffic:
    """Return the trafficRoutingConfig of a CreateDeploymentConfig call.

    Raises
    ------
    AWSError
        The name is AWS's own, the traffic is not described, or beyond the limits.
    """
    name, traffic = given["deploymentConfigName"], dict(given.get("trafficRoutingConfig") or {})
    if given.get("computePlatform") != "Lambda":
        raise not_built("a CodeDeploy deployment configuration for another compute platform than Lambda")
    if name.startswith(PREFIX):
        message = f"The deployment configuration name {name} must not begin with {PREFIX}"
        raise AWSError("InvalidDeploymentConfigNameException", message, 400)
    kind = traffic.get("type", "AllAtOnce")
    part = traffic.get(kind[:1].lower() + kind[1:]) or {}
    percent = part.get("canaryPercentage") or part.get("linearPercentage") or 0
    interval = part.get("canaryInterval") or part.get("linearInterval") or 0
    if kind != "AllAtOnce" and not (1 <= percent <= 99 and interval >= 1):
        raise _invalid("The percentage must be from 1 to 99 and the interval at least 1 minute")
    traffic["type"] = kind
    if steps(traffic)[-1][0] > MOST_MINUTES:
        raise _invalid(f"At most {MOST_MINUTES} minutes may lie between the first and the last traffic shift")
    return traffic


def _invalid(message: str) -> AWSError:
    return AWSError("InvalidTrafficRoutingConfigurationException", message, 400)
