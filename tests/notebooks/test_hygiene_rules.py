"""Each rule of ``tools.hygiene`` passes a good notebook and says what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.notebooks.made import PICTURE, chapter, code, error, first_code, shown, text
from tools import hygiene
from tools.notebook_files import normalise, to_text

Rule = Callable[[Any], list[str]]


def with_claims(notebook: Any) -> list[str]:
    return hygiene.claims_exist(notebook, ["S01"])


def with_links(notebook: Any) -> list[str]:
    return hygiene.links(notebook, Path(__file__).parent)


RULES: list[Rule] = [*hygiene.EVERY_NOTEBOOK, hygiene.structure, hygiene.size, with_claims, with_links]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_chapter_breaks_no_rule(rule: Rule) -> None:
    assert rule(chapter()) == []


def cell_becomes(source: str, *outputs: Any, **metadata: Any) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        cell = first_code(notebook)
        cell.source, cell.outputs = source, list(outputs)
        cell.metadata.update(metadata)

    return change


def prose_gains(words: str) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        notebook.cells[1].source += words

    return change


def cleared(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def without(words: str) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace(words, "")

    return change


def ignoring(count: int) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        for cell in hygiene.code_cells(notebook)[:count]:
            cell.metadata.update(tags=["nbval-ignore-output"], reason="the order of arrival")

    return change


def run_twice(notebook: Any) -> None:
    first_code(notebook).execution_count = 14


def only_prose(notebook: Any) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def many_cells(notebook: Any) -> None:
    notebook.cells += [new_markdown_cell("more") for _ in range(30)]


def prose_with_claims(notebook: Any) -> None:
    notebook.cells[0].metadata["claims"] = ["S01"]


def prose_first(notebook: Any) -> None:
    notebook.cells.insert(0, new_markdown_cell("Welcome."))


BAD: list[tuple[Rule, Callable[[Any], None], str]] = [
    (hygiene.execution_counts, cleared, "execution counts are"),
    (hygiene.execution_counts, run_twice, "execution counts are [14, 2"),
    (hygiene.execution_counts, only_prose, "execution counts are []"),
    (hygiene.outputs_present, cleared, "0 of 12 code cells have an output"),
    (hygiene.stored_errors, cell_becomes("1", tags=["raises-exception"]), "raises nothing"),
    (hygiene.stored_errors, cell_becomes("1 / 0", error()), "without the tag raises-exception"),
    (hygiene.plain_python, cell_becomes("%no_such_magic 3"), "is not plain Python (line 1)"),
    (hygiene.plain_python, cell_becomes("%%bash\nls"), "is not plain Python"),
    (hygiene.plain_python, cell_becomes("import os\n!ls"), "is not plain Python (line 2)"),
    (hygiene.plain_python, cell_becomes("len?"), "is not plain Python"),
    (hygiene.plain_python, cell_becomes("get_ipython().system('ls')"), "calls get_ipython()"),
    (hygiene.ignored_outputs, cell_becomes("1", tags=["nbval-ignore-output"]), "without a reason"),
    (hygiene.ignored_outputs, cell_becomes("1", tags=["nbval-skip"], reason="slow"), "only nbval-ignore-output"),
    (hygiene.ignored_outputs, cell_becomes("# NBVAL_IGNORE_OUTPUT\n1"), "a marker in a comment"),
    (hygiene.ignored_outputs, ignoring(2), "2 cells ignore their outputs; at most 1"),
    (hygiene.no_stderr, cell_becomes("1", text("DeprecationWarning: old", "stderr")), "DeprecationWarning"),
    (hygiene.statements_hold, cell_becomes("1", shown(text__markdown="✗ **Not so**: 1 is 2.")), "does not hold"),
    (hygiene.no_dollar_prices, prose_gains(" It costs $0.20 and $5."), "dollar sign"),
    (hygiene.no_dollar_prices, cell_becomes("1", shown(text__markdown="It costs $5.")), "dollar sign"),
    (hygiene.short_cells, cell_becomes("\n".join(["x = 1"] * 21)), "has 21 lines, at most 20"),
    (hygiene.figures, cell_becomes("plot()", shown(image__png=PICTURE, text__plain="<Figure>")), "no result in text"),
    (hygiene.figures, cell_becomes("plot()", shown(text__plain="1", **{"image/svg+xml": "<svg/>"})), "not PNG"),
    (hygiene.figures, cell_becomes("plot()", shown(text__html="<div><svg></svg></div>")), "not PNG"),
    (hygiene.no_machine_paths, cell_becomes("1", text("/home/ada/x.py")), "/home/ada"),
    (hygiene.no_machine_paths, cell_becomes("1", text(f"{hygiene.PROJECT}/x")), "a path of this machine"),
    (hygiene.no_machine_paths, cell_becomes("1", error(value="in /Users/ada")), "/Users/ada"),
    (hygiene.no_machine_paths, cell_becomes("1", text("/tmp/tmpab12/x")), "/tmp/tmpab12"),
    (hygiene.imports, cell_becomes("from helpers.dataplane.clock import Clock"), "machinery"),
    (hygiene.structure, without("# Chapter"), "headings of the first level"),
    (hygiene.structure, prose_gains("\n\n# Another title"), "2 headings"),
    (hygiene.structure, prose_first, "does not begin with the title"),
    (hygiene.structure, without("```mermaid"), "lacks a Mermaid diagram"),
    (hygiene.structure, without("You will be able to"), "lacks objectives"),
    (hygiene.structure, without("10 minutes"), "lacks the minutes"),
    (hygiene.structure, without("Predict"), "lacks a question to predict"),
    (hygiene.structure, without("## Recap"), "lacks a recap"),
    (hygiene.structure, without("## Check yourself"), "lacks a section Check yourself"),
    (hygiene.structure, prose_gains("\n\n```{note}\nMyST\n```"), "MyST"),
    (hygiene.size, prose_gains(" word" * 2000), "words, not 900 to 1800"),
    (hygiene.size, without("word"), "words, not 900 to 1800"),
    (hygiene.size, many_cells, "57 cells, not 25 to 45"),
    (with_claims, cell_becomes("1", claims=["S99"]), "carries S99, which is not in claims.csv"),
    (with_claims, prose_with_claims, "is not a code cell"),
    (with_links, prose_gains(" [next](01_missing.ipynb)"), "01_missing.ipynb leads nowhere"),
    (with_links, prose_gains(" [doc](http://docs.aws.amazon.com)"), "does not use https"),
    (with_links, prose_gains(" ![](test_hygiene_rules.py)"), "has no description"),
]


@pytest.mark.parametrize(("rule", "change", "message"), BAD, ids=[f"{row[0].__name__}-{row[2]}" for row in BAD])
def test_a_bad_chapter_is_found(rule: Rule, change: Callable[[Any], None], message: str) -> None:
    notebook = chapter()
    change(notebook)
    assert message in "\n".join(rule(notebook))


def test_what_only_looks_bad_is_allowed() -> None:
    notebook = chapter()
    notebook.cells[1].source += " `$1` and \\$5, [here](test_hygiene_rules.py#top), [up](#top)"
    notebook.cells[1].source += " [AWS](https://aws.amazon.com)"
    first_code(notebook).update(source="await later()", outputs=[text("/tmp/counter and /var/task\n")])
    ignoring(1)(notebook)
    figure = code("plot()", shown(image__png=PICTURE, text__plain="<Figure>"), text("the peak is 3\n"))
    raising = code("1 / 0", error(), tags=["raises-exception"])
    notebook.cells += [figure, raising]
    for rule in (hygiene.no_dollar_prices, hygiene.plain_python, hygiene.ignored_outputs, hygiene.figures):
        assert rule(notebook) == []
    for rule in (hygiene.stored_errors, hygiene.no_machine_paths, with_links):
        assert rule(notebook) == []


def test_the_first_chapter_may_be_half_as_long() -> None:
    notebook = chapter()
    notebook.cells = notebook.cells[:12] + notebook.cells[-2:]
    assert hygiene.size(notebook, "02_lambda_functions")
    assert hygiene.size(notebook, "00_start_here") == []


def test_a_file_is_judged_by_all_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "01_made.ipynb"
    path.write_text(to_text(normalise(chapter())), encoding="utf-8")
    assert hygiene.main([str(path)]) == 0
    bad = chapter()
    cleared(bad)
    first_code(bad).outputs = [shown(image__png="A" * 160_000)]
    path.write_text(nbformat.writes(bad), encoding="utf-8")
    assert hygiene.main([str(path)]) == 1
    found = capsys.readouterr().out
    assert "execution counts" in found and "kB, at most 150 kB" in found and "no result in text" in found


def test_an_empty_notebook_is_found() -> None:
    assert hygiene.structure(new_notebook()) and hygiene.execution_counts(new_notebook())


def test_the_claims_are_read() -> None:
    claims = hygiene.known_claims()
    assert len(claims) == len(set(claims)) >= 150 and {"S01", "L01"} <= set(claims)
