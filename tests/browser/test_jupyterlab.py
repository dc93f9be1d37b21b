"""Chapters in a real JupyterLab, in a real browser: what a learner sees after Run All.

Skipped, with the reason, where no Chromium is found. The pictures stay in ``build/screenshots``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.lab_browser import PROJECT, Server, browser_page, copy_for_reading, find_browser, run_all, serve

BROWSER = find_browser()
PICTURES = PROJECT / "build" / "screenshots"
CHAPTERS = [path for number in ("00", "02") for path in sorted((PROJECT / "notebooks").glob(f"{number}_*.ipynb"))]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        BROWSER is None,
        reason="no Chromium or Chrome on this machine (apt-get install chromium, or name one in the variable CHROMIUM)",
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One JupyterLab for all tests of this module."""
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """One page of a headless browser."""
    assert BROWSER is not None
    with browser_page(BROWSER) as opened:
        yield opened


def test_both_chapters_are_looked_at() -> None:
    assert len(CHAPTERS) == 2


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_and_looks_right(server: Server, page: Any, chapter: Path) -> None:
    result = run_all(page, server, copy_for_reading(chapter, server.folder), PICTURES)
    assert result.problems == []
    assert result.code_cells
    assert result.diagrams >= 1
    assert len(result.pictures) >= 2
    assert all(picture.stat().st_size > 5_000 for picture in result.pictures)


def test_a_good_page_has_no_problems(server: Server, page: Any, tmp_path: Path) -> None:
    cells = [
        new_markdown_cell("# Good\n\n```mermaid\nflowchart LR\n  you --> function\n```"),
        new_code_cell(
            "from IPython.display import Markdown\nMarkdown('```mermaid\\nsequenceDiagram\\n  A->>B: hi\\n```')"
        ),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_code_cell("1 + 1"),
    ]
    result = run_all(page, server, _written(tmp_path, server, "good", cells), tmp_path / "pictures")
    assert result.problems == []
    assert result.diagrams == 2
    assert [cell["execution_count"] for cell in result.code_cells] == [1, 2, 3]
    assert result.pictures


def test_faults_are_seen(server: Server, page: Any, tmp_path: Path) -> None:
    cells = [
        new_markdown_cell("# Bad\n\n```mermaid\nflowchart LR\n  you --->>> --> {{\n```"),
        new_code_cell("1 / 0"),
        new_code_cell("print('never reached')"),
    ]
    found = "\n".join(run_all(page, server, _written(tmp_path, server, "bad", cells)).problems)
    assert "a cell failed: ZeroDivisionError: division by zero" in found
    assert "a cell has not run: print('never reached')" in found
    assert "a diagram was not drawn: " in found and "Parse error" in found


def _written(folder: Path, server: Server, name: str, cells: list[Any]) -> str:
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return copy_for_reading(path, server.folder)
