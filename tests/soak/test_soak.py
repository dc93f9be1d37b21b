"""Many messages, a function that fails, crashes and is switched off: nothing is lost.

A small version runs always; ``COURSE_SOAK=1`` runs the large one, as ``make bench`` does.
"""

from __future__ import annotations

import os

import pytest

from tests.soak.soak import run


def test_two_hundred_messages() -> None:
    assert run(200, 120)["processed"] > 150


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("COURSE_SOAK") != "1", reason="takes long; COURSE_SOAK=1 runs it")
def test_five_thousand_messages() -> None:
    result = run(5000, 170)
    print(result)
    assert result["processed"] > 4500
