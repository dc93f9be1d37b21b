"""How an execution begins and ends: its environment is there at once, and after its end nothing more is written.

AWS: StopExecution and TimeoutSeconds end an execution although a task still runs; the task's function goes on, its
result is dropped ("StopExecution", Step Functions API Reference). The history's last event is the end. moto waits for
the task, and lets it write what comes too late. Here an execution's own thread waits for its end *or* its last state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from helpers.dataplane.clock import Clock
from helpers.dataplane.delivery import iso
from helpers.dataplane.seams import Seams
from helpers.dataplane.stepfunctions.event_log import log_of

EXPRESS, EXPRESS_SECONDS = "EXPRESS", 300
"""The type of a state machine, and how long its executions last at most."""


class Endings:
    """What of moto's executions is replaced, until ``seams`` are removed."""

    def __init__(self, clock: Clock, seams: Seams) -> None:
        self._clock = clock
        self._running: set[Any] = set()
        self._add_event: Callable[..., int] = EventManager.add_event
        self._eval: Callable[..., None] = Program.eval
        self._close_frame: Callable[..., None] = Environment.close_frame
        self._make_environment = ExecutionWorker._get_evaluation_environment
        self._start_worker = ExecutionWorker.start
        seams.put(EventManager, "add_event", self._write)
        seams.put(EventManager, "_get_current_timestamp", staticmethod(self._now))
        seams.put(Environment, "close_frame", self._leave)
        seams.put(ExecutionWorker, "_get_evaluation_environment", self._environment)
        seams.put(ExecutionWorker, "start", self._start)
        seams.put(Program, "eval", self._run)
        self._terminated = BaseExecutionWorkerCommunication.terminated
        seams.put(BaseExecutionWorkerCommunication, "terminated", self._tell)

    def stop(self) -> None:
        """End all executions."""
        for env in list(self._running):
            self._end(env, HistoryEventType.ExecutionAborted, {})
            env.set_stop(stop_date=self._now(), cause=None, error=None)
            env.over.set()

    def abort(self, execution: Execution, error: str | None, cause: str | None) -> None:
        """End an execution now, unless it has ended."""
        env: Any = execution.exec_worker.env if execution.exec_worker else None
        if env is None or not env.is_running():
            return
        why = {name: value for name, value in (("error", error), ("cause", cause)) if value}
        env.event_history_context.source_event_id = 0
        self._end(env, HistoryEventType.ExecutionAborted, {"executionAbortedEventDetails": why})
        env.set_stop(stop_date=self._now(), cause=cause, error=error)
        execution.error, execution.cause = error, cause
        BaseExecutionWorkerCommunication(execution).terminated()
        env.over.set()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)

    def _start(self, worker: ExecutionWorker) -> None:
        self._environment(worker)
        self._start_worker(worker)

    def _environment(self, worker: Any) -> Environment:
        """Take the place of ``ExecutionWorker._get_evaluation_environment``; the second call returns the first's."""
        if worker.env is None:
            worker._cloud_watch_logging_session = log_of(worker._execution_communication.execution)
            worker.env = self._make_environment(worker)
            known = worker.env.states.context_object.context_object_data["Execution"]
            known["StartTime"] = iso(self._clock.time(), 3)  # moto's is no JSON
            worker.env.next_state_name = ""  # it runs from now on, and may be stopped
            worker.env.over, worker.env.told = threading.Event(), threading.Event()
            self._running.add(worker.env)
        env: Environment = worker.env
        return env

    def _run(self, program: Program, env: Any) -> None:
        """Take the place of ``Program.eval``, for the whole machine; the programs of branches and items are moto's."""
        if env.is_frame():
            self._eval(program, env)
            return
        limit = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
        if env.execution_type == EXPRESS:
            limit = min(limit or EXPRESS_SECONDS, EXPRESS_SECONDS)
        if env.is_running():
            env.next_state_name = program.start_at.start_at_name
            threading.Thread(target=_to_the_end, args=(program, env), name="state-machine", daemon=True).start()
        ended = env.over.wait() if limit is None else self._clock.wait(limit, env.over)
        if not ended:
            self._end(env, HistoryEventType.ExecutionTimedOut, {"executionTimedOutEventDetails": {}})
            env.set_timed_out()
        self._running.discard(env)
        for waiting in list(env.callback_pool_manager._pool.values()):
            waiting.interrupt_all()

    def _tell(self, communication: Any) -> None:
        """Take the place of ``BaseExecutionWorkerCommunication.terminated``: who waits for the outcome may go on."""
        self._terminated(communication)
        communication.execution.exec_worker.env.told.set()

    def _end(self, env: Any, event: HistoryEventType, details: dict[str, Any]) -> None:
        """Write the last event of an execution that is still busy, and close its history."""
        env.event_manager.closed = True
        self._add_event(env.event_manager, context=env.event_history_context, event_type=event, event_details=details)

    def _write(self, manager: Any, context: Any, *given: Any, **named: Any) -> int:
        """Take the place of ``EventManager.add_event``: what comes after the end is dropped."""
        if getattr(manager, "closed", False) or getattr(context, "closed", False):
            return 0
        return self._add_event(manager, context, *given, **named)

    def _leave(self, env: Environment, frame: Any) -> None:
        """Take the place of ``Environment.close_frame``: a task that was given up writes no more."""
        self._close_frame(env, frame)
        _close(frame)


def _to_the_end(program: Program, env: Any) -> None:
    try:
        EvalComponent.eval(program, env)
    finally:
        env.over.set()


def _close(frame: Any) -> None:
    frame.event_history_context.closed = True
    for inner in frame._frames:
        _close(inner)


def dates(execution: Execution) -> tuple[Any, Any]:
    """Return when the first and the newest event of an execution happened, by the cloud's clock."""
    events = execution.to_history_output()["events"]
    first = events[0]["timestamp"] if events else execution.start_date
    return first, events[-1]["timestamp"] if events else first


def milliseconds(execution: Execution) -> float:
    """Return how long an execution has lasted, by the cloud's clock."""
    started, stopped = (datetime.fromisoformat(moment) for moment in dates(execution))
    return (stopped - started).total_seconds() * 1000
