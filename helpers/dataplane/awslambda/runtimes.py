"""Runtimes: which ones AWS lets you create a function with today, and which ones this machine can run.

AWS: "Lambda runtimes", Lambda Developer Guide; a deprecated runtime can soon no longer be created, later no longer be
updated, while functions that use it go on running. As of November 2026.
"""

from __future__ import annotations

from typing import Any

from helpers.dataplane.awslambda.rules import invalid
from helpers.dataplane.control_plane import model_of

SUPPORTED = frozenset(
    """nodejs22.x nodejs24.x python3.11 python3.12 python3.13 python3.14 java8.al2 java11 java17 java8.al2023
    java11.al2023 java17.al2023 java21 java25 dotnet10 ruby3.3 ruby3.4 ruby4.0 provided.al2023 nodejs26.x
    python3.15""".split()
)
RECENTLY_DEPRECATED = frozenset("ruby3.2 nodejs20.x provided.al2 python3.10 dotnet8".split())
"""Deprecated in 2026; whether AWS still creates them depends on dates that it moves, so they are accepted here."""


def check(given: dict[str, Any]) -> None:
    """Check the runtime in the parameters of a create or an update.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException`` for a runtime that does not exist or was deprecated before 2026.
    """
    runtime = given.get("Runtime")
    if runtime and runtime not in model_of("lambda").shape_for("Runtime").enum:
        known = ", ".join(sorted(SUPPORTED))
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{known}] or be a valid ARN"
        )
    if runtime and runtime not in SUPPORTED | RECENTLY_DEPRECATED:
        raise invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
