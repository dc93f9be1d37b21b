"""The kernels of the tests cannot reach beyond this machine, and still reach the local cloud."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_notebook

from tests.notebooks.made import code

CONNECT = "import socket\nsocket.create_connection(('203.0.113.1', 443), timeout=3)"
LOOK_UP = "import urllib.request\nurllib.request.urlopen('https://aws.amazon.com', timeout=3)"
DATAGRAM = "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('203.0.113.1', 2000))"
CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', CONNECT], capture_output=True, text=True).stderr"
LOOPBACK = """import socket
server = socket.create_server(('127.0.0.1', 0))
socket.create_connection(('localhost', server.getsockname()[1])).close()
print('reached')"""

pytestmark = pytest.mark.offline


def test_a_notebook_is_kept_on_this_machine(run_notebook: Callable[..., Any], tmp_path: Path) -> None:
    raising = {"tags": ["raises-exception"]}
    cells = [code(source, **raising) for source in (CONNECT, LOOK_UP, DATAGRAM)]
    cells += [code(f"CONNECT = {CONNECT!r}\n{CHILD}"), code(LOOPBACK)]
    done = run_notebook(new_notebook(cells=cells), folder=tmp_path)
    for cell in done.cells[:3]:
        assert "the tests run offline" in cell.outputs[-1].evalue
    assert "the tests run offline" in done.cells[3].outputs[0].data["text/plain"]
    assert done.cells[4].outputs[0].text == "reached\n"


def test_the_block_is_what_refuses(tmp_path: Path) -> None:
    """Without the folder on the path the same code fails, or not, for another reason."""
    done = subprocess.run([sys.executable, "-E", "-c", CONNECT], capture_output=True, text=True, cwd=tmp_path)
    assert "the tests run offline" not in done.stderr
