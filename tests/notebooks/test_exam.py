"""The exam's questions: as many of each domain as AWS says, each shown by a cell, sourced, and asked nowhere else."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache

import pytest

from helpers.teaching import exam_questions, quizzes
from helpers.teaching.quizzes import Question
from tools import hygiene
from tools.notebook_files import PROJECT, read, source_of

QUESTIONS = exam_questions.load()
each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)


@cache
def cells(notebook: str) -> dict[str, str]:
    """Return what stands in each cell of a chapter, its source and its outputs as text, by id."""
    found = {}
    for cell in read(PROJECT / "notebooks" / f"{notebook}.ipynb").cells:
        texts = [source_of(cell)]
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), output.get("evalue", "")]
            texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
        found[cell.id] = "\n".join(texts)
    return found


@cache
def contract_tests(name: str) -> set[str]:
    """Return the names of the test functions in a file of tests/contract."""
    tree = ast.parse((PROJECT / "tests/contract" / name).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def words(text: str) -> set[str]:
    """Return the words of a text of more than three letters, in small letters."""
    return {word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3}


def test_each_domain_has_its_share() -> None:
    counted = Counter(question.domain for question in QUESTIONS)
    assert counted == exam_questions.shares(exam_questions.QUESTIONS)
    assert counted == {"development": 21, "security": 17, "deployment": 15, "troubleshooting": 12}


@each_question
def test_the_cell_that_shows_the_answer_exists_and_says_it(question: Question) -> None:
    assert question.shown_by is not None
    there = cells(question.shown_by.notebook)
    assert question.shown_by.cell in there
    assert question.shown_by.says.strip() and question.shown_by.says in there[question.shown_by.cell]


@each_question
def test_the_source_is_a_document_and_a_test_that_exists(question: Question) -> None:
    assert question.source is not None
    assert re.search(r"(Guide|Reference|Pricing), \S", question.source.document)
    if question.source.test:
        file, _, name = question.source.test.partition("::")
        assert name in contract_tests(file)


def test_nearly_every_question_has_a_contract_test() -> None:
    without = [question.id for question in QUESTIONS if question.source and not question.source.test]
    assert len(without) <= 5, without


@each_question
def test_a_question_is_not_one_of_a_chapter(question: Question) -> None:
    mine = words(question.question)
    for path in quizzes.FOLDER.glob("*.json"):
        for other in quizzes.load(path.stem):
            theirs = words(other.question)
            assert len(mine & theirs) / len(mine | theirs) < 0.5, (path.stem, other.id)


def test_claims_exist_and_texts_have_no_price_with_a_dollar() -> None:
    known = set(hygiene.known_claims())
    assert [question.id for question in QUESTIONS if not set(question.claims) <= known] == []


def test_right_answers_are_spread_over_the_letters() -> None:
    single = Counter(question.answer for question in QUESTIONS if len(question.answer) == 1)
    assert set(single) == set("ABCD")
    assert max(single.values()) <= 2 * min(single.values())
    assert sum(len(question.answer) > 1 for question in QUESTIONS) >= 10


def test_the_longest_option_is_not_always_the_right_one() -> None:
    longest = [max(question.options, key=lambda option: len(option.text)).correct for question in QUESTIONS]
    assert sum(longest) <= len(longest) / 2
