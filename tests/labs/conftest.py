"""Gives each test that asks for ``wrong_answer`` one of those in its module's ``WRONG`` after the other."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Name each after its task and the function that gives it."""
    if "wrong_answer" in metafunc.fixturenames:
        wrong = metafunc.module.WRONG
        names = [f"{task}-{getattr(answer, '__name__', number)}" for number, (task, answer, *_) in enumerate(wrong)]
        metafunc.parametrize("wrong_answer", wrong, ids=names)
