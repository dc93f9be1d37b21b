"""The exam as a form of ipywidgets: one question at a time, a clock, flags; every part can be reached by the keyboard.

Tab goes from letter to letter and from button to button, the space bar chooses and presses, the arrows choose a
question. The widgets are made once and only change what they show, so that the focus stays where it is. A form is
alive while its kernel runs; the exam itself is kept by ``helpers.teaching.mock_exam``, so another form, in another
kernel, goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from helpers.teaching import exam_sheet
from helpers.teaching.exam_questions import MINUTES
from helpers.teaching.exam_sheet import ExamError
from helpers.teaching.quizzes import Question, inline

if TYPE_CHECKING:
    from helpers.teaching.mock_exam import Exam

_WIDE = {"width": "max-content"}
_MOST_OPTIONS = 6


class Form:
    """One view of the exam.

    Parameters
    ----------
    exam:
        The exam, whose state the form shows and changes.
    """

    def __init__(self, exam: Exam) -> None:
        self._exam = exam
        self._ticking: asyncio.Task[None] | None = None
        self._filling = False
        self._sure = False
        self.status = widgets.HTML()
        self.text = widgets.HTML()
        self.notice = widgets.HTML()
        self.one = widgets.RadioButtons(options=list("ABCD"), description="Answer", orientation="horizontal")
        self.several = [
            widgets.Checkbox(description=letter, indent=False) for letter in ascii_uppercase[:_MOST_OPTIONS]
        ]
        self.boxes = widgets.HBox(self.several)
        self.go_to = widgets.Dropdown(description="Question")
        self.start = self._button("Begin", self._begin)
        self.back = self._button("Back", lambda: self._move(-1))
        self.next = self._button("Next", lambda: self._move(1))
        self.flag = self._button("Flag", self._flag)
        self.pause = self._button("Pause", self._pause)
        self.finish = self._button("Finish", self._finish)
        self.moves = widgets.HBox([self.back, self.next, self.flag, self.go_to])
        self.ends = widgets.HBox([self.start, self.pause, self.finish])
        self.box = widgets.VBox()
        for choice in (self.one, *self.several):
            choice.observe(self._answer, "value")
        self.go_to.observe(self._chosen, "value")

    def show(self) -> None:
        """Display the form; it is filled afterwards, so that the stored text of the output is the same each time."""
        from IPython.display import display

        display(self.box)
        self.box.children = [self.status, self.text, self.one, self.boxes, self.moves, self.ends, self.notice]
        self._draw()
        self._let_the_clock_go()

    def _button(self, label: str, work: Any) -> widgets.Button:
        button = widgets.Button(description=label, layout=_WIDE)
        button.on_click(lambda _: self._do(label, work))
        return button

    def _do(self, label: str, work: Any) -> None:
        """Do what a button says; what the exam refuses, and what could not be kept, is shown below."""
        self._sure = self._sure and label == "Finish"
        self.notice.value = ""
        try:
            notice = work()
        except ExamError as refusal:
            notice = str(refusal)
        self._draw()
        if notice:
            self.notice.value = html.escape(notice)

    @property
    def _questions(self) -> list[Question]:
        return self._exam.questions()

    @property
    def _question(self) -> Question:
        return self._questions[self._exam.state["at"] - 1]

    def _begin(self) -> str:
        notice = self._exam.begin()
        self._let_the_clock_go()
        return notice

    def _let_the_clock_go(self) -> None:
        """Start the task that moves the clock, if the exam runs and none is there."""
        if self._exam.running and (self._ticking is None or self._ticking.done()):
            with contextlib.suppress(RuntimeError):  # without a running loop the clock moves at each action
                self._ticking = asyncio.get_running_loop().create_task(self._tick())

    def _pause(self) -> str:
        return self._exam.pause()

    def _move(self, step: int) -> str:
        return self._exam.go_to(min(max(self._exam.state["at"] + step, 1), len(self._questions)))

    def _flag(self) -> str:
        return self._exam.flag(self._question.id)

    def _finish(self) -> str:
        missing = sum(question.id not in self._exam.state["answers"] for question in self._questions)
        if not self._sure:
            self._sure = True
            return (
                f"{missing} questions have no answer, and an answer costs nothing. Press Finish again to end the exam."
            )
        return self._exam.end()

    def _answer(self, _: Any) -> None:
        if self._filling:
            return
        several = "".join(box.description for box in self.several if box.value)
        letters = several if len(self._question.answer) > 1 else self.one.value
        self._do("Answer", lambda: self._keep(letters or ""))

    def _keep(self, letters: str) -> str:
        question = self._question
        too_many = len(letters) > len(question.answer)
        return self._exam.keep(question, letters) or (exam_sheet.choose(question) if too_many else "")

    def _chosen(self, change: Any) -> None:
        if not self._filling and change["new"]:
            self._do("Question", lambda: self._exam.go_to(change["new"]))

    async def _tick(self) -> None:
        """Move the clock each second while it runs, and end the exam when the time is up."""
        while self._exam.running:
            self._status()
            if not self._exam.seconds_left():
                self._do("Time", self._exam.end)
            await asyncio.sleep(1)

    def _draw(self) -> None:
        self._filling = True
        state, running = self._exam.state, self._exam.running
        begun = bool(state["seconds"] or state["answers"])
        several = len(self._question.answer) > 1
        shown = {
            self.start: not running and not state["ended"],
            **dict.fromkeys((self.pause, self.finish, self.moves), running),
            self.one: running and not several,
            self.boxes: running and several,
        }
        for widget, visible in shown.items():
            widget.layout.display = None if visible else "none"
        self.start.description = "Go on" if begun else "Begin"
        self._status()
        self.text.value = self._page() if running else self._rest()
        self._fill()
        self._filling = False

    def _fill(self) -> None:
        """Let the choices show what is answered and flagged."""
        state, question = self._exam.state, self._question
        given = state["answers"].get(question.id, "")
        self.one.value = given if len(question.answer) == 1 and given else None
        for number, box in enumerate(self.several):
            box.value = box.description in given
            box.layout.display = None if number < len(question.options) else "none"
        self.flag.description = "Take the flag away" if question.id in state["flags"] else "Flag"
        marks = [(f"{n} {exam_sheet.mark_of(each, state)}", n) for n, each in enumerate(self._questions, 1)]
        self.go_to.options = marks
        self.go_to.value = state["at"]

    def _status(self) -> None:
        state = self._exam.state
        clock = "ended" if state["ended"] else f"{self._exam.clock()} left"
        clock += "" if self._exam.running or state["ended"] else ", the clock stands"
        questions = self._questions
        answered = f"{sum(each.id in state['answers'] for each in questions)} of {len(questions)} answered"
        self.status.value = f"<b>{clock}</b> · {answered} · {len(state['flags'])} flagged"

    def _page(self) -> str:
        question = self._question
        options = zip(ascii_uppercase, question.options, strict=False)
        listed = "".join(f"<p><b>{letter}.</b> {inline(option.text)}</p>" for letter, option in options)
        head = f"<b>Question {self._exam.state['at']}.</b> {inline(question.question)}"
        return f"<p>{head} <b>{exam_sheet.choose(question)}</b></p>{listed}"

    def _rest(self) -> str:
        """Return what stands there while no question is shown."""
        if not self._exam.state["ended"]:
            count = len(self._questions)
            return f"<p>{count} questions, {MINUTES} minutes. You can pause, and go on in another kernel.</p>"
        rows = exam_sheet.by_domain(self._questions, self._exam.state["answers"])
        cells = "".join(f"<tr><td>{title}</td><td>{right} of {many}</td></tr>" for title, right, many in rows)
        verdict = html.escape(self._exam.score().rpartition("\n\n")[2].replace("**", ""))
        return f"<table>{cells}</table><p>{verdict}</p><p>The next cell explains what was not right: run it.</p>"
