"""The look of all figures: large type, units on the axes, lines that differ without colour.

figure, axes = plots.new("Cost of a month", x="Requests (million)", y="Cost (USD)")
axes.plot(millions, costs, **plots.line(0, "Lambda"))
plots.draw(figure, "The function is cheaper below 12 million requests.")

Figures are stored with few colours, which makes a notebook with five of them a third as large.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from helpers.teaching import output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 100
_COLORS = 32
_STYLE: Any = {
    "axes.grid": True,
    "axes.labelsize": 12,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 14,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "grid.color": "#dddddd",
    "hatch.linewidth": 0.8,
    "legend.fontsize": 11,
    "legend.frameon": True,
    "lines.linewidth": 2,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
}
_LINES: list[tuple[str, str, str]] = [
    ("#000000", "-", "o"),
    ("#d55e00", "--", "s"),
    ("#0072b2", "-.", "^"),
    ("#009e73", ":", "D"),
    ("#8a8a8a", "-", "x"),
]
"""Colour (told apart by colour-blind readers), dash and marker: each line differs in all three."""
_FILLS: list[dict[str, Any]] = [
    {"facecolor": "#ffffff", "edgecolor": "#000000", "hatch": "///"},
    {"facecolor": "#56b4e9", "edgecolor": "#000000"},
    {"facecolor": "#444444", "edgecolor": "#000000"},
    {"facecolor": "#e0e0e0", "edgecolor": "#000000", "hatch": "..."},
]


def new(title: str, *, x: str, y: str, width: float = 8, height: float = 4) -> tuple[Figure, Axes]:
    """Return a figure and its axes in the course's style.

    Parameters
    ----------
    title:
        What the figure shows.
    x, y:
        The axes' labels, with units: ``"Time (s)"``.
    width, height:
        Size in inches, at 100 dots each.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title, loc="left")
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_axisbelow(True)
    return figure, axes


def line(number: int, label: str, points: bool = False) -> dict[str, Any]:
    """Return the style of the figure's line ``number`` (from 0), for ``axes.plot``; ``points`` adds markers."""
    color, dash, marker = _LINES[number % len(_LINES)]
    return {"label": label, "color": color, "linestyle": dash, "marker": marker if points else "", "linewidth": 2}


def fill(number: int, label: str = "") -> dict[str, Any]:
    """Return the style of the figure's bars ``number`` (from 0), for ``axes.bar`` and ``axes.barh``."""
    return {**_FILLS[number % len(_FILLS)], **({"label": label} if label else {})}


def png(figure: Figure) -> bytes:
    """Return ``figure`` as PNG. Labelled lines get a legend if the figure has none."""
    import matplotlib
    from PIL import Image

    raw, small = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        for axes in figure.axes:
            if not (axes.get_legend() or figure.legends) and axes.get_legend_handles_labels()[0]:
                axes.legend()
        figure.savefig(raw, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    Image.open(raw).convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def draw(figure: Figure, sentence: str) -> None:
    """Show ``figure`` as PNG, and print ``sentence``: what there is to see, also for those who cannot see it.

    The sentence should be the same at each run.
    """
    output.png(png(figure), sentence)
    print(sentence)


def slider(label: str, options: Sequence[Any], value: Any, make: Callable[[Any], Figure]) -> None:
    """Show a slider, and below it the figure that ``make`` draws of the chosen option; without a notebook, nothing.

    A slider is alive only while the kernel runs: show the same figure with ``draw`` in another cell.

    Parameters
    ----------
    label:
        What is chosen, with its unit: ``"Memory (MB)"``.
    options, value:
        What can be chosen, and what is chosen first.
    make:
        Called with an option.
    """
    if not output.in_notebook():
        return
    from IPython.display import display
    from ipywidgets import Image, SelectionSlider, VBox

    chosen = SelectionSlider(options=options, value=value, description=label, style={"description_width": "initial"})
    picture = Image(format="png", layout={"align_self": "flex-start", "max_width": "100%"})
    display(VBox([chosen, picture]))  # first, so that the stored text of the output does not hold the picture's bytes

    def redraw(*_: Any) -> None:
        picture.value = png(make(chosen.value))

    chosen.observe(redraw, "value")
    redraw()
