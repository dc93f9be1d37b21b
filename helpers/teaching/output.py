"""How the teaching modules put something on the page.

In a notebook these functions display Markdown, HTML and PNG figures. Without one (a terminal, pytest) they print the
text. What they show must be the same at each run, because outputs are committed and compared.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|$~#])")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)


def in_notebook() -> bool:
    """Return whether IPython runs this code; asking does not import it."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and get_ipython() is not None


def markdown(text: str) -> None:
    """Show Markdown text."""
    if not in_notebook():
        print(text)
        return
    from IPython.display import Markdown, display

    display(Markdown(text))


def html(text: str) -> None:
    """Show HTML. JupyterLab removes scripts, styles' tags and ``name`` attributes when it does not trust a notebook."""
    if not in_notebook():
        print(text)
        return
    from IPython.display import HTML, display

    display(HTML(text))


def png(data: bytes, alt: str) -> None:
    """Show a PNG figure with the text that a screen reader speaks. Without a notebook, print that text."""
    if not in_notebook():
        print(f"[figure: {alt}]")
        return
    from IPython.display import Image, display

    display(Image(data=data, format="png", alt=alt))


def escape(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, on one line.

    A word with a dollar sign becomes code: two of them would turn into a formula, escaped or not.
    """
    words = [_MARKDOWN.sub(r"\\\1", word) for word in text.split()]
    return " ".join(f"<code>{word}</code>" if "$" in word else word for word in words)


def without_ids(text: str) -> str:
    """Return ``text`` with each UUID (a request id, for example) replaced by an ellipsis: it differs at each run."""
    return _UUID.sub("…", text)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a Markdown table.

    Parameters
    ----------
    headers, rows:
        Cells that are Markdown already; pass foreign text through ``escape`` first.
    right:
        Numbers of the columns to align on the right, from 0.
    """
    ruler = ["---:" if column in right else "---" for column in range(len(headers))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [list(headers), ruler, *map(list, rows)])
