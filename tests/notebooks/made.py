"""Small notebooks made in tests: a good chapter, and what is done to it to make it bad."""

from __future__ import annotations

from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def code(source: str, *outputs: Any, count: int | None = None, **metadata: Any) -> Any:
    """Return a code cell."""
    return new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def text(value: str, name: str = "stdout") -> Any:
    """Return what a cell prints."""
    return new_output("stream", name=name, text=value)


def shown(**data: str) -> Any:
    """Return what a cell displays; ``image__png`` stands for ``image/png``."""
    return new_output("display_data", data={kind.replace("__", "/"): value for kind, value in data.items()})


def error(name: str = "ValueError", value: str = "no") -> Any:
    """Return the error that a cell stores."""
    return new_output("error", ename=name, evalue=value, traceback=[f"{name}: {value}"])


def chapter() -> Any:
    """Return a chapter that breaks no rule."""
    opening = "# Chapter\n\nYou will be able to count. 10 minutes.\n\n```mermaid\nflowchart LR\n  a --> b\n```"
    cells = [new_markdown_cell(opening)]
    for number in range(1, 13):
        cells.append(new_markdown_cell(f"## Part {number}\n\n**Predict** what it prints.\n\n" + "word " * 80))
        cells.append(code(f"print({number})", text(f"{number}\n"), count=number))
    cells.append(new_markdown_cell("## Check yourself\n\nNothing to check."))
    cells.append(new_markdown_cell("## Recap\n\nYou can count."))
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for index, cell in enumerate(cells):
        cell["id"] = f"made-{index:02d}"
    return notebook


def first_code(notebook: Any) -> Any:
    """Return the first code cell."""
    return next(cell for cell in notebook.cells if cell.cell_type == "code")
