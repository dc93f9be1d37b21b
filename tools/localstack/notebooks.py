"""Run the chapters and the lab solutions on LocalStack; write docs/backends.md, or hold the runs against it.

``python -m tools.localstack.notebooks [--check] [NOTEBOOK ...]``. On LocalStack outputs differ in names and times, so
what counts is which cells run without an error. ``--check`` writes nothing and ends with 1 where fewer cells run than
the page says, or one neither runs nor says why not. Without notebooks all are run; the rows of the others stay as they
are. As most of them wait for seconds that the course's own cloud would shorten, some run side by side, each with a
LocalStack of its own.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from nbclient import NotebookClient

from tools.localstack.server import running, version
from tools.notebook_files import PROJECT, has_code, read, tags_of
from tools.notebooks import executed_notebooks

PAGE = PROJECT / "docs" / "backends.md"
LONGEST_REASON = 160
CELL_S, NOTEBOOK_S = 60, 240
"""How long a cell and a notebook may take; waits that `speed` shortens in the course's own cloud are real there."""
JOBS = 3
ROW = re.compile(r"^\| \[([^]]+)\]\([^)]+\) \| (\d+) \| (\d+) \| (\d+) \| (.*) \|$", re.MULTILINE)
INTRODUCTION = """\
# Which chapters and labs run on LocalStack

`python -m tools.localstack.notebooks` runs every chapter and every lab's solution on LocalStack, by the same cells, and
writes this page: last on {day}, with LocalStack {version} without Docker. On the course's own cloud all cells run.
[How to use LocalStack](localstack.md) says how to start one.

A cell that needs what LocalStack's free edition lacks, or shows what LocalStack does otherwise than AWS, says so in one
line and is left out, and so are those that use what it would have made. What LocalStack does otherwise is collected
from `helpers/backends/localstack_differs.csv`. What is **not explained** was an error that nobody has looked into yet;
a notebook that is not listed has not been run. A cell runs when it raises nothing: what the checks of a lab say of its
tasks there is not counted.

| Notebook | Cells | Run | Left out | Why |
|---|---|---|---|---|
"""
LEFT_OUT, UNEXPLAINED, STOPPED = "Left out: ", "**not explained**: ", "it took too long"


@dataclass(frozen=True)
class Row:
    """How a notebook ran: its cells with code, those that ran, those left out in words, and why."""

    cells: int
    ran: int
    left_out: int
    reason: str


def run(path: Path, variables: Mapping[str, str]) -> Row:
    """Run a notebook in a fresh kernel to its end, whatever fails."""
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    deadline = time.monotonic() + NOTEBOOK_S
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook,
        timeout_func=lambda cell: max(1, min(CELL_S, deadline - time.monotonic())),
        kernel_name="python3",
        allow_errors=True,
        interrupt_on_timeout=True,
        store_widget_state=True,
        resources=place,
    )
    client.execute(env={**os.environ, **variables, "COURSE_PROGRESS": "off"})
    cells = [cell for cell in notebook.cells if has_code(cell)]
    return row_of({cell.id: why_not(cell) for cell in cells})


def run_all(paths: list[Path], jobs: int) -> Iterator[tuple[str, Row, float]]:
    """Run notebooks, ``jobs`` at once; give each one's name, its row and its seconds, in the order of the paths."""
    free: SimpleQueue[str] = SimpleQueue()

    def one(path: Path) -> tuple[str, Row, float]:
        address, began = free.get(), time.monotonic()
        try:
            row = run(path, {"COURSE_BACKEND": "localstack", "LOCALSTACK_HOST": address.removeprefix("http://")})
        finally:
            free.put(address)
        return path.relative_to(PROJECT).as_posix(), row, time.monotonic() - began

    with ExitStack() as clouds, ThreadPoolExecutor(jobs) as pool:
        for _ in range(min(jobs, len(paths))):
            free.put(clouds.enter_context(running()))
        yield from pool.map(one, paths)


def row_of(words: Mapping[str, str]) -> Row:
    """Return the row of a notebook by what its cells say, an empty string where one ran."""
    failed = {name: said for name, said in words.items() if said}
    told = {name: said.removeprefix(LEFT_OUT) for name, said in failed.items() if said.startswith(LEFT_OUT)}
    whys: dict[str, list[str]] = {}
    for name, said in failed.items():
        if not told.get(name, "").startswith("it needs "):
            whys.setdefault(told.get(name, f"{UNEXPLAINED}{said}"), []).append(f"`{name}`")
    reason = " ".join(f"{', '.join(names)}: {why}" for why, names in whys.items())
    return Row(len(words), len(words) - len(failed), len(told), reason)


def why_not(cell: Any) -> str:
    """Return why a cell did not run, or an empty string; it begins with ``LEFT_OUT`` where the cell itself says it."""
    for output in cell.outputs:
        if output.output_type == "stream" and LEFT_OUT in output.text:
            return LEFT_OUT + plain(output.text.partition(LEFT_OUT)[2].splitlines()[0])
        if output.output_type == "error" and "raises-exception" not in tags_of(cell):
            return STOPPED if output.ename == "KeyboardInterrupt" else plain(f"{output.ename}: {output.evalue}")
    return ""


def plain(text: str) -> str:
    """Return a text for a cell of the table: one line, not too long, nothing that changes from run to run."""
    line = " ".join(text.split()).replace("|", "/").replace("$", r"\$").replace("<", "&lt;")
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{12,}\b|127\.0\.0\.1:\d+|localhost:\d+", "…", line)
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 2].rstrip()} …"


def rows(page: str) -> dict[str, Row]:
    """Return what a page says, by the notebook's path."""
    return {path: Row(int(cells), int(ran), int(out), why) for path, cells, ran, out, why in ROW.findall(page)}


def written() -> dict[str, Row]:
    """Return what the page says now."""
    return rows(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}


def page_of(found: Mapping[str, Row], day: str) -> str:
    """Return the page."""
    lines = [
        f"| [{path}](../{path}) | {row.cells} | {row.ran} | {row.left_out} | {row.reason} |"
        for path, row in sorted(found.items(), key=lambda item: (item[0].startswith("labs"), item[0]))
    ]
    return INTRODUCTION.format(day=day, version=version()) + "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run, then write or compare; 1 where a notebook runs worse than the page says."""
    parser = argparse.ArgumentParser(prog="python -m tools.localstack.notebooks")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--check", action="store_true", help="write nothing, say what runs worse than the page says")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"how many run at once (default: {JOBS})")
    options = parser.parse_args(arguments)
    before, worse = written(), []
    paths = [path.resolve() for path in options.notebooks] or executed_notebooks()
    for name, row, took in run_all(paths, options.jobs):
        if not options.check:
            page = page_of(written() | {name: row}, f"{date.today():%d %B %Y}")
            PAGE.write_text(page, encoding="utf-8")
        print(f"{name}: {row.ran} of {row.cells} cells in {took:.0f} s. {row.reason}", flush=True)
        if row.ran < before.get(name, row).ran or row.ran + row.left_out < row.cells:
            worse.append(f"{name}: {before.get(name, row).ran} cells ran, now {row.ran}: {row.reason}")
    print("\n".join(worse), file=sys.stderr)
    return int(bool(worse) and options.check)


if __name__ == "__main__":
    sys.exit(main())
