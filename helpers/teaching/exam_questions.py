"""The questions of the mock exam: 65, by the domains of the exam "AWS Certified Developer - Associate" (DVA-C02).

``notebooks/exam/DOMAIN.json`` holds a domain's questions in the form of ``helpers.teaching.quizzes``, each with the
cell that shows the answer and the AWS document. Domains, weights, forms of questions and the pass mark are those of
AWS's "AWS Certified Developer - Associate (DVA-C02) Exam Guide", the number of questions and the minutes those of the
certification's page. There 15 of the 65 questions are not scored, nobody knows which, and the score is scaled to 100
to 1,000, with 720 to pass. Here all questions count, and the pass mark is 72 percent.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from helpers.teaching import quizzes
from helpers.teaching.quizzes import Question, QuizError

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "exam"
DOMAINS = {
    "development": ("Development with AWS Services", 32),
    "security": ("Security", 26),
    "deployment": ("Deployment", 24),
    "troubleshooting": ("Troubleshooting and Optimization", 18),
}
"""Short names, which are also those of the files, with AWS's names and weights in percent."""
QUESTIONS = 65
MINUTES = 130
PASS_PERCENT = 72


def shares(count: int) -> dict[str, int]:
    """Return how many of ``count`` questions each domain has by its weight; the largest rests are rounded up."""
    exact = {name: count * weight / 100 for name, (_, weight) in DOMAINS.items()}
    given = {name: int(share) for name, share in exact.items()}
    rests = sorted(DOMAINS, key=lambda name: given[name] - exact[name])
    return {name: given[name] + (name in rests[: count - sum(given.values())]) for name in DOMAINS}


def load(folder: Path = FOLDER) -> list[Question]:
    """Read and check all questions, domain by domain.

    Raises
    ------
    QuizError
        The data is wrong; the message names file, question and remedy.
    """
    questions = [
        Question(**{**vars(question), "domain": name}) for name in DOMAINS for question in quizzes.load(name, folder)
    ]
    ids = [question.id for question in questions]
    for question in questions:
        where = f"{question.domain}.json ({question.id})"
        if question.shown_by is None or question.source is None:
            raise QuizError(f"{where}: say in shown_by which cell shows the answer, and in source which AWS document")
        if not _has_a_form_of_the_exam(question):
            raise QuizError(f"{where}: the exam has one right answer of four, or two or more of five or more")
        if ids.count(question.id) > 1:
            raise QuizError(f"{where}: the id is used twice; give each question an id of its own")
    return questions


def _has_a_form_of_the_exam(question: Question) -> bool:
    right, all_of_them = len(question.answer), len(question.options)
    return all_of_them == 4 if right == 1 else all_of_them >= 5 and right < all_of_them


def mixed(questions: Sequence[Question], seed: int) -> list[Question]:
    """Return the questions in an order of their own for each ``seed``, the domains mixed as in the exam."""
    return random.Random(seed).sample(list(questions), len(questions))


def chosen(questions: Sequence[Question], domain: str | None, count: int, seed: int) -> list[Question]:
    """Return ``count`` questions of one domain, or of all by their weights.

    Raises
    ------
    ValueError
        There is no such domain, or there are not so many questions.
    """
    if domain is not None and domain not in DOMAINS:
        raise ValueError(f"there is no domain {domain!r}; the domains are: {', '.join(DOMAINS)}")
    wanted = {domain: count} if domain else shares(count)
    found = []
    for name, number in wanted.items():
        there = mixed([question for question in questions if question.domain == name], seed)
        if not 0 <= number <= len(there):
            raise ValueError(f"{count} questions are too many: {name} has {len(there)}")
        found += there[:number]
    return mixed(found, seed)
