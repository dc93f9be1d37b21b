"""What holds for every lab: complete, three hints that lead to the answer, a solution that passes, a starter that runs.

That the solution's stored outputs are what its cells print is nbval's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.labs.lab_under_test import lab_modules
from tools.notebook_files import PROJECT, read

LABS = sorted(path.parent for path in PROJECT.glob("labs/*/checks.py"))
NOT_ATTEMPTED, DECIDED = re.compile(r"Not attempted"), re.compile(r"\*\*(Right|Not right yet)\*\*")
AS_FRESH = """
import os, sys
from helpers import cloud
cloud.stop()
os.chdir({folder!r})
for name, module in list(sys.modules.items()):
    if (getattr(module, "__file__", None) or "").startswith({labs!r}):
        del sys.modules[name]
get_ipython().reset()
"""
each_lab = pytest.mark.parametrize("folder", LABS, ids=lambda folder: folder.name)


def shown(notebook: Any) -> str:
    """Return all that the cells of a notebook show, as text."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append(output.get("text") or data.get("text/markdown") or data.get("text/plain") or "")
    return "\n".join(parts)


def all_checks(notebook: Any) -> list[str]:
    """Return the rows of the last cell's table of all tasks."""
    cell = next(cell for cell in notebook.cells if cell.id == "all-checks")
    table = cell.outputs[0].data["text/markdown"].splitlines()
    return [line for line in table if re.match(r"\| `\w+\.\w+`", line)]


@each_lab
def test_the_folder_is_complete(folder: Path) -> None:
    assert {"solution.ipynb", "lab.ipynb", "checks.py"} <= {path.name for path in folder.iterdir()}


@each_lab
def test_the_hints_lead_to_the_answer(folder: Path) -> None:
    with lab_modules(folder) as modules:
        tasks = modules["checks"].lab.tasks.values()
    assert 4 <= len(tasks) <= 8
    for task in tasks:
        first, _, last = task.hints
        assert len(last) > len(first) / 2 and "`" in last
        assert "On AWS" in task.why


@each_lab
def test_the_solution_passes(folder: Path) -> None:
    rows = all_checks(read(folder / "solution.ipynb"))
    with lab_modules(folder) as modules:
        assert len(rows) == len(modules["checks"].lab.tasks)
    assert all("✓" in row for row in rows), rows


@pytest.fixture(scope="module")
def kernel() -> Iterator[NotebookClient]:
    """One kernel for all starters: to start one and to import the libraries takes longer than to run a starter."""
    client = NotebookClient(
        new_notebook(), timeout=90, kernel_name="python3", store_widget_state=True, coalesce_streams=True
    )
    with client.setup_kernel():
        yield client


def run(kernel: NotebookClient, folder: Path) -> Any:
    """Run a lab's starter in its folder: no variable, no module of a lab and no cloud of another is left."""
    fresh = AS_FRESH.format(folder=str(folder), labs=str(folder.parent))
    notebook = read(folder / "lab.ipynb")
    kernel.nb = new_notebook(cells=[new_code_cell(fresh), *notebook.cells])
    kernel.reset_execution_trackers()
    for index, cell in enumerate(kernel.nb.cells):
        kernel.execute_cell(cell, index)
    return notebook


@each_lab
@pytest.mark.offline
def test_the_starter_runs_and_reports_every_task_as_not_attempted(kernel: NotebookClient, folder: Path) -> None:
    done = run(kernel, folder)
    rows, text = all_checks(done), shown(done)
    assert rows and all("○" in row for row in rows), rows
    assert NOT_ATTEMPTED.search(text), "no check reports that its task is not attempted"
    assert DECIDED.findall(text) == []
