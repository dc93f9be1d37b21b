"""docs/fidelity.md cannot rot: it lists every promise of the contract tests, and what this course does about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import fidelity

PAGE = fidelity.TABLE.read_text(encoding="utf-8")
ADVICE = "run python -m tools.fidelity (its --help says how to run a few tests only) and commit docs/fidelity.md"


def test_every_promise_is_listed() -> None:
    listed = [(fidelity._escaped(row.sentence), fidelity._escaped(row.document)) for row in fidelity.promises()]
    assert sorted(fidelity.verdicts(PAGE)) == sorted(listed), ADVICE


def test_what_is_not_built_is_not_kept() -> None:
    said = fidelity.verdicts(PAGE)
    for row in fidelity.promises():
        verdict = said[fidelity._escaped(row.sentence), fidelity._escaped(row.document)][0]
        assert verdict != (fidelity.BROKEN if row.built else fidelity.KEPT), (row, ADVICE)


def test_the_differences_are_listed() -> None:
    assert fidelity.differences()
    for name, text in fidelity.differences():
        assert f"- `{name}`: {fidelity._escaped(text)}" in PAGE, ADVICE


def test_the_page_is_made_from_results() -> None:
    first, *others = fidelity.promises()
    page = fidelity.page({"course": {first.key: True, others[0].key: False}, "plain-moto": {}})
    said = list(fidelity.verdicts(page).values())
    assert said[:2] == [[fidelity.KEPT, fidelity.NOT_RUN], [fidelity.BROKEN, fidelity.NOT_RUN]]
    assert [fidelity.NOT_RUN] * 2 in said[2:]
    assert f"Of {len(others) + 1} promises, kept: **1** by this course, **0** by plain moto." in page


def test_verdicts_can_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    columns: dict[str, fidelity.Results] = {backend: {} for backend in fidelity.BACKENDS}
    columns["course"] = {row.key: row.built for row in fidelity.promises()}
    monkeypatch.setattr(fidelity, "TABLE", tmp_path / "fidelity.md")
    versions = {"localstack": "4.9.2, asked on 2026-11-21"}
    fidelity.TABLE.write_text(fidelity.page(columns, versions), encoding="utf-8")
    assert (fidelity.kept_before(), fidelity.versions_before()) == (columns, versions)


@pytest.mark.parametrize("kept", [True, False])
def test_a_comparison_asks_for_what_was_kept(
    kept: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *_ = fidelity.promises()
    columns: dict[str, fidelity.Results] = {backend: {} for backend in fidelity.BACKENDS}
    columns["localstack"] = {first.key: True, second.key: False}
    monkeypatch.setattr(fidelity, "TABLE", tmp_path / "fidelity.md")
    fidelity.TABLE.write_text(fidelity.page(columns, {}), encoding="utf-8")
    before, asked = fidelity.TABLE.read_text(encoding="utf-8"), []

    def ask(backend: str, tests: list[str], *_: object) -> tuple[dict[tuple[str, str, str], bool], list[str]]:
        asked.append((backend, tests))
        return {first.key: kept}, [] if kept else [first.test]

    monkeypatch.setattr(fidelity, "_ask", ask)
    monkeypatch.setattr("sys.argv", ["fidelity", "--backends", "localstack", "--compare"])
    assert fidelity.main() == (0 if kept else 1)
    assert asked == [("localstack", [first.test])] * (1 if kept else 2)
    assert (f"no longer keeps: {first.sentence}" in capsys.readouterr().out) == (not kept)
    assert fidelity.TABLE.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("text", ["a $LATEST and $LATEST", "a | b", "*x*", "<b>"])
def test_text_stays_text(text: str) -> None:
    assert re.sub(r"\\", "", fidelity._escaped(text)) == text
    assert not re.search(r"(?<!\\)[$|*<]", fidelity._escaped(text))
