"""Run the chapters and the lab solutions on LocalStack; write docs/backends.md, or hold the runs against it.

``python -m tools.localstack.notebooks [--check] [NOTEBOOK ...]``. On LocalStack outputs differ in names and times, so
what counts is which cells run without an error. ``--check`` writes nothing and ends with 1 where fewer cells run than
the page says. Without notebooks all are run; the rows of the others stay as they are.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from nbclient import NotebookClient

from tools.localstack.server import running, version
from tools.notebook_files import PROJECT, has_code, read, tags_of
from tools.notebooks import executed_notebooks

PAGE = PROJECT / "docs" / "backends.md"
LONGEST_REASON = 160
CELL_S, NOTEBOOK_S = 60, 240
"""How long a cell and a notebook may take; waits that `speed` shortens in the course's own cloud are real there."""
ROW = re.compile(r"^\| \[([^]]+)\]\([^)]+\) \| (\d+) \| (\d+) \| (\d+) \| (.*) \|$", re.MULTILINE)
INTRODUCTION = """\
# Which chapters and labs run on LocalStack

`python -m tools.localstack.notebooks` runs every chapter and every lab's solution on LocalStack, by the same cells, and
writes this page: last on {day}, with LocalStack {version} without Docker. On the course's own cloud all cells run.
[How to use LocalStack](localstack.md) says how to start one.

A cell that needs what LocalStack's free edition lacks says so in one line and is left out, and so are those that use
what it would have made. Of the other cells that do not run, the first is named with its error: LocalStack does not do
that, or does it otherwise than AWS, and cells after it may miss what it would have made. What is not listed has not
been run yet. A cell runs when it raises nothing: what the checks of a lab say of its tasks there is not counted.

| Notebook | Cells | Run | Left out | The first cell that does not run, and why |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """How a notebook ran: its cells with code, those that ran, those left out, and why the first did not run."""

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
    words = {cell.id: why_not(cell) for cell in cells}
    left_out = sum(word.startswith("Left out") for word in words.values())
    failed = [f"`{name}`: {word}" for name, word in words.items() if word]
    return Row(len(cells), len(cells) - len(failed), left_out, failed[0] if failed else "")


def why_not(cell: Any) -> str:
    """Return why a cell did not run, or an empty string."""
    for output in cell.outputs:
        if output.output_type == "stream" and "Left out: " in output.text:
            return plain(output.text[output.text.index("Left out: ") :].splitlines()[0])
        if output.output_type == "error" and "raises-exception" not in tags_of(cell):
            late = output.ename == "KeyboardInterrupt"
            return "stopped: it took too long" if late else plain(f"{output.ename}: {output.evalue}")
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
    options = parser.parse_args(arguments)
    before, worse = written(), []
    with running() as address:
        variables = {"COURSE_BACKEND": "localstack", "LOCALSTACK_HOST": address.removeprefix("http://")}
        for path in [path.resolve() for path in options.notebooks] or executed_notebooks():
            name, began = path.relative_to(PROJECT).as_posix(), time.monotonic()
            row = run(path, variables)
            if not options.check:
                page = page_of(written() | {name: row}, f"{date.today():%d %B %Y}")
                PAGE.write_text(page, encoding="utf-8")
            took = time.monotonic() - began
            print(f"{name}: {row.ran} of {row.cells} cells in {took:.0f} s. {row.reason}", flush=True)
            if name in before and row.ran < before[name].ran:
                worse.append(f"{name}: {before[name].ran} cells ran, now {row.ran}: {row.reason}")
    print("\n".join(worse), file=sys.stderr)
    return int(bool(worse) and options.check)


if __name__ == "__main__":
    sys.exit(main())
