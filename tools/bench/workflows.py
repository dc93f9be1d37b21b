"""How fast Step Functions is: transitions of standard executions, and synchronous express executions."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

STATES, EXECUTIONS, WARM_UP, CALLS = 100, 8, 3, 60
TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}


def of_workflows(client: Any) -> dict[str, float]:
    """Return the state transitions a second, and the milliseconds of a synchronous execution of three states."""
    role = client("iam").create_role(RoleName="states", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    workflows = client("stepfunctions")
    long, short = (
        workflows.create_state_machine(name=kind, type=kind, roleArn=role, definition=_chain(states))["stateMachineArn"]
        for kind, states in (("STANDARD", STATES), ("EXPRESS", 3))
    )
    _run(workflows, long, 1)
    began = time.perf_counter()
    _run(workflows, long, EXECUTIONS)
    rate = STATES * EXECUTIONS / (time.perf_counter() - began)
    taken = []
    for _ in range(WARM_UP + CALLS):
        began = time.perf_counter()
        assert workflows.start_sync_execution(stateMachineArn=short)["status"] == "SUCCEEDED"
        taken.append((time.perf_counter() - began) * 1000)
    return {"transitions": rate, "express_sync": statistics.median(taken[WARM_UP:])}


def _chain(states: int) -> str:
    """Return a definition of so many Pass states in a row."""
    row = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(states - 1)}
    return json.dumps({"StartAt": "S0", "States": {**row, f"S{states - 1}": {"Type": "Pass", "End": True}}})


def _run(workflows: Any, machine: str, count: int) -> None:
    """Start executions at once and wait until all have succeeded."""
    started = [workflows.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(count)]
    for execution in started:
        while (status := workflows.describe_execution(executionArn=execution)["status"]) == "RUNNING":
            time.sleep(0.01)
        assert status == "SUCCEEDED"
