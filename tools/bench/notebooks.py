"""What a notebook costs: the memory of its kernel with its cloud, and the seconds in which its outputs are compared."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench.clouds import PROJECT
from tools.bench.report import table, verdict


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


def of_notebooks(notebooks: Sequence[Path]) -> list[str]:
    """Return the table of the notebooks."""
    lines = []
    for notebook in notebooks:
        memory, seconds = memory_of(notebook), seconds_to_validate(notebook)
        name = str(notebook.relative_to(PROJECT))
        lines.append([name, f"{memory:,.0f}", verdict(memory <= 200), f"{seconds:,.1f}", verdict(seconds <= 30)])
    return table(["notebook", "kernel with cloud (MB)", "within 200", "validated in (s)", "within 30"], lines)
