"""What Step Functions promises about its metrics."""

from __future__ import annotations

import pytest

from tests.contract.subjects import Subject, promise
from tests.contract.workflows import DONE, GUIDE, Machine, chain

METRICS = GUIDE + "Monitoring Step Functions metrics using Amazon CloudWatch"


@promise(METRICS, "executions that started, succeeded, failed and were aborted are counted, with their time")
@pytest.mark.cloud(speed=20)
def test_executions(aws: Subject) -> None:
    machine = Machine(aws)
    wait = {"Type": "Wait", "Seconds": 2}
    counted = {}
    for name, definition in (
        ("Succeeded", chain(wait, DONE)),
        ("Failed", chain({"Type": "Fail", "Error": "NoFlour"})),
        ("Aborted", chain({"Type": "Wait", "Seconds": 600}, DONE)),
    ):
        execution = machine.start(definition)
        if name == "Aborted":
            machine.client.stop_execution(executionArn=execution)
        aws.wait(lambda: machine.client.describe_execution(executionArn=execution)["status"] != "RUNNING")  # noqa: B023
        arn = machine.client.describe_execution(executionArn=execution)["stateMachineArn"]
        counted[name] = {
            metric: sum(aws.points("AWS/States", f"Executions{metric}", StateMachineArn=arn))
            for metric in ("Started", "Succeeded", "Failed", "Aborted", "TimedOut")
        }
        if name == "Succeeded":
            (took,) = aws.points("AWS/States", "ExecutionTime", StateMachineArn=arn)
            assert 2000 <= took < 100_000
    zero = dict.fromkeys(("Started", "Succeeded", "Failed", "Aborted", "TimedOut"), 0)
    assert counted == {name: {**zero, "Started": 1, name: 1} for name in counted}
