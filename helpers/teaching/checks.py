"""Checks that say what is wrong, hints in steps, and an explanation after passing.

A lab's ``checks.py`` declares its tasks; the notebook runs them::

    lab = Lab("hello_function")

    @lab.task("deploy", hints=["...", "...", "..."], why="Why it works. On AWS ...")
    def deploy() -> None:
        names = [f["FunctionName"] for f in boto3.client("lambda").list_functions()["Functions"]]
        if "hello" not in names:
            not_attempted("There is no function called hello yet.")
        ...
        wrong("The function returned nothing.", said=payload)

A check looks at the state of the cloud through boto3, never at the learner's code. It returns (right), calls
``not_attempted`` or calls ``wrong``. Whatever else it raises becomes "wrong" with what AWS said, never a trace; and it
never hangs: it has a time limit and says what was waited for.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, NoReturn, TypeVar

from helpers.teaching import output
from helpers.teaching.explain import CLOUD_STOPPED, cloud_answers, said_plainly, what_went_wrong
from helpers.teaching.progress_file import progress

State = Literal["not attempted", "wrong", "right"]
_SIGNS: dict[State, str] = {"not attempted": "○", "wrong": "✗", "right": "✓"}
_TITLES: dict[State, str] = {"not attempted": "Not attempted yet", "wrong": "Not right yet", "right": "Right"}
_HINTS = 3
_SLUG = re.compile(r"[a-z][a-z0-9_]*")
_waiting = threading.local()
T = TypeVar("T")


class NotAttempted(Exception):
    """The learner has not begun this task."""


class Wrong(Exception):
    """The task is attempted and not right; the message says why, ``said`` what AWS said."""

    def __init__(self, message: str, said: object = None) -> None:
        super().__init__(message)
        self.said = "" if said is None else said_plainly(said)


def wrong(message: str, said: object = None) -> NoReturn:
    """End the check as wrong.

    Parameters
    ----------
    message:
        What is wrong, in plain words, second person. Markdown; foreign text belongs in ``said``.
    said:
        What AWS said: a botocore ``ClientError``, a function's error payload, or text.
    """
    raise Wrong(message, said)


def not_attempted(message: str = "") -> NoReturn:
    """End the check as not attempted; ``message`` may say what is still missing."""
    raise NotAttempted(message)


def eventually(condition: Callable[[], T], what: str, seconds: float = 10, every: float = 0.1) -> T:
    """Wait until ``condition()`` is true and return its value; for effects that come later, as most on AWS do.

    Parameters
    ----------
    condition:
        Called again and again. An error that it raises counts as "not yet".
    what:
        What is waited for, as it ends the sentence "We waited ... for ...".
    seconds, every:
        Limit and pause, in real seconds.
    """
    holder = getattr(_waiting, "holder", None)
    if holder is not None:
        holder[0] = what
    deadline = time.monotonic() + seconds
    while True:
        said: object = None
        try:
            value = condition()
            if value:
                if holder is not None:
                    holder[0] = ""
                return value
        except (NotAttempted, Wrong):
            raise
        except Exception as error:
            said = error
        if time.monotonic() >= deadline:
            wrong(f"We waited {seconds:g} s for {what}, and it did not happen.", said=said)
        time.sleep(every)


@dataclass(frozen=True)
class Result:
    """What a check found; ``error`` is the exception behind an unexpected "wrong", for tests."""

    id: str
    state: State
    message: str = ""
    said: str = ""
    error: BaseException | None = field(default=None, compare=False, repr=False)

    def markdown(self, why: str = "") -> str:
        """Return what the learner sees: sign and word, the message, what AWS said, and ``why`` it works."""
        lines = [f"{_SIGNS[self.state]} **{_TITLES[self.state]}**: `{self.id}`"]
        lines += [self.message] if self.message else []
        lines += [f"AWS said: {output.escape(output.without_ids(self.said))}"] if self.said else []
        lines += [why] if why else []
        return "\n\n".join(lines)


@dataclass(frozen=True)
class Task:
    """One task of a lab: how it is checked, three hints, and why it works."""

    id: str
    check: Callable[[], None]
    hints: tuple[str, ...]
    why: str
    seconds: float

    def run(self) -> Result:
        """Run the check within its time limit and return what it found; nothing is displayed or recorded."""
        if not cloud_answers():
            return Result(self.id, "wrong", CLOUD_STOPPED)
        results: list[Result] = []
        holder = [""]

        def work() -> None:
            _waiting.holder = holder
            results.append(self._outcome())

        thread = threading.Thread(target=work, name=f"check {self.id}", daemon=True)
        thread.start()
        thread.join(self.seconds)
        if results:
            return results[0]
        what = holder[0] or "an answer from AWS"
        return Result(self.id, "wrong", f"This check stopped after {self.seconds:g} s. It was waiting for {what}.")

    def _outcome(self) -> Result:
        try:
            self.check()
        except NotAttempted as missing:
            return Result(self.id, "not attempted", str(missing))
        except Wrong as reason:
            return Result(self.id, "wrong", str(reason), reason.said)
        except (Exception, SystemExit) as error:
            message, said = what_went_wrong(error)
            return Result(self.id, "wrong", message, said, error)
        return Result(self.id, "right")


class Lab:
    """The tasks of one lab.

    Parameters
    ----------
    name:
        The lab's slug, such as ``hello_function``; task ids begin with it (``hello_function.deploy``).
    """

    def __init__(self, name: str) -> None:
        if not _SLUG.fullmatch(name):
            raise ValueError(f"lab name {name!r}: use a slug of lower-case letters, digits and _, like hello_function")
        self.name = name
        self.tasks: dict[str, Task] = {}
        self._hints_shown: dict[str, int] = {}

    def task(
        self, slug: str, *, hints: Sequence[str], why: str, seconds: float = 60
    ) -> Callable[[Callable[[], None]], Callable[[], None]]:
        """Declare a task; decorates its check.

        Parameters
        ----------
        slug:
            Stable name within the lab: ``deploy``.
        hints:
            Three, the last one almost the answer. Markdown.
        why:
            Shown after passing: why it works, and what differs on AWS. Markdown.
        seconds:
            Limit for the check, in real seconds.
        """
        slug = slug.removeprefix(f"{self.name}.")
        problem = self._problem(slug, hints, why)
        if problem:
            raise ValueError(f"task {slug!r} of lab {self.name!r}: {problem}")

        def declare(check: Callable[[], None]) -> Callable[[], None]:
            self.tasks[slug] = Task(f"{self.name}.{slug}", check, tuple(hints), why, seconds)
            return check

        return declare

    def _problem(self, slug: str, hints: Sequence[str], why: str) -> str:
        if not _SLUG.fullmatch(slug):
            return "its name must be a slug of lower-case letters, digits and _, like deploy"
        if slug in self.tasks:
            return "it is declared twice; give each task a name of its own"
        if isinstance(hints, str) or len(hints) != _HINTS or not all(hint.strip() for hint in hints):
            count = "one text" if isinstance(hints, str) else str(sum(bool(hint.strip()) for hint in hints))
            return f"it has {count} instead of {_HINTS} hints; write {_HINTS}, the last one almost the answer"
        if not why.strip():
            return "its explanation is empty; say in `why` why the answer works"
        return ""

    def run(self, slug: str) -> Result:
        """Check one task and return the result, without display and without progress: for pytest."""
        return self._find(slug).run()

    def results(self) -> dict[str, Result]:
        """Check every task, in order; return the results by slug, without display and without progress."""
        return {slug: task.run() for slug, task in self.tasks.items()}

    def check(self, slug: str | None = None) -> None:
        """Check one task, or all of them, and show the result. What is right goes into your progress."""
        if slug is not None:
            task = self._find(slug)
            result = task.run()
            notice = progress.record(result.id) if result.state == "right" else ""
            more = task.why if result.state == "right" else self._where_hints_are(task)
            output.markdown("\n\n".join(part for part in (result.markdown(more), notice) if part))
            return
        results = list(self.results().values())
        notices = [progress.record(result.id) for result in results if result.state == "right"]
        rows = [[f"`{r.id}`", f"{_SIGNS[r.state]} {_TITLES[r.state]}", _cell(r.message)] for r in results]
        done = sum(result.state == "right" for result in results)
        text = f"{output.table(['Task', 'State', 'Why'], rows)}\n\n{done} of {len(results)} tasks are right."
        output.markdown("\n\n".join([text, *filter(None, dict.fromkeys(notices))]))

    def hint(self, slug: str) -> None:
        """Show the first hint, and one more each time you run the cell again."""
        task = self._find(slug)
        shown = min(self._hints_shown.get(task.id, 0) + 1, _HINTS)
        self._hints_shown[task.id] = shown
        lines = [f"**Hint {number + 1} of {_HINTS}.** {task.hints[number]}" for number in range(shown)]
        more = "Run this cell again for the next hint." if shown < _HINTS else "That was the last hint."
        output.markdown("\n\n".join([*lines, more]))

    def _where_hints_are(self, task: Task) -> str:
        return f'Stuck? Run `lab.hint("{task.id.removeprefix(self.name + ".")}")`.'

    def _find(self, slug: str) -> Task:
        found = self.tasks.get(slug.removeprefix(f"{self.name}."))
        if found is not None:
            return found
        close = get_close_matches(slug, self.tasks, 1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"lab {self.name!r} has no task {slug!r}.{guess} Its tasks: {', '.join(self.tasks) or 'none'}")


def _cell(text: str) -> str:
    """Return Markdown text on one line, for a table."""
    return " ".join(text.replace("|", "\\|").split())


def check(statement: str, true: object, otherwise: str = "") -> None:
    """Show whether a statement about what just happened is true: for chapters, beside a prediction.

    Parameters
    ----------
    statement:
        A sentence, in Markdown: ``"The second call met a warm environment."``
    true:
        Whether it is so.
    otherwise:
        What to look at if it is not.
    """
    result = f"✓ **Right**: {statement}" if true else f"✗ **Not so**: {statement}"
    output.markdown(result if true or not otherwise else f"{result}\n\n{otherwise}")


def hint(*steps: str) -> None:
    """Show hints (Markdown) folded away, one below the other; open them one at a time."""
    if not steps:
        raise ValueError("hint() needs at least one text to fold away")
    folded = [
        f"<details><summary>Hint {number} of {len(steps)}</summary>\n\n{step}\n\n</details>"
        for number, step in enumerate(steps, 1)
    ]
    output.markdown("\n\n".join(folded))
