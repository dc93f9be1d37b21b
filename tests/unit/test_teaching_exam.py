"""The mock exam: answers are kept, the clock counts, the score is right, and the form shows and does the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.teaching import exam_questions, exam_sheet, mock_exam
from helpers.teaching.exam_form import Form
from helpers.teaching.mock_exam import Exam, ExamError
from helpers.teaching.progress_file import Progress
from helpers.teaching.quizzes import QuizError


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    return tmp_path / "exam.json"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(mock_exam.time, "monotonic", lambda: now[0])
    return now


def answer_all(exam: Exam, wrong: int = 0) -> None:
    for number, question in enumerate(exam.questions()):
        other = next(letter for letter in "ABCD" if letter != question.answer)
        exam.keep(question, other if number < wrong else question.answer)


@given(st.integers(0, 500))
def test_shares_add_up_and_are_near_the_weights(count: int) -> None:
    shares = exam_questions.shares(count)
    assert sum(shares.values()) == count
    assert all(abs(shares[name] - count * weight / 100) < 1 for name, (_, weight) in exam_questions.DOMAINS.items())


def test_answers_are_kept_for_another_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    first = Exam()
    question = first.questions()[6]
    first.answer(7, "b")
    first.flag(question.id)
    first.go_to(7)
    assert capsys.readouterr().out.startswith("Question 7: B.")
    second = Exam()
    assert second.state["answers"] == {question.id: "B"}
    assert second.state["flags"] == [question.id] and second.state["at"] == 7
    assert second.questions() == first.questions()


def test_two_kernels_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = Exam(), Exam()
    one.answer(1, "A")
    two.answer(2, "A")
    one.answer(3, "A")
    assert len(Exam().state["answers"]) == 3


def test_an_answer_can_be_changed_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    exam = Exam()
    for letters in ("A", "C", ""):
        exam.answer(1, letters)
        assert list(exam.state["answers"].values()) == [letters][: len(letters)]
    with pytest.raises(QuizError, match="give letters from A to"):
        exam.answer(1, "Z")
    for unknown in (0, 66, "nothing"):
        with pytest.raises(ExamError, match="from 1 to 65"):
            exam.answer(unknown, "A")


def test_how_many_to_choose_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    exam = Exam()
    number = next(n for n, question in enumerate(exam.questions(), 1) if len(question.answer) == 2)
    exam.question(number)
    assert "Choose two." in capsys.readouterr().out
    exam.answer(number, "A")
    assert capsys.readouterr().out == f"Question {number}: A. Choose two.\n"


def test_nothing_is_told_before_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    exam = Exam()
    exam.answer(1, "A")
    with pytest.raises(ExamError, match="no score before the end"):
        exam.score()
    exam.review()
    assert "nothing to review" in capsys.readouterr().out


def test_the_clock_counts_while_a_kernel_is_at_work(clock: list[float]) -> None:
    exam = Exam()
    assert exam.clock() == "2:10:00" and not exam.running
    clock[0] += 500
    assert exam.clock() == "2:10:00", "it has not begun"
    exam.begin()
    clock[0] += 61
    assert exam.clock() == "2:08:59"
    exam.pause()
    clock[0] += 4000
    assert exam.clock() == "2:08:59"
    exam.keep(exam.questions()[0], "A")
    clock[0] += 60
    exam.go_to(2)
    clock[0] += 30  # not kept: this kernel dies now
    assert Exam().clock() == "2:07:59"


def test_when_the_time_is_up_the_exam_ends(clock: list[float]) -> None:
    exam = Exam()
    first, second, *_ = exam.questions()
    exam.keep(first, first.answer)
    clock[0] += mock_exam.LIMIT + 1
    with pytest.raises(ExamError, match="the time is up"):
        exam.keep(second, second.answer)
    assert exam.state["ended"] and list(exam.state["answers"]) == [first.id]
    with pytest.raises(ExamError, match="has ended"):
        Exam().keep(second, second.answer)


@pytest.mark.parametrize(("wrong", "verdict"), [(0, "✓ **Passed**"), (18, "✓ **Passed**"), (19, "✗ **Not passed**")])
def test_the_score_is_by_domain_and_reaches_progress(
    wrong: int, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exam = Exam()
    answer_all(exam, wrong)
    exam.finish()
    shown = capsys.readouterr().out
    assert f"| **all** | {65 - wrong} | 65 |" in shown and verdict in shown
    assert all(title in shown for title, _ in exam_questions.DOMAINS.values())
    rows = exam_sheet.by_domain(exam.questions(), exam.state["answers"])
    assert sum(right for _, right, _ in rows) == 65 - wrong and sum(many for _, _, many in rows) == 65
    assert Progress().items()["exam"]["right"] == 65 - wrong


def test_the_review_explains_each_wrong_answer_with_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    exam = Exam()
    answer_all(exam, wrong=2)
    exam.keep(exam.questions()[2], "")
    exam.finish()
    capsys.readouterr()
    exam.review()
    shown = capsys.readouterr().out
    assert shown.count("✗ **Not right**") == 3 and "no answer" in shown
    for question in exam.questions()[:3]:
        assert question.shown_by is not None
        assert f"({question.shown_by.notebook}.ipynb#cell-id={question.shown_by.cell})" in shown
        assert all(option.why in shown for option in question.options)
    assert exam.questions()[3].question not in shown


def test_another_exam_has_another_order_and_the_best_score_stays(capsys: pytest.CaptureFixture[str]) -> None:
    exam = Exam()
    order = exam.questions()
    answer_all(exam)
    exam.finish()
    exam.again()
    assert exam.questions() != order and not exam.state["answers"] and exam.clock() == "2:10:00"
    assert Exam().questions() == exam.questions()
    exam.finish()
    assert Progress().items()["exam"]["right"] == 65


def test_without_a_file_the_exam_is_kept_in_memory(
    monkeypatch: pytest.MonkeyPatch, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    exam = Exam()
    exam.answer(1, "A")
    exam.answer(2, "A")
    assert len(exam.state["answers"]) == 2 and not file.exists()


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wall").write_text("a file where a folder should be")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "wall" / "progress.json"))
    exam = Exam()
    exam.answer(1, "A")
    assert "not kept" in capsys.readouterr().out
    exam.answer(2, "A")
    assert len(exam.state["answers"]) == 2


def test_a_damaged_file_moves_aside(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("{")
    exam = Exam()
    exam.answer(1, "A")
    assert len(json.loads(file.read_text())["passed"]["exam"]["answers"]) == 1
    assert file.with_name("exam.damaged-1.json").read_text() == "{"


def test_practice_explains_at_once_and_keeps_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exam = Exam()
    practice = exam.practice("security", count=3)
    assert practice.questions() == exam.practice("security", count=3).questions()
    assert practice.questions() != exam.practice("security", count=3, seed=1).questions()
    question = next(each for each in exam_questions.load() if each.id == practice.questions()[0])
    practice.answer(1, question.answer)
    practice.answer(2, "A")
    practice.score()
    shown = capsys.readouterr().out
    assert "✓ **Right.**" in shown and question.shown_by and f"#cell-id={question.shown_by.cell}" in shown
    assert "| Security |" in shown and "Deployment" not in shown.split("| Domain")[1]
    assert not file.exists()
    assert len(exam.practice(count=10).questions()) == 10
    with pytest.raises(ValueError, match="the domains are"):
        exam.practice("cooking")
    with pytest.raises(ValueError, match="too many"):
        exam.practice("security", count=18)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda item: item.pop("shown_by"), "say in shown_by"),
        (lambda item: item.pop("source"), "in source which AWS document"),
        (lambda item: item["options"].pop(), "one right answer of four"),
        (lambda item: item["shown_by"].pop("says"), "shown_by: says is missing"),
        (lambda item: item["source"].update(page=3), "page is not known"),
    ],
)
def test_wrong_data_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    for name in exam_questions.DOMAINS:
        data = json.loads((exam_questions.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        if name == "security":
            change(data[0])
        (tmp_path / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(QuizError, match=words):
        exam_questions.load(tmp_path)


def hidden(widget: Any) -> bool:
    return bool(widget.layout.display == "none")


def test_the_form_answers_flags_moves_and_ends() -> None:
    exam = Exam()
    form = Form(exam)
    form._draw()
    assert form.start.description == "Begin" and hidden(form.one) and hidden(form.moves)
    form.start.click()
    assert hidden(form.start) and not hidden(form.moves)
    single = next(n for n, question in enumerate(exam.questions(), 1) if len(question.answer) == 1)
    several = next(n for n, question in enumerate(exam.questions(), 1) if len(question.answer) == 2)
    form.go_to.value = single
    form.one.value = "C"
    form.flag.click()
    form.go_to.value = several
    assert hidden(form.one) and not hidden(form.boxes) and "Choose two." in form.text.value
    form.several[0].value = form.several[3].value = True
    ids = [question.id for question in exam.questions()]
    assert exam.state["answers"] == {ids[single - 1]: "C", ids[several - 1]: "AD"}
    assert "2 of 65 answered" in form.status.value and "1 flagged" in form.status.value
    form.several[1].value = True
    assert form.notice.value == "Choose two."
    form.several[1].value = False
    assert form.notice.value == ""
    form.go_to.value = 65
    form.next.click()
    assert exam.state["at"] == 65
    form.back.click()
    assert exam.state["at"] == 64
    form.finish.click()
    assert "63 questions have no answer" in form.notice.value and not exam.state["ended"]
    form.finish.click()
    assert exam.state["ended"] and "Not passed" in form.text.value and hidden(form.moves)


def test_another_action_takes_back_the_first_press_of_finish() -> None:
    exam = Exam()
    form = Form(exam)
    form.start.click()
    form.finish.click()
    form.next.click()
    form.finish.click()
    assert not exam.state["ended"]


def test_a_new_form_goes_on_where_the_old_one_was() -> None:
    first = Form(Exam())
    first.start.click()
    first.go_to.value = 5
    answered = first.one if not hidden(first.one) else first.several[1]
    answered.value = "B" if answered is first.one else True
    first.pause.click()
    assert not hidden(first.start) and hidden(first.moves) and "the clock stands" in first.status.value
    second = Form(Exam())
    second._draw()
    assert second.start.description == "Go on"
    second.start.click()
    assert second.go_to.value == 5 and "1 of 65 answered" in second.status.value
    assert second.one.value == "B" or second.several[1].value


def test_what_the_exam_refuses_stands_below(clock: list[float]) -> None:
    form = Form(Exam())
    form.start.click()
    clock[0] += mock_exam.LIMIT + 1
    (form.one if not hidden(form.one) else form.several[0]).value = "A" if not hidden(form.one) else True
    assert "the time is up" in form.notice.value and hidden(form.moves)
