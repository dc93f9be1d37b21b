"""The chat of the lab, as people use it: the notebook in JupyterLab, the page twice beside it, messages that cross."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.lab_browser import PROJECT, Server, browser_page, copy_for_reading, find_browser, run_all, serve

BROWSER = find_browser()
LAB = PROJECT / "labs" / "11_chat" / "solution.ipynb"
PICTURES = PROJECT / "build" / "screenshots"
_WAIT = 60_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine"),
]


@dataclass(frozen=True)
class Circle:
    """A running lab: a context of the browser, the link that the notebook shows, and where JupyterLab is."""

    browser: Any
    link: str
    jupyterlab: Server


@pytest.fixture(scope="module")
def circle() -> Iterator[Circle]:
    """The solution, run in JupyterLab; its kernel, and with it the cloud, lives until the end."""
    assert BROWSER is not None
    with serve() as server, browser_page(BROWSER) as page:
        result = run_all(page, server, copy_for_reading(LAB, server.folder), PICTURES)
        assert result.problems == []
        shown = next(cell for cell in result.code_cells if "open_page" in "".join(cell["source"]))
        link = re.search(r'href="(http[^"]+)"', "".join(shown["outputs"][0]["data"]["text/html"]))
        assert link is not None
        with page.context.browser.new_context() as context:
            yield Circle(context, link[1], server)


def come_in(circle: Circle, address: str, name: str, room: str = "dune") -> Any:
    """Open the page and enter a room."""
    page = circle.browser.new_page()
    page.goto(address)
    page.fill("#name", name)
    page.fill("#room", room)
    page.click("#door button")
    page.get_by_text(f"{name} is in the room {room}.").wait_for(timeout=_WAIT)
    return page


def say(page: Any, text: str) -> None:
    """Say something."""
    page.fill("#text", text)
    page.click("#speak button")


def said(page: Any, count: int) -> list[str]:
    """Wait for ``count`` lines; return all that stand on the page."""
    page.locator("#said li").nth(count - 1).wait_for(timeout=_WAIT)
    return list(page.locator("#said li").all_inner_texts())


def through_the_proxy(circle: Circle) -> str:
    """Return the page's address by way of JupyterLab's own port, as on a hub."""
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", circle.link).groups()  # type: ignore[union-attr]
    return f"{circle.jupyterlab.address}/proxy/{port}{path}?token={circle.jupyterlab.token}"


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_two_pages_talk(circle: Circle, way: str, tmp_path: Path) -> None:
    address = circle.link if way == "direct" else through_the_proxy(circle)
    ada, ben, eve = (come_in(circle, address, *who) for who in (("Ada",), ("Ben",), ("Eve", "emma")))
    try:
        say(ada, "Page 40?")
        assert said(ben, 1) == ["Ada: Page 40?"]
        say(ben, "Page 41 <b>already</b>")
        assert said(ada, 2) == said(ben, 2) == ["Ada: Page 40?", "Ben: Page 41 <b>already</b>"]
        assert eve.locator("#said li").count() == 0
        picture = PICTURES / f"chat_{way}.png"
        ada.screenshot(path=str(picture))
        assert picture.stat().st_size > 5_000
    finally:
        for page in (ada, ben, eve):
            page.close()


def test_who_leaves_is_not_spoken_to(circle: Circle) -> None:
    ada, ben = come_in(circle, circle.link, "Ada", "solaris"), come_in(circle, circle.link, "Ben", "solaris")
    ben.close()
    say(ada, "Anybody?")
    assert said(ada, 1) == ["Ada: Anybody?"]
    ada.close()
