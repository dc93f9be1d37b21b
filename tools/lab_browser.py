"""A real JupyterLab in a real browser: start the server, open a notebook, Run All, read and picture the result.

The browser test and ``tools.screenshots`` share this module. The server works on a copy of the notebook in a temporary
folder, with settings, workspaces and runtime files of its own, so that nothing of the user's JupyterLab is read or
written and JupyterLab's autosave cannot touch a committed notebook.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.dataplane.web import free_port
from tools.servers import end

PROJECT = Path(__file__).resolve().parents[1]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_FOLDERS = ("work", "settings", "workspaces", "runtime", "config", "data", "ipython")
_SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {
        "windowingMode": "none",
        "scrollPastLastCell": False,
    },
}
_KERNEL_READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return Boolean(panel?.content?.model && kernel?.status === 'idle');
}"""
_RUN_ALL = "async () => { await window.jupyterapp.commands.execute('runmenu:run-all'); }"
_AT_WORK = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const code = [...panel.content.model.cells].filter(cell => cell.type === 'code' && cell.sharedModel.source.trim());
    return {
        idle: panel.sessionContext.session.kernel.status === 'idle',
        left: code.filter(cell => cell.executionCount === null).length,
    };
}"""
_CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.toJSON())"""
_DRAWN = """() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-RenderedMarkdown')];
    const find = selector => cells.flatMap(cell => [...cell.querySelectorAll(selector)]);
    return {
        pictures: find('.jp-RenderedMermaid img, .jp-RenderedMermaid svg')
            .filter(picture => picture.getBoundingClientRect().width > 20).length,
        failures: find('.jp-mod-warning').map(element => element.textContent.trim().slice(0, 400)),
        sources: find('code.language-mermaid').length,
    };
}"""


class BrowserError(RuntimeError):
    """The server or the browser did not do what it was asked to do in time; the message says what was waited for."""


@dataclass(frozen=True)
class Server:
    """A running JupyterLab server."""

    address: str
    token: str
    folder: Path
    log: Path


@dataclass(frozen=True)
class Result:
    """What a notebook looked like in JupyterLab after Run All."""

    cells: list[dict[str, Any]]
    diagrams: int
    """Mermaid diagrams that were drawn as a picture."""
    diagram_failures: list[str]
    """The messages of Mermaid diagrams that could not be drawn."""
    pictures: list[Path]

    @property
    def code_cells(self) -> list[dict[str, Any]]:
        """Return the code cells that hold any code."""
        return [cell for cell in self.cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]

    @property
    def not_run(self) -> list[str]:
        """Return the first lines of code cells without an execution count."""
        return ["".join(c["source"]).splitlines()[0] for c in self.code_cells if not c.get("execution_count")]

    @property
    def diagrams_written(self) -> int:
        """Return how many Mermaid blocks stand in the Markdown cells and Markdown outputs."""
        texts = ["".join(cell["source"]) for cell in self.cells if cell["cell_type"] == "markdown"]
        for cell in self.code_cells:
            texts += ["".join(output.get("data", {}).get("text/markdown", "")) for output in cell["outputs"]]
        return sum(len(re.findall(r"^```mermaid", text, re.MULTILINE)) for text in texts)

    @property
    def problems(self) -> list[str]:
        """Return, in words, all that a learner would see go wrong; an empty list is a page without a fault."""
        found = [f"a cell failed: {error}" for error in self.unexpected_errors]
        found += [f"a cell has not run: {line}" for line in self.not_run]
        found += [f"a diagram was not drawn: {message}" for message in self.diagram_failures]
        if self.diagrams != self.diagrams_written:
            found.append(f"{self.diagrams_written} Mermaid diagrams are written, {self.diagrams} are drawn")
        return found

    @property
    def unexpected_errors(self) -> list[str]:
        """Return the error outputs of cells that are not tagged ``raises-exception``."""
        return [
            f"{output['ename']}: {output['evalue']}"
            for cell in self.code_cells
            if "raises-exception" not in cell["metadata"].get("tags", [])
            for output in cell["outputs"]
            if output["output_type"] == "error"
        ]


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome (the variable ``CHROMIUM`` names another one), or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    return next((path for path in _MAC_BROWSERS if os.access(path, os.X_OK)), None)


def copy_for_reading(notebook: Path, folder: Path) -> str:
    """Copy a notebook into ``folder``, one of the project with its siblings and the labs; return its path in there."""
    notebook = notebook.resolve()
    if notebook.is_relative_to(PROJECT) and notebook.parent != PROJECT:
        ignore = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        for top in {notebook.relative_to(PROJECT).parts[0], "labs"}:  # chapters deploy templates of labs
            shutil.copytree(PROJECT / top, folder / top, ignore=ignore, dirs_exist_ok=True)
        return notebook.relative_to(PROJECT).as_posix()
    shutil.copy(notebook, folder / notebook.name)
    return notebook.name


@contextlib.contextmanager
def serve(*, seconds: float = 60) -> Iterator[Server]:
    """Run a JupyterLab server on an empty temporary folder; end it, by its process id, at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="course-lab-", ignore_cleanup_errors=True) as temporary:
        base = Path(temporary)
        folders = {
            name: base / name for name in ("work", "settings", "workspaces", "runtime", "config", "data", "ipython")
        }
        for path in folders.values():
            path.mkdir()
        for name, content in _SETTINGS.items():
            target = folders["settings"] / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(content), encoding="utf-8")
        port, token, log = free_port(), secrets.token_hex(8), base / "server.log"
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folders["config"]),
            "JUPYTER_DATA_DIR": str(folders["data"]),
            "JUPYTER_RUNTIME_DIR": str(folders["runtime"]),
            "JUPYTERLAB_SETTINGS_DIR": str(folders["settings"]),
            "JUPYTERLAB_WORKSPACES_DIR": str(folders["workspaces"]),
            "IPYTHONDIR": str(folders["ipython"]),
        }
        with log.open("wb") as stream:
            process = subprocess.Popen(
                _command(port, token, folders["work"]),
                cwd=folders["work"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for_server(process, address, token, log, seconds)
            yield Server(address, token, folders["work"], log)
        finally:
            end(process)


def _command(port: int, token: str, folder: Path) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",
    }
    return [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]


def _wait_for_server(process: subprocess.Popen[bytes], address: str, token: str, log: Path, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise BrowserError(f"JupyterLab did not answer at {address} within {seconds:.0f} s. Its last lines:\n{tail}")


@contextlib.contextmanager
def browser_page(executable: str, *, width: int = 1280, height: int = 1400) -> Iterator[Any]:
    """Yield a playwright page of a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def run_all(page: Any, server: Server, path: str, pictures: Path | None = None, *, seconds: float = 180) -> Result:
    """Open a notebook of the server's folder, Run All, and return what came of it; keep pictures in ``pictures``."""
    page.set_default_timeout(seconds * 1000)
    page.goto(f"{server.address}/lab/tree/{path}?reset&token={server.token}", wait_until="domcontentloaded")
    with _explained(f"{path}: the kernel was not ready within {seconds:.0f} s"):
        page.wait_for_function(_KERNEL_READY)
    with _explained(f"{path}: Run All did not finish within {seconds:.0f} s"):
        page.evaluate(_RUN_ALL)
    _ended(page, seconds)
    drawn = _settled(page)
    cells = page.evaluate(_CELLS)
    taken = take_pictures(page, pictures, Path(path).stem) if pictures else []
    return Result(cells, drawn["pictures"], drawn["failures"], taken)


@contextlib.contextmanager
def _explained(message: str) -> Iterator[None]:
    from playwright.sync_api import Error

    try:
        yield
    except Error as error:
        raise BrowserError(f"{message} ({str(error).splitlines()[0]})") from error


def _ended(page: Any, seconds: float) -> None:
    """Wait until all cells have run, or the kernel has been idle for two seconds because one of them failed.

    JupyterLab's Run All comes back at the first error, also at one that a cell is meant to raise.
    """
    limit, idle = time.monotonic() + seconds, 0
    while idle < 4 and time.monotonic() < limit:
        state = page.evaluate(_AT_WORK)
        if state["idle"] and not state["left"]:
            break
        idle = idle + 1 if state["idle"] else 0
        page.wait_for_timeout(500)


def _settled(page: Any, seconds: float = 10) -> dict[str, Any]:
    """Wait until the drawing of diagrams has come to rest (twice the same count), and return what is drawn."""
    before: dict[str, Any] = {}
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        drawn: dict[str, Any] = page.evaluate(_DRAWN)
        if drawn == before and not drawn["sources"]:
            break
        before = drawn
        page.wait_for_timeout(700)
    return before


def take_pictures(page: Any, folder: Path, name: str, *, most: int = 60) -> list[Path]:
    """Scroll through the open notebook and keep a picture of each screenful as ``NAME-01.png``, ``NAME-02.png``..."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}-[0-9][0-9].png"):
        old.unlink()
    for command in ("application:toggle-left-area", "application:toggle-right-area"):
        page.evaluate(
            "name => window.jupyterapp.commands.isToggled(name) && window.jupyterapp.commands.execute(name)", command
        )
    scroller = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer").first
    taken: list[Path] = []
    position = 0
    while len(taken) < most:
        scroller.evaluate("(element, top) => { element.scrollTop = top; }", position)
        page.wait_for_timeout(250)
        target = folder / f"{name}-{len(taken) + 1:02d}.png"
        page.screenshot(path=target)
        taken.append(target)
        total, screen = scroller.evaluate("element => [element.scrollHeight, element.clientHeight]")
        position += screen - 40
        if position + 40 >= total:
            break
    return taken
