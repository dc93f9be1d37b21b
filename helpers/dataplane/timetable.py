"""The timetable: one thread that waits for the next thing to do, in AWS's time, and sleeps when there is none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from helpers.dataplane.clock import Clock

Fire = Callable[[float], float | None]
"""Does what is due at a time, and returns when it is due again."""


@dataclass
class _Entry:
    due: float
    fire: Fire


class Timetable:
    """What is due when; times are AWS's seconds since the epoch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[Hashable, _Entry] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def put(self, key: Hashable, due: float | None, fire: Fire) -> None:
        """Enter something under ``key``, in the place of what stands there; nothing when it is never due."""
        with self._changed:
            self._entries.pop(key, None)
            if due is None or self._stopped:
                return
            self._entries[key] = _Entry(due, fire)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="timetable", daemon=True)
                self._thread.start()
            self._changed.notify()

    def drop(self, key: Hashable) -> None:
        """Forget what stands under ``key``."""
        with self._changed:
            self._entries.pop(key, None)

    def stop(self) -> None:
        """Forget everything; what is being done now is the last."""
        with self._changed:
            self._stopped = True
            self._entries.clear()
            self._changed.notify()
        if self._thread not in (None, threading.current_thread()):
            self._thread.join(5)  # type: ignore[union-attr]

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                key = min(self._entries, key=lambda each: self._entries[each].due, default=None)
                entry = self._entries.get(key)
                pause = (entry.due - self._clock.time()) / self._clock.speed if entry else None
                if entry is None or (pause is not None and pause > 0):
                    self._changed.wait(None if pause is None else min(pause, 3600))
                    continue
            again = self._fire(entry)
            with self._changed:
                if self._entries.get(key) is entry:
                    if again is None:
                        del self._entries[key]
                    else:
                        entry.due = again

    def _fire(self, entry: _Entry) -> float | None:
        try:
            return entry.fire(entry.due)
        except Exception:
            logging.getLogger(__name__).exception("a schedule failed")
            return None
