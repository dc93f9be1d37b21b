"""Sliders: what they show at first, what they redraw, and that the stored text of their output stays short."""

from __future__ import annotations

from typing import Any

import IPython.display
import pytest
from matplotlib.figure import Figure

from helpers.teaching import plots


def line_to(height: int) -> Figure:
    figure, axes = plots.new("A line", x="Time (s)", y="Height (m)")
    axes.plot([0, 1], [0, height], **plots.line(0, "line"))
    return figure


def test_a_slider_redraws_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[Any, str]] = []
    monkeypatch.setattr(plots.output, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda widget: shown.append((widget, repr(widget))))
    plots.slider("Height (m)", [1, 2], 2, line_to)
    [(box, text)] = shown
    chosen, picture = box.children
    assert picture.value == plots.png(line_to(2))
    assert "PNG" not in text, "the picture is set after the widget is shown"
    chosen.value = 1
    assert picture.value == plots.png(line_to(1)) != plots.png(line_to(2))


def test_without_a_notebook_there_is_no_slider(capsys: pytest.CaptureFixture[str]) -> None:
    plots.slider("Height (m)", [1, 2], 2, line_to)
    assert capsys.readouterr().out == ""
