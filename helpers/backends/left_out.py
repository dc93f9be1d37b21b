"""A notebook goes on where the AWS behind it lacks something: the cell says so in one line and counts as done.

Left out are cells that call what is lacking (an answer 501, or what only the course's own cloud can do), and later
cells that use a name which a cell that was left out would have made. Every other error stays an error.
"""

from __future__ import annotations

import ast
from typing import Any

from botocore.exceptions import ClientError

from helpers.backends.endpoint import EndpointBackend, Unavailable


class LeftOut:
    """Watches the cells of an IPython shell until ``stop``."""

    def __init__(self, shell: Any, backend: EndpointBackend) -> None:
        self._shell, self._backend = shell, backend
        self._names: set[str] = set()
        self._reason = ""
        shell.set_custom_exc((Unavailable, ClientError, NameError), self._show)
        shell.events.register("post_run_cell", self._after)

    def stop(self) -> None:
        """Let errors be errors again."""
        self._shell.set_custom_exc((), None)
        self._shell.events.unregister("post_run_cell", self._after)

    def _show(self, shell: Any, kind: type, error: Any, trace: Any, tb_offset: int | None = None) -> None:
        self._reason = self._why(error)
        if self._reason:
            print(f"Left out: {self._reason}")
        else:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    def _why(self, error: Exception) -> str:
        if isinstance(error, Unavailable):
            return str(error)
        if isinstance(error, ClientError):
            lacking = error.response["ResponseMetadata"].get("HTTPStatusCode") == 501
            return f"{self._backend.title} does not have {self._backend.lacked}." if lacking else ""
        name = getattr(error, "name", "")
        return f"it needs `{name}`, which a cell that was left out would have made." if name in self._names else ""

    def _after(self, result: Any) -> None:
        if self._reason and result.error_in_exec is not None:
            self._names |= made_by(result.info.raw_cell)
            result.error_in_exec = None
        self._reason = ""


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
