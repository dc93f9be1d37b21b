"""Replace attributes of moto's classes and modules, and put them back."""

from __future__ import annotations

from typing import Any


class Patches:
    """Replacements that ``undo`` takes back, the last one first."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace the attribute ``name`` that ``owner`` itself (not a base class) has."""
        self._before.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put everything back."""
        while self._before:
            owner, name, value = self._before.pop()
            setattr(owner, name, value)
