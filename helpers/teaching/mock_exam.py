"""The mock exam: 65 questions against the clock, scored by domain, each answer linked to the cell that shows it.

``exam()`` shows a form (``helpers.teaching.exam_form``); ``exam.question``, ``exam.answer`` and ``exam.finish`` do the
same without one. What you answer is kept at once, in ``exam.json`` beside the progress file and by its rules
(``helpers.teaching.progress_file``): after a restart of the kernel, or tomorrow, you go on where you were. The clock
counts while a kernel is at work on the exam, up to your last action; what lies between two kernels does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.teaching import exam_questions, exam_sheet, output, quizzes
from helpers.teaching.exam_sheet import ExamError, Practice
from helpers.teaching.progress_file import Items, Progress, ProgressError, progress
from helpers.teaching.quizzes import Question

LIMIT = exam_questions.MINUTES * 60
_ITEM = "exam"


def new_exam(sitting: int = 1) -> dict[str, Any]:
    """Return an exam that has not begun; each ``sitting`` has an order of questions of its own."""
    return {"sitting": sitting, "answers": {}, "flags": [], "at": 1, "seconds": 0.0, "ended": False}


class Kept(Progress):
    """The exam that goes on: in a file beside the progress file, or in memory if progress is switched off."""

    def __init__(self) -> None:
        super().__init__()
        self._exam: dict[str, Any] | None = None

    @property
    def path(self) -> Path | None:
        """Return the file's path, or None if progress is switched off."""
        path = super().path
        return path and path.with_name("exam.json")

    @property
    def exam(self) -> dict[str, Any]:
        """Return the exam as this kernel knows it; the first time it is read from the file."""
        if self._exam is None:
            try:
                self._exam = new_exam() | self.items().get(_ITEM, {})
            except ProgressError:
                self._exam = new_exam()
        return self._exam

    def edit(self, change: Callable[[dict[str, Any]], None]) -> str:
        """Apply a change to the exam as the file has it now; return a notice if it could not be kept."""
        known, done = self.exam, []

        def within(items: Items) -> None:
            self._exam = known | items.get(_ITEM, {})
            change(self._exam)
            items[_ITEM] = self._exam | {"when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")}
            done.append(True)

        try:
            notice = self._change(within)[1]
        except ProgressError as error:
            notice = str(error)
        if not done:
            within({})
        return notice


class Exam:
    """The exam that goes on, or has ended; notebooks use the one instance ``exam``."""

    def __init__(self, questions: Sequence[Question] | None = None) -> None:
        self._loaded = questions
        self._kept = Kept()
        self._running_since: float | None = None

    def __call__(self) -> None:
        """Show the form, on which you begin, pause, go on and finish; without a notebook, the overview."""
        if not output.in_notebook():
            self.overview()
            return
        from helpers.teaching.exam_form import Form

        Form(self).show()

    @property
    def state(self) -> dict[str, Any]:
        """Return the exam as it is kept: ``answers`` and ``flags`` by question, ``at``, ``seconds``, ``ended``."""
        return self._kept.exam

    @property
    def running(self) -> bool:
        """Return whether the clock runs in this kernel."""
        return self._running_since is not None

    def questions(self) -> list[Question]:
        """Return the questions in the order of this sitting."""
        return exam_questions.mixed(self._all(), self.state["sitting"])

    def seconds_left(self) -> float:
        """Return what the clock has left, in seconds."""
        return max(0.0, LIMIT - self.state["seconds"] - self._running())

    def clock(self) -> str:
        """Return what the clock has left as ``H:MM:SS``."""
        left = round(self.seconds_left())
        return f"{left // 3600}:{left % 3600 // 60:02}:{left % 60:02}"

    def begin(self) -> str:
        """Let the clock run, from the start or from where it stood; return a notice if that could not be kept.

        Raises
        ------
        ExamError
            The exam has ended.
        """
        if self.state["ended"]:
            raise ExamError("this exam has ended: exam.review() explains it, exam.again() begins another one")
        if self._running_since is None:
            self._running_since = time.monotonic()
        return self._edit(lambda state: None)

    def pause(self) -> str:
        """Stop the clock until your next answer; return a notice if that could not be kept."""
        notice = self._edit(lambda state: None)
        self._running_since = None
        return notice

    def question(self, which: int | str) -> None:
        """Show a question, by its number or its id, without its answer."""
        output.markdown(exam_sheet.text_of(*exam_sheet.find(self.questions(), which)))

    def answer(self, which: int | str, letters: str) -> None:
        """Answer a question, by its number or its id: ``exam.answer("last_seat", "B")``, ``exam.answer(7, "A, C")``.

        You may answer again until the end; an empty text takes the answer back. Before the end nobody says what is
        right.
        """
        number, question = exam_sheet.find(self.questions(), which)
        given = quizzes.letters_of(letters, question)
        notice = self.keep(question, given)
        more = exam_sheet.choose(question) if given and len(given) != len(question.answer) else ""
        output.markdown(" ".join(filter(None, [f"Question {number}: {given or 'no answer'}.", more, notice])))

    def keep(self, question: Question, letters: str) -> str:
        """Keep an answer; return a notice if it could not be written.

        Raises
        ------
        ExamError
            The exam has ended, or the time is up, which ends it.
        """
        self.begin()
        if not self.seconds_left():
            self.end()
            raise ExamError("the time is up; the exam has ended with the answers that you gave before")

        def change(state: dict[str, Any]) -> None:
            state["answers"].pop(question.id, None)
            if letters:
                state["answers"][question.id] = letters

        return self._edit(change)

    def flag(self, which: int | str) -> str:
        """Flag a question for a second look, or take the flag away; return a notice if that could not be kept."""
        _, question = exam_sheet.find(self.questions(), which)

        def change(state: dict[str, Any]) -> None:
            flags = state["flags"]
            state["flags"] = [each for each in flags if each != question.id] + [question.id] * (
                question.id not in flags
            )

        return self._edit(change)

    def go_to(self, number: int) -> str:
        """Note at which question you are; return a notice if that could not be kept."""
        return self._edit(lambda state: state.update(at=number))

    def overview(self) -> None:
        """Show what is answered and flagged, and what the clock has left."""
        marks = [f"{n} {exam_sheet.mark_of(each, self.state)}" for n, each in enumerate(self.questions(), 1)]
        left = f"{self.clock()} left of {exam_questions.MINUTES} minutes."
        output.markdown("\n\n".join([" · ".join(marks), f"✓ answered, ○ not yet, ⚑ flagged. {left}"]))

    def finish(self) -> None:
        """End the exam and show its score by domain."""
        notice = self.end()
        output.markdown("\n\n".join(filter(None, [self.score(), notice])))

    def end(self) -> str:
        """End the exam and note its score in your progress, which keeps the best; return a notice if that failed."""
        notice = self._edit(lambda state: state.update(ended=True))
        self._running_since = None
        right = sum(row[1] for row in exam_sheet.by_domain(self.questions(), self.state["answers"]))
        return notice or progress.record("exam", right, len(self.questions()))

    def score(self) -> str:
        """Return the score by domain of an exam that has ended, as Markdown.

        Raises
        ------
        ExamError
            The exam has not ended.
        """
        if not self.state["ended"]:
            raise ExamError("there is no score before the end: exam.finish() ends the exam")
        return exam_sheet.score(self.questions(), self.state["answers"])

    def review(self) -> None:
        """Explain each question that was not answered rightly, with a link to the cell that shows the answer."""
        if not self.state["ended"]:
            output.markdown("There is nothing to review before the exam has ended.")
            return
        answers, questions = self.state["answers"], self.questions()
        wrong = [(n, each) for n, each in enumerate(questions, 1) if answers.get(each.id) != each.answer]
        texts = [exam_sheet.explained(n, each, answers.get(each.id, "")) for n, each in wrong]
        first = f"{self.score()}\n\n{exam_sheet.read_again(questions, answers)}"
        output.markdown("\n\n---\n\n".join([first, *texts]))

    def again(self) -> None:
        """Lay another exam ready, its questions in another order; the best score so far stays in your progress."""
        self._running_since = None
        notice = self._kept.edit(lambda state: state.update(new_exam(state["sitting"] + 1)))
        output.markdown(" ".join(filter(None, ["Another exam lies ready; its clock waits for you.", notice])))

    def practice(self, domain: str | None = None, count: int = 10, seed: int = 24) -> Practice:
        """Return questions without a clock, each explained as soon as it is answered; nothing of it is kept.

        Parameters
        ----------
        domain:
            ``"development"``, ``"security"``, ``"deployment"`` or ``"troubleshooting"``; None mixes all by weight.
        count:
            How many questions.
        seed:
            Another number draws other questions.
        """
        return Practice(exam_questions.chosen(self._all(), domain, count, seed))

    def _all(self) -> Sequence[Question]:
        if self._loaded is None:
            self._loaded = exam_questions.load()
        return self._loaded

    def _running(self) -> float:
        return time.monotonic() - self._running_since if self._running_since is not None else 0.0

    def _edit(self, change: Callable[[dict[str, Any]], None]) -> str:
        """Change the exam, and note the time that the clock has run since the last change."""
        spent = self._running()
        if self.running:
            self._running_since = time.monotonic()

        def timed(state: dict[str, Any]) -> None:
            state["seconds"] += spent
            change(state)

        return self._kept.edit(timed)


exam = Exam()
"""``exam()`` shows the exam; ``exam.practice()`` gives some questions without a clock."""
