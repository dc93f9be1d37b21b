"""What the tests of all labs share: a lab's modules, and what is asked of a wrong answer."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from helpers import cloud
from helpers.teaching.checks import Result

Wrong = tuple[str, Any, str, str]
"""A task, a wrong answer to it, a part of the message that it gets, and a part of what AWS said."""


@contextmanager
def lab_modules(folder: Path) -> Iterator[dict[str, ModuleType]]:
    """Give the modules of a lab's folder by name, imported as its notebooks import them."""
    names = sorted(path.stem for path in folder.glob("*.py"))
    sys.path.insert(0, str(folder))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)


@contextmanager
def open_lab(folder: Path, **settings: Any) -> Iterator[dict[str, ModuleType]]:
    """Start an empty account for a lab, and give the modules of its folder by name; ``settings`` are ``cloud.start``'s.

    For a fixture: one account for each test, or, with ``scope="module"``, one for all tests of a file.
    """
    with lab_modules(folder) as modules:
        cloud.start(**settings)
        try:
            yield modules
        finally:
            cloud.stop()


def assert_wrong(result: Result, message: str, said: str) -> None:
    """Assert that a check found a wrong answer, and said why, without an error of its own."""
    assert (result.state, result.error) == ("wrong", None)
    assert message in result.message
    assert said in result.said


class WrongAnswers:
    """What is asked of a lab's wrong answers; its test module has ``WRONG``, ``TASKS`` and a fixture ``learner``.

    ``tests/labs/conftest.py`` gives one wrong answer after the other.
    """

    def test_a_wrong_answer_gets_its_reason(self, learner: Any, wrong_answer: Wrong) -> None:
        task, answer, message, said = wrong_answer
        answer(learner)
        assert_wrong(learner.result(task), message, said)

    def test_each_task_has_its_own_messages(self, request: pytest.FixtureRequest) -> None:
        assert_own_messages(request.module.WRONG, request.module.TASKS)


def assert_own_messages(wrong: Sequence[Wrong], tasks: Sequence[str]) -> None:
    """Assert that each task has at least two wrong answers, and each of them a message of its own."""
    assert all(sum(task == each[0] for each in wrong) >= 2 for task in tasks)
    messages = [message for _, _, message, _ in wrong]
    assert len(messages) == len(set(messages))
