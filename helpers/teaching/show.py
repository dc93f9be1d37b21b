"""Drawings and tables of what happened, for notebooks: ``from helpers.teaching import show``.

In a cell of its own, each shows what the *previous* cell that called AWS did. ``show.log`` calls AWS itself: draw
first, read logs afterwards. What they show is equal at each run of the same cells, unless you ask for times.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

import boto3

from helpers.dataplane.record import Entry, Kind, Record
from helpers.teaching import bill as bills
from helpers.teaching import diagrams, executions, logs, names, output, plots, traces, workflows
from helpers.teaching import timeline as timelines

_NOTHING = "The last cell made no AWS call, so there is nothing to show."
_EVERYTHING: tuple[Kind, ...] = ("call", "event", "invocation")


def sequence(record: Record | None = None, since: int | None = None, *, counts: bool = True) -> None:
    """Draw who called whom as a sequence diagram, with a sentence that says what to see.

    Parameters
    ----------
    record:
        What to draw; by default the running cloud's record.
    since:
        A mark of the record (``cloud.current().record.mark()``); by default what the last cell did.
    counts:
        False writes ``(repeated)`` instead of how often; for loops that wait, whose number of turns differs.

    Raises
    ------
    RuntimeError
        No cloud runs.
    """
    entries = _entries(record, since)
    if not entries:
        output.markdown(_NOTHING)
        return
    words = output.escape(diagrams.sentence(entries, counts))
    output.markdown(f"```mermaid\n{diagrams.sequence(entries, counts)}\n```\n\n{words}")


def calls(
    record: Record | None = None,
    since: int | None = None,
    *,
    times: bool = False,
    kinds: tuple[Kind, ...] = _EVERYTHING,
) -> None:
    """Show a table of what happened: who asked whom for what, and how it ended. Parameters as for ``sequence``.

    Parameters
    ----------
    times:
        Whether to add how long each took, in milliseconds; it differs at each run.
    kinds:
        Which of ``call``, ``event`` and ``invocation`` to list.
    """
    entries = [entry for entry in _entries(record, since) if entry.kind in kinds]
    if not entries:
        output.markdown(_NOTHING)
        return
    rows: list[list[str]] = []
    repeats: list[int] = []
    polls: set[tuple[str, ...]] = set()
    for entry in entries:
        row = [output.escape(output.without_ids(cell)) for cell in _row(entry, times)]
        if names.is_poll(entry) and not times:
            if tuple(row) in polls:
                continue
            polls.add(tuple(row))
        if rows and rows[-1] == row and not times:
            repeats[-1] += 1
        else:
            rows.append(row)
            repeats.append(1)
    headers = ["Who", "Whom", "What", "About", "Outcome", *(["Took (ms)"] if times else [])]
    folded = [
        [*row[:2], f"{row[2]} (× {n})" if n > 1 else row[2], *row[3:]] for row, n in zip(rows, repeats, strict=True)
    ]
    output.markdown(output.table(headers, folded, right=[5]))


def log(function_name: str, *, invocations: int = 1, lines: int | None = None, stable: bool = True) -> None:
    """Print the log of a function's newest invocations, read from CloudWatch Logs.

    Parameters
    ----------
    function_name:
        The function's name.
    invocations:
        How many, newest last.
    lines:
        Print only the last so many lines.
    stable:
        Whether to write ``…`` for what differs at each run: request ids, times, durations, memory used.
    """
    try:
        text = logs.newest(function_name, invocations)
    except LookupError as error:
        print(error)
        return
    _print(text, lines, stable)


def tail(response: Mapping[str, Any], *, stable: bool = True) -> None:
    """Print the log tail that ``invoke(..., LogType="Tail")`` returns; ``stable`` as for ``log``.

    Raises
    ------
    ValueError
        The response has no ``LogResult``.
    """
    _print(logs.tail_of(response), None, stable)


def timeline(name: str, record: Record | None = None, since: int | None = None) -> None:
    """Draw a function's invocations over time, or an execution's states, and print what there is to see.

    Parameters
    ----------
    name:
        A function's name: one lane for each of its execution environments. The ARN of an execution of Step Functions:
        one lane for each state that was entered, read from its history; ``record`` and ``since`` are not used then.
    record, since:
        As for ``sequence``.
    """
    if ":execution:" in name:
        history, definition, ended = _execution(name)
        lines = workflows.text(definition, workflows.outcomes(history), ended)
        told = ". ".join(line for line in lines if not line.endswith("not reached"))
        figure = executions.draw(f"Execution of {name.split(':')[6]}", definition, history)
        plots.draw(figure, textwrap.fill(f"{told}.", 110))
        return
    runs = [e for e in _entries(record, since) if e.kind == "invocation" and names.function_of(e) == name]
    if not runs:
        print(f"The last cell did not run function {name}, so there is nothing to draw.")
        return
    plots.draw(timelines.draw(name, runs), timelines.sentence(runs))


def workflow(arn: str, *, times: bool = False) -> None:
    """Draw a state machine, and for an execution's ARN how each of its states ended; a list of them stands below.

    Parameters
    ----------
    arn:
        The ARN of a state machine of Step Functions, or of an execution.
    times:
        Whether to add how long each state took, in seconds; it differs at each run.
    """
    found, ended = None, True
    if ":execution:" in arn:
        history, definition, ended = _execution(arn)
        found = workflows.outcomes(history, times)
    else:
        told = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        definition = json.loads(told["definition"])
    words = "\n".join(f"- {output.escape(line)}" for line in workflows.text(definition, found, ended))
    output.markdown(f"```mermaid\n{workflows.flowchart(definition, found, ended)}\n```\n\n{words}")


def _execution(arn: str) -> tuple[list[Any], dict[str, Any], bool]:
    """Return the history of an execution, the definition that it runs, and whether it has ended."""
    client = boto3.client("stepfunctions")
    told = client.describe_state_machine_for_execution(executionArn=arn)
    ended = client.describe_execution(executionArn=arn)["status"] != "RUNNING"
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]], json.loads(told["definition"]), ended


def trace(trace_id: str, *, times: bool = False, seconds: float = traces.WAIT_SECONDS) -> None:
    """Draw a trace of X-Ray as a waterfall, with a list of its parts, and how each ended, below.

    Parameters
    ----------
    trace_id:
        The trace's id, such as GetTraceSummaries returns.
    times:
        Whether the list says when each part began and how long it took; that differs at each run.
    seconds:
        How long to wait for segments that are still on their way.
    """
    found = traces.rows(traces.trace(trace_id, seconds))
    if not found:
        print(f"X-Ray has no trace {trace_id}.")
        return
    wrong = sum(row.outcome not in ("ok", "in progress") for row in found)
    trouble = f"{wrong} with an error or a fault" if wrong else "none with an error or a fault"
    plots.draw(traces.waterfall(trace_id, found), f"A trace of {names.count(len(found), 'part')}, {trouble}:")
    print("\n".join(traces.lines(found, times)))


def service_map(
    start: float | None = None,
    *,
    group: str = "",
    times: bool = False,
    counts: bool = True,
    seconds: float = traces.WAIT_SECONDS,
) -> None:
    """Draw X-Ray's service graph: who called whom, how often, and how much of it went wrong; a list stands below.

    Parameters
    ----------
    start:
        From when on, in seconds since the epoch; None takes the last six hours, the most that X-Ray answers for.
    group:
        The name of a group of X-Ray; only its traces count then.
    times:
        Whether to add the average times; they differ at each run.
    counts:
        Whether to say how many calls there were; where services poll or gather, that differs at each run, too.
    seconds:
        How long to wait for segments that are still on their way.
    """
    graph = traces.services(start, group, seconds)
    if not graph:
        print("X-Ray has no traces of this time, so there is nothing to draw.")
        return
    sentence, *edges = traces.text(graph, times, counts)
    drawing, listed = traces.flowchart(graph, times, counts), "\n".join(f"- {output.escape(line)}" for line in edges)
    output.markdown(f"```mermaid\n{drawing}\n```\n\n{output.escape(sentence)}\n\n{listed}")


def bill(
    record: Record | None = None,
    *,
    free_tier: bool = False,
    times: int = 1,
    duration_ms: float | None = 100,
    hours: float | None = 730,
) -> None:
    """Show what everything since the cloud started would have cost on AWS, by service, in us-east-1.

    It is equal at each run of the same cells, unless a cell asks again and again until something has come.

    Parameters
    ----------
    record:
        Whose use to price; by default the running cloud's.
    free_tier:
        Whether to take off what is free each month and does not expire.
    times:
        How many times the same is done in the month, such as 1,000,000. What is kept or provisioned (capacity, caches,
        alarms, secrets, users, stored data) stays what it is.
    duration_ms:
        What each run of a function or an express workflow is taken to last, in milliseconds, so that the bill is the
        same each time. None takes what was measured and billed, and counts the data of the logs too.
    hours:
        For how long to pay for what stands now; 730 are a month. None takes for everything, also for what is gone, the
        time for which it was there by the cloud's clock, which differs at each run.

    Raises
    ------
    RuntimeError
        No cloud runs.
    """
    if record is None:
        from helpers import cloud

        record = cloud.current().record
    made = bills.bill(
        record.used(), record.held(hours), free_tier=free_tier, times=times, duration_ms=duration_ms, hours=hours
    )
    output.markdown(f"{made.table()}\n\n{made.words}")


def rollout(deployment_id: str) -> None:
    """Draw how a CodeDeploy deployment moves a Lambda alias's traffic over AWS's minutes, and its lifecycle events.

    The sentence below has the minutes of the deployment configuration, so it is the same at each run; those in the
    figure are what the cloud's clock showed.
    """
    from helpers.teaching import rollouts  # reads AWS's steps, which few notebooks need

    found = rollouts.read(boto3.client("codedeploy"), deployment_id)
    plots.draw(rollouts.draw(found), textwrap.fill(rollouts.sentence(found), 110))


def _entries(record: Record | None, since: int | None) -> list[Entry]:
    if record is None:
        from helpers import cloud

        running = cloud.current()
        record = running.record
        since = running.cell_mark if since is None else since
    return record.since(since or 0)


def _row(entry: Entry, times: bool) -> list[str]:
    about = "" if entry.kind == "invocation" else entry.subject
    action = f"{entry.action} start" if entry.action in ("cold", "warm") else entry.action
    row = [names.of(entry.source), names.of(entry.target), action, about, entry.outcome]
    return [*row, f"{entry.milliseconds:.1f}"] if times else row


def _print(text: str, lines: int | None, stable: bool) -> None:
    shown = logs.stable_text(text) if stable else text
    print("\n".join(shown.splitlines()[-lines:] if lines else shown.splitlines()))
