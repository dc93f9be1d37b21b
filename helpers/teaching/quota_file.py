"""AWS's quotas, from the one file that chapters and flash cards read: ``quotas.csv`` beside this module.

Each row has a value in its unit, whether AWS can raise it (where its documents say so), the cell that shows it, and the
AWS document. Values are AWS's defaults for an established account in us-east-1. A test compares them with botocore's
models, with the local cloud's quotas and with the cells.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers.teaching import output

FILE = Path(__file__).with_name("quotas.csv")


class QuotaError(ValueError):
    """The file is not as it must be, or there is no such quota; the message says what to do."""


@dataclass(frozen=True)
class Quota:
    """One quota; ``adjustable`` is ``yes``, ``no``, or empty where AWS's document does not say."""

    key: str
    service: str
    name: str
    value: int
    unit: str
    adjustable: str
    notebook: str
    cell: str
    source: str

    @property
    def amount(self) -> str:
        """Return value and unit, such as ``10,240 MB``."""
        return f"{self.value:,} {self.unit}"


@cache
def load(path: Path = FILE) -> dict[str, Quota]:
    """Read the quotas, by key.

    Raises
    ------
    QuotaError
        A row is wrong; the message names it.
    """
    found: dict[str, Quota] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            where = f"{path.name}, line {number} ({row.get('key')})"
            if set(row) != set(Quota.__dataclass_fields__) or None in row.values():
                raise QuotaError(f"{where}: the columns are {', '.join(Quota.__dataclass_fields__)}")
            if row["key"] in found:
                raise QuotaError(f"{where}: the key is used twice; give each quota a key of its own")
            if not row["value"].isdecimal() or row["adjustable"] not in ("yes", "no", ""):
                raise QuotaError(f"{where}: value must be a whole number, adjustable yes, no or empty")
            found[row["key"]] = Quota(value=int(row.pop("value")), **row)
    return found


def quota(key: str) -> int:
    """Return a quota's value in its unit: ``quota("lambda.timeout")`` is 900 (seconds).

    Raises
    ------
    QuotaError
        There is no such quota.
    """
    try:
        return load()[key].value
    except KeyError:
        raise QuotaError(f"there is no quota {key!r}; the quotas are: {', '.join(load())}") from None


def chosen(topic: str = "") -> list[Quota]:
    """Return the quotas whose keys begin with ``topic`` and a dot (``lambda``, ``api``), or all.

    Raises
    ------
    QuotaError
        There is no such topic.
    """
    found = [each for each in load().values() if not topic or each.key.split(".")[0] == topic]
    if not found:
        topics = dict.fromkeys(key.split(".")[0] for key in load())
        raise QuotaError(f"there are no quotas of {topic!r}; the topics are: {', '.join(topics)}")
    return found


def quotas(topic: str = "") -> None:
    """Show a table of the quotas of a topic, such as ``websocket``, or of all; errors as for ``chosen``."""
    rows = [[output.escape(each.name), each.amount, each.adjustable or "–"] for each in chosen(topic)]
    output.markdown(output.table(["Quota", "Value", "Can be raised"], rows, right=[1]))


class Cards:
    """Flash cards: the front asks for a quota, the back has it. ``show`` has buttons, ``ask`` and ``flip`` need none.

    Parameters
    ----------
    topic:
        As for ``chosen``.
    """

    def __init__(self, topic: str = "") -> None:
        self._quotas = chosen(topic)
        self._at = -1

    def ask(self) -> None:
        """Show the front of the next card; after the last one comes the first again."""
        self._at = (self._at + 1) % len(self._quotas)
        output.markdown(self._front(self._at))

    def flip(self) -> None:
        """Show the back of the card that was asked for, with a link to the cell that shows it."""
        self._at = max(self._at, 0)
        output.markdown(self._back())

    def show(self) -> None:
        """Show the cards as widgets: a card, and the buttons Flip and Next; without a notebook, nothing."""
        if not output.in_notebook():
            return
        from IPython.display import display
        from ipywidgets import HTML, Button, HBox, VBox

        card, flip, following, box = HTML(), Button(description="Flip"), Button(description="Next"), VBox()
        display(box)  # first, so that the stored text of the output is the same each time
        box.children = [card, HBox([flip, following])]
        at = -1

        def turn(_: object) -> None:
            card.value = f"<h3>{self._quotas[at].amount}</h3><p>{self._quotas[at].name}</p>"

        def go_on(_: object) -> None:
            nonlocal at
            at = (at + 1) % len(self._quotas)
            card.value = f"<h3>?</h3><p>{self._front(at)}</p>"

        flip.on_click(turn)
        following.on_click(go_on)
        go_on(None)

    def _front(self, at: int) -> str:
        each = self._quotas[at]
        return f"{at + 1} of {len(self._quotas)}. {each.service}: {each.name}?"

    def _back(self) -> str:
        each = self._quotas[self._at]
        raised = {"yes": "It can be raised.", "no": "It cannot be raised.", "": ""}[each.adjustable]
        link = f"[{each.notebook.replace('_', ' ')}]({each.notebook}.ipynb#cell-id={each.cell})"
        return " ".join(filter(None, [f"**{each.amount}**: {each.name}.", raised, f"Shown in {link}."]))


def cards(topic: str = "") -> Cards:
    """Return flash cards of the quotas, all or those of a topic such as ``dynamodb``."""
    return Cards(topic)
