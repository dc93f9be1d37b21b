"""Run a notebook in a fresh kernel and write it in one normal form.

The normal form makes a diff of a notebook show what changed and nothing else: execution counts 1 to n, no times, no
widget state, no machine's paths, stable cell ids, sorted keys, and the outputs as they were where only noise differs.
"""

from __future__ import annotations

import copy
import os
import re
import site
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

PROJECT = Path(__file__).resolve().parents[1]
SANITIZE = PROJECT / "tests" / "notebooks" / "sanitize.cfg"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_NOISY_METADATA = ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted", "jupyter", "editable", "slideshow")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_NOT_COMPARED = ("image/png", "image/jpeg", _WIDGET)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def source_of(cell: Mapping[str, Any]) -> str:
    """Return a cell's text, whether it is stored as one string or as lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def tags_of(cell: Mapping[str, Any]) -> list[str]:
    """Return a cell's tags."""
    return list(cell.get("metadata", {}).get("tags", []))


def has_code(cell: Mapping[str, Any]) -> bool:
    """Return whether this is a code cell that holds any code: those are numbered when they run."""
    return cell["cell_type"] == "code" and bool(source_of(cell).strip())


def read(path: Path) -> Any:
    """Return the notebook in ``path``."""
    return nbformat.read(path, as_version=4)


def to_text(notebook: Any) -> str:
    """Return the notebook as the text of its file: sorted keys, one final newline."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def execute(notebook: Any, folder: Path, *, seconds: int = 120, environment: Mapping[str, str] | None = None) -> Any:
    """Return a copy of the notebook with the outputs of a fresh kernel that runs in ``folder``.

    ``seconds`` is the longest a cell may take. An error in a cell without the tag ``raises-exception`` is raised here,
    as nbclient's ``CellExecutionError``. The reader's own progress plays no part.
    """
    executed = copy.deepcopy(notebook)
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        executed,
        timeout=seconds,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=True,  # an Output widget fails without it; the normal form drops it
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, "COURSE_PROGRESS": "off", **(environment or {})})
    return executed


def normalise(notebook: Any, before: Any | None = None, rules: Iterable[tuple[str, str]] = ()) -> Any:
    """Return a copy in the normal form; outputs that equal those of ``before``, noise aside, are kept as they were."""
    result = copy.deepcopy(notebook)
    result.nbformat, result.nbformat_minor = 4, 5
    result.metadata = nbformat.from_dict(
        {key: value for key, value in result.metadata.items() if key not in ("widgets", "toc", "signature")}
        | {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    _number_cells(result.cells)
    old = {cell.get("id"): cell for cell in before.cells} if before is not None else {}
    count = 0
    for cell in result.cells:
        cell.source = "\n".join(line.rstrip() for line in source_of(cell).split("\n")).strip("\n")
        for key in _NOISY_METADATA:
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        count += has_code(cell)
        cell.execution_count = count if has_code(cell) and cell.execution_count is not None else None
        cell.outputs = [_normal_output(output, cell.execution_count) for output in cell.outputs]
        earlier = old.get(cell.id)
        if earlier is not None and source_of(earlier) == cell.source and _same(earlier, cell, rules):
            cell.outputs = [_normal_output(output, cell.execution_count) for output in earlier.outputs]
    return result


def comparable(outputs: Iterable[Mapping[str, Any]], rules: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is compared of a cell's outputs: its texts, sanitised; pictures and tracebacks are left out."""
    texts = []
    for output in outputs:
        if output["output_type"] == "stream":
            texts.append(f"{output['name']}: {_plain(output['text'])}")
        elif output["output_type"] == "error":
            texts.append(f"{output['ename']}: {output['evalue']}")
        else:
            data = output.get("data", {})
            texts += [f"{kind}: {_plain(data[kind])}" for kind in sorted(data) if kind not in _NOT_COMPARED]
    return [_sanitised(text, rules) for text in texts]


def sanitize_rules(path: Path = SANITIZE) -> list[tuple[str, str]]:
    """Return the pairs of pattern and replacement, read as nbval reads them."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^regex: (.*)$\n^replace: (.*)$", text, re.MULTILINE)


def _same(earlier: Any, cell: Any, rules: Iterable[tuple[str, str]]) -> bool:
    rules = list(rules)
    return comparable(earlier.get("outputs", []), rules) == comparable(cell.outputs, rules) and _pictures(
        earlier.get("outputs", [])
    ) == _pictures(cell.outputs)


def _pictures(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    return [_plain(output.get("data", {}).get("image/png", "")).strip() for output in outputs]


def _sanitised(text: str, rules: Iterable[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value) if isinstance(value, list) else repr(value)


def _number_cells(cells: Iterable[Any]) -> None:
    """Give cells without an id, or with one that is taken, an id made of their place; leave the others alone."""
    taken: set[str] = set()
    for index, cell in enumerate(cells, 1):
        name = cell.get("id") or ""
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) or name in taken:
            name = f"cell-{index:02d}"
            while name in taken:
                name += "x"
        cell["id"] = name
        taken.add(name)


def _normal_output(output: Any, count: int | None) -> Any:
    output = copy.deepcopy(output)
    if output.output_type == "execute_result":
        output.execution_count = count
    if output.output_type == "error":
        output.traceback = [_without_paths(part) for part in output.traceback if not _is_library_frame(part)]
    if output.output_type in ("display_data", "execute_result"):
        output.metadata = {}
        if len(output.data) > 1:
            output.data.pop(_WIDGET, None)
    return output


def _is_library_frame(part: str) -> bool:
    return _ANSI.sub("", part).startswith("File ")


def _without_paths(text: str) -> str:
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), *site.getsitepackages()}
    for path in sorted(libraries, key=len, reverse=True):
        text = text.replace(f"{path}{os.sep}", "")
    return text.replace(f"{PROJECT}{os.sep}", "").replace(str(Path.home()), "~")
