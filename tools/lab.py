"""Open JupyterLab on the first chapter; without a display, print the address to open.

``python -m tools.lab [--port N]``: runs in the course's virtual environment; ``make lab`` calls it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FIRST_CHAPTER = "notebooks/00_start_here.ipynb"


def has_display(platform: str, environment: dict[str, str]) -> bool:
    """Return whether a browser could open a window here."""
    if platform == "darwin":
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def command(port: int | None, *, display: bool, root: bool) -> list[str]:
    """Return the command line that starts JupyterLab on the first chapter."""
    parts = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", "--log-level=WARN"]
    parts += [f"--ServerApp.root_dir={PROJECT}", f"--LabApp.default_url=/lab/tree/{FIRST_CHAPTER}"]
    if port:
        parts += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not display:
        parts.append("--no-browser")
    if root:
        parts.append("--allow-root")
    return parts


def main(arguments: list[str] | None = None) -> int:
    """Become JupyterLab."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int)
    options = parser.parse_args(arguments)
    display = has_display(sys.platform, dict(os.environ))
    if not display:
        print("There is no display here: open the address below in a browser. Ctrl-C, twice, ends it.", flush=True)
    line = command(options.port, display=display, root=hasattr(os, "geteuid") and os.geteuid() == 0)
    os.chdir(PROJECT)
    os.execv(line[0], line)


if __name__ == "__main__":
    sys.exit(main())
