"""Make each lab's starter from its solution: ``make labs``.

``python -m tools.labs [--check] [FOLDER ...]``: reads ``labs/NN_slug/solution.ipynb``, writes ``lab.ipynb`` beside it.
A cell tagged ``answer`` is replaced by its placeholder (the cell's metadata ``placeholder``, a string or a list of
lines); a cell tagged ``solution-only`` is left out; outputs and claims are cleared. ``--check`` writes nothing and ends
with 1 where a starter is not what would be written.
"""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path
from typing import Any

from tools.notebook_files import PROJECT, normalise, read, tags_of, to_text

DEFAULT_PLACEHOLDER = "# Your code here.\n..."


class LabError(ValueError):
    """A solution cannot be turned into a starter; the message names the cell and says why."""


def placeholder_of(cell: Any) -> str:
    """Return what a learner finds in place of an answer."""
    value = cell.metadata.get("placeholder", DEFAULT_PLACEHOLDER)
    text = value if isinstance(value, str) else "\n".join(line.rstrip("\n") for line in value)
    if not text.strip():
        raise LabError(f"cell {cell.get('id')}: its placeholder is empty")
    try:
        compile(text, f"placeholder of {cell.get('id')}", "exec")
    except SyntaxError as error:
        raise LabError(f"cell {cell.get('id')}: its placeholder is not Python ({error.msg})") from error
    return text.strip("\n")


def starter(solution: Any) -> Any:
    """Return the starter notebook of a solution."""
    result = copy.deepcopy(solution)
    result.cells = [cell for cell in result.cells if "solution-only" not in tags_of(cell)]
    answers = 0
    for cell in result.cells:
        if "answer" in tags_of(cell):
            if cell.cell_type != "code":
                raise LabError(f"cell {cell.get('id')}: only a code cell can be tagged answer")
            cell.source = placeholder_of(cell)
            cell.metadata.tags = [tag for tag in tags_of(cell) if tag != "raises-exception"]
            answers += 1
        for key in ("placeholder", "claims", "reason"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if not answers:
        raise LabError("no cell is tagged answer")
    return normalise(result)


def lab_folders(project: Path = PROJECT) -> list[Path]:
    """Return the folders of the labs: those that hold a solution."""
    return [path.parent for path in sorted(project.glob("labs/*/solution.ipynb"))]


def main(arguments: list[str] | None = None) -> int:
    """Write or check the starters of the named labs, or of all; return 1 if one differs or cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="write nothing, say which starters differ")
    options = parser.parse_args(arguments)
    failed = False
    for folder in options.folders or lab_folders():
        target = folder / "lab.ipynb"
        try:
            text = to_text(starter(read(folder / "solution.ipynb")))
        except LabError as error:
            failed = True
            print(f"{folder.name}: {error}", file=sys.stderr)
            continue
        old = target.read_text(encoding="utf-8") if target.exists() else ""
        if old == text:
            print(f"{folder.name}: unchanged")
        elif options.check:
            failed = True
            print(f"{folder.name}: lab.ipynb is not what solution.ipynb makes: make labs", file=sys.stderr)
        else:
            target.write_text(text, encoding="utf-8")
            print(f"{folder.name}: written")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
