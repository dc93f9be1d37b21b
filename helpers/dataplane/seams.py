"""Seams: the few places inside moto that a data plane takes over while it runs, and gives back when it stops."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


class Seams:
    """What was put in the place of what."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, new: Any) -> None:
        """Let ``new`` stand for the attribute ``name`` of a module or a class.

        A method of a data plane that stands for one of moto's gets moto's object as its first argument.
        """
        self._before.append((owner, name, vars(owner)[name]))
        setattr(owner, name, _function(new) if inspect.ismethod(new) else new)

    def remove(self) -> None:
        """Put everything back."""
        while self._before:
            owner, name, old = self._before.pop()
            setattr(owner, name, old)


def _function(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a bound method as a function, which Python binds again to the object whose class it is put into."""
    return lambda *given, **named: method(*given, **named)
