"""Run All of every starter: nothing raises, and every check says that its task is not attempted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.notebook_files import PROJECT

STARTERS = sorted(PROJECT.glob("labs/*/lab.ipynb"))
NOT_ATTEMPTED, DECIDED = re.compile(r"Not attempted"), re.compile(r"\*\*(Right|Not right yet)\*\*")


def shown(notebook: Any) -> str:
    """Return all that the cells of a notebook show, as text."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append(output.get("text") or data.get("text/markdown") or data.get("text/plain") or "")
    return "\n".join(parts)


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.parent.name)
def test_a_starter_runs_and_reports_every_task_as_not_attempted(run_notebook: Callable[..., Any], path: Path) -> None:
    text = shown(run_notebook(path))
    assert NOT_ATTEMPTED.search(text), "no check reports that its task is not attempted"
    assert DECIDED.findall(text) == []
