"""A sequence diagram of what happened, as Mermaid text; JupyterLab draws it without a network.

Source of the syntax: https://mermaid.js.org/syntax/sequenceDiagram.html
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from helpers.dataplane.record import Entry
from helpers.teaching import names
from helpers.teaching.output import without_ids

_LONGEST_TEXT = 60
_LINE_WIDTH = 26
_MOST_LINES = 60
_LONGEST_LOOP = 8
_SAFE = frozenset(" .,-_/()'=+*!?…×")


@dataclass(frozen=True)
class Arrow:
    """One line of the drawing; two that look alike are equal, so that repetitions fold."""

    source: str
    target: str
    text: str
    style: str = "->>"

    def mermaid(self, ids: dict[str, str], repeated: str = "") -> str:
        """Return the line, with the participants' short ids."""
        text = _wrapped(f"{shortened(self.text)} {repeated}".rstrip())
        if self.style == "note":
            return f"Note over {ids[self.target]}: {text}"
        return f"{ids[self.source]}{self.style}{ids[self.target]}: {text}"


def escape(text: str) -> str:
    """Return ``text`` so that Mermaid and Markdown show it and never read it as their own syntax."""
    return "".join(c if c.isalnum() or c in _SAFE else f"#{ord(c)};" for c in shortened(text))


def shortened(text: str) -> str:
    """Return ``text`` on one line, without UUIDs, with an ellipsis where it is cut."""
    plain = " ".join(without_ids(text).split())
    return plain if len(plain) <= _LONGEST_TEXT else plain[: _LONGEST_TEXT - 1] + "…"


def _wrapped(text: str) -> str:
    """Return ``text`` escaped, on lines so short that the drawing stays narrow and its letters large."""
    return "<br/>".join(escape(line) for line in textwrap.wrap(text, _LINE_WIDTH, break_on_hyphens=False))


def sequence(entries: Sequence[Entry], counts: bool = True) -> str:
    """Return a Mermaid sequence diagram of ``entries``, or an empty string when there are none.

    Parameters
    ----------
    counts:
        Whether to write how often something was repeated. Switch it off where the number differs at each run, such as
        in a loop that waits.
    """
    arrows = _arrows(entries)
    if not arrows:
        return ""
    actors = list(dict.fromkeys(end for arrow in arrows for end in (arrow.source, arrow.target)))
    ids = {actor: f"p{number}" for number, actor in enumerate(actors, 1)}
    lines = [f"{'actor' if actor == 'You' else 'participant'} {ids[actor]} as {_wrapped(actor)}" for actor in actors]
    drawn = _folded(arrows, ids, counts)
    if len(drawn) > _MOST_LINES:
        left_out = len(drawn) - _MOST_LINES
        drawn = _closed(drawn[:_MOST_LINES])
        drawn.append(f"Note over {ids[actors[0]]}: {escape(f'and {left_out} lines more, not drawn')}")
    return "\n".join(["sequenceDiagram", *(f"    {line}" for line in lines + drawn)])


def _arrows(entries: Sequence[Entry]) -> list[Arrow]:
    """Return the arrows in the order in which things began, an error's answer when it ended."""
    moments: list[tuple[float, int, int, Arrow]] = []
    handed: dict[str, list[str]] = {}
    polls: set[Arrow] = set()
    for entry in entries:
        begins, ends = _drawn(entry, handed)
        if names.is_poll(entry):
            if begins in polls:
                continue
            polls.add(begins)
        order = 0 if entry.kind != "invocation" else 1
        moments.append((entry.started, order, entry.number, begins))
        if ends is not None:
            took = entry.milliseconds + float(entry.detail.get("init_ms") or 0)
            moments.append((entry.started + took / 1000, 2, entry.number, ends))
    return [arrow for *_, arrow in sorted(moments, key=lambda moment: moment[:3])]


def _drawn(entry: Entry, handed: dict[str, list[str]]) -> tuple[Arrow, Arrow | None]:
    """Return the arrow of an entry, and the answer's arrow if it failed or brought what was polled for.

    ``handed`` keeps, for each function, who is to hear of its errors: the service that waits for it, or Lambda's queue.
    """
    source, target = names.of(entry.source), names.of(entry.target)
    failed = entry.outcome != "ok"
    if entry.kind == "call":
        text = f"{entry.action} {entry.subject}".rstrip() + (" (polls)" if names.is_poll(entry) else "")
        return Arrow(source, target, text), Arrow(target, source, entry.outcome, "--x") if failed else None
    if entry.detail.get("polled"):
        return Arrow("Lambda", source, f"polls {entry.subject}"), Arrow(source, "Lambda", entry.action, "-->>")
    if entry.kind == "event":
        handed.setdefault(target, []).append(source if entry.detail.get("awaited") else "Lambda")
        style = "->>" if entry.detail.get("awaited") else "-)"
        answer = Arrow(target, source, entry.outcome, "--x") if failed else None
        return Arrow(source, target, entry.action, style), answer
    if entry.action == "throttled":
        return Arrow("Lambda", "Lambda", f"{names.function_of(entry)} throttled", "note"), None
    start = f"{entry.action} start" if entry.action in ("cold", "warm") else entry.action
    hears = handed[target].pop(0) if handed.get(target) else ""
    answer = Arrow(target, hears or "Lambda", entry.outcome, "--x") if failed else None
    return Arrow(target, target, start, "note") if hears else Arrow("Lambda", target, f"run ({start})"), answer


def _folded(arrows: Sequence[Arrow], ids: dict[str, str], counts: bool) -> list[str]:
    """Return the lines, with what is repeated written once."""
    lines: list[str] = []
    place = 0
    while place < len(arrows):
        length, times = _repetition(arrows, place)
        block = arrows[place : place + length]
        if times == 1:
            lines.append(block[0].mermaid(ids))
        elif length == 1:
            lines.append(block[0].mermaid(ids, f"(× {times})" if counts else "(repeated)"))
        else:
            lines.append(f"loop {times} times" if counts else "loop again and again")
            lines += [f"    {arrow.mermaid(ids)}" for arrow in block]
            lines.append("end")
        place += length * times
    return lines


def _repetition(arrows: Sequence[Arrow], place: int) -> tuple[int, int]:
    """Return the block length and the number of times that save most lines, from ``place`` on."""
    best = (1, 1)
    for length in range(1, _LONGEST_LOOP + 1):
        block = arrows[place : place + length]
        if length > 1 and block[0].source != "You" and any(arrow.source == "You" for arrow in block):
            continue  # a loop reads best from the learner's call on
        times = 1
        while arrows[place + length * times : place + length * (times + 1)] == block and len(block) == length:
            times += 1
        if times > 1 and length * (times - 1) > best[0] * (best[1] - 1) + (2 if length > 1 else 0):
            best = (length, times)
    return best


def _closed(lines: list[str]) -> list[str]:
    """Return the lines with a ``loop`` that was cut open closed again."""
    opened = sum(line.startswith("loop ") for line in lines) - sum(line == "end" for line in lines)
    return lines + ["end"] * opened


def sentence(entries: Sequence[Entry], counts: bool = True) -> str:
    """Return in words what the diagram shows, for those who cannot see it; ``counts`` as for ``sequence``."""
    awaited = [entry for entry in entries if entry.kind == "event" and entry.detail.get("awaited")]
    calls = [entry for entry in entries if entry.kind == "call" and not names.is_poll(entry)] + awaited
    polled = [entry for entry in entries if entry.detail.get("polled")]
    events = [entry for entry in entries if entry.kind == "event" and entry not in awaited and entry not in polled]
    parts = _calls_in_words(calls, counts)
    if events:
        ways = dict.fromkeys(f"{names.of(e.source)} to {names.of(e.target).removeprefix('function ')}" for e in events)
        how_many = names.count(len(events), "event") if counts else "events"
        parts.append(f"{how_many[:1].upper()}{how_many[1:]} went from {names.listed(list(ways))}.")
    for way in dict.fromkeys((entry.source, entry.target) for entry in polled):
        batches = names.count(sum((entry.source, entry.target) == way for entry in polled), "batch", "batches")
        got = f"got {batches}" if counts else "got batches"
        parts.append(f"Lambda polled {names.of(way[0])} for {way[1].removeprefix('function ')} and {got}.")
    parts += _runs_in_words([entry for entry in entries if entry.kind == "invocation"], counts)
    errors = sorted({entry.outcome for entry in entries if entry.outcome != "ok"})
    if errors:
        parts.append(f"Errors: {names.listed([without_ids(error) for error in errors])}.")
    return " ".join(parts)


def _calls_in_words(calls: Sequence[Entry], counts: bool) -> list[str]:
    by_actor: dict[str, list[Entry]] = {}
    for entry in calls:
        by_actor.setdefault(names.of(entry.source), []).append(entry)
    words = []
    for actor, made in by_actor.items():
        targets = names.listed(list(dict.fromkeys(names.of(entry.target) for entry in made)))
        did = f"made {names.count(len(made), 'call')} to" if counts else "called"
        words.append(f"{actor[:1].upper()}{actor[1:]} {did} {targets}.")
    return words


def _runs_in_words(runs: Sequence[Entry], counts: bool) -> list[str]:
    words = []
    for name in dict.fromkeys(names.function_of(entry) for entry in runs):
        asked = [entry for entry in runs if names.function_of(entry) == name]
        mine = [entry for entry in asked if entry.action != "throttled"]
        cold = sum(entry.action == "cold" for entry in mine)
        if not mine:
            words.append(f"Function {name} did not run: it was throttled.")
        elif not counts:
            words.append(f"Function {name} ran.")
        elif len(mine) == 1:
            words.append(f"Function {name} ran once, {'with a cold start' if cold else 'in a warm environment'}.")
        else:
            words.append(f"Function {name} ran {len(mine)} times, {cold} of them with a cold start.")
        if counts and mine and len(mine) < len(asked):
            words.append(f"It was throttled {names.count(len(asked) - len(mine), 'time')}.")
    return words
