"""``make lab`` and ``make test`` in a stranger's clone: what is made, what is repaired, what is said on failure."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.dataplane.web import free_port
from tools import doctor, lab, setup
from tools.notebook_files import PROJECT

UNREACHABLE = {
    "PIP_INDEX_URL": "https://127.0.0.1:9/simple",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": "",
    "UV_OFFLINE": "1",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project as far as setting up goes, with nothing to install."""
    folder = tmp_path / "clone"
    (folder / "tools").mkdir(parents=True)
    for name in ("doctor.py", "setup.py", "lab.py", "__init__.py"):
        shutil.copy(PROJECT / "tools" / name, folder / "tools" / name)
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def make(clone: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make in the clone with a clean environment, offline."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(clone.parent), **UNREACHABLE, **variables}
    command = ["make", "--no-print-directory", f"PYTHON={sys.executable}", *words]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=120)


def fake_ready(clone: Path) -> None:
    """Pretend that the clone's .venv is complete."""
    (clone / ".venv" / "bin").mkdir(parents=True)
    os.symlink(sys.executable, clone / ".venv" / "bin" / "python")
    Path(doctor.ready_file(str(clone / ".venv"))).write_text(doctor.fingerprint(str(clone)))


def test_without_a_network_there_is_a_message(clone: Path) -> None:
    done = make(clone, "setup")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "Installing uv, the installer failed" in done.stderr
    assert "Is this machine online?" in done.stderr and "make doctor" in done.stderr
    assert doctor.venv_state(str(clone / ".venv"), str(clone)) == "half-made"


def test_a_ready_environment_is_left_alone(clone: Path) -> None:
    fake_ready(clone)
    began = time.monotonic()
    done = make(clone, "setup")
    assert (done.returncode, done.stdout) == (0, "")
    assert time.monotonic() - began < 30


def test_a_half_made_environment_is_made_anew(clone: Path) -> None:
    leftover = clone / ".venv" / "lib" / "leftover"
    leftover.mkdir(parents=True)
    done = make(clone, "setup")
    assert "Making .venv with" in done.stdout
    assert not leftover.exists()
    assert (clone / ".venv" / "bin" / "python").exists()


def test_a_busy_port_stops_make_lab_with_advice(clone: Path) -> None:
    fake_ready(clone)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = make(clone, "lab", f"PORT={port}")
    assert done.returncode != 0 and f"port {port} is in use" in done.stderr
    assert f"make lab PORT={port + 1}" in done.stderr and "Traceback" not in done.stderr


def test_an_old_python_stops_make_with_advice(clone: Path, tmp_path: Path) -> None:
    """A Python that says that it is 3.9 runs the real script."""
    old = tmp_path / "python3"
    script = "import sys, runpy; sys.version_info = (3, 9, 6); sys.argv = sys.argv[1:]; "
    script += "runpy.run_path(sys.argv[0], None, '__main__')"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$@"\n')
    old.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/nowhere", "HOME": str(tmp_path)}
    command = [shutil.which("make") or "make", f"PYTHON={old}", "SHELL=/bin/sh", "lab"]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "python3 is Python 3.9.6; the course needs Python 3.11 to 3.13" in done.stderr
    assert not (clone / ".venv").exists()


def test_uv_is_pinned() -> None:
    assert re.fullmatch(r"uv==\d[\w.]*", setup.pinned_uv((PROJECT / "requirements.txt").read_text()))
    assert setup.pinned_uv("boto3==1\n") == "uv"


def test_uv_downloads_from_where_pip_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup.ssl.SSLContext, "get_ca_certs", lambda self: [])
    settings = "global.index-url='https://mirror.example/simple'\n:env:.cert='/etc/ssl/ca.pem'\nglobal.timeout='5'\n"
    result = setup.environment_for_uv(settings, {"PATH": "/bin", "VIRTUAL_ENV": "/elsewhere"})
    expected = {"PATH": "/bin", "UV_DEFAULT_INDEX": "https://mirror.example/simple", "SSL_CERT_FILE": "/etc/ssl/ca.pem"}
    assert result == expected
    assert setup.environment_for_uv(settings, {"UV_DEFAULT_INDEX": "mine"})["UV_DEFAULT_INDEX"] == "mine"
    assert setup.environment_for_uv("", {"PATH": "/bin"}) == {"PATH": "/bin"}
    monkeypatch.setattr(setup.ssl.SSLContext, "get_ca_certs", lambda self: [{}])
    assert setup.environment_for_uv("", {}) == {"UV_SYSTEM_CERTS": "1"}


def test_the_display_decides_who_opens_the_browser() -> None:
    assert not lab.has_display("linux", {})
    assert lab.has_display("linux", {"DISPLAY": ":0"}) and lab.has_display("linux", {"WAYLAND_DISPLAY": "wayland-0"})
    assert lab.has_display("darwin", {}) and not lab.has_display("darwin", {"SSH_CONNECTION": "1"})
    hidden = lab.command(None, display=False, root=True)
    assert "--no-browser" in hidden and "--allow-root" in hidden
    shown = lab.command(9000, display=True, root=False)
    assert "--ServerApp.port=9000" in shown and "--no-browser" not in shown and "--allow-root" not in shown


def test_make_lab_prints_the_address_of_the_first_chapter(tmp_path: Path) -> None:
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment |= {"HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    log = tmp_path / "log"
    with log.open("w") as stream:
        command = [sys.executable, "-m", "tools.lab", "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}/lab/tree/notebooks/00_start_here.ipynb?token="
        limit = time.monotonic() + 120
        while address not in log.read_text() and time.monotonic() < limit:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        assert address in log.read_text()
        assert "There is no display here" in log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
