"""The rules of a chapter, each as a function that takes a notebook and returns what breaks the rule, in words.

``python -m tools.hygiene NOTEBOOK ...`` applies all of them; the tests apply them to every committed notebook. Many
close a hole of nbval, which passes cleared notebooks, unknown magics, pictures that differ, and a ``raises-exception``
cell that raises nothing. docs/authoring.md says how to follow the rules.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.notebook_files import PROJECT, has_code, read, source_of, tags_of

LONGEST_CELL = 20
MOST_BYTES = 150_000
IGNORED_SHARE = 0.05
_IGNORES = ("nbval-ignore-output", "nbval-skip", "nbval-raises-exception", "nbval-check-output")
_COMMENT_MARKERS = re.compile(r"#\s*(NBVAL_|PYTEST_VALIDATE_)")
_CODE_SPAN = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_PRICE = re.compile(r"(?<![\\$\w])\$\s?\d")
_HOMES = r"/home/|/Users/|/root/|/private/|/var/folders/|site-packages"
_PATHS = re.compile(rf"({_HOMES}|/tmp/(tmp|ipykernel|course|pytest))[\w.-]*")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_ELEMENTS = {
    "objectives (You will be able to)": r"(?i)you will be able to",
    "the minutes it takes": r"(?i)\b\d+ min(utes)?\b",
    "a question to predict": r"(?i)\bpredict\b",
    "a recap": r"(?im)^#+ .*\brecap\b",
    "a section Check yourself": r"(?im)^#+ .*check yourself",
    "a Mermaid diagram": r"(?m)^```mermaid",
}


@dataclass(frozen=True)
class Size:
    """How many cells and how many words of Markdown a chapter may have."""

    cells: tuple[int, int] = (25, 45)
    words: tuple[int, int] = (900, 1800)


SIZES = {"start_here": Size(cells=(12, 45), words=(400, 1800))}
"""Chapter 00 opens the course: it may be half as long as the others, and no longer than they are."""


def code_cells(notebook: Any) -> list[Any]:
    """Return the code cells that hold any code."""
    return [cell for cell in notebook.cells if has_code(cell)]


def prose(notebook: Any) -> str:
    """Return all Markdown of the notebook."""
    return "\n\n".join(source_of(cell) for cell in notebook.cells if cell.cell_type == "markdown")


def execution_counts(notebook: Any) -> list[str]:
    """Code cells are numbered 1 to n: the notebook ran once, from the top."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return (
        [] if counts and counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}, not 1 to n"]
    )


def outputs_present(notebook: Any) -> list[str]:
    """At least half of the code cells show something: nbval compares nothing in a cleared notebook."""
    cells = code_cells(notebook)
    shown = sum(bool(cell.outputs) for cell in cells)
    return [] if cells and shown * 2 >= len(cells) else [f"only {shown} of {len(cells)} code cells have an output"]


def stored_errors(notebook: Any) -> list[str]:
    """A cell tagged ``raises-exception`` stores its error, and no other cell stores one."""
    problems = []
    for cell in code_cells(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised != ("raises-exception" in tags_of(cell)):
            problems.append(
                _at(cell, "stores an error without the tag raises-exception" if raised else "raises nothing")
            )
    return problems


def plain_python(notebook: Any) -> list[str]:
    """No shell line and no magic: nbval lets an unknown magic and a failing command pass."""
    problems = []
    for cell in code_cells(notebook):
        try:
            compile(source_of(cell), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            if "raises-exception" not in tags_of(cell):
                problems.append(_at(cell, f"is not plain Python (line {error.lineno})"))
        if re.search(r"\bget_ipython\(\)|\bos\.system\(", source_of(cell)):
            problems.append(_at(cell, "calls get_ipython() or os.system()"))
    return problems


def ignored_outputs(notebook: Any) -> list[str]:
    """At most 5 % of the cells have outputs that are not compared, each with a reason; none is skipped."""
    problems, ignored = [], 0
    for cell in code_cells(notebook):
        found = [tag for tag in tags_of(cell) if tag in _IGNORES]
        if _COMMENT_MARKERS.search(source_of(cell)):
            problems.append(_at(cell, "has a marker in a comment: use the tag nbval-ignore-output and a reason"))
        if found and found != ["nbval-ignore-output"]:
            problems.append(_at(cell, f"is tagged {', '.join(found)}: only nbval-ignore-output is allowed"))
        ignored += bool(found)
        if found and not str(cell.metadata.get("reason", "")).strip():
            problems.append(_at(cell, "ignores its output without a reason in its metadata"))
    most = max(1, int(len(code_cells(notebook)) * IGNORED_SHARE))
    return problems + ([f"{ignored} cells ignore their outputs; at most {most} may"] if ignored > most else [])


def no_stderr(notebook: Any) -> list[str]:
    """No cell writes a warning or anything else to stderr."""
    return [
        _at(cell, f"writes to stderr: {output.text.strip().splitlines()[0][:80]}")
        for cell, output in outputs_of(notebook)
        if output.output_type == "stream" and output.name == "stderr" and output.text.strip()
    ]


def statements_hold(notebook: Any) -> list[str]:
    """A statement that a cell checks was true when the notebook ran."""
    return [
        _at(cell, "shows that its statement does not hold")
        for cell, output in outputs_of(notebook)
        if "✗ **Not so**" in str(output.get("data", {}).get("text/markdown", ""))
    ]


def no_dollar_prices(notebook: Any) -> list[str]:
    """Prices are written ``0.20 USD``: a pair of dollar signs turns into a formula."""
    texts = [(cell, source_of(cell)) for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell, output in outputs_of(notebook):
        texts.append((cell, output.get("data", {}).get("text/markdown", "")))
    return [_at(cell, "has a price with a dollar sign") for cell, text in texts if _PRICE.search(_without_code(text))]


def short_cells(notebook: Any) -> list[str]:
    """No code cell is longer than a learner reads at once."""
    lengths = [(cell, len(source_of(cell).splitlines())) for cell in code_cells(notebook)]
    return [_at(cell, f"has {count} lines, at most {LONGEST_CELL}") for cell, count in lengths if count > LONGEST_CELL]


def size(notebook: Any, name: str = "") -> list[str]:
    """The numbers of cells and of words are within the limits."""
    limits = next((limit for slug, limit in SIZES.items() if slug in name), Size())
    words, cells = len(prose(notebook).split()), len(notebook.cells)
    problems = []
    if not limits.cells[0] <= cells <= limits.cells[1]:
        problems.append(f"{cells} cells, not {limits.cells[0]} to {limits.cells[1]}")
    if not limits.words[0] <= words <= limits.words[1]:
        problems.append(f"{words} words, not {limits.words[0]} to {limits.words[1]}")
    return problems


def structure(notebook: Any) -> list[str]:
    """One H1, at the top, and every element of a chapter."""
    text = prose(notebook)
    titles = re.findall(r"(?m)^# .+", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    problems = [] if len(titles) == 1 else [f"{len(titles)} headings of the first level, not one"]
    if not notebook.cells or not source_of(notebook.cells[0]).startswith("# "):
        problems.append("the first cell does not begin with the title")
    if re.search(r"(?m)^(:::|\{[a-z]+\}`|```\{)", text):
        problems.append("a MyST directive: plain Markdown only")
    return problems + [f"lacks {name}" for name, pattern in _ELEMENTS.items() if not re.search(pattern, text)]


def figures(notebook: Any) -> list[str]:
    """Figures are PNG, and beside each stands a result in text, because nbval does not compare pictures."""
    problems = []
    for cell in code_cells(notebook):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        html = "".join(str(output.get("data", {}).get("text/html", "")) for output in cell.outputs)
        if kinds & {"image/svg+xml", "image/jpeg", "image/gif", "application/pdf"} or "<svg" in html:
            problems.append(_at(cell, "shows a figure that is not PNG"))
        if "image/png" in kinds and not any(_says_something(output) for output in cell.outputs):
            problems.append(_at(cell, "shows a figure and no result in text beside it"))
    return problems


def no_machine_paths(notebook: Any) -> list[str]:
    """No output names a folder or a user of the machine on which the notebook ran."""
    problems = []
    for cell, output in outputs_of(notebook):
        texts = [str(output.get(key, "")) for key in ("text", "evalue", "traceback")]
        texts += [str(value) for kind, value in output.get("data", {}).items() if not kind.startswith("image/")]
        found = next((match.group() for text in texts for match in [_PATHS.search(text)] if match), None)
        if found or any(str(PROJECT) in text for text in texts):
            problems.append(_at(cell, f"shows a path of this machine: {found or PROJECT}"))
    return problems


def claims_exist(notebook: Any, known: Iterable[str]) -> list[str]:
    """Every claim that a cell carries is a row of claims.csv, and only code cells carry claims."""
    names = set(known)
    problems = []
    for cell in notebook.cells:
        carried = cell.metadata.get("claims", [])
        if carried and not has_code(cell):
            problems.append(_at(cell, "carries claims and is not a code cell"))
        problems += [
            _at(cell, f"carries {claim}, which is not in claims.csv") for claim in carried if claim not in names
        ]
    return problems


def claims_of(notebook: Any) -> list[str]:
    """Return the claims that the code cells carry."""
    return [claim for cell in code_cells(notebook) for claim in cell.metadata.get("claims", [])]


def links(notebook: Any, folder: Path) -> list[str]:
    """Links inside the project lead to a file that exists, pictures have a description, others use https."""
    return broken_links(prose(notebook), folder)


def broken_links(text: str, folder: Path) -> list[str]:
    """Return the broken links of a Markdown text that lies in ``folder``."""
    problems = []
    for picture, words, target in _LINK.findall(_without_code(text)):
        if picture and not words.strip():
            problems.append(f"the picture {target} has no description")
        if target.startswith("http://"):
            problems.append(f"the link {target} does not use https")
        if not re.match(r"[a-z]+:|#|attachment:", target) and not (folder / target.split("#")[0]).exists():
            problems.append(f"the link {target} leads nowhere")
    return problems


def imports(notebook: Any) -> list[str]:
    """A notebook uses the helpers that are meant for it, not the machinery below them."""
    pattern = re.compile(r"\b(from|import)\s+helpers\.(dataplane|backends)\b")
    return [
        _at(cell, "imports the machinery below helpers") for cell in code_cells(notebook) if pattern.search(cell.source)
    ]


def outputs_of(notebook: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each output with its cell."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


EVERY_NOTEBOOK: list[Callable[[Any], list[str]]] = [
    *(execution_counts, outputs_present, stored_errors, plain_python, ignored_outputs, no_stderr, no_dollar_prices),
    *(statements_hold, short_cells, figures, no_machine_paths, imports),
]
"""The rules for chapters and for the solutions of labs."""


def problems_of(path: Path, known_claims: Iterable[str]) -> list[str]:
    """Return all that breaks a rule in the chapter or solution at ``path``."""
    notebook = read(path)
    found = [problem for rule in EVERY_NOTEBOOK for problem in rule(notebook)]
    found += claims_exist(notebook, known_claims) + links(notebook, path.parent)
    if path.name != "solution.ipynb":
        found += structure(notebook) + size(notebook, path.stem)
    if path.stat().st_size > MOST_BYTES:
        found.append(f"{path.stat().st_size // 1000} kB, at most {MOST_BYTES // 1000} kB")
    return found


def known_claims(path: Path = PROJECT / "tests" / "claims.csv") -> list[str]:
    """Return the ids of all claims."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [row["id"] for row in csv.DictReader(stream)]


def _at(cell: Any, problem: str) -> str:
    first = (source_of(cell).strip() or "(empty)").splitlines()[0][:60]
    return f"cell {cell.get('id', '?')} ({first}) {problem}"


def _without_code(text: str) -> str:
    return _CODE_SPAN.sub("", text)


def _says_something(output: Any) -> bool:
    if output.output_type == "stream":
        return bool(output.text.strip())
    data = output.get("data", {})
    if "image/png" in data:
        return False
    return any(str(data.get(kind, "")).strip() for kind in ("text/plain", "text/markdown", "text/html"))


def main(arguments: list[str] | None = None) -> int:
    """Print what breaks a rule in the named notebooks; return 1 if anything does."""
    found = 0
    for name in sys.argv[1:] if arguments is None else arguments:
        for problem in problems_of(Path(name), known_claims()):
            found += 1
            print(f"{name}: {problem}")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
