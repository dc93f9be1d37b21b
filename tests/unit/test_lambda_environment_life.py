"""The life of execution environments: frozen, many at once, stopped, killed from outside."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from helpers.dataplane.awslambda import environment as module
from tests.unit.lambda_functions import Functions, eventually, invoke, result, running, texts

ECHO = "def handler(event, context): return event"


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    it = Functions(tmp_path)
    yield it
    it.stop()


def test_frozen_between_events(functions: Functions) -> None:
    environment = functions.environment("""
        import os, threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                time.sleep(0.005)
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            before = ticks
            time.sleep(0.05)
            return os.getpid(), ticks > before
    """)
    pid, ticked = result(invoke(environment))
    process = psutil.Process(pid)
    assert ticked and eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    time.sleep(0.5)
    assert process.status() == psutil.STATUS_STOPPED
    assert result(invoke(environment)) == [pid, True]


def test_what_a_thread_writes_after_the_answer_is_in_a_later_log(functions: Functions) -> None:
    environment = functions.environment("""
        import threading
        go = threading.Event()
        def late():
            go.wait()
            print("late")
        thread = threading.Thread(target=late, daemon=True)
        def handler(event, context):
            if event == "begin":
                return thread.start()
            go.set()
            thread.join()
    """)
    first, second = invoke(environment, "begin"), invoke(environment)
    assert "late\n" not in texts(first)
    assert texts(second).count("late\n") == 1


def test_fifty_at_once(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INIT_LIMIT_S", 120.0)  # on a slow machine so many start for more than ten seconds
    source = "import time\ndef handler(event, context): time.sleep(0.2); return event"
    environments = [functions.environment(source, timeout_s=60.0) for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        assert [result(outcome) for outcome in pool.map(invoke, environments, range(50))] == list(range(50))


def test_one_event_at_a_time(functions: Functions) -> None:
    environment = functions.environment("import time\ndef handler(event, context): time.sleep(0.05); return event")
    with ThreadPoolExecutor(4) as pool:
        assert [result(outcome) for outcome in pool.map(lambda n: invoke(environment, n), range(4))] == [0, 1, 2, 3]


def test_stop_leaves_nothing(functions: Functions) -> None:
    environment = functions.environment("""
        import os, subprocess
        def handler(event, context):
            child = subprocess.Popen(["sleep", "100"], start_new_session=True)
            command = "exec sleep 100 >/dev/null 2>&1 & echo $!"
            orphan = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, start_new_session=True)
            return [os.getpid(), child.pid, int(orphan.stdout)]
    """)
    pids = result(invoke(environment))
    # only Linux tells whose a process is that has left both its group and its parent
    pids = pids if sys.platform == "linux" else pids[:2]
    assert all(running(pid) for pid in pids)
    environment.stop()
    environment.stop()
    assert eventually(lambda: not any(running(pid) for pid in pids))
    assert [path.name for path in functions.folder.iterdir()] == ["code-0"]
    assert not environment.usable
    assert invoke(environment).status == "error"


def test_stop_ends_an_invocation_under_way(functions: Functions) -> None:
    environment = functions.environment("import time\ndef handler(event, context): time.sleep(60)", timeout_s=60.0)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(invoke, environment)
        threading.Event().wait(0.3)
        environment.stop()
        assert under_way.result(20).error_type == "Runtime.ExitError"


def test_a_process_that_was_killed_while_idle(functions: Functions) -> None:
    environment = functions.environment("import os\ndef handler(event, context): return os.getpid()")
    pid = result(invoke(environment))
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not running(pid))
    outcome = invoke(environment, "x" * 1_000_000)
    assert (outcome.error_type, environment.usable) == ("Runtime.ExitError", False)
    assert "signal: killed" in outcome.payload.decode()


def test_log_stream_has_awss_form(functions: Functions) -> None:
    version = functions.version(ECHO, version="7")
    stream = module.Environment(version, functions.folder, identity="0" * 32).log_stream
    assert stream == time.strftime("%Y/%m/%d", time.gmtime()) + "/[7]" + "0" * 32
