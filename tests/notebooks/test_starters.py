"""Starters made from solutions: answers replaced, outputs gone, nothing else changed; the same the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.notebooks.made import code, error, text
from tools import labs
from tools.notebook_files import read


def solution() -> Any:
    printed = text("sesame\n")
    answer = code("secret = 'sesame'", printed, count=2, tags=["answer"], placeholder=["secret = ...\n", "secret"])
    cells = [
        new_markdown_cell("# Lab"),
        code("import boto3", count=1, claims=["S01"]),
        answer,
        code("1 / 0", error(), count=3, tags=["answer", "raises-exception"]),
        new_markdown_cell("Why it works", metadata={"tags": ["solution-only"]}),
        code("lab.check('secret')", text("right"), count=4),
    ]
    return new_notebook(cells=cells)


def test_answers_are_replaced_and_the_rest_is_kept() -> None:
    made = labs.starter(solution())
    sources = [cell.source for cell in made.cells]
    assert sources == ["# Lab", "import boto3", "secret = ...\nsecret", "# Your code here.\n...", "lab.check('secret')"]
    assert "sesame" not in nbformat.writes(made) and "placeholder" not in nbformat.writes(made)
    assert all(not cell.outputs and cell.execution_count is None for cell in made.cells if cell.cell_type == "code")
    assert [cell.metadata.get("tags") for cell in made.cells[2:4]] == [["answer"], ["answer"]]
    assert "claims" not in made.cells[1].metadata


def test_ids_stay_the_same() -> None:
    source = solution()
    ids = [cell.id for cell in source.cells if "solution-only" not in cell.metadata.get("tags", [])]
    assert [cell.id for cell in labs.starter(source).cells] == ids


def test_the_solution_is_left_alone() -> None:
    source = solution()
    before = nbformat.writes(source)
    labs.starter(source)
    assert nbformat.writes(source) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda nb: nb.cells[2].metadata.update(placeholder="if"), "is not Python"),
        (lambda nb: nb.cells[2].metadata.update(placeholder=" \n"), "is empty"),
        (lambda nb: nb.cells[0].metadata.update(tags=["answer"]), "only a code cell"),
        (lambda nb: [cell.metadata.pop("tags", None) for cell in nb.cells], "no cell is tagged answer"),
    ],
)
def test_a_solution_that_cannot_be_a_lab_is_refused(change: Any, message: str) -> None:
    notebook = solution()
    change(notebook)
    with pytest.raises(labs.LabError, match=message):
        labs.starter(notebook)


def test_make_labs_writes_once_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbformat.write(solution(), tmp_path / "solution.ipynb")
    target = tmp_path / "lab.ipynb"
    assert labs.main(["--check", str(tmp_path)]) == 1 and not target.exists()
    assert labs.main([str(tmp_path)]) == 0
    first = target.read_text()
    assert labs.main([str(tmp_path)]) == 0 and target.read_text() == first
    assert labs.main(["--check", str(tmp_path)]) == 0
    target.write_text(first.replace("# Lab", "# Changed"))
    assert labs.main(["--check", str(tmp_path)]) == 1
    assert "make labs" in capsys.readouterr().err
    assert read(target).cells[0].source == "# Changed"


def test_a_solution_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbformat.write(new_notebook(cells=[code("1")]), tmp_path / "solution.ipynb")
    assert labs.main([str(tmp_path)]) == 1
    assert "no cell is tagged answer" in capsys.readouterr().err
