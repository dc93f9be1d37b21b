"""What all tests share: they run offline, leave the user's files alone, and can run a notebook in a fresh kernel.

Property tests take the same examples at each run, and as long as they need: a machine may stand still for a while.
``--hypothesis-profile=default`` looks for other examples.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tools.notebook_files import execute, read

PROJECT = Path(__file__).resolve().parents[1]
OFFLINE = PROJECT / "tests" / "offline"
_folders: list[tempfile.TemporaryDirectory[str]] = []
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """Set the variables that kernels and other processes of the tests inherit."""
    if hasattr(config, "workerinput"):
        return
    temporary = tempfile.TemporaryDirectory(prefix="course-tests-", ignore_cleanup_errors=True)
    _folders.append(temporary)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{OFFLINE}{os.pathsep}{before}" if before else str(OFFLINE)
    os.environ["COURSE_PROGRESS"] = "off"
    os.environ["IPYTHONDIR"] = temporary.name
    os.environ["MPLCONFIGDIR"] = temporary.name


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let Python look for garbage less often, and not among what stays: thousands of tests, the models of AWS's APIs.

    In a process that has run some hundred tests the looking is a third of its work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the temporary folder."""
    while _folders:
        _folders.pop().cleanup()


@pytest.fixture
def run_notebook() -> Callable[..., Any]:
    """Run a notebook in a fresh kernel, offline, and return it with its outputs.

    ``run_notebook(path, {"cell-id": "new source"})`` replaces the source of cells first, to try another answer; a
    cell that raises without the tag ``raises-exception`` raises nbclient's ``CellExecutionError`` here. ``path`` may be
    a notebook node when ``folder`` names the folder to run in.
    """

    def run(
        notebook: Any, answers: Mapping[str, str] | None = None, *, folder: Path | None = None, seconds: int = 60
    ) -> Any:
        node = read(notebook) if isinstance(notebook, Path) else notebook
        missing = set(answers or {}) - {cell.id for cell in node.cells}
        assert not missing, f"no cell has the id {', '.join(sorted(missing))}"
        for cell in node.cells:
            cell.source = (answers or {}).get(cell.id, cell.source)
        place = folder or (notebook.parent if isinstance(notebook, Path) else PROJECT)
        return execute(node, place, seconds=seconds)

    return run
