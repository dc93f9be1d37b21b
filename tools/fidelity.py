"""Write docs/fidelity.md: which promises of AWS's documents this course's cloud keeps, and which others keep.

A promise is a test below tests/contract with ``@promise(document, sentence)``. ``python -m tools.fidelity`` runs all of
them against this course's cloud and plain moto, in some minutes. ``--backends localstack`` asks others, which takes
longer. With ``--keep`` it runs none, and with the paths of tests only those: the other verdicts are those that the page
has. With ``--compare`` it writes nothing, asks for what the page calls kept, and ends with 1 where that is broken.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.localstack.server import version as localstack
from tools.notebook_files import PROJECT
from tools.servers import MINISTACK

TABLE = PROJECT / "docs" / "fidelity.md"
BACKENDS = {"course": "this course", "plain-moto": "plain moto", "localstack": "LocalStack", "ministack": "ministack"}
USUAL = ("course", "plain-moto")
"""What is asked unless others are named: the rest is installed into environments of its own, and slower."""
ASKED = re.compile(r"^- (\w.*?): (.+), asked on (\d{4}-\d\d-\d\d)$", re.MULTILINE)
SERVICES = {
    "api": "Every service",
    "api_": "Amazon API Gateway",
    "athena": "Amazon Athena",
    "cloudformation": "AWS CloudFormation",
    "cloudfront": "Amazon CloudFront",
    "cloudwatch": "Amazon CloudWatch",
    "codedeploy": "AWS CodeDeploy",
    "cognito": "Amazon Cognito",
    "dynamodb": "Amazon DynamoDB",
    "event": "Event sources of Lambda",
    "events": "Events that services push",
    "firehose": "Amazon Data Firehose",
    "kinesis": "Amazon Kinesis Data Streams",
    "lambda": "AWS Lambda",
    "moto": "Services that call functions",
    "names": "Names: Route 53, custom domain names, load balancers",
    "s3": "Amazon S3",
    "sam": "AWS SAM",
    "ses": "Amazon SES",
    "sqs": "Amazon SQS",
    "stepfunctions": "AWS Step Functions",
    "vpc": "Amazon VPC",
    "xray": "AWS X-Ray",
}
"""Headings by the first word of a test file's name, one with ``_`` only if more follows; other names are their own."""
FEW = 30
JOBS, LONGEST_S = 3, 45
"""How the others are asked: so many of each at once (their tests mostly wait), no test longer than so many seconds."""
KEPT, BROKEN, NOT_RUN = "kept", "no", "not run"
Results = Mapping[tuple[str, str, str], bool]


@dataclass(frozen=True)
class Promise:
    """A row of the table: ``part`` is the test file's name without ``test_``."""

    part: str
    document: str
    sentence: str
    built: bool
    """Whether this course says that it keeps it."""
    test: str = ""
    """The test that asks for it, by pytest's name."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other promises."""
        return self.part, self.document, self.sentence


def modules() -> list[ModuleType]:
    """Return the modules of the contract tests, by name."""
    names = sorted(path.stem for path in (PROJECT / "tests" / "contract").glob("test_*.py"))
    return [importlib.import_module(f"tests.contract.{name}") for name in names]


def promises() -> list[Promise]:
    """Return every promise once, in the order in which it stands in the tests."""
    found: dict[tuple[str, str, str], Promise] = {}
    for module in modules():
        part = module.__name__.rpartition("test_")[2]
        for name, member in vars(module).items():
            for marks in _marks(member):
                built = not any(mark.name == "xfail" for mark in marks)
                for mark in marks:
                    if mark.name == "promise":
                        test = f"tests/contract/test_{part}.py::{name}"
                        one = Promise(part, mark.args[0], mark.args[1], built, test)
                        found.setdefault(one.key, one)
    return list(found.values())


def _marks(member: Any) -> Iterator[list[Any]]:
    """Yield the marks of a test function, and those of each case that has marks of its own."""
    marks = list(getattr(member, "pytestmark", [])) if callable(member) else []
    yield marks
    for mark in marks:
        if mark.name == "parametrize":
            for case in mark.args[1]:
                yield list(getattr(case, "marks", ()))


def run(backend: str, tests: list[str], before: Results) -> tuple[dict[tuple[str, str, str], bool], bool]:
    """Ask a backend for the promises of ``tests``; return which it kept, and whether it kept all that it should.

    That is what this course says it keeps, and what another kept ``before``. Where only a few of these are broken they
    are asked for once more, one after the other: a busy machine breaks no promise.
    """
    kept, broken = _ask(backend, tests, before, JOBS)
    if 0 < len(broken) <= FEW:
        again, broken = _ask(backend, broken, before, 0)
        kept |= again
    return kept, not broken


def _ask(
    backend: str, tests: list[str], before: Results, jobs: int
) -> tuple[dict[tuple[str, str, str], bool], list[str]]:
    """Run tests against a backend; return which promises it kept, and the tests that should not have failed."""
    with tempfile.TemporaryDirectory() as folder:
        results, asked = Path(folder) / "results.jsonl", Path(folder) / "tests"
        asked.write_text("\n".join(tests))
        environment = {**os.environ, "CONTRACT_BACKEND": backend, "CONTRACT_RESULTS": str(results)}
        more = [] if backend in USUAL else [f"--timeout={LONGEST_S}", "-n", str(jobs)]
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider", *more]
        done = subprocess.run([*command, f"@{asked}"], cwd=PROJECT, env=environment, capture_output=True, text=True)
        if not results.exists():
            raise SystemExit(f"the contract tests did not run against {BACKENDS[backend]}:\n{done.stdout[-2000:]}")
        print(f"{BACKENDS[backend]}: {done.stdout.strip().splitlines()[-1]}", flush=True)
        found = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    kept: dict[tuple[str, str, str], bool] = {}
    broken = []
    for verdict in found:
        key = (verdict["service"], verdict["document"], verdict["promise"])
        kept[key] = kept.get(key, True) and verdict["kept"]
        if not verdict["kept"] and (verdict["built"] if backend == "course" else before.get(key)):
            broken.append(verdict["test"])
    return kept, broken


def verdicts(text: str) -> dict[tuple[str, str], list[str]]:
    """Return what a page says of each backend, by sentence and document as they stand there."""
    lines = [re.split(r"(?<!\\)\|", line.strip("|")) for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in cells] for cells in lines]
    return {(row[0], row[1]): row[2:] for row in rows if set(row[2:]) <= {KEPT, BROKEN, NOT_RUN}}


def kept_before() -> dict[str, dict[tuple[str, str, str], bool]]:
    """Return the results that the page has."""
    said = verdicts(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    columns: dict[str, dict[tuple[str, str, str], bool]] = {backend: {} for backend in BACKENDS}
    for row in promises():
        words = said.get((_escaped(row.sentence), _escaped(row.document)), [])
        for backend, word in zip(BACKENDS, words, strict=False):
            if word != NOT_RUN:
                columns[backend][row.key] = word == KEPT
    return columns


def versions_before() -> dict[str, str]:
    """Return which version of each other cloud was asked, and when, as the page says."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    keys = {name: backend for backend, name in BACKENDS.items()}
    return {keys[name]: f"{release}, asked on {day}" for name, release, day in ASKED.findall(text)}


def version_now(backend: str) -> str:
    """Return which version of a backend is asked today."""
    releases = {"localstack": localstack, "ministack": lambda: MINISTACK}
    release = releases[backend]() if backend in releases else f"moto {version('moto')}, botocore {version('botocore')}"
    return f"{release}, asked on {date.today().isoformat()}"


def differences() -> list[tuple[str, str]]:
    """Return what the docstrings of the modules below helpers/ say after ``Differs:``, with the module's name."""
    found = []
    for path in sorted((PROJECT / "helpers").rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        name = path.relative_to(PROJECT).with_suffix("").as_posix()
        for text in re.findall(r"Differs: (.*?)(?=\n\n|Differs: |\Z)", docstring, re.DOTALL):
            found.append((name, " ".join(text.split())))
    return found


def page(columns: Mapping[str, Results], versions: Mapping[str, str] | None = None) -> str:
    """Return the page; ``columns`` are the results by the backend's name, ``versions`` what was asked, and when."""
    rows = promises()
    texts = [_head(rows, columns, versions or {})]
    for service in dict.fromkeys(_service(row.part) for row in rows):
        texts.append(f"## {service}\n")
        mine = [row for row in rows if _service(row.part) == service]
        for part in dict.fromkeys(row.part for row in mine):
            texts.append(_section(part, [row for row in mine if row.part == part], columns))
    known = [f"- `{name}`: {_escaped(text)}" for name, text in differences()]
    texts.append("\n".join(["## Known differences that no test can show\n", *known]) + "\n")
    return "\n".join(texts)


def _head(rows: list[Promise], columns: Mapping[str, Results], versions: Mapping[str, str]) -> str:
    names = "\n".join(f"- {BACKENDS[backend]}: {text}" for backend, text in versions.items())
    counts = ", ".join(
        f"**{_count(rows, results)}**{'' if backend in USUAL else f' of {len(results)} asked'} by {BACKENDS[backend]}"
        for backend, results in columns.items()
    )
    return f"""# What AWS promises, and who keeps it

`make fidelity` writes this page: it runs the tests below `tests/contract`, plain boto3 each, against this course's
local cloud and against moto's own server as it comes, without Docker; `python -m tools.fidelity --backends localstack`
(or `ministack`) asks others. Each row is a promise of a document of AWS. Only this course's clock can run faster than
ours: of others, what does not come within five seconds (two, of plain moto) counts as not kept.

Of {len(rows)} promises, kept: {counts}.

{names}

| Service | promises | {" | ".join(BACKENDS[backend] for backend in columns)} |
|---|---|{"---|" * len(columns)}
{_summary(rows, columns)}
"""


def _summary(rows: list[Promise], columns: Mapping[str, Results]) -> str:
    lines = []
    for service in dict.fromkeys(_service(row.part) for row in rows):
        mine = [row for row in rows if _service(row.part) == service]
        numbers = [str(len(mine)), *(_kept(mine, backend, results) for backend, results in columns.items())]
        lines.append(f"| {service} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def _kept(rows: list[Promise], backend: str, results: Results) -> str:
    """Return how many are kept, and of how many where a backend was not asked for all."""
    asked = sum(row.key in results for row in rows)
    kept = _count(rows, results)
    return str(kept) if backend in USUAL or asked == len(rows) else f"{kept} of {asked}" if asked else NOT_RUN


def _section(part: str, rows: list[Promise], columns: Mapping[str, Results]) -> str:
    module = importlib.import_module(f"tests.contract.test_{part}")
    intro = _escaped((module.__doc__ or "").partition("\n")[0])
    lines = [
        f"{intro}\n",
        f"| Promise | Document | {' | '.join(BACKENDS[backend] for backend in columns)} |",
        f"|---|---|{'---|' * len(columns)}",
    ]
    for row in rows:
        words = [_word(results.get(row.key)) for results in columns.values()]
        lines.append(f"| {_escaped(row.sentence)} | {_escaped(row.document)} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def _word(kept: bool | None) -> str:
    return NOT_RUN if kept is None else KEPT if kept else BROKEN


def _count(rows: Iterable[Promise], results: Results) -> int:
    return sum(1 for row in rows if results.get(row.key))


def _service(part: str) -> str:
    first, more, _ = part.partition("_")
    return SERVICES.get(first + more) or SERVICES.get(first, first)


def _escaped(text: str) -> str:
    """Return text for a cell of a table: a pair of dollar signs would be a formula."""
    return re.sub(r"([|$*<])", r"\\\1", text)


def main() -> int:
    """Run everything and write the page; 1 when a test of this course failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.fidelity", description="Write docs/fidelity.md.")
    parser.add_argument("--keep", action="store_true", help="run no test: keep the verdicts that the page has")
    parser.add_argument("--backends", default=",".join(USUAL), help=f"which to ask, of {','.join(BACKENDS)}")
    parser.add_argument("--compare", action="store_true", help="write nothing, say what is no longer kept")
    parser.add_argument("tests", nargs="*", help="run only these, keep the other verdicts (default: run all)")
    options = parser.parse_args()
    sys.path.insert(0, str(PROJECT))
    asked = [] if options.keep else options.backends.split(",")
    columns, versions, right = kept_before(), versions_before(), True

    def ask(backend: str) -> tuple[dict[tuple[str, str, str], bool], bool]:
        kept = [row.test for row in promises() if columns[backend].get(row.key)]
        tests = options.tests or (kept if options.compare else ["tests/contract"])
        return run(backend, tests, columns[backend])

    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        done = list(pool.map(ask, asked))
    for backend, (results, went_right) in zip(asked, done, strict=True):
        right &= went_right or not (options.compare or backend == "course")
        broken = [key for key, kept in results.items() if columns[backend].get(key) and not kept]
        columns[backend] = {**(columns[backend] if options.tests else {}), **results}
        versions[backend] = version_now(backend)
        print(*(f"{BACKENDS[backend]} no longer keeps: {key[2]}" for key in broken), sep="\n")
    if options.compare:
        return 0 if right else 1
    last = max(number for number, backend in enumerate(BACKENDS) if backend in USUAL or columns[backend])
    shown = {backend: columns[backend] for backend in list(BACKENDS)[: last + 1]}
    TABLE.write_text(page(shown, versions), encoding="utf-8")
    print(f"wrote {TABLE.relative_to(PROJECT)}")
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
