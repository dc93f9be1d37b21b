"""Running and normalising notebooks: stable, idempotent, and noise changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.notebooks.made import PICTURE, code, error, shown, text
from tools import notebooks
from tools.notebook_files import normalise, read, to_text

NOISE = "import uuid\nprint('id', uuid.uuid4())"


def written(folder: Path, *cells: Any) -> Path:
    path = folder / "made.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Made"), *cells]), path)
    return path


def test_what_is_not_the_work_of_an_author_is_removed() -> None:
    cell = code("1  \n", count=7, tags=["kept"], claims=["S01"], execution={"iopub.status.busy": "now"}, collapsed=True)
    result = normalise(
        new_notebook(
            cells=[code(" "), cell], metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
        )
    )
    assert result.cells[1].source == "1"
    assert result.cells[1].metadata == {"tags": ["kept"], "claims": ["S01"]}
    assert result.cells[1].execution_count == 1
    assert result.metadata.language_info == {"name": "python"}
    assert result.metadata.kernelspec.name == "python3" and "widgets" not in result.metadata
    assert to_text(result).endswith("}\n") and not to_text(result).endswith("\n\n")


def test_ids_are_kept_and_made_unique() -> None:
    cells = [code("1"), code("2"), code("3")]
    notebook = new_notebook(cells=cells)
    for cell, name in zip(notebook.cells, ("setup", "setup", "not valid!"), strict=True):
        cell["id"] = name
    assert [cell.id for cell in normalise(notebook).cells] == ["setup", "cell-02", "cell-03"]


def test_a_traceback_keeps_the_learners_frames_only() -> None:
    raised = error("ClientError", "denied")
    raised.traceback = [
        "\x1b[31mClientError\x1b[0m",
        "Cell In[1], line 1\n----> 1 call()",
        "File /x/lib/botocore/client.py:5",
    ]
    result = normalise(new_notebook(cells=[code("call()", raised, tags=["raises-exception"])]))
    assert len(result.cells[0].outputs[0].traceback) == 2


def test_a_widget_without_its_state_leaves_its_text() -> None:
    view = shown(text__plain="IntSlider(value=3)", **{"application/vnd.jupyter.widget-view+json": "x"})
    result = normalise(new_notebook(cells=[code("slider", view, count=1)]))
    assert dict(result.cells[0].outputs[0].data) == {"text/plain": "IntSlider(value=3)"}


@pytest.mark.offline
def test_refreshing_twice_changes_nothing(tmp_path: Path) -> None:
    cells = [
        code("print(1)"),
        code(NOISE),
        code("1 / 0", tags=["raises-exception"]),
        code("import os\nos.getcwd()[-3:]"),
    ]
    path = written(tmp_path, *cells)
    assert notebooks.refresh(path)
    first = path.read_text()
    stored = read(path)
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3, 4]
    assert stored.cells[3].outputs[0].ename == "ZeroDivisionError"
    assert stored.cells[4].outputs[0].data["text/plain"] == repr(str(tmp_path)[-3:])
    assert not notebooks.refresh(path)
    assert path.read_text() == first
    assert notebooks.check(path) == []


@pytest.mark.offline
def test_a_difference_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, code("print(2)", text("1\n"), count=3))
    assert notebooks.main(["--check", str(path)]) == 1
    found = capsys.readouterr().err
    assert "-stdout: 1" in found and "+stdout: 2" in found and "execution count 3, expected 1" in found
    assert "not in the normal form" in found


@pytest.mark.offline
def test_a_cell_that_fails_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, code("1 / 0"))
    before = path.read_text()
    assert notebooks.main([str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert path.read_text() == before


def test_a_new_picture_replaces_the_old_one_and_noise_does_not() -> None:
    old = new_notebook(cells=[code("f()", text("at 0x1\n"), count=1), code("g()", shown(image__png=PICTURE), count=2)])
    new = new_notebook(cells=[code("f()", text("at 0x2\n"), count=1), code("g()", shown(image__png="AAAA"), count=2)])
    for before, after in zip(old.cells, new.cells, strict=True):
        after["id"] = before["id"]
    result = normalise(new, old, [(r"at 0x\d", "at")])
    assert result.cells[0].outputs[0].text == "at 0x1\n"
    assert result.cells[1].outputs[0].data["image/png"] == "AAAA"


@pytest.mark.offline
def test_answers_can_be_tried(run_notebook: Callable[..., Any], tmp_path: Path) -> None:
    cell = code("print('mine')")
    cell["id"] = "answer"
    path = written(tmp_path, cell)
    assert run_notebook(path).cells[1].outputs[0].text == "mine\n"
    assert run_notebook(path, {"answer": "print('theirs')"}).cells[1].outputs[0].text == "theirs\n"
    with pytest.raises(AssertionError, match="no cell has the id other"):
        run_notebook(path, {"other": "1"})
    with pytest.raises(CellExecutionError):
        run_notebook(path, {"answer": "1 / 0"})
