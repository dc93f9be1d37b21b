"""Run the chapters and the lab solutions and store their outputs: ``make notebooks``.

``python -m tools.notebooks [--check] [NOTEBOOK ...]``: each notebook runs in a fresh kernel in its own folder and is
written in the normal form of ``tools.notebook_files``. ``--check`` writes nothing and ends with 1 where a notebook is
not as it would be written.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from pathlib import Path

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools.notebook_files import (
    PROJECT,
    comparable,
    execute,
    has_code,
    normalise,
    read,
    sanitize_rules,
    source_of,
    tags_of,
    to_text,
)


def executed_notebooks(project: Path = PROJECT) -> list[Path]:
    """Return the notebooks whose outputs are committed: the chapters and the solutions of the labs."""
    return sorted(project.glob("notebooks/*.ipynb")) + sorted(project.glob("labs/*/solution.ipynb"))


def refresh(path: Path) -> bool:
    """Run the notebook and write it; return whether the file has changed."""
    text = path.read_text(encoding="utf-8")
    before = read(path)
    rules = sanitize_rules()
    now = to_text(normalise(execute(before, path.parent), before, rules))
    if now != text:
        path.write_text(now, encoding="utf-8")
    return now != text


def check(path: Path) -> list[str]:
    """Run the notebook and return, as lines of a diff, where the file is not what ``refresh`` would write."""
    before = read(path)
    rules = sanitize_rules()
    fresh = normalise(execute(before, path.parent), before, rules)
    found: list[str] = []
    if to_text(normalise(before)) != path.read_text(encoding="utf-8"):
        found.append("the file is not in the normal form: make notebooks")
    for old, new in zip(before.cells, fresh.cells, strict=True):
        if not has_code(new) or "nbval-ignore-output" in tags_of(new):
            continue
        if old.execution_count != new.execution_count:
            found.append(f"execution count {old.execution_count}, expected {new.execution_count}: {first_line(new)}")
        stored, ran = comparable(old.outputs, rules), comparable(new.outputs, rules)
        if stored != ran:
            lines = difflib.unified_diff(stored, ran, f"stored: {first_line(new)}", "fresh", lineterm="")
            found += [line for part in lines for line in part.splitlines()]
    return found


def first_line(cell: object) -> str:
    """Return the first line of a cell, to name it in a message."""
    return source_of(cell).splitlines()[0]  # type: ignore[arg-type]


def main(arguments: list[str] | None = None) -> int:
    """Refresh or check the named notebooks, or all of them; return 1 if one failed or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    options = parser.parse_args(arguments)
    failed = False
    for path in [path.resolve() for path in options.notebooks] or executed_notebooks():
        began = time.monotonic()
        try:
            problems = check(path) if options.check else []
            word = "checked" if options.check else "changed" if refresh(path) else "unchanged"
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            problems, word = [str(error)], "failed"
        failed = failed or bool(problems)
        name = path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path
        print(f"{name}: {word} in {time.monotonic() - began:.0f} s", flush=True)
        for problem in problems:
            print(f"  {problem}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
