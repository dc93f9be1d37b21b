"""The exam as a learner takes it: mouse and keyboard, a restarted kernel, the score, and the way to the cell."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.lab_browser import PROJECT, browser_page, copy_for_reading, find_browser, run_all, serve

BROWSER = find_browser()
CHAPTER = PROJECT / "notebooks" / "24_exam.ipynb"
_WAIT = 60_000
_RUN_CELL = """async id => {
    const panel = window.jupyterapp.shell.currentWidget;
    panel.content.activeCellIndex = panel.content.widgets.findIndex(cell => cell.model.id === id);
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
_RESTART = """async () => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    await kernel.restart();
}"""
_IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
_ACTIVE = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    return panel.content?.activeCell ? [panel.context.path, panel.content.activeCell.model.id] : null;
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine"),
]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """Chapter 24, run in JupyterLab, whose kernels keep progress in the test's own folder."""
    assert BROWSER is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
        with serve() as server, browser_page(BROWSER) as opened:
            assert run_all(opened, server, copy_for_reading(CHAPTER, server.folder)).problems == []
            opened.set_default_timeout(_WAIT)
            yield opened


def button(page: Any, name: str) -> Any:
    """Return one of the form's buttons; the flash cards above it have a Next, too."""
    return page.get_by_role("button", name=name, exact=True).last


def shows(page: Any, text: str) -> None:
    """Wait until the text stands on the page."""
    page.get_by_text(text).last.wait_for(state="visible")


def kept(folder: Path) -> dict[str, Any]:
    """Return the exam as its file has it."""
    return dict(json.loads((folder / "exam.json").read_text(encoding="utf-8"))["passed"]["exam"])


def letters(page: Any) -> Any:
    """Return the choices that the question shows now: letters of one answer, or boxes of several."""
    return page.locator(".widget-radio-box input:visible, .widget-checkbox input:visible")


def _ends(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until the condition holds; return whether it did in time."""
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.2)
    return condition()


def with_the_keyboard(page: Any, folder: Path) -> None:
    """Begin, answer, see the clock go and come to the buttons: by Tab, the space bar and Enter alone."""
    button(page, "Begin").focus()
    page.keyboard.press("Enter")
    shows(page, "0 of 65 answered")
    clock = page.locator(".widget-html b").filter(has_text=re.compile(r"^\d:\d\d:\d\d left")).last
    before = clock.inner_text()
    letters(page).first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    shows(page, "1 of 65 answered")
    assert list(kept(folder)["answers"].values()) == ["B"]
    names = []
    while "Next" not in names:
        assert len(names) < 8, names
        page.keyboard.press("Tab")
        names.append(page.evaluate("() => document.activeElement.textContent.trim()"))
    page.keyboard.press("Enter")
    page.get_by_text("Question 2.").last.wait_for(state="visible")
    assert _ends(lambda: clock.inner_text() != before), "the clock stands"


def test_an_exam_is_taken_interrupted_and_finished(page: Any, tmp_path: Path) -> None:
    with_the_keyboard(page, tmp_path)
    letters(page).first.check()
    shows(page, "2 of 65 answered")
    button(page, "Flag").click()
    shows(page, "1 flagged")
    assert len(kept(tmp_path)["answers"]) == 2 and kept(tmp_path)["at"] == 2

    page.evaluate(_RESTART)
    page.wait_for_function(_IDLE)
    for cell in ("start", "exam"):
        page.evaluate(_RUN_CELL, cell)
    shows(page, "the clock stands")
    button(page, "Go on").click()
    shows(page, "2 of 65 answered")
    page.get_by_text("Question 2.").last.wait_for(state="visible")
    assert letters(page).first.is_checked()

    button(page, "Finish").click()
    shows(page, "63 questions have no answer")
    button(page, "Finish").click()
    shows(page, "The next cell explains what was not right")
    progress = json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))
    assert progress["passed"]["exam"]["of"] == 65

    page.evaluate(_RUN_CELL, "review")
    link = page.locator(".jp-RenderedMarkdown a[href*='#cell-id=']").last
    notebook, _, cell = (link.get_attribute("href") or "").rpartition("/")[2].partition("#cell-id=")
    link.click()
    wanted = json.dumps([f"notebooks/{notebook.split('?')[0]}", cell], separators=(",", ":"))
    page.wait_for_function(f"wanted => JSON.stringify(({_ACTIVE})()) === wanted", arg=wanted)
