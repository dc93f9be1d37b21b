"""What holds for every lab: complete, three hints that lead to the answer, a solution that passes, a starter that runs.

That the solution's stored outputs are what its cells print is nbval's part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.labs.lab_under_test import lab_modules
from tools.notebook_files import PROJECT, read

LABS = sorted(path.parent for path in PROJECT.glob("labs/*/checks.py"))
NOT_ATTEMPTED, DECIDED = re.compile(r"Not attempted"), re.compile(r"\*\*(Right|Not right yet)\*\*")
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


@each_lab
@pytest.mark.offline
def test_the_starter_runs_and_reports_every_task_as_not_attempted(
    run_notebook: Callable[..., Any], folder: Path
) -> None:
    done = run_notebook(folder / "lab.ipynb", seconds=90)
    rows, text = all_checks(done), shown(done)
    assert rows and all("○" in row for row in rows), rows
    assert NOT_ATTEMPTED.search(text), "no check reports that its task is not attempted"
    assert DECIDED.findall(text) == []
