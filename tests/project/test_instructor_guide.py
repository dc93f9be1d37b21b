"""The instructor guide has each chapter and lab with its minutes, and quotes notebooks, checks and quizzes truly."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tools.notebook_files import PROJECT, read, source_of

GUIDE = (PROJECT / "docs/instructor_guide.md").read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")
SECTIONS = {found[:2]: found for found in re.split(r"^### (?=\d\d )", GUIDE, flags=re.MULTILINE)[1:]}
LINK = re.compile(r"\[(\w+)\]\(\.\./((?:notebooks|labs)/[\w/]+\.ipynb)\)")
TABLES = re.findall(r"(?<=\n\n)\|.*?(?=\n\n)", GUIDE, re.DOTALL)


def _chapters() -> Iterator[tuple[str, Path, list[Path]]]:
    with (PROJECT / "tests/chapters.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            notebook = PROJECT / "notebooks" / f"{row['number']}_{row['slug']}.ipynb"
            labs = [PROJECT / "labs" / f"{row['number']}_{slug}" / "lab.ipynb" for slug in row["labs"].split()]
            if notebook.exists():
                yield row["number"], notebook, [lab for lab in labs if lab.exists()]


CHAPTERS = list(_chapters())
by_chapter = pytest.mark.parametrize(("number", "notebook", "labs"), CHAPTERS, ids=[each[0] for each in CHAPTERS])


def minutes(notebook: Path) -> int:
    """Return the minutes that the notebook's first cell names."""
    found = re.findall(r"\*\*(\d+) minutes", source_of(read(notebook).cells[0]))
    assert len(found) == 1, notebook
    return int(found[0])


def rows(table: str) -> list[list[str]]:
    """Return the cells of a Markdown table's rows, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def in_one_line(text: str) -> str:
    """Return the text with each run of white space as one space."""
    return " ".join(text.split())


def named(section: str, label: str) -> list[str]:
    """Return the section's points with this label."""
    return [
        in_one_line(found) for found in re.findall(rf"^- \*\*{label}\.\*\* (.+?)(?=\n- |\n\n|\Z)", section, re.M | re.S)
    ]


def test_the_guide_has_the_chapters_that_exist_and_no_others() -> None:
    assert list(SECTIONS) == [number for number, _, _ in CHAPTERS]


@by_chapter
def test_a_chapter_and_its_labs_have_their_minutes(number: str, notebook: Path, labs: list[Path]) -> None:
    title = SECTIONS[number].splitlines()[0]
    assert title.endswith(f": {minutes(notebook)} minutes")
    given = re.findall(LINK.pattern + r" \((\d+) minutes\)", in_one_line(SECTIONS[number]))
    assert sorted((path, int(said)) for _, path, said in given) == sorted(
        (lab.relative_to(PROJECT).as_posix(), minutes(lab)) for lab in labs
    )


@by_chapter
def test_votes_are_questions_of_the_notebook(number: str, notebook: Path, labs: list[Path]) -> None:
    text = in_one_line("\n".join(source_of(cell) for cell in read(notebook).cells if cell.cell_type == "markdown"))
    asked = text.split("**Predict.**")[1:]
    votes = named(SECTIONS[number], "Vote")
    assert 2 <= len(votes) <= 3
    assert [vote for vote in votes if not any(vote in question for question in asked)] == []


@by_chapter
def test_mistakes_quote_the_tests_of_the_labs_or_the_quiz(number: str, notebook: Path, labs: list[Path]) -> None:
    slugs = [lab.parent.name.partition("_")[2] for lab in labs]
    sources = [(PROJECT / "tests/labs" / f"test_{slug}.py").read_text(encoding="utf-8") for slug in slugs]
    quiz = json.loads((notebook.parent / "quizzes" / f"{notebook.stem}.json").read_text(encoding="utf-8"))
    sources += [option["why"] for question in quiz for option in question["options"]]
    mistakes = named(SECTIONS[number], "Wrong")
    quotes = [quote for mistake in mistakes for quote in re.findall(r'"(.+?)"', mistake)]
    assert len(mistakes) >= 2
    assert all('"' in mistake for mistake in mistakes)
    assert [quote for quote in quotes if not any(quote in source for source in sources)] == []


@pytest.mark.parametrize("number", SECTIONS)
def test_each_chapter_says_what_aws_does_and_what_the_fast_get(number: str) -> None:
    assert len(named(SECTIONS[number], "AWS")) == len(named(SECTIONS[number], "Fast")) == 1


@pytest.mark.parametrize("table", TABLES, ids=["day", "half_day", "evenings"])
def test_minutes_in_a_timetable_are_those_of_the_notebooks(table: str) -> None:
    for _, what, said in rows(table):
        linked = [minutes(PROJECT / path) for _, path in LINK.findall(what)]
        assert not linked or sum(linked) == int(said), what


@pytest.mark.parametrize("title", ["A day", "A half-day"])
def test_each_row_of_a_day_begins_when_the_one_before_ends(title: str) -> None:
    table = next(each for each in TABLES if f"### {title}\n\n{each}" in GUIDE)
    begins = [int(time[:2]) * 60 + int(time[3:]) for time, _, _ in rows(table)]
    lasts = [int(said) for _, _, said in rows(table)[:-1]]
    assert [later - earlier for earlier, later in pairwise(begins)] == lasts


def test_the_evenings_hold_everything_once_and_add_up() -> None:
    table = next(each for each in TABLES if each.startswith("| evening"))
    *evenings, total = rows(table)
    found = [path for _, what, _ in evenings for _, path in LINK.findall(what)]
    expected = [path for _, notebook, labs in CHAPTERS for path in (notebook, *labs)]
    assert [each[0] for each in evenings] == [str(number) for number in range(1, 13)]
    assert found == [path.relative_to(PROJECT).as_posix() for path in expected]
    assert int(total[2].replace(",", "")) == sum(int(said) for _, _, said in evenings)


def test_the_memory_to_plan_is_enough_for_what_was_measured() -> None:
    benchmarks = (PROJECT / "docs/benchmarks.md").read_text(encoding="utf-8")
    measured = [int(found) for found in re.findall(r"^\| notebooks/\S+\s*\| (\d+)", benchmarks, re.MULTILINE)]
    planned = re.search(r"Plan (\d+) MB", GUIDE)
    assert planned
    assert max(measured) <= int(planned[1])


def test_links_lead_to_files_and_the_readme_leads_here() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", GUIDE)
    assert [target for target in targets if not (PROJECT / "docs" / target).exists()] == []
    assert "docs/instructor_guide.md" in README
