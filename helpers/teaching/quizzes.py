"""Exam-style questions with an explanation for every option, kept as local data.

``notebooks/quizzes/NN_slug.json`` is a list of questions::

    [{"id": "cold_start", "question": "When is ...?", "claims": ["L31"],
      "options": [{"text": "...", "correct": true, "why": "..."}, {"text": "...", "correct": false, "why": "..."}]}]

A question of the exam (``notebooks/exam``) also has ``shown_by``, the cell that shows the answer, and ``source``, the
AWS document that says it. Texts may have ``code`` in backticks and **bold**. The page is plain HTML without scripts:
each option opens to show whether it is right and why, also on GitHub and without a kernel.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from helpers.teaching import output
from helpers.teaching.progress_file import progress

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "quizzes"
_MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_QUESTION_KEYS = {"id", "question", "options", "claims", "domain", "shown_by", "source"}
_OPTION_KEYS = {"text", "correct", "why"}
_SHOWN_BY_KEYS = {"notebook", "cell", "says"}


class QuizError(ValueError):
    """The data of a quiz is not as it must be; the message says where and what to do."""


@dataclass(frozen=True)
class Option:
    """A possible answer, whether it is correct, and why."""

    text: str
    correct: bool
    why: str


@dataclass(frozen=True)
class ShownBy:
    """The cell that shows an answer: the notebook's name, the cell's id, and words that stand in the cell."""

    notebook: str
    cell: str
    says: str


@dataclass(frozen=True)
class Source:
    """The AWS document that an answer follows and, where there is one, the contract test (``file.py::test``)."""

    document: str
    test: str = ""


@dataclass(frozen=True)
class Question:
    """A question with its options; ``claims`` are rows of claims.csv, ``domain`` is the exam's."""

    id: str
    question: str
    options: tuple[Option, ...]
    claims: tuple[str, ...] = ()
    domain: str = ""
    shown_by: ShownBy | None = None
    source: Source | None = None

    @property
    def answer(self) -> str:
        """Return the letters of the correct options, such as ``B`` or ``AC``."""
        return "".join(letter for letter, option in zip(ascii_uppercase, self.options, strict=False) if option.correct)


def load(name: str, folder: Path = FOLDER) -> list[Question]:
    """Read and validate the quiz ``name`` (``02_lambda_functions``).

    Raises
    ------
    QuizError
        There is no such quiz, or its data is wrong; the message names file, question and remedy.
    """
    path = folder / f"{name}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = ", ".join(sorted(file.stem for file in folder.glob("*.json"))) or "none yet"
        raise QuizError(f"there is no quiz {name!r} in {folder.name}/; the quizzes there: {there}") from None
    except ValueError as error:
        raise QuizError(f"{path.name} is not JSON ({error}): correct it") from None
    if not isinstance(data, list) or not data:
        raise QuizError(f"{path.name} must be a list of questions, at least one")
    questions = [_question(item, f"{path.name}, question {number}") for number, item in enumerate(data, 1)]
    ids = [question.id for question in questions]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise QuizError(f"{path.name}: the id {twice[0]!r} is used twice; give each question an id of its own")
    return questions


def _question(item: Any, where: str) -> Question:
    _keys(item, _QUESTION_KEYS, {"id", "question", "options"}, where)
    where = f"{where} ({item['id']})"
    options = item["options"]
    if not isinstance(options, list) or not 2 <= len(options) <= len(ascii_uppercase):
        raise QuizError(f"{where}: options must be a list of at least two")
    for number, option in enumerate(options):
        place = f"{where}, option {ascii_uppercase[number]}"
        _keys(option, _OPTION_KEYS, _OPTION_KEYS, place)
        if not isinstance(option["correct"], bool):
            raise QuizError(f"{place}: correct must be true or false")
        _text(option["text"], f"{place}: text")
        _text(option["why"], f"{place}: why")
    _text(item["id"], f"{where}: id")
    _text(item["question"], f"{where}: question")
    if not any(option["correct"] for option in options):
        raise QuizError(f"{where}: no option is correct; set correct to true for at least one")
    for key, needed, allowed in (("shown_by", _SHOWN_BY_KEYS, set()), ("source", {"document"}, {"test"})):
        if key in item:
            _keys(item[key], needed | allowed, needed, f"{where}, {key}")
    return Question(
        item["id"],
        item["question"],
        tuple(Option(**option) for option in options),
        tuple(item.get("claims", ())),
        item.get("domain", ""),
        ShownBy(**item["shown_by"]) if "shown_by" in item else None,
        Source(**item["source"]) if "source" in item else None,
    )


def _keys(item: Any, allowed: set[str], needed: set[str], where: str) -> None:
    if not isinstance(item, dict):
        raise QuizError(f"{where} must be an object with {', '.join(sorted(needed))}")
    missing, unknown = sorted(needed - set(item)), sorted(set(item) - allowed)
    if missing:
        raise QuizError(f"{where}: {', '.join(missing)} is missing; add it")
    if unknown:
        raise QuizError(f"{where}: {', '.join(unknown)} is not known; known are {', '.join(sorted(allowed))}")


def _text(value: Any, what: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise QuizError(f"{what} is empty; write it")
    if "$" in re.sub(r"`[^`]*`", "", value):
        raise QuizError(f"{what} has a dollar sign, which a notebook takes for a formula; write USD, or use backticks")


class Quiz:
    """Shows a quiz and scores answers; notebooks use the one instance ``quiz``."""

    def __call__(self, name: str, folder: Path = FOLDER) -> None:
        """Show the questions; open an option to see whether it is right, and why."""
        questions = [_html(number, question) for number, question in enumerate(load(name, folder), 1)]
        output.html("\n<hr/>\n".join(questions))

    def score(self, name: str, *answers: str, folder: Path = FOLDER) -> None:
        """Score your answers, in the order of the questions, and keep the result in your progress.

        Parameters
        ----------
        answers:
            A letter for each question, several where several are right: ``quiz.score("02_lambda_functions", "b", "ac",
            "", "", "")``. An empty text is a question that you leave for later.
        """
        questions = load(name, folder)
        if len(answers) > len(questions):
            raise QuizError(f"quiz {name!r} has {len(questions)} questions and you gave {len(answers)} answers")
        given = [letters_of(answer, question) for answer, question in zip(answers, questions, strict=False)]
        given += [""] * (len(questions) - len(given))
        lines = [_marked(n, q, letters) for n, (q, letters) in enumerate(zip(questions, given, strict=True), 1)]
        right = sum(letters == question.answer for question, letters in zip(questions, given, strict=True))
        lines.append(f"**{right} of {len(questions)} right.**")
        notice = progress.record(f"quiz.{name}", right, len(questions)) if all(given) else ""
        output.markdown("\n\n".join(filter(None, [*lines, notice])))


def letters_of(answer: str, question: Question) -> str:
    """Return an answer such as ``"c, a"`` as ``AC``.

    Raises
    ------
    QuizError
        It has letters that are no option of the question.
    """
    letters = "".join(sorted(set(re.sub(r"[\s,]", "", answer).upper())))
    allowed = ascii_uppercase[: len(question.options)]
    if not set(letters) <= set(allowed):
        raise QuizError(f"{answer!r} is no answer to {question.id!r}: give letters from {allowed[0]} to {allowed[-1]}")
    return letters


def _marked(number: int, question: Question, letters: str) -> str:
    if not letters:
        return f"{number}. ○ Not answered yet."
    if letters == question.answer:
        return f"{number}. ✓ **Right** ({letters})."
    return f"{number}. ✗ **Not right** ({letters}). Open the options above to see why, and try again."


def _html(number: int, question: Question) -> str:
    correct = sum(option.correct for option in question.options)
    choose = f" (choose {correct})" if correct > 1 else ""
    lines = [f"<p><strong>Question {number}.</strong> {inline(question.question)}{choose}</p>"]
    for letter, option in zip(ascii_uppercase, question.options, strict=False):
        verdict = "✓ <strong>Right.</strong>" if option.correct else "✗ <strong>Wrong.</strong>"
        lines.append(
            f"<details><summary>{letter}. {inline(option.text)}</summary>"
            f"<blockquote>{verdict} {inline(option.why)}</blockquote></details>"
        )
    return "\n".join(lines)


def inline(text: str) -> str:
    """Return the text as HTML, with backticks as code and double stars as bold."""

    def mark(found: re.Match[str]) -> str:
        return f"<code>{found[1]}</code>" if found[1] else f"<strong>{found[2]}</strong>"

    return _MARKED.sub(mark, html.escape(text, quote=False))


quiz = Quiz()
"""``quiz("02_lambda_functions")`` shows the chapter's questions; ``quiz.score`` scores your answers."""
