"""The sanitiser: every rule is read (nbval drops a malformed pair in silence), works, and hides no more than noise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.notebook_files import SANITIZE, sanitize_rules

UUID = "5f1c2a34-0000-4abc-8def-0123456789ab"
NOISE = [
    (f"RequestId: {UUID} Version", "RequestId: REQUEST-ID Version"),
    ("at 2026-11-21T10:00:00.123Z.", "at TIME."),
    ("Duration: 1.25 ms\tBilled Duration: 2 ms", "Duration: N ms\tBilled Duration: N ms"),
    ("Max Memory Used: 41 MB", "Max Memory Used: N MB"),
    ("http://127.0.0.1:43211/x", "http://127.0.0.1:PORT/x"),
    ("<function f at 0x7f00aa>", "<function f at 0xADDRESS>"),
    ("2026/11/21/[$LATEST]" + "0a" * 16, "2026/11/21/[$LATEST]STREAM"),
]
MEANING = [
    "Memory Size: 128 MB",
    "timeout 900 s",
    "port 8080",
    "12 ms",
    "arn:aws:lambda:us-east-1:123456789012:function:f:1",
]


def malformed(text: str) -> int:
    """Return how many lines that name a pattern or a replacement are not part of a pair that nbval reads."""
    named = len(re.findall(r"(?m)^\s*(regex|replace)\b", text))
    return named - 2 * len(re.findall(r"^regex: (.*)$\n^replace: (.*)$", text, re.MULTILINE))


def sanitised(text: str) -> str:
    for pattern, replacement in sanitize_rules():
        text = re.sub(pattern, replacement, text)
    return text


def test_every_rule_is_read() -> None:
    text = SANITIZE.read_text(encoding="utf-8")
    assert malformed(text) == 0
    assert len(sanitize_rules()) == len(re.findall(r"(?m)^\[", text)) > 0


def test_nbval_reads_the_same_rules() -> None:
    from nbval.plugin import get_sanitize_patterns

    assert get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")) == sanitize_rules()


@pytest.mark.parametrize(
    "text", ["regex: a\n\nreplace: b\n", "regex : a\nreplace: b\n", "regex: a\n", " regex: a\nreplace: b\n"]
)
def test_a_malformed_rule_is_counted(text: str, tmp_path: Path) -> None:
    assert malformed(text) > 0
    path = tmp_path / "rules.cfg"
    path.write_text(text)
    assert sanitize_rules(path) == []


@pytest.mark.parametrize(("raw", "stable"), NOISE)
def test_noise_is_replaced(raw: str, stable: str) -> None:
    assert sanitised(raw) == stable


@pytest.mark.parametrize("text", MEANING)
def test_meaning_is_kept(text: str) -> None:
    assert sanitised(text) == text


def test_every_rule_is_used_by_a_test() -> None:
    unused = [pattern for pattern, _ in sanitize_rules() if not any(re.search(pattern, raw) for raw, _ in NOISE)]
    assert unused == []
