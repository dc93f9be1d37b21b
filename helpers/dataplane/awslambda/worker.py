"""A runtime process with its Runtime API and its log: what is thrown away when a function crashes or times out.

AWS: a Firecracker microVM with a supervisor that starts the runtime, freezes the sandbox between events and kills it
at a limit ("Lambda runtime environment", Lambda Developer Guide).

This: a process group. Frozen is SIGSTOP, memory is the resident set of the process and its descendants.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.dataplane.awslambda.guardian import GUARDIAN, kill, processes_of
from helpers.dataplane.awslambda.log_pipe import LogLine, LogPipe, LogReader
from helpers.dataplane.awslambda.runtime_api import RuntimeApi

_LINUX = sys.platform == "linux"
if not _LINUX:
    import psutil  # 30 ms of each start
SAMPLE_S = 0.01 if _LINUX else 0.05
"""How often memory and the process are looked at while it runs (its children at each fifth look); elsewhere than on
Linux a look costs milliseconds."""
_MB = 1024 * 1024
_PAGES_A_MB = _MB / os.sysconf("SC_PAGE_SIZE")


class Worker:
    """A running runtime process.

    Parameters
    ----------
    command, folder:
        What to run, and where.
    variables:
        All of its environment variables but those that name its Runtime API and log, which are added.

    Raises
    ------
    OSError
        The command cannot be run.
    """

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._log, self._reader = LogPipe(), LogReader()
        self._lines: list[LogLine] = []
        self.api = RuntimeApi(self._selector)
        self._selector.register(self._log, selectors.EVENT_READ, self._read_log)
        try:
            self._process = self._spawn(command, folder, dict(variables))
        except OSError:
            self._close()
            raise
        self._log.started()
        self._frozen = False
        self._peak_mb, self._looks = 0.0, 0
        self._family: list[int] = []
        GUARDIAN.hold("group", self._process.pid)

    def _spawn(self, command: Sequence[str], folder: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        pipe = self._log.write_end
        variables |= {"AWS_LAMBDA_RUNTIME_API": self.api.address, "_LAMBDA_TELEMETRY_LOG_FD": str(pipe)}
        return subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            pass_fds=[pipe],
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process, which leads a process group of the same number."""
        return self._process.pid

    def turn(self, seconds: float) -> bool:
        """Serve the Runtime API and the log: wait at most ``seconds`` for something to come, and handle what came."""
        events = self._selector.select(seconds)
        for key, _ in events:
            key.data()
        return bool(events)

    def drain(self) -> None:
        """Handle what a process that has ended left behind; what its children still send is not waited for."""
        for _ in range(10):
            if not self.turn(0):
                return

    def _read_log(self) -> None:
        data = self._log.read()
        if data is None:
            self._selector.unregister(self._log)
        elif data:
            self._lines += self._reader.feed(data, _now_ms())

    def lines(self, *, finish: bool = False) -> list[LogLine]:
        """Return the log events since the last call; with ``finish`` also a last line that has no line break."""
        while data := self._log.read():
            self._lines += self._reader.feed(data, _now_ms())
        if finish:
            self._lines += self._reader.finish(_now_ms())
        lines, self._lines = self._lines, []
        return lines

    def exit_status(self) -> int | None:
        """Return the exit status (negative for a signal), or None while the process runs."""
        return self._process.poll()

    def freeze(self) -> None:
        """Stop the process and its threads until ``thaw``."""
        self._frozen = True
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process go on."""
        if self._frozen:
            self._frozen = False
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def memory_mb(self) -> float:
        """Look at the memory in use now by the process and its descendants; return the most that was seen so far."""
        if self._looks % 5 == 0:
            self._family = _family(self.pid)
        self._looks += 1
        self._peak_mb = max(self._peak_mb, sum(map(_resident_mb, self._family)))
        return self._peak_mb

    def peak_mb(self) -> float:
        """Return the most memory that was ever in use, as the kernel kept it where it does."""
        self._peak_mb = max(self.memory_mb(), _high_water_mb(self.pid))
        return self._peak_mb

    def kill(self, home: Path) -> list[LogLine]:
        """Kill the process and all that it started, close its port; return the last log events.

        ``home`` is the environment's folder, by which processes are known that are no longer its descendants.
        """
        family = _family(self.pid)
        self._signal(signal.SIGKILL)
        for pid in [*family[1:], *processes_of(str(home))]:
            kill(pid)
        self._process.wait()
        GUARDIAN.release("group", self.pid)
        lines = self.lines(finish=True)
        self._close()
        return lines

    def _close(self) -> None:
        self.api.close()
        self._selector.close()
        self._log.close()


def _now_ms() -> int:
    return int(time.time() * 1000)


def _family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    if not _LINUX:
        with contextlib.suppress(psutil.Error):
            return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
        return [pid]
    family = [pid]
    for member in family:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{member}/task"):
                with open(f"/proc/{member}/task/{thread}/children") as children:
                    family += map(int, children.read().split())
    return family


def _resident_mb(pid: int) -> float:
    if not _LINUX:
        with contextlib.suppress(psutil.Error):
            return float(psutil.Process(pid).memory_info().rss / _MB)
        return 0.0
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
        return int(file.read().split()[1]) / _PAGES_A_MB
    return 0.0


def _high_water_mb(pid: int) -> float:
    """Return the kernel's own peak of one process, 0 where there is none: it also knows what came and went between
    two looks."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb", buffering=0) as file:
        for line in file.read().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
