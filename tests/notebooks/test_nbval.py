"""nbval as ``make test`` calls it: it fails where an output differs, and runs every committed notebook."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook

from tests.notebooks.made import code, text
from tools.notebook_files import PROJECT
from tools.notebooks import executed_notebooks

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")


def variable(name: str) -> str:
    """Return the value of one of the Makefile's variables."""
    found = re.search(rf"^{name} = (.*)$", MAKEFILE, re.MULTILINE)
    assert found
    return found.group(1)


def run_nbval(folder: Path, *cells: object) -> subprocess.CompletedProcess[str]:
    """Run the notebook made of these cells with the Makefile's options."""
    path = folder / "made.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    options = [*shlex.split(variable("NBVAL")), "-p", "no:cacheprovider", "-q", "--rootdir", str(PROJECT)]
    command = [sys.executable, "-m", "pytest", *options, str(path)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)


@pytest.mark.offline
def test_equal_outputs_pass_noise_aside(tmp_path: Path) -> None:
    noise = code("import uuid\nprint(uuid.uuid4())", text("5f1c2a34-0000-4abc-8def-0123456789ab\n"), count=2)
    done = run_nbval(tmp_path, code("print(1)", text("1\n"), count=1), noise)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.offline
def test_a_different_output_and_an_error_fail(tmp_path: Path) -> None:
    done = run_nbval(tmp_path, code("print(2)", text("1\n"), count=1), code("1 / 0", count=2))
    assert done.returncode == 1
    assert "2 failed" in done.stdout


def test_make_test_runs_every_committed_notebook() -> None:
    patterns = re.findall(r"[\w/*.]+\.ipynb", variable("NOTEBOOKS"))
    matched = {path for pattern in patterns for path in PROJECT.glob(pattern)}
    assert matched == set(executed_notebooks())
    recipe = MAKEFILE.split("\ntest:")[1].split("\n\n")[0]
    assert "$(NOTEBOOKS) $(NBVAL)" in recipe and "--dist loadscope" in recipe
    assert "--nbval " in variable("NBVAL") and "--nbval-lax" not in MAKEFILE
