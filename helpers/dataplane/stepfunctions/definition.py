"""Definitions that are refused: what AWS finds wrong with the graph of states, and what is not built here.

AWS: CreateStateMachine answers InvalidDefinition, and each finding has a code and a place: ``MISSING_TRANSITION_TARGET:
Missing 'Next' target: pass3 at /States/pass1/Next``. The findings about the graph are as AWS words them. All else is
found by moto's parser: the frame of that message is AWS's, the words inside are the parser's (no source lists AWS's).
Not built: activities, distributed maps, and integrations besides those of ``SERVICES``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

from helpers.dataplane.call import AWSError, not_built

SERVICES = ("lambda", "sqs", "sns", "dynamodb", "events", "states", "aws-sdk")
_SYNC = ("states:startExecution.sync", "states:startExecution.sync:2")
_WAITING = (".sync", ".waitForTaskToken")
_FUNCTION = re.compile(r"arn:aws:lambda:[^:]+:\d{12}:function:.+")
_INNARDS = re.compile(r"[:,]? (?:got |in props |for StateWait|choices )?'[\[(]")
Node = tuple[str, dict[str, Any]]


def invalid(finding: str) -> AWSError:
    """Return AWS's error for a definition that is wrong."""
    return AWSError("InvalidDefinition", f"Invalid State Machine Definition: '{finding}'", 400)


def check(text: str, express: bool = False) -> None:
    """Check a definition's JSON, its graph, what an express workflow may not have, and whether all of it is built.

    Raises
    ------
    AWSError
        ``InvalidDefinition`` or ``NotImplementedException``.
    """
    try:
        definition = json.loads(text)
    except ValueError as error:
        raise invalid(f"INVALID_JSON_DESCRIPTION: {error}") from None
    if not isinstance(definition, dict):
        raise invalid("INVALID_JSON_DESCRIPTION: the definition is not a JSON object")
    graphs = list(_graphs(definition, ""))
    findings = [finding for path, graph in graphs for finding in _wrong(path, graph)]
    if express and not findings:
        findings = [finding for path, graph in graphs for finding in _not_express(path, graph)]
    if findings:
        raise invalid(", ".join(findings))
    for _, graph in graphs:
        for state in graph["States"].values():
            _check_built(state)
    _parse(text)


def _parse(text: str) -> None:
    """Let moto's parser read what is left: the fields of each state. It quotes its own objects, which is cut off."""
    try:
        AmazonStateLanguageParser.parse(text)
    except ASLParserException as error:
        raise invalid(f"SCHEMA_VALIDATION_FAILED: {error.errors[0]}") from None
    except Exception as error:
        words = _INNARDS.split(str(error.args[0] if error.args else error))[0]
        raise invalid(f"SCHEMA_VALIDATION_FAILED: {words}") from None


def _graphs(graph: dict[str, Any], path: str) -> Iterator[Node]:
    """Yield a graph of states and the graphs inside its Parallel and Map states, with where they stand."""
    yield path, graph
    states = graph.get("States")
    for name, state in states.items() if isinstance(states, dict) else ():
        if not isinstance(state, dict):
            raise invalid(f"SCHEMA_VALIDATION_FAILED: Expected value of type Object at {path}/States/{name}")
        inner = [(f"Branches[{n}]", branch) for n, branch in enumerate(_listed(state, "Branches"))]
        inner += [(field, state[field]) for field in ("ItemProcessor", "Iterator") if field in state]
        for field, value in inner:
            if isinstance(value, dict):
                yield from _graphs(value, f"{path}/States/{name}/{field}")


def _wrong(path: str, graph: dict[str, Any]) -> Iterator[str]:
    states = graph.get("States")
    if not isinstance(states, dict) or not states or not isinstance(graph.get("StartAt"), str):
        missing = "StartAt" if isinstance(states, dict) and states else "States"
        yield f"SCHEMA_VALIDATION_FAILED: These fields are required: [{missing}] at {path or '/'}"
        return
    targets = [(f"{path}/StartAt", graph["StartAt"])]
    for name, state in states.items():
        targets += [(f"{path}/States/{name}/{field}", target) for field, target in _targets(state)]
    for place, target in targets:
        if target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {place}"
    reached = {target for _, target in targets}
    for name in states:
        if name not in reached:
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {path}/States/{name}'
    if not any(state.get("End") or state.get("Type") in ("Succeed", "Fail") for state in states.values()):
        yield "MISSING_END_STATE: Workflow has no terminal state"


def _not_express(path: str, graph: dict[str, Any]) -> Iterator[str]:
    for name, state in graph["States"].items():
        resource, place = str(state.get("Resource", "")), f"{path}/States/{name}/Resource"
        for pattern in _WAITING:
            if pattern in resource:
                wrong = f"Express state machine does not support '{pattern}' service integration"
                yield f"SCHEMA_VALIDATION_FAILED: {wrong} at {place}"
        if ":activity:" in resource:
            yield f"SCHEMA_VALIDATION_FAILED: Express state machine does not support Activity ARN at {place}"


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if field in state:
            yield field, str(state[field])
    for field in ("Choices", "Catch"):
        for number, rule in enumerate(_listed(state, field)):
            if isinstance(rule, dict) and "Next" in rule:
                yield f"{field}[{number}]/Next", str(rule["Next"])


def _listed(state: dict[str, Any], field: str) -> list[Any]:
    value = state.get(field)
    return value if isinstance(value, list) else []


def _check_built(state: dict[str, Any]) -> None:
    resource = str(state.get("Resource", "")) if state.get("Type") == "Task" else ""
    processor = state.get("ItemProcessor")
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
        raise not_built("a Map state in distributed mode")
    if not resource or _FUNCTION.fullmatch(resource) or "{%" in resource:
        return
    action = resource.removeprefix("arn:aws:states:::")
    waits = ".sync" in action and action not in _SYNC
    if action != resource and (action.partition(":")[0] not in SERVICES or waits):
        raise not_built(f"a task with the resource {resource}")
    if ":activity:" in resource:
        raise not_built("a task that waits for an activity")
