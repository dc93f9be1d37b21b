"""Quizzes: data that is checked, a page without scripts, scores that reach progress."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from helpers.teaching import quiz
from helpers.teaching.progress_file import Progress
from helpers.teaching.quizzes import FOLDER, QuizError, load

GOOD: list[dict[str, Any]] = [
    {
        "id": "init",
        "question": "When does `$LATEST` run **Init**, if 3 < 5 & so on?",
        "claims": ["L31"],
        "options": [
            {"text": "Each time", "correct": False, "why": "Warm environments skip it."},
            {"text": "Once an environment", "correct": True, "why": "See `Init Duration`."},
        ],
    },
    {
        "id": "limits",
        "question": "Which are limits?",
        "options": [
            {"text": "900 s", "correct": True, "why": "The timeout."},
            {"text": "10,240 MB", "correct": True, "why": "Memory."},
            {"text": "30 layers", "correct": False, "why": "Five."},
        ],
    },
]


@pytest.fixture(autouse=True)
def kept_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "kept" / "progress.json"))


def folder_with(tmp_path: Path, data: object) -> Path:
    (tmp_path / "02_x.json").write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


def test_questions_are_read(tmp_path: Path) -> None:
    questions = load("02_x", folder_with(tmp_path, GOOD))
    assert [(question.id, question.answer) for question in questions] == [("init", "B"), ("limits", "AB")]
    assert questions[0].claims == ("L31",)


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_plain_html_with_an_explanation_for_every_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiz("02_x", folder_with(tmp_path, GOOD))
    page = capsys.readouterr().out
    reader = _Balance()
    reader.feed(page)
    assert reader.open == []
    assert set(reader.seen) == {"p", "strong", "code", "details", "summary", "blockquote", "hr"}
    assert reader.seen.count("details") == 5
    assert all(option["why"].split("`")[0].strip() in page for question in GOOD for option in question["options"])
    assert "<code>$LATEST</code> run <strong>Init</strong>, if 3 &lt; 5 &amp; so on?" in page
    assert "(choose 2)" in page
    assert len(re.findall("✓ <strong>Right", page)) == 3


def _without(*path: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(data: list[Any]) -> None:
        place: Any = data
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def _set(value: Any, *path: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(data: list[Any]) -> None:
        place: Any = data
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set(False, 0, "options", 1, "correct"), r"question 1 \(init\): no option is correct"),
        (_set("yes", 0, "options", 1, "correct"), "option B: correct must be true or false"),
        (_without(1, "options", 2, "why"), r"question 2 \(limits\), option C: why is missing"),
        (_set(" ", 1, "options", 2, "why"), "option C: why is empty"),
        (_set("", 0, "question"), "question is empty"),
        (_without(0, "id"), "question 1: id is missing"),
        (_set("init", 1, "id"), "the id 'init' is used twice"),
        (_set("x", 0, "answr"), "answr is not known"),
        (_set([], 0, "options"), "at least two"),
        (_set("It costs $5", 0, "options", 0, "text"), "option A: text has a dollar sign"),
        (_set("text", 0), "must be an object"),
    ],
)
def test_wrong_data_is_refused(change: Callable[[Any], None], words: str, tmp_path: Path) -> None:
    data = copy.deepcopy(GOOD)
    change(data)
    with pytest.raises(QuizError, match=words):
        load("02_x", folder_with(tmp_path, data))


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(QuizError, match=r"no quiz '03_y'.*02_x"):
        load("03_y", folder_with(tmp_path, GOOD))
    with pytest.raises(QuizError, match="list of questions"):
        load("02_x", folder_with(tmp_path, []))
    (tmp_path / "02_x.json").write_text("[", encoding="utf-8")
    with pytest.raises(QuizError, match="not JSON"):
        load("02_x", tmp_path)


def test_answers_are_scored_and_the_best_score_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_with(tmp_path, GOOD)
    quiz.score("02_x", "a", "b, a", folder=folder)
    shown = capsys.readouterr().out
    assert "1. ✗ **Not right** (A)" in shown
    assert "2. ✓ **Right** (AB)" in shown
    assert "**1 of 2 right.**" in shown
    quiz.score("02_x", "B", "ab", folder=folder)
    quiz.score("02_x", "a", "a", folder=folder)
    kept = Progress().items()["quiz.02_x"]
    assert (kept["right"], kept["of"]) == (2, 2)


def test_open_answers_are_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiz.score("02_x", "b", "", folder=folder_with(tmp_path, GOOD))
    assert "2. ○ Not answered yet." in capsys.readouterr().out
    assert Progress().items() == {}


def test_impossible_answers_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, GOOD)
    with pytest.raises(QuizError, match="letters from A to B"):
        quiz.score("02_x", "d", folder=folder)
    with pytest.raises(QuizError, match="2 questions and you gave 3"):
        quiz.score("02_x", "a", "a", "a", folder=folder)


@pytest.mark.parametrize("name", [file.stem for file in sorted(FOLDER.glob("*.json"))])
def test_the_courses_own_quizzes_are_valid(name: str) -> None:
    assert load(name)
