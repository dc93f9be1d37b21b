"""Filter patterns of CloudWatch Logs: which log events are meant?

AWS: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" (CloudWatch Logs
User Guide). Here: terms (``ERROR timeout``, ``?ERROR ?WARN``, ``ERROR -retry``, ``"two words"``, ``%expression%``) and
JSON (``{ $.level = "ERROR" && $.ms > 100 }``); patterns of fields between spaces (``[ip, user, ...]``) are not built.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from helpers.dataplane.input_transformers import value_at

Matcher = Callable[[str], bool]
_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|(\S+))')
_TOKEN = re.compile(r'\s*(&&|\|\||[()]|!=|<=|>=|=|<|>|"(?:[^"\\]|\\.)*"|[^\s()=!<>&|]+)')
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Matcher:
    """Return what tells whether a log event's message fits ``pattern``.

    Raises
    ------
    ValueError
        It is no filter pattern.
    NotImplementedError
        It is one that is not built.
    """
    text = pattern.strip()
    if text.startswith("["):
        raise NotImplementedError("filter patterns of space-delimited fields")
    if not text.startswith("{"):
        return _terms(text)
    if not text.endswith("}"):
        raise ValueError(f"{pattern} has no closing brace")
    reader = _Reader(_TOKEN.findall(text[1:-1]))
    fits = reader.read_or()
    if reader.tokens:
        raise ValueError(f"{pattern} cannot be read from {reader.tokens[0]} on")
    return lambda message: _of_json(fits, message)


def _terms(text: str) -> Matcher:
    required: list[re.Pattern[str]] = []
    excluded: list[re.Pattern[str]] = []
    optional: list[re.Pattern[str]] = []
    for sign, quoted, expression, word in _TERM.findall(text):
        found = re.compile(expression or re.escape(quoted.replace('\\"', '"') or word))
        {"-": excluded, "?": optional}.get(sign, required).append(found)

    def fits(message: str) -> bool:
        if any(each.search(message) for each in excluded):
            return False
        if required:
            return all(each.search(message) for each in required)
        return not optional or any(each.search(message) for each in optional)

    return fits


def _of_json(fits: Callable[[Any], bool], message: str) -> bool:
    try:
        event = json.loads(message)
    except ValueError:
        return False
    return isinstance(event, dict) and fits(event)


class _Reader:
    """Reads the inside of a JSON pattern; ``&&`` binds more tightly than ``||``."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def read_or(self) -> Callable[[Any], bool]:
        """Read alternatives."""
        parts = [self._read_and()]
        while self._skip("||"):
            parts.append(self._read_and())
        return lambda event: any(part(event) for part in parts)

    def _read_and(self) -> Callable[[Any], bool]:
        parts = [self._read_one()]
        while self._skip("&&"):
            parts.append(self._read_one())
        return lambda event: all(part(event) for part in parts)

    def _read_one(self) -> Callable[[Any], bool]:
        if self._skip("("):
            inner = self.read_or()
            if not self._skip(")"):
                raise ValueError("a bracket is not closed")
            return inner
        path, sign = self._next(), self._next()
        if not path.startswith("$"):
            raise ValueError(f"{path} is no selector such as $.level")
        if sign.upper() in ("IS", "NOT"):
            return _state(path, f"{sign} {self._next()}".upper())
        return _comparison(path, sign, self._next())

    def _next(self) -> str:
        if not self.tokens:
            raise ValueError("the pattern ends too early")
        return self.tokens.pop(0)

    def _skip(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True


def _state(path: str, words: str) -> Callable[[Any], bool]:
    wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}
    if words == "NOT EXISTS":
        return lambda event: value_at(event, path) is None
    if words not in wanted:
        raise ValueError(f"{words} is not known")
    return lambda event: value_at(event, path) is wanted[words]


def _comparison(path: str, sign: str, text: str) -> Callable[[Any], bool]:
    if sign in _ORDER:
        limit, compare = float(text), _ORDER[sign]
        return lambda event: _is_number(value_at(event, path)) and bool(compare(value_at(event, path), limit))
    if sign not in ("=", "!="):
        raise ValueError(f"{sign} is no comparison")
    wanted = text[1:-1].replace('\\"', '"') if text.startswith('"') else text

    def equal(event: Any) -> bool:
        value = value_at(event, path)
        if _is_number(value):
            return bool(re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", wanted)) and value == float(wanted)
        return value is not None and fnmatchcase(str(value), wanted.replace("[", "[[]").replace("?", "[?]"))

    return equal if sign == "=" else lambda event: value_at(event, path) is not None and not equal(event)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
