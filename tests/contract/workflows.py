"""State machines for contract tests: how they are made, run and read."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.subjects import Subject

GUIDE = "Step Functions Developer Guide, "
ERRORS = GUIDE + "Handling errors in Step Functions workflows"
API = "Step Functions API Reference, "
ECHO = "def handler(event, context): return {'got': event}"
INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
TASK = {"Type": "Task", "Resource": FUNCTION, "End": True}
DONE = {"Type": "Succeed"}


class Machine:
    """State machines of one account, each run once."""

    def __init__(self, aws: Subject) -> None:
        self.aws, self.client = aws, aws.client("stepfunctions")
        trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.role = aws.client("iam").create_role(RoleName="states", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        self.number = 0

    def create(self, definition: Any, **settings: Any) -> str:
        self.number += 1
        text = definition if isinstance(definition, str) else json.dumps(definition)
        settings = {"name": f"m{self.number}", "roleArn": self.role, "definition": text, **settings}
        return str(self.client.create_state_machine(**settings)["stateMachineArn"])

    def start(self, definition: Any, given: Any = None) -> str:
        machine = self.create(definition)
        return str(self.client.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"])

    def run(self, definition: Any, given: Any = None, seconds: float = 10) -> dict[str, Any]:
        execution = self.start(definition, given)

        def ended() -> Any:
            now = self.client.describe_execution(executionArn=execution)
            return now["status"] != "RUNNING" and now

        done: dict[str, Any] = self.aws.wait(ended, seconds)
        return done

    def output(self, definition: Any, given: Any = None) -> Any:
        done = self.run(definition, given)
        assert done["status"] == "SUCCEEDED", done
        return json.loads(done["output"])

    def events(self, done: dict[str, Any]) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.client.get_execution_history(
            executionArn=done["executionArn"], maxResults=1000
        )["events"]
        return events


def chain(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a definition whose states A, B, ... follow one another."""
    names = "ABCDEFG"[: len(states)]
    linked = {
        name: state if "End" in state or state["Type"] in ("Succeed", "Fail", "Choice") else {**state, "Next": after}
        for name, after, state in zip(names, [*names[1:], ""], states, strict=True)
    }
    return {"StartAt": "A", "States": linked, **more}
