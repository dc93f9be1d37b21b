"""Measure the local cloud beside others, in one run on one machine, and write docs/benchmarks.md.

``make bench`` measures this course's cloud (in a kernel, and over HTTP) and moto's own server; ``make bench
WITH=ministack`` also ministack, in a virtual environment of its own below build/. Absolute times depend on the machine;
what counts is the ratio between columns of one run. No test depends on a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
REPORT = PROJECT / "docs" / "benchmarks.md"
MINISTACK = "1.5.33"
ROUNDS = 3
Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure's key, what it is, its unit and how it is to be."""

    key: str
    name: str
    unit: str
    target: str
    meets: Callable[[Mapping[str, Figures]], bool | None]


def within(key: str, most: float) -> Callable[[Mapping[str, Figures]], bool | None]:
    """Return what says whether this course's figure in a kernel is at most ``most``; None when it was not measured."""

    def meets(columns: Mapping[str, Figures]) -> bool | None:
        value = columns["course"].get(key)
        return None if value is None else value <= most

    return meets


def fast_when_warm(columns: Mapping[str, Figures]) -> bool | None:
    """Within 3 ms, and ten times faster than ministack where that was measured."""
    ours, theirs = columns["course"].get("warm_p50"), columns.get("ministack", {}).get("warm_p50")
    return None if ours is None else ours <= 3 and (theirs is None or ours * 10 <= theirs)


ROWS = (
    Row("ready", "import to ready", "ms", "within 1,000", within("ready", 1000)),
    Row("process", "process to first answer", "ms", "", lambda _: None),
    Row("cold", "Lambda, cold start", "ms", "within 100", within("cold", 100)),
    Row("warm_p50", "Lambda, warm, p50", "ms", "within 3; a tenth of ministack", fast_when_warm),
    Row("warm_p95", "Lambda, warm, p95", "ms", "", lambda _: None),
    Row("put_item", "dynamodb.put_item", "ms", "within 1.5", within("put_item", 1.5)),
    Row("get_item", "dynamodb.get_item", "ms", "", lambda _: None),
    Row("send_message", "sqs.send_message, short queue", "ms", "within 2", within("send_message", 2)),
)
TITLES = {
    "course": "this course, in the kernel",
    "course over HTTP": "this course, over HTTP",
    "moto_server": "moto_server",
    "ministack": "ministack",
}


def client(*arguments: str, keys: Mapping[str, str] | None = None) -> Figures:
    """Return what ``tools.bench_client`` measures in a process of its own."""
    given = keys or {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", **given}
    command = [sys.executable, "-m", "tools.bench_client", *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, timeout=300, check=True)
    return {key: float(value) for key, value in json.loads(done.stdout).items()}


def middle(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure over several runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    command: Sequence[str], port: int, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[str, float]]:
    """Run a server; give its address and the milliseconds from its start to its first answer."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, **(variables or {})}
        began = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=folder, env=environment, **quiet)  # type: ignore[call-overload]
        try:
            wait_for_answer(port, process)
            yield f"http://127.0.0.1:{port}", (time.perf_counter() - began) * 1000
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_answer(port: int, process: Any, seconds: float = 60) -> None:
    """Wait until somebody answers HTTP at the port; any status will do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(f"no answer at port {port} within {seconds:g} s, or the server ended")


def course() -> Figures:
    """Measure this course's cloud as a notebook has it."""
    return middle([client() for _ in range(ROUNDS)])


def course_over_http() -> Figures:
    """Measure ``python -m helpers.cloud`` from another process."""
    command = [sys.executable, "-m", "helpers.cloud"]
    runs = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            ready = (time.perf_counter() - began) * 1000
            keys = {"AWS_ACCESS_KEY_ID": said["access_key_id"], "AWS_SECRET_ACCESS_KEY": said["secret_access_key"]}
            runs.append({"process": ready, **client("--endpoint", said["endpoint"], keys=keys)})
        finally:
            process.terminate()
            process.wait(20)
    return middle(runs)


def moto_server() -> Figures:
    """Measure moto's own server; its functions run in Docker only."""
    runs = []
    for _ in range(ROUNDS):
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with server(command, port) as (endpoint, ready):
            runs.append({"process": ready, **client("--endpoint", endpoint, "--no-functions")})
    return middle(runs)


def ministack() -> Figures:
    """Measure ministack, installed into a virtual environment of its own."""
    python = PROJECT / "build" / "ministack" / "bin" / "python"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not python.exists():
        assert uv is not None, "uv is missing: make setup"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(python.parents[1])], check=True)
        wanted = [f"ministack[full]=={MINISTACK}", "boto3"]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
    runs = []
    for _ in range(ROUNDS):
        port = free_port()
        variables = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
        with server([str(python), "-m", "ministack"], port, variables) as (endpoint, ready):
            runs.append({"process": ready, **client("--endpoint", endpoint)})
    return middle(runs)


def memory_of(notebook: Path) -> float:
    """Return the megabytes of a kernel with its cloud after a notebook; idle functions are processes of their own."""
    import nbformat
    import psutil
    from nbclient import NotebookClient

    node = nbformat.read(notebook, as_version=4)
    here = {"metadata": {"path": str(notebook.parent)}}
    runner = NotebookClient(node, timeout=120, kernel_name="python3", resources=here)
    with runner.setup_kernel():
        for index, cell in enumerate(node.cells):
            runner.execute_cell(cell, index)
        pid: Any = getattr(getattr(runner.km, "provisioner", None), "pid", None)
        return float(psutil.Process(pid).memory_info().rss / 1024**2)


def seconds_to_validate(notebook: Path) -> float:
    """Return the seconds in which the tests run a notebook and compare its outputs, alone, from a cold start."""
    flags = "-q -p no:cacheprovider --nbval --nbval-current-env --nbval-cell-timeout=60".split()
    sanitize = ["--nbval-sanitize-with", str(PROJECT / "tests" / "notebooks" / "sanitize.cfg")]
    command = [sys.executable, "-m", "pytest", *flags, *sanitize, str(notebook)]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{notebook.name} cannot be validated: {' '.join(command)}")
    return time.perf_counter() - began


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table, its columns padded so that it reads well in a terminal too."""
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    rows = [header, ["-" * width for width in widths], *lines]
    return [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]


def verdict(met: bool | None) -> str:
    """Return how a target was met."""
    return {None: "", True: "met", False: "**missed**"}[met]


def shown(value: float | None) -> str:
    """Return a figure, or a dash."""
    return "–" if value is None else f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def of_clouds(columns: Mapping[str, Figures]) -> list[str]:
    """Return the table that compares the clouds."""
    header = ["", *(TITLES[name] for name in columns), "target", ""]
    lines = []
    for row in ROWS:
        values = [shown(figures.get(row.key)) for figures in columns.values()]
        lines.append([f"{row.name} ({row.unit})", *values, row.target, verdict(row.meets(columns))])
    return table(header, lines)


def of_notebooks(notebooks: Sequence[Path]) -> list[str]:
    """Return the table of the notebooks."""
    lines = []
    for notebook in notebooks:
        memory, seconds = memory_of(notebook), seconds_to_validate(notebook)
        name = str(notebook.relative_to(PROJECT))
        lines.append([name, f"{memory:,.0f}", verdict(memory <= 200), f"{seconds:,.1f}", verdict(seconds <= 30)])
    return table(["notebook", "kernel with cloud (MB)", "within 200", "validated in (s)", "within 30"], lines)


def machine() -> str:
    """Return what was measured on, and with which versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("boto3", "moto", "awslambdaric"))
    return (
        f"{date.today():%d %B %Y}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {packages}"
    )


INTRODUCTION = """\
# Benchmarks

How fast the local cloud is beside others, measured through plain boto3 by `make bench` (`make bench WITH=ministack` for
the last column) in one run on one machine. Times depend on the machine; what counts is the ratio between columns. Each
figure is the median of three runs. A dash: not measured, or not possible (moto's server runs functions in Docker only).
"""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench")
    parser.add_argument("--with", dest="others", default="", help="another cloud to measure: ministack")
    parser.add_argument("--no-notebooks", action="store_true", help="measure the clouds only, and write nothing")
    options = parser.parse_args()
    subjects = {"course": course, "course over HTTP": course_over_http, "moto_server": moto_server}
    if options.others == "ministack":
        subjects["ministack"] = ministack
    elif options.others:
        parser.error(f"{options.others!r} cannot be measured: only ministack can")
    columns = {}
    for name, measure in subjects.items():
        print(f"measuring {TITLES[name]} ...", file=sys.stderr, flush=True)
        columns[name] = measure()
    versions = machine() + (f", ministack {MINISTACK}" if "ministack" in columns else "")
    clouds = of_clouds(columns)
    print("\n".join([versions, "", *clouds, ""]), flush=True)
    if not options.no_notebooks:
        notebooks = of_notebooks(sorted((PROJECT / "notebooks").glob("*.ipynb")))
        print("\n".join(notebooks))
        REPORT.write_text("\n".join([INTRODUCTION, versions + ".", "", *clouds, "", *notebooks, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
