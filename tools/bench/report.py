"""The rows of the benchmark, their targets, and its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure's key, what it is, its unit and how it is to be."""

    key: str
    name: str
    unit: str
    target: str
    meets: Callable[[Mapping[str, Figures]], bool | None]


def within(key: str, most: float) -> Callable[[Mapping[str, Figures]], bool | None]:
    """Return what says whether this course's figure in a kernel is at most ``most``; None when it was not measured."""

    def meets(columns: Mapping[str, Figures]) -> bool | None:
        value = columns["course"].get(key)
        return None if value is None else value <= most

    return meets


def fast_when_warm(columns: Mapping[str, Figures]) -> bool | None:
    """Within 3 ms, and ten times faster than ministack where that was measured."""
    ours, theirs = columns["course"].get("warm_p50"), columns.get("ministack", {}).get("warm_p50")
    return None if ours is None else ours <= 3 and (theirs is None or ours * 10 <= theirs)


ROWS = (
    Row("ready", "import to ready", "ms", "within 1,000", within("ready", 1000)),
    Row("process", "process to first answer", "ms", "", lambda _: None),
    Row("cold", "Lambda, cold start", "ms", "within 100", within("cold", 100)),
    Row("warm_p50", "Lambda, warm, p50", "ms", "within 3; a tenth of ministack", fast_when_warm),
    Row("warm_p95", "Lambda, warm, p95", "ms", "", lambda _: None),
    Row("put_item", "dynamodb.put_item", "ms", "within 1.5", within("put_item", 1.5)),
    Row("get_item", "dynamodb.get_item", "ms", "", lambda _: None),
    Row("puts_per_second", "dynamodb.put_item, eight threads", "a second", "", lambda _: None),
    Row("gets_per_second", "dynamodb.get_item, eight threads", "a second", "", lambda _: None),
    Row("send_message", "sqs.send_message, short queue", "ms", "within 2", within("send_message", 2)),
    Row("messages_per_second", "messages through SQS to Lambda", "a second", "", lambda _: None),
    Row("put_to_start", "S3 put_object to the function's start", "ms", "", lambda _: None),
    Row("api_first", "first API Gateway call", "ms", "", lambda _: None),
    Row("api_mock", "REST API, mock", "requests a second", "", lambda _: None),
    Row("api_proxy", "REST API, function behind AWS_PROXY", "requests a second", "", lambda _: None),
    Row("api_cached", "REST API, response from the cache", "requests a second", "", lambda _: None),
    Row("transitions", "Step Functions, Pass states of eight executions", "a second", "", lambda _: None),
    Row("express_sync", "Step Functions, synchronous express execution", "ms", "", lambda _: None),
    Row("segments_per_second", "X-Ray, segments taken, 50 a call", "a second", "", lambda _: None),
    Row("summaries_first", "X-Ray, filtered summaries of 10,000 new segments", "ms", "", lambda _: None),
    Row("summaries", "X-Ray, the same once more", "ms", "", lambda _: None),
    Row("service_graph", "X-Ray, service graph of 10,000 segments", "ms", "", lambda _: None),
)
TITLES = {
    "course": "this course, in the kernel",
    "course over HTTP": "this course, over HTTP",
    "moto_server": "moto_server",
    "ministack": "ministack",
}


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table, its columns padded so that it reads well in a terminal too."""
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    rows = [header, ["-" * width for width in widths], *lines]
    return [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]


def verdict(met: bool | None) -> str:
    """Return how a target was met."""
    return {None: "", True: "met", False: "**missed**"}[met]


def shown(value: float | None) -> str:
    """Return a figure, or a dash."""
    return "–" if value is None else f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def of_clouds(columns: Mapping[str, Figures]) -> list[str]:
    """Return the table that compares the clouds."""
    header = ["", *(TITLES[name] for name in columns), "target", ""]
    lines = []
    for row in ROWS:
        values = [shown(figures.get(row.key)) for figures in columns.values()]
        lines.append([f"{row.name} ({row.unit})", *values, row.target, verdict(row.meets(columns))])
    return table(header, lines)
