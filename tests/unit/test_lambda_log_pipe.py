"""The log pipe: lines and frames, in order, however the bytes arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.log_pipe import LogLine, LogReader

NOW = 1_000
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\xa0"), min_size=1, max_size=30)


def frame(text: str, time_ms: int) -> bytes:
    data = text.encode()
    return b"\xa5\x5a\x00\x17" + len(data).to_bytes(4, "big") + (time_ms * 1000).to_bytes(8, "big") + data


def read(pieces: list[bytes]) -> list[LogLine]:
    reader = LogReader()
    lines = [line for piece in pieces for line in reader.feed(piece, NOW)]
    return lines + list(reader.finish(NOW))


EVENTS = st.lists(
    st.tuples(st.just("line"), TEXTS.map(lambda text: text + "\n"))
    | st.tuples(st.just("frame"), st.lists(TEXTS, min_size=1, max_size=3).map("\n".join))
)


@given(EVENTS, st.data())
def test_any_mixture_cut_anywhere_comes_out_in_order(events: list[tuple[str, str]], data: st.DataObject) -> None:
    stream = b"".join(frame(text, 7) if kind == "frame" else text.encode() for kind, text in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(pieces) == [LogLine(7 if kind == "frame" else NOW, text) for kind, text in events]


def test_the_indentation_of_a_stack_trace_becomes_ordinary_blanks() -> None:
    assert (
        read([frame("[ERROR] E\n\xa0\xa0File\n\xa0\xa0\xa0\xa0x\xa0y", 7)])[0].text == "[ERROR] E\n  File\n    x\xa0y"
    )


def test_an_unfinished_line_ends_where_a_frame_begins_and_at_the_end() -> None:
    lines = read([b"half" + frame("whole", 7) + b"rest"])
    assert [line.text for line in lines] == ["half", "whole", "rest"]


def test_a_frame_that_was_cut_off_is_not_lost() -> None:
    assert [line.text for line in read([frame("message", 7)[:-3]])] == ["mess"]


def test_output_without_line_breaks_does_not_pile_up() -> None:
    lines = list(LogReader().feed(b"x" * 300_000, NOW))
    assert len(lines[0].text) == 300_000


def test_bytes_that_are_not_utf8_are_shown_somehow() -> None:
    assert read([b"\xff\xfe\n"])[0].text == "\ufffd\ufffd\n"
