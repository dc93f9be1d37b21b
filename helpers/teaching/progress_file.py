"""What the learner has passed, and when: one small JSON file on the learner's machine.

The file lies in Jupyter's data folder, or where ``COURSE_PROGRESS`` says; ``COURSE_PROGRESS=off`` keeps nothing.
Several notebooks may write at once: each change is made under a lock and replaces the file in one step. If the file
cannot be read or written, you get one sentence about it and the lesson goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.teaching import output

_PATIENCE = 5.0
"""Seconds to wait for another notebook that writes the file."""
_VERSION = 1
Items = dict[str, dict[str, Any]]
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""What reading the file raises when its content is not what we wrote."""


class ProgressError(Exception):
    """The file cannot be used now; the message says why and what to do."""


class Progress:
    """Shows, records and resets progress; notebooks use the one instance ``progress``.

    Parameters
    ----------
    path:
        The file, for tests; by default ``COURSE_PROGRESS`` or Jupyter's data folder decides at each call.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path | None:
        """Return the file's path, or None if progress is switched off."""
        if self._path is not None:
            return self._path
        chosen = os.environ.get("COURSE_PROGRESS", "")
        if chosen.lower() == "off":
            return None
        if chosen:
            return Path(chosen).expanduser()
        from jupyter_core.paths import jupyter_data_dir

        return Path(jupyter_data_dir()) / "serverless-aws-course" / "progress.json"

    def __call__(self) -> None:
        """Show what you passed. The answer depends on the machine: use it in a cell that is not committed."""
        try:
            items, notice = self._look()
        except ProgressError as error:
            items, notice = {}, str(error)
        rows = [[output.escape(name), _result(item), str(item["when"])] for name, item in sorted(items.items())]
        text = output.table(["What", "Result", "When (UTC)"], rows) if rows else "Nothing is passed yet."
        where = f"Kept in `{self.path}`." if self.path else "Progress is switched off (`COURSE_PROGRESS=off`)."
        output.markdown("\n\n".join(part for part in (text, where, notice) if part))

    def record(self, name: str, right: int | None = None, of: int | None = None) -> str:
        """Note that ``name`` (``hello_function.deploy``) is passed, or a quiz answered with ``right`` of ``of`` points.

        The first pass and the best score stay. Returns an empty string, or one sentence if it could not be kept.
        """
        item: dict[str, Any] = {"when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")}
        if right is not None:
            item |= {"right": right, "of": of}

        def change(items: Items) -> None:
            old = items.get(name)
            if old is None or (right is not None and old.get("right", -1) < right):
                items[name] = item

        try:
            return self._change(change)[1]
        except ProgressError as error:
            return str(error)

    def items(self) -> Items:
        """Return what is recorded: ``{"hello_function.deploy": {"when": "2026-11-21 10:00:00"}}``."""
        return self._look()[0]

    def reset(self, prefix: str = "") -> None:
        """Forget everything, or what belongs to one lab (``reset("hello_function")``).

        The file as it was is kept beside it, as ``progress.before-reset-1.json``.
        """

        def change(items: Items) -> None:
            for name in [name for name in items if not prefix or name == prefix or name.startswith(f"{prefix}.")]:
                del items[name]

        try:
            path = self.path
            if path and path.exists():
                with _locked(path):
                    kept = _copy_aside(path, "before-reset")
                self._change(change)
                output.markdown(f"Progress is reset. The old file is kept as `{kept.name}`.")
            else:
                output.markdown("There is no progress to reset.")
        except (ProgressError, OSError) as error:
            output.markdown(f"Progress is not reset: {error}")

    def _look(self) -> tuple[Items, str]:
        """Read the file without its lock: it is always whole, because it is replaced in one step."""
        path = self.path
        try:
            return (_parsed(path.read_bytes()) if path else {}), ""
        except FileNotFoundError:
            return {}, ""
        except OSError as error:
            raise ProgressError(f"The progress file `{path}` cannot be read ({error.strerror}).") from error
        except _DAMAGED:
            return self._change(lambda items: None)

    def _change(self, change: Callable[[Items], None]) -> tuple[Items, str]:
        """Read the file, apply ``change``, write it if that changed anything; return the items and a notice."""
        path = self.path
        if path is None:
            return {}, ""
        try:
            with _locked(path):
                items, notice = _read(path)
                before = json.dumps(items)
                change(items)
                if json.dumps(items) != before:
                    _write(path, items)
            return items, notice
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ProgressError(
                f"Your progress is not kept: `{path}` cannot be written ({reason}). The lesson goes on. "
                "To keep progress, set `COURSE_PROGRESS` to a file that you may write and restart Jupyter."
            ) from error


def _result(item: dict[str, Any]) -> str:
    return f"{item['right']} of {item['of']} right" if "right" in item else "✓ passed"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that all notebooks share; the system frees it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "a") as lock:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ProgressError(
                        f"Your progress is not kept: another notebook has held `{path.name}` for {_PATIENCE:.0f} s. "
                        "The lesson goes on. Run the cell again."
                    ) from None
                time.sleep(0.02)
        yield


def _parsed(data: bytes) -> Items:
    content = json.loads(data)
    if content["version"] != _VERSION or not all("when" in item for item in content["passed"].values()):
        raise ValueError("it has another layout")
    return dict(content["passed"])


def _read(path: Path) -> tuple[Items, str]:
    """Return the items and a notice; a damaged file moves aside, so that nothing of it is lost."""
    try:
        return _parsed(path.read_bytes()), ""
    except FileNotFoundError:
        return {}, ""
    except _DAMAGED:
        kept = _copy_aside(path, "damaged")
        path.unlink()
        return {}, (
            f"The progress file could not be read. It is kept as `{kept}` and a new one begins. "
            "If you can repair it, put it back under its old name."
        )


def _copy_aside(path: Path, why: str) -> Path:
    number = 1
    while True:
        aside = path.with_name(f"{path.stem}.{why}-{number}{path.suffix}")
        try:
            with open(aside, "xb") as copy:
                copy.write(path.read_bytes())
            return aside
        except FileExistsError:
            number += 1


def _write(path: Path, items: Items) -> None:
    """Replace the file in one step: a reader sees the old one or the new one, never a part."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with open(new, "w", encoding="utf-8") as file:
            json.dump({"version": _VERSION, "passed": items}, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


progress = Progress()
"""What you passed: ``progress()`` shows it, ``progress.reset()`` forgets it."""
