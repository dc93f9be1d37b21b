"""The decisions are numbered without gaps, and each says why."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs/decisions.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^(\d+)\. \*\*(.+?)\*\*(.*?)(?=^\d+\. |\Z)", TEXT, re.MULTILINE | re.DOTALL)


def test_numbers_have_no_gaps() -> None:
    numbers = [int(found) for found in re.findall(r"^(\d+)\.", TEXT, re.MULTILINE)]
    assert numbers == list(range(1, len(ENTRIES) + 1))


def test_each_decision_stands_once_and_has_a_reason() -> None:
    assert len({title for _, title, _ in ENTRIES}) == len(ENTRIES)
    assert [title for _, title, reason in ENTRIES if len(reason.split()) < 10] == []


def test_files_that_decisions_name_exist() -> None:
    project = Path(__file__).parents[2]
    named = re.findall(r"`([a-z_/]+/[a-z_]+\.py)`", TEXT)
    assert named
    assert [name for name in named if not any((project / base / name).exists() for base in ("", "helpers"))] == []
