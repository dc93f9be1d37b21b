"""Drawings and tables: what is drawn, what is folded, what is escaped, and that nothing changes from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

import helpers
from helpers.dataplane.record import Record
from helpers.teaching import diagrams, plots, show

BEGAN = 1_800_000_000.0


def invoke(record: Record, at: float, start: str = "warm", outcome: str = "ok", environment: int = 1) -> None:
    """What the front door and Lambda record for one synchronous call of ``hello``, which writes to a table."""
    init = 120.0 if start == "cold" else None
    record.add(
        "invocation", "you", "function hello", start, subject="hello", outcome=outcome, started=BEGAN + at + 0.1,
        milliseconds=300, environment=environment, init_ms=init, request_id=f"id-{at}",
    )  # fmt: skip
    record.add("call", "function hello", "dynamodb", "PutItem", subject="todos", started=BEGAN + at + 0.25)
    record.add("call", "you", "lambda", "Invoke", subject="hello", started=BEGAN + at, milliseconds=600)


@pytest.fixture
def record() -> Record:
    return Record()


def lines_of(record: Record, counts: bool = True) -> list[str]:
    return [line.strip() for line in diagrams.sequence(record.since(), counts).splitlines()]


def test_a_call_an_invocation_and_what_it_calls(record: Record) -> None:
    invoke(record, 0, "cold")
    assert lines_of(record) == [
        "sequenceDiagram",
        "actor p1 as You",
        "participant p2 as Lambda",
        "participant p3 as function hello",
        "participant p4 as DynamoDB",
        "p1->>p2: Invoke hello",
        "p2->>p3: run (cold start)",
        "p3->>p4: PutItem todos",
    ]
    assert diagrams.sentence(record.since()) == (
        "You made 1 call to Lambda. Function hello made 1 call to DynamoDB. Function hello ran once, with a cold start."
    )


def test_repetitions_fold_from_the_learners_call_on(record: Record) -> None:
    for number in range(13):
        invoke(record, number, "warm" if number else "cold")
    drawn = lines_of(record)
    assert drawn[8:] == [
        "loop 12 times",
        "p1->>p2: Invoke hello",
        "p2->>p3: run (warm start)",
        "p3->>p4: PutItem todos",
        "end",
    ]
    assert "loop again and again" in lines_of(record, counts=False)
    assert "13" not in diagrams.sentence(record.since(), counts=False)
    assert "ran 13 times, 1 of them with a cold start" in diagrams.sentence(record.since())


def test_the_same_call_folds_on_one_line(record: Record) -> None:
    for number in range(12):
        record.add("call", "you", "sqs", "SendMessage", subject="orders", started=BEGAN + number)
    assert lines_of(record)[-1] == "p1->>p2: SendMessage orders (× 12)"
    assert lines_of(record, counts=False)[-1] == "p1->>p2: SendMessage orders<br/>(repeated)"


def test_errors_come_back_when_they_ended(record: Record) -> None:
    invoke(record, 0, outcome="ValueError")
    record.add("call", "you", "s3", "GetObject", subject="x", outcome="NoSuchBucket", started=BEGAN + 2)
    assert lines_of(record)[-5:] == [
        "p2->>p3: run (warm start)",
        "p3->>p4: PutItem todos",
        "p3--xp2: ValueError",
        "p1->>p5: GetObject x",
        "p5--xp1: NoSuchBucket",
    ]
    assert diagrams.sentence(record.since()).endswith("Errors: NoSuchBucket and ValueError.")


def test_an_event_meets_its_invocation(record: Record) -> None:
    record.add("event", "s3", "function thumb", "1 record", subject="photos", started=BEGAN)
    for at, outcome in ((0.1, "ValueError"), (60, "ok")):
        record.add("invocation", "s3", "function thumb", "warm", subject="thumb", outcome=outcome, started=BEGAN + at)
    assert lines_of(record)[-4:] == [
        "p1-)p2: 1 record", "Note over p2: warm start", "p2--xp3: ValueError", "p3->>p2: run (warm start)",
    ]  # fmt: skip
    assert "1 event went from S3 to thumb." in diagrams.sentence(record.since())


def test_lambda_polls_queues_and_streams(record: Record) -> None:
    for at, outcome in ((0.0, "ok"), (1.0, "KeyError")):
        record.add(
            "invocation", "sqs", "function hello", "warm", subject="hello", outcome=outcome,
            started=BEGAN + at + 0.1, milliseconds=100,
        )  # fmt: skip
        record.add("event", "sqs", "function hello", "2 records", subject="q", started=BEGAN + at, polled=True)
    assert lines_of(record)[-6:] == [
        "loop 2 times", "p1->>p2: polls q", "p2-->>p1: 2 records", "p1->>p3: run (warm start)", "end",
        "p3--xp1: KeyError",
    ]  # fmt: skip
    words = diagrams.sentence(record.since())
    assert words.startswith("Lambda polled SQS for hello and got 2 batches. Function hello ran 2 times")
    assert diagrams.sentence(record.since(), counts=False).startswith("Lambda polled SQS for hello and got batches.")


def test_who_waits_for_a_function_calls_it_and_hears_of_its_errors(record: Record) -> None:
    for at, outcome in ((0.0, "ok"), (1.0, "KeyError")):
        record.add(
            "event", "apigateway", "function hello", "GET /teas", started=BEGAN + at, milliseconds=500, awaited=True
        )
        record.add(
            "invocation", "apigateway", "function hello", "warm", subject="hello", outcome=outcome,
            started=BEGAN + at + 0.1, milliseconds=300, init_ms=None,
        )  # fmt: skip

    assert lines_of(record)[3:] == [
        "p1->>p2: GET /teas",
        "Note over p2: warm start",
        "p1->>p2: GET /teas",
        "Note over p2: warm start",
        "p2--xp1: KeyError",
    ]
    assert diagrams.sentence(record.since()) == (
        "API Gateway made 2 calls to function hello. "
        "Function hello ran 2 times, 0 of them with a cold start. Errors: KeyError."
    )


def test_how_often_a_service_polls_is_not_drawn(record: Record) -> None:
    pictures = []
    for polls in (1, 7):
        record = Record()
        for number in range(polls):
            record.add("call", "lambda", "sqs", "ReceiveMessage", subject="orders", started=BEGAN + number / 100)
            record.add("call", "function a", "sqs", "SendMessage", subject="b", started=BEGAN + 5 + number)
        pictures.append([line for line in lines_of(record) if "Receive" in line])
    assert pictures[0] == pictures[1] == ["p1->>p2: ReceiveMessage orders<br/>(polls)"]


@pytest.mark.parametrize("text", ["a;b#c", "<script>", "`x`", "$$x$$", "a\nb", "end", "wrap: x", "%%{init}%%", '"q"'])
def test_foreign_text_cannot_break_the_drawing(text: str, record: Record) -> None:
    record.add("call", f"function {text}", "s3", "PutObject", subject=text, outcome=text, started=BEGAN)
    drawn = diagrams.sequence(record.since())
    assert len(drawn.splitlines()) == 5
    bare = re.sub(r"#\d+;|<br/>", "", drawn.replace("->>", "").replace("--x", ""))
    assert not set(bare) & set(';#<>`$%{}"')
    assert "p1->>p2: PutObject" in drawn


def test_long_text_is_cut_and_ids_are_left_out(record: Record) -> None:
    name = "6f8d1a52-1111-4222-8333-0123456789ab"
    record.add("call", "you", "sqs", "SendMessage", subject=f"{name} {'x' * 200}", started=BEGAN)
    drawn = diagrams.sequence(record.since())
    assert name not in drawn
    assert drawn.count("x") < 80
    assert "…" in drawn


def test_a_long_drawing_ends_with_a_note_and_closes_its_loops(record: Record) -> None:
    for number in range(100):
        record.add("call", "you", "s3", "PutObject", subject=f"key{number}", started=BEGAN + number)
    drawn = lines_of(record)
    assert drawn[-1] == "Note over p1: and 40 lines more, not drawn"


@pytest.mark.parametrize("number_of_lines", range(3, 30))
def test_a_loop_that_is_cut_open_is_closed(
    number_of_lines: int, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagrams, "_MOST_LINES", number_of_lines)
    for number in range(6):
        for at in range(3):
            invoke(record, 10 * number + at)
        record.add("call", "you", "s3", f"Get{number}", started=BEGAN + 10 * number + 9)
    drawn = lines_of(record)
    assert sum(line.startswith("loop") for line in drawn) == drawn.count("end")
    assert "lines more, not drawn" in drawn[-1]


def test_nothing_to_draw(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    show.sequence(record)
    show.calls(record)
    show.timeline("hello", record)
    printed = capsys.readouterr().out
    assert printed.count("The last cell made no AWS call, so there is nothing to show.") == 2
    assert "did not run function hello" in printed
    assert diagrams.sequence([]) == ""


def test_the_table_of_calls(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    invoke(record, 0, "cold")
    for number in range(3):
        record.add("call", "you", "s3", "GetObject", subject="a|b_$c", outcome="NoSuchKey", started=BEGAN + 1 + number)
    record.add("call", "lambda", "sqs", "ReceiveMessage", subject="q", started=BEGAN + 8)
    record.add("call", "lambda", "sqs", "ReceiveMessage", subject="q", started=BEGAN + 9)
    show.calls(record)
    assert capsys.readouterr().out.splitlines() == [
        "| Who | Whom | What | About | Outcome |",
        "| --- | --- | --- | --- | --- |",
        "| You | Lambda | Invoke | hello | ok |",
        "| You | function hello | cold start |  | ok |",
        "| function hello | DynamoDB | PutItem | todos | ok |",
        r"| You | S3 | GetObject (× 3) | <code>a\|b\_\$c</code> | NoSuchKey |",
        "| Lambda | SQS | ReceiveMessage | q | ok |",
    ]
    show.calls(record, times=True, kinds=("invocation",))
    assert capsys.readouterr().out.splitlines()[-1] == "| You | function hello | cold start |  | ok | 300.0 |"


def test_since_leaves_out_what_came_before(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    invoke(record, 0)
    show.calls(record, since=record.mark())
    assert "nothing to show" in capsys.readouterr().out


def test_by_default_the_last_cell_of_the_running_cloud(
    record: Record, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record.add("call", "you", "iam", "CreateRole", subject="before", started=BEGAN)
    mark = record.mark()
    record.add("call", "you", "s3", "CreateBucket", subject="photos", started=BEGAN + 1)
    running = SimpleNamespace(record=record, cell_mark=mark)
    monkeypatch.setattr(helpers, "cloud", SimpleNamespace(current=lambda: running), raising=False)
    show.sequence()
    printed = capsys.readouterr().out
    assert "CreateBucket photos" in printed
    assert "CreateRole" not in printed


@pytest.fixture
def png(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    figures: list[bytes] = []
    monkeypatch.setattr(plots.output, "png", lambda data, alt: figures.append(data))
    yield figures


def test_the_timeline_says_its_numbers_and_is_a_png(
    record: Record, png: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(record, 0, "cold")
    invoke(record, 0.1, "cold", environment=2)
    invoke(record, 1)
    invoke(record, 2, environment=2, outcome="ValueError")
    record.add("invocation", "you", "function other", "cold", subject="other", started=BEGAN, environment=9)
    for _ in range(2):
        show.timeline("hello", record)
    assert capsys.readouterr().out == "4 invocations, 2 environments, 2 cold starts, 1 error\n" * 2
    assert png[0].startswith(b"\x89PNG")
    assert png[0] == png[1]


def test_what_is_throttled_did_not_run(record: Record, png: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    slow = "TooManyRequestsException"
    record.add("invocation", "you", "function hello", "throttled", subject="hello", outcome=slow, started=BEGAN + 1)
    record.add("call", "you", "lambda", "Invoke", subject="hello", outcome=slow, started=BEGAN, milliseconds=2000)
    assert lines_of(record)[-3:] == ["p1->>p2: Invoke hello", "Note over p2: hello throttled", f"p2--xp1: {slow}"]
    assert "Function hello did not run: it was throttled." in diagrams.sentence(record.since())
    show.timeline("hello", record)
    invoke(record, 5, "cold")
    assert "ran once, with a cold start. It was throttled 1 time." in diagrams.sentence(record.since())
    show.timeline("hello", record)
    assert capsys.readouterr().out == (
        "0 invocations, 0 environments, 0 cold starts, 1 throttled\n"
        "1 invocation, 1 environment, 1 cold start, 1 throttled\n"
    )
    assert len(png) == 2


def test_a_figure_has_title_units_and_a_legend(png: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    figure, axes = plots.new("Cost of a month", x="Requests (million)", y="Cost (USD)")
    axes.plot([0, 1], [0, 1], **plots.line(0, "Lambda"))
    axes.bar([0], [1], **plots.fill(0, "Server"))
    plots.draw(figure, "They cross.")
    assert axes.get_title(loc="left") == "Cost of a month"
    assert axes.get_xlabel() == "Requests (million)"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["Lambda", "Server"]
    assert capsys.readouterr().out == "They cross.\n"


def test_lines_and_bars_differ_without_colour() -> None:
    lines = [plots.line(number, "x", points=True) for number in range(5)]
    assert len({(line["linestyle"], line["marker"]) for line in lines}) == 5
    fills = [plots.fill(number) for number in range(4)]
    assert len({(fill.get("hatch"), _luminance(fill["facecolor"])) for fill in fills}) == 4


def _luminance(color: str) -> int:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return round(0.3 * red + 0.59 * green + 0.11 * blue) // 32


NOTEBOOK = """
import os
os.environ |= {{"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "COURSE_PROGRESS": "off"}}
from pathlib import Path
from helpers.dataplane.record import Record
from helpers.teaching import check, hint, plots, pricing, progress, quiz, show
from helpers.teaching.checks import Lab, wrong
record = Record()
for number in range(4):
    record.add("call", "you", "lambda", "Invoke", subject="hello", started=1 + number, milliseconds=5)
    record.add("invocation", "you", "function hello", "warm" if number else "cold", subject="hello",
               started=1.1 + number, milliseconds=100, environment=1)
lab = Lab("demo")
lab.task("a", hints=["1", "2", "3"], why="Because.")(lambda: None)
lab.task("b", hints=["1", "2", "3"], why="Because.")(lambda: wrong("No.", said="x"))
---
show.sequence(record); show.calls(record); show.timeline("hello", record)
---
lab.check("a"); lab.check("b"); lab.check(); lab.hint("a"); lab.hint("a"); check("So.", True); hint("One")
---
quiz("02_x", Path({folder!r})); quiz.score("02_x", "a", folder=Path({folder!r}))
---
pricing.lambda_cost(1_000_000, 100, 512)
---
show.tail({{"LogResult": "U1RBUlQgUmVxdWVzdElkOiAxCg=="}})
"""
OPTIONS = '[{"text":"a","correct":true,"why":"w"},{"text":"b","correct":false,"why":"v"}]'
QUIZ = f'[{{"id":"q","question":"Q?","options":{OPTIONS}}}]'


def test_in_a_notebook_all_outputs_are_the_same_at_each_run(tmp_path: Path) -> None:
    (tmp_path / "02_x.json").write_text(QUIZ)
    sources = NOTEBOOK.format(folder=str(tmp_path)).strip().split("\n---\n")
    runs = []
    for _ in range(2):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
        )
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
        runs.append([cell.outputs for cell in notebook.cells])
    assert runs[0] == runs[1]
    assert all(runs[0][1:])
    kinds = {kind for cell in runs[0] for output in cell for kind in output.get("data", {"stream": ""})}
    assert kinds == {"text/markdown", "text/plain", "text/html", "image/png", "stream"}
    assert not [output for cell in runs[0] for output in cell if output.get("name") == "stderr"]
    figures = [output for cell in runs[0] for output in cell if "image/png" in output.get("data", {})]
    assert figures[0]["metadata"]["image/png"]["alt"] == "4 invocations, 1 environment, 1 cold start"
