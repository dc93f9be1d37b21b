"""How questions, explanations and scores of the exam are written, and the short practice without a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from helpers.teaching import names, output, quizzes
from helpers.teaching.exam_questions import DOMAINS, PASS_PERCENT
from helpers.teaching.quizzes import Question


class ExamError(ValueError):
    """What was asked for does not fit the exam's state; the message says what does."""


def find(questions: Sequence[Question], which: int | str) -> tuple[int, Question]:
    """Return number and question for a number, from 1, or an id."""
    for number, question in enumerate(questions, 1):
        if which in (number, question.id):
            return number, question
    raise ExamError(f"there is no question {which!r}: give its id, or a number from 1 to {len(questions)}")


def choose(question: Question) -> str:
    """Return how many options a question of several right answers wants, or nothing."""
    right = len(question.answer)
    return f"Choose {('', '', 'two', 'three', 'four')[right]}." if right > 1 else ""


def text_of(number: int, question: Question) -> str:
    """Return a question with its options as Markdown, without its answer."""
    head = f"**Question {number}** (`{question.id}`). {question.question} {choose(question)}".rstrip()
    return "\n\n".join([head, *(f"{letter}. {option.text}" for letter, option in _lettered(question))])


def explained(number: int, question: Question, given: str) -> str:
    """Return what is right about a question and why, option by option, with a link to the cell that shows it."""
    verdict = "✓ **Right.**" if given == question.answer else f"✗ **Not right**: {given or 'no answer'}."
    lines = [f"**Question {number}.** {question.question}", f"{verdict} The answer is **{question.answer}**."]
    lines.append(
        "\n".join(
            f"- {letter} {_sign(option.correct)} **{option.text}** {option.why}"
            for letter, option in _lettered(question)
        )
    )
    if question.shown_by and question.source:
        notebook, cell = question.shown_by.notebook, question.shown_by.cell
        link = f"[{notebook.replace('_', ' ')}, cell `{cell}`]({notebook}.ipynb#cell-id={cell})"
        lines.append(f"Shown by {link}. Said by AWS in: {question.source.document}.")
    return "\n\n".join(lines)


def by_domain(questions: Sequence[Question], answers: dict[str, str]) -> list[tuple[str, int, int]]:
    """Return the name, the right answers and the questions of each domain that has any."""
    found = []
    for name, (title, _) in DOMAINS.items():
        own = [question for question in questions if question.domain == name]
        if own:
            found.append((title, sum(answers.get(question.id) == question.answer for question in own), len(own)))
    return found


def score(questions: Sequence[Question], answers: dict[str, str]) -> str:
    """Return the score by domain as Markdown, with the pass mark."""
    found = by_domain(questions, answers)
    right, all_of_them = sum(row[1] for row in found), len(questions)
    rows = [*found, ("**all**", right, all_of_them)]
    table = output.table(
        ["Domain", "Right", "Of", "Percent"],
        [[title, str(good), str(many), f"{100 * good / many:.0f} %"] for title, good, many in rows],
        right=[1, 2, 3],
    )
    passed = 100 * right >= PASS_PERCENT * all_of_them
    verdict = "✓ **Passed**" if passed else "✗ **Not passed**"
    return f"{table}\n\n{verdict}: the pass mark here is {PASS_PERCENT} %. AWS wants 720 points of a scale to 1,000."


def read_again(questions: Sequence[Question], answers: dict[str, str]) -> str:
    """Return which chapters show what was not answered rightly, those with the most questions first, as Markdown."""
    wrong = [each.shown_by.notebook for each in questions if each.shown_by and answers.get(each.id) != each.answer]
    counted = sorted(Counter(wrong).items(), key=lambda row: (-row[1], row[0]))
    linked = [f"[{name.replace('_', ' ')}]({name}.ipynb) ({names.count(times, 'question')})" for name, times in counted]
    return f"**Read again:** {', '.join(linked)}." if linked else "**Read again:** nothing. All answers are right."


def mark_of(question: Question, state: dict[str, Any]) -> str:
    """Return the signs of a question in an overview."""
    flag = "⚑" if question.id in state["flags"] else ""
    return ("✓" if question.id in state["answers"] else "○") + flag


def _lettered(question: Question) -> list[tuple[str, quizzes.Option]]:
    return list(zip(ascii_uppercase, question.options, strict=False))


def _sign(correct: bool) -> str:
    return "✓" if correct else "✗"


class Practice:
    """Some questions without a clock, each explained as soon as you answer; nothing of it is kept."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        self._answers: dict[str, str] = {}

    def questions(self) -> list[str]:
        """Return the ids of the questions, in their order."""
        return [question.id for question in self._questions]

    def question(self, which: int | str) -> None:
        """Show a question, by its number or its id, without its answer."""
        output.markdown(text_of(*find(self._questions, which)))

    def answer(self, which: int | str, letters: str) -> None:
        """Answer a question, by its number or its id, and see why it is right or not: ``answer(1, "B")``."""
        number, question = find(self._questions, which)
        given = quizzes.letters_of(letters, question)
        self._answers[question.id] = given
        output.markdown(explained(number, question, given))

    def score(self) -> None:
        """Show the score by domain; what is not answered counts as wrong."""
        output.markdown(f"{score(self._questions, self._answers)}\n\n{read_again(self._questions, self._answers)}")
