"""Checks: three states, plain words, limits; hints in steps; clear errors for those who write labs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from helpers.teaching import check, hint
from helpers.teaching.checks import Lab, NotAttempted, Task, eventually, not_attempted, wrong
from helpers.teaching.progress_file import Progress

HINTS = ["Look at `create_function`.", "It needs a role.", "Pass `Role=role_arn`."]
REFUSED = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "Function not found"}}, "GetFunction")
LACKING = ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 501}}, "GetTraceSummaries")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))


def lab_with(work, seconds: float = 10) -> Lab:  # type: ignore[no-untyped-def]
    lab = Lab("hello_function")
    lab.task("deploy", hints=HINTS, why="Lambda keeps the code. On AWS it is the same.", seconds=seconds)(work)
    return lab


def raising(error: BaseException):  # type: ignore[no-untyped-def]
    def work() -> None:
        raise error

    return work


def test_right_when_the_check_returns() -> None:
    result = lab_with(lambda: None).run("deploy")
    assert (result.id, result.state, result.message, result.said) == ("hello_function.deploy", "right", "", "")


def test_not_attempted_says_what_is_missing() -> None:
    result = lab_with(lambda: not_attempted("There is no function yet.")).run("deploy")
    assert (result.state, result.message) == ("not attempted", "There is no function yet.")
    assert lab_with(raising(NotAttempted())).run("deploy").state == "not attempted"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (REFUSED, "ResourceNotFoundException: Function not found"),
        ({"errorType": "NameError", "errorMessage": "x"}, "NameError: x"),
        (b'{"errorMessage": "Task timed out"}', "Task timed out"),
        (json.dumps({"statusCode": 200}), '{"statusCode": 200}'),
        ("plain", "plain"),
        (ValueError("bad"), "ValueError: bad"),
        ({"statusCode": 502}, '{"statusCode": 502}'),
        (None, ""),
    ],
)
def test_wrong_gives_the_reason_and_what_aws_said(said: object, expected: str) -> None:
    result = lab_with(lambda: wrong("The function returned an error.", said=said)).run("deploy")
    assert (result.state, result.message, result.said) == ("wrong", "The function returned an error.", expected)


@pytest.mark.parametrize(
    ("error", "words", "said"),
    [
        (REFUSED, "AWS refused the call GetFunction", "ResourceNotFoundException: Function not found"),
        (LACKING, "needs the call GetTraceSummaries, which the cloud behind this notebook lacks", ""),
        (EndpointConnectionError(endpoint_url="http://x"), "local cloud does not answer", ""),
        (KeyError("body"), "no 'body'", ""),
        (IndexError("list index out of range"), "fewer entries", ""),
        (json.JSONDecodeError("x", "y", 0), "not JSON", ""),
        (AssertionError("The queue has 2 messages instead of 1."), "2 messages instead of 1", ""),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero", ""),
        (SystemExit(3), "could not read the answer", ""),
    ],
)
def test_an_unexpected_error_is_wrong_in_plain_words(error: BaseException, words: str, said: str) -> None:
    result = lab_with(raising(error)).run("deploy")
    assert result.state == "wrong"
    assert words in result.message
    assert result.said == said
    assert result.error is error
    assert "Traceback" not in result.markdown()


def test_a_check_never_hangs() -> None:
    begun = time.monotonic()
    result = lab_with(lambda: time.sleep(30), seconds=0.2).run("deploy")
    assert time.monotonic() - begun < 5
    assert result.state == "wrong"
    assert result.message == "This check stopped after 0.2 s. It was waiting for an answer from AWS."


def test_the_limit_says_what_was_waited_for() -> None:
    result = lab_with(lambda: eventually(lambda: False, "the thumbnail", seconds=30), seconds=0.2).run("deploy")
    assert result.message == "This check stopped after 0.2 s. It was waiting for the thumbnail."


def test_eventually_returns_the_value_and_takes_errors_as_not_yet() -> None:
    answers = iter([REFUSED, None, "done"])

    def condition() -> str | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert eventually(condition, "the effect", every=0.001) == "done"


def test_eventually_ends_with_what_was_waited_for_and_the_last_error() -> None:
    result = lab_with(lambda: eventually(raising(REFUSED), "the table", seconds=0.05, every=0.01)).run("deploy")
    assert result.message == "We waited 0.05 s for the table, and it did not happen."
    assert result.said == "ResourceNotFoundException: Function not found"


def test_a_verdict_inside_eventually_ends_the_wait() -> None:
    result = lab_with(lambda: eventually(lambda: wrong("It is in the wrong bucket."), "it", seconds=30)).run("deploy")
    assert result.message == "It is in the wrong bucket."


def test_without_the_local_cloud_no_check_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    ran: list[int] = []
    result = lab_with(lambda: ran.append(1)).run("deploy")
    assert (result.state, ran) == ("wrong", [])
    assert "Run the first cell" in result.message


def test_after_passing_the_explanation_is_shown_and_progress_kept(capsys: pytest.CaptureFixture[str]) -> None:
    lab_with(lambda: None).check("hello_function.deploy")
    shown = capsys.readouterr().out
    assert shown.startswith("✓ **Right**: `hello_function.deploy`")
    assert "Lambda keeps the code. On AWS it is the same." in shown
    assert list(Progress().items()) == ["hello_function.deploy"]


def test_a_wrong_answer_shows_sign_word_reason_and_the_way_to_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    lab_with(lambda: wrong("It returned nothing.", said="no_such_*name* for $LATEST")).check("deploy")
    shown = capsys.readouterr().out
    assert shown.startswith("✗ **Not right yet**: `hello_function.deploy`\n\nIt returned nothing.")
    assert r"AWS said: no\_such\_\*name\* for <code>\$LATEST</code>" in shown
    assert 'lab.hint("deploy")' in shown
    assert "Lambda keeps the code" not in shown
    assert Progress().items() == {}


def test_check_without_a_name_lists_all_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    lab = lab_with(lambda: None)
    lab.task("invoke", hints=HINTS, why="Because.")(lambda: not_attempted("Invoke it | now."))
    lab.check()
    shown = capsys.readouterr().out
    assert "| `hello_function.deploy` | ✓ Right |  |" in shown
    assert r"| `hello_function.invoke` | ○ Not attempted yet | Invoke it \| now. |" in shown
    assert "1 of 2 tasks are right." in shown
    assert {slug: result.state for slug, result in lab.results().items()} == {
        "deploy": "right", "invoke": "not attempted",
    }  # fmt: skip


def test_hints_come_one_more_at_each_call(capsys: pytest.CaptureFixture[str]) -> None:
    lab = lab_with(lambda: None)
    seen = []
    for _ in range(4):
        lab.hint("deploy")
        seen.append(capsys.readouterr().out)
    assert [text.count("of 3.**") for text in seen] == [1, 2, 3, 3]
    assert "next hint" in seen[0]
    assert "last hint" in seen[2]
    assert seen[3] == seen[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hints": HINTS[:2]}, "2 instead of 3 hints"),
        ({"hints": ["a", "b", " "]}, "2 instead of 3 hints"),
        ({"hints": "abc"}, "one text instead of 3 hints"),
        ({"why": " "}, "explanation is empty"),
        ({"slug": "Deploy it"}, "must be a slug"),
        ({"slug": "deploy"}, "declared twice"),
        ({"slug": "hello_function.deploy"}, "declared twice"),
    ],
)
def test_a_badly_declared_task_is_refused(changes: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"slug": "other", "hints": HINTS, "why": "Because."} | changes
    with pytest.raises(ValueError, match=words):
        lab_with(lambda: None).task(given["slug"], hints=given["hints"], why=given["why"])  # type: ignore[arg-type]


def test_an_unknown_task_names_the_ones_there_are() -> None:
    with pytest.raises(ValueError, match=r"no task 'depoy'. Did you mean 'deploy'\? Its tasks: deploy"):
        lab_with(lambda: None).check("depoy")
    with pytest.raises(ValueError, match="Its tasks: none"):
        Lab("empty").hint("x")


def test_a_lab_needs_a_slug() -> None:
    with pytest.raises(ValueError, match="use a slug"):
        Lab("Hello World")


def test_request_ids_do_not_reach_the_page() -> None:
    said = "RequestId: 6f8d1a52-1111-4222-8333-0123456789ab Error: Task timed out after 3.00 seconds"
    shown = lab_with(lambda: wrong("It timed out.", said=said)).run("deploy").markdown()
    assert "AWS said: RequestId: … Error: Task timed out after 3.00 seconds" in shown


def test_a_task_is_checked_alone() -> None:
    assert Task("a.b", lambda: None, tuple(HINTS), "Because.", 5).run().state == "right"


def test_chapters_may_state_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    check("The second call was warm.", True)
    check("It was cold.", [], "Look at REPORT.")
    hint("First.", "Second.")
    assert capsys.readouterr().out == (
        "✓ **Right**: The second call was warm.\n"
        "✗ **Not so**: It was cold.\n\nLook at REPORT.\n"
        "<details><summary>Hint 1 of 2</summary>\n\nFirst.\n\n</details>\n\n"
        "<details><summary>Hint 2 of 2</summary>\n\nSecond.\n\n</details>\n"
    )
    with pytest.raises(ValueError, match="at least one"):
        hint()


def test_what_was_waited_for_is_forgotten_when_it_came() -> None:
    def work() -> None:
        eventually(lambda: True, "the thumbnail")
        time.sleep(30)

    result = lab_with(work, seconds=0.2).run("deploy")
    assert result.message.endswith("It was waiting for an answer from AWS.")
