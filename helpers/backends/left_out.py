"""A notebook goes on where the AWS behind it lacks something: the cell says so in one line and counts as done.

Left out are cells that call what is lacking (an answer 501, or what only the course's own cloud can do), cells of the
course of which it is known that this AWS does otherwise what they show (``EndpointBackend.differs``), and later cells
that use a name which a cell that was left out would have made. Every other error stays an error.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from helpers.backends.endpoint import EndpointBackend, Unavailable


class LeftOut:
    """Watches the cells of an IPython shell until ``stop``."""

    def __init__(self, shell: Any, backend: EndpointBackend) -> None:
        self._shell, self._backend = shell, backend
        self._names: set[str] = set()
        self._reason = ""
        self._source = next(reversed(shell.history_manager.input_hist_raw), "")
        """The cell that runs; at first the one that starts this cloud."""
        shell.set_custom_exc((Exception, KeyboardInterrupt), self._show)
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def stop(self) -> None:
        """Let errors be errors again."""
        self._shell.set_custom_exc((), None)
        self._shell.events.unregister("pre_run_cell", self._before)
        self._shell.events.unregister("post_run_cell", self._after)

    def _before(self, info: Any) -> None:
        self._source = info.raw_cell

    def _show(self, shell: Any, kind: type, error: BaseException, trace: Any, tb_offset: int | None = None) -> None:
        self._reason = self._why(error)
        if self._reason:
            print(f"Left out: {self._reason}")
        else:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    def _why(self, error: BaseException) -> str:
        if isinstance(error, Unavailable):
            return str(error)
        if isinstance(error, ClientError) and error.response["ResponseMetadata"].get("HTTPStatusCode") == 501:
            return f"{self._backend.title} does not have {self._backend.lacked}."
        name = getattr(error, "name", "") if isinstance(error, NameError) else ""
        if name in self._names:
            return f"it needs `{name}`, which a cell that was left out would have made."
        words = self._backend.differs(*self._place())
        return f"{self._backend.title} {words}" if words else ""

    def _place(self) -> tuple[str, str]:
        """Return the notebook and the id of the cell that runs: Jupyter says it, or a notebook here has that cell."""
        notebook = Path(os.environ.get("JPY_SESSION_NAME", "")).name
        message = self._shell.get_parent() if hasattr(self._shell, "get_parent") else {}
        cell = message.get("metadata", {}).get("cellId", "")
        if notebook and cell:
            return f"{Path.cwd().name}/{notebook}", cell
        return next((place for place, source in _cells_here() if source == self._source), ("", ""))

    def _after(self, result: Any) -> None:
        if self._reason and result.error_in_exec is not None:
            self._names |= made_by(result.info.raw_cell)
            result.error_in_exec = None
        self._reason = ""


def _cells_here() -> Iterator[tuple[tuple[str, str], str]]:
    """Give notebook, id and source of each cell of the notebooks in this folder."""
    for path in sorted(Path.cwd().glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8")).get("cells", []):
            yield (f"{path.parent.name}/{path.name}", cell.get("id", "")), "".join(cell["source"])


def made_by(source: str) -> set[str]:
    """Return the names that a cell makes: what it assigns, defines and imports, outside of functions or in them."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names
