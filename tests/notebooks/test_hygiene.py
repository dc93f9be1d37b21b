"""The committed notebooks keep the rules, are all listed, and carry the claims that they owe."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tools import hygiene, labs
from tools.notebook_files import PROJECT, normalise, read, to_text
from tools.notebooks import executed_notebooks

TESTS = PROJECT / "tests"
NOTEBOOKS = executed_notebooks()
STARTERS = sorted(PROJECT.glob("labs/*/lab.ipynb"))


def name_of(path: Path) -> str:
    """Return how a notebook is called in a test's name."""
    return path.relative_to(PROJECT).as_posix()


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of one of the tables in tests/."""
    with (TESTS / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def unlisted(paths: list[Path], chapters: list[dict[str, str]]) -> list[str]:
    """Return the notebooks that are neither a chapter nor a lab's, by name and number."""
    names = {f"notebooks/{row['number']}_{row['slug']}.ipynb" for row in chapters}
    for row in chapters:
        for lab in row["labs"].split():
            names |= {f"labs/{row['number']}_{lab}/{name}.ipynb" for name in ("lab", "solution")}
    return [path.as_posix() for path in paths if path.as_posix() not in names]


def owed(notebooks: dict[str, list[str]], due: list[dict[str, str]]) -> list[str]:
    """Return the claims that existing chapters owe and no notebook carries; ``notebooks``: name to claims carried."""
    carried = {claim for claims in notebooks.values() for claim in claims}
    existing = {re.sub(r"^notebooks/\d\d_|\.ipynb$", "", name) for name in notebooks}
    rows = [row for row in due if row["chapter"] in existing and row["claim"] not in carried]
    return [f"{row['chapter']}: {row['claim']}" for row in rows]


def unclaimed(known: list[str], notebooks: dict[str, list[str]]) -> list[str]:
    """Return the claims of claims.csv that no cell carries; ``notebooks``: name to claims carried."""
    carried = {claim for claims in notebooks.values() for claim in claims}
    return [claim for claim in known if claim not in carried]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_keeps_the_rules(path: Path) -> None:
    assert hygiene.problems_of(path, hygiene.known_claims()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_in_the_normal_form(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == to_text(normalise(read(path))), "make notebooks"


@pytest.mark.parametrize("path", STARTERS, ids=name_of)
def test_a_starter_is_generated_from_its_solution(path: Path) -> None:
    solution = path.with_name("solution.ipynb")
    assert solution.exists(), "a starter without a solution.ipynb beside it"
    assert path.read_text(encoding="utf-8") == to_text(labs.starter(read(solution))), "make labs"


def test_there_is_something_to_test() -> None:
    """A list that is empty by mistake would skip the tests of this folder without a word."""
    assert {path.name[:2] for path in NOTEBOOKS} >= {"00", "01", "02"} and STARTERS


def test_every_solution_has_a_starter_and_checks() -> None:
    lacking = [
        f"{folder.name}: {name}"
        for folder in labs.lab_folders()
        for name in ("lab.ipynb", "checks.py")
        if not (folder / name).exists()
    ]
    assert lacking == []


def test_every_notebook_is_listed() -> None:
    found = [path for folder in ("notebooks", "labs") for path in (PROJECT / folder).rglob("*.ipynb")]
    paths = [path.relative_to(PROJECT) for path in found if ".ipynb_checkpoints" not in path.parts]
    assert unlisted(paths, table("chapters.csv")) == []


def test_an_unlisted_notebook_is_found() -> None:
    chapters = [{"number": "02", "slug": "lambda_functions", "labs": "hello_function"}]
    good = [Path("notebooks/02_lambda_functions.ipynb"), Path("labs/02_hello_function/lab.ipynb")]
    bad = [Path("notebooks/03_lambda_functions.ipynb"), Path("labs/02_hello_function/draft.ipynb")]
    assert unlisted(good, chapters) == []
    assert unlisted(good + bad, chapters) == [path.as_posix() for path in bad]


def test_every_chapter_carries_the_claims_that_it_owes() -> None:
    notebooks = {name_of(path): hygiene.claims_of(read(path)) for path in NOTEBOOKS}
    assert owed(notebooks, table("claims_due.csv")) == []


def test_a_claim_that_is_owed_is_found() -> None:
    due = [
        {"chapter": "events", "claim": "L10"},
        {"chapter": "events", "claim": "L11"},
        {"chapter": "edge", "claim": "L56"},
    ]
    notebooks = {"notebooks/03_events.ipynb": ["L10"], "notebooks/04_other.ipynb": []}
    assert owed(notebooks, due) == ["events: L11"]
    assert owed(notebooks | {"labs/03_order_queue/solution.ipynb": ["L11"]}, due) == []


def test_every_claim_is_carried_by_a_cell() -> None:
    notebooks = {name_of(path): hygiene.claims_of(read(path)) for path in NOTEBOOKS}
    assert unclaimed(hygiene.known_claims(), notebooks) == []


def test_a_claim_that_nobody_carries_is_found() -> None:
    notebooks = {"notebooks/03_events.ipynb": ["L10"], "labs/18_ab_at_the_edge/solution.ipynb": ["L56"]}
    assert unclaimed(["L10", "L56"], notebooks) == []
    assert unclaimed(["C01", "L10", "L11", "L56"], notebooks) == ["C01", "L11"]


def test_the_tables_agree() -> None:
    due, chapters = table("claims_due.csv"), {row["slug"] for row in table("chapters.csv")}
    claims = [row["claim"] for row in due]
    assert len(claims) == len(set(claims)) and set(claims) <= set(hygiene.known_claims())
    assert {row["chapter"] for row in due} <= chapters
