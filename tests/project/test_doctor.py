"""Each thing that can be wrong with a machine gets a sentence and advice, never a trace."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import doctor
from tools.notebook_files import PROJECT

UNREACHABLE = {"PIP_INDEX_URL": "https://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}


def old_pythons() -> list[str]:
    """Return the Pythons before 3.11 that this machine happens to have."""
    folders = [Path.home() / ".pyenv" / "versions", Path("/opt/hostedtoolcache/Python")]
    found = [path for folder in folders for path in sorted(folder.glob("3.*/bin/python3"))]
    return [str(path) for path in found if int(path.parts[-3].split(".")[1]) in range(6, 11)]


@pytest.mark.parametrize("script", ["doctor.py", "setup.py"])
def test_an_old_python_can_read_the_scripts(script: str) -> None:
    import ast

    ast.parse((PROJECT / "tools" / script).read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("script", ["doctor.py", "setup.py"])
def test_a_real_old_python_says_what_to_do(script: str, tmp_path: Path) -> None:
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python before 3.11 on this machine")
    command = [pythons[0], str(PROJECT / "tools" / script), "--venv", str(tmp_path / "venv")]
    done = subprocess.run(command, env={"PATH": "/nowhere", **UNREACHABLE}, capture_output=True, text=True, timeout=90)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in said
    assert "the course needs Python 3.11 to 3.13" in said and "make lab PYTHON=" in said
    assert not (tmp_path / "venv").exists()


def test_another_python_on_the_path_is_used(tmp_path: Path) -> None:
    for name, version in (("python3.13", "3.8"), ("python3.12", "3.12")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    found = doctor.find_python((3, 9, 6), path=str(tmp_path))
    assert found == str(tmp_path / "python3.12")
    assert doctor.check_python(found, (3, 9, 6)).level == doctor.NOTE


def test_no_python_is_found_among_old_ones(tmp_path: Path) -> None:
    (tmp_path / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.12").chmod(0o755)
    assert doctor.find_python((3, 10, 0), path=str(tmp_path)) is None
    assert doctor.check_python(None, (3, 10, 0)).level == doctor.PROBLEM


@pytest.mark.parametrize(
    ("version", "good"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 13, 2), True), ((3, 14, 0), False)]
)
def test_supported_versions(version: tuple[int, ...], good: bool) -> None:
    assert doctor.supported(version) is good


def test_a_busy_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        chosen, default = doctor.check_port(port, chosen=True), doctor.check_port(port, chosen=False)
    assert chosen.level == doctor.PROBLEM and f"port {port} is in use" in chosen.what
    assert f"make lab PORT={port + 1}" in chosen.advice
    assert default.level == doctor.NOTE
    assert doctor.check_port(port, chosen=True).level == doctor.FINE


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    finding = doctor.check_writable(str(tmp_path / "missing"))
    assert finding.level == doctor.PROBLEM and "cannot write in" in finding.what and finding.advice
    assert doctor.check_writable(str(tmp_path)).level == doctor.FINE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc here")
def test_a_folder_that_even_root_cannot_write() -> None:
    assert doctor.check_writable("/proc/self").level == doctor.PROBLEM


def test_a_read_only_disk(tmp_path: Path) -> None:
    """Mount the folder read-only in a namespace of its own, where that is allowed."""
    unshare = shutil.which("unshare")
    script = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} {tmp_path} && exec "
    probe = f"{sys.executable} -c 'from tools import doctor; print(doctor.check_writable(\"{tmp_path}\").text())'"
    if not unshare or subprocess.run([unshare, "-rm", "true"], capture_output=True).returncode:
        pytest.skip("mount namespaces are not allowed here")
    done = subprocess.run([unshare, "-rm", "sh", "-c", script + probe], cwd=PROJECT, capture_output=True, text=True)
    assert "PROBLEM" in done.stdout and "Read-only file system" in done.stdout, done.stderr


def test_a_folder_name_that_python_cannot_use(tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    assert "has a ':'" in doctor.check_writable(str(folder)).what


def test_too_little_room(tmp_path: Path) -> None:
    finding = doctor.check_disk(str(tmp_path), needed=2.0, free=0.5)
    assert finding.level == doctor.PROBLEM and "0.5 GB are free" in finding.what
    assert doctor.check_disk(str(tmp_path), needed=0.0).level == doctor.FINE


def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(doctor.tempfile, "gettempdir", none)
    assert "TMPDIR" in doctor.check_temporary_folder().advice


def test_an_operating_system_that_is_not_supported() -> None:
    assert "WSL" in doctor.check_platform("win32").advice
    assert doctor.check_platform("darwin").level == doctor.check_platform("linux").level == doctor.FINE


def test_a_python_without_ensurepip() -> None:
    assert "python3-venv" in doctor.check_venv_module(has_ensurepip=False).advice
    assert doctor.check_venv_module().level == doctor.FINE


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in UNREACHABLE.items():
        monkeypatch.setenv(name, value)
    finding = doctor.check_network(doctor.find_python() or sys.executable)
    assert finding.level == doctor.PROBLEM and "packages cannot be downloaded" in finding.what
    assert "Is this machine online?" in finding.advice


def test_what_is_optional_is_only_a_note() -> None:
    finding = doctor.check_optional("Node.js", ("no-such-program",), "functions in JavaScript")
    assert finding.level == doctor.NOTE and "functions in JavaScript" in finding.what
    assert doctor.check_optional("a shell", ("sh",), "nothing").level == doctor.FINE


def test_the_states_of_the_environment(tmp_path: Path) -> None:
    project, venv = tmp_path / "project", tmp_path / "venv"
    project.mkdir()
    for name in ("requirements.txt", "pyproject.toml"):
        (project / name).write_text(name)

    def state() -> str:
        assert doctor.check_venv(str(venv), str(project)).what
        return doctor.venv_state(str(venv), str(project))

    assert state() == "missing"
    (venv / "bin").mkdir(parents=True)
    assert state() == "half-made"
    ready = Path(doctor.ready_file(str(venv)))
    ready.write_text(doctor.fingerprint(str(project)) + "\n")
    assert state() == "broken"
    os.symlink(sys.executable, doctor.venv_python(str(venv)))
    assert state() == "ready"
    (project / "requirements.txt").write_text("changed")
    assert state() == "outdated"


def test_everything_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(
        doctor, "check_network", lambda python: doctor.Finding(doctor.PROBLEM, "no network", "Go online.")
    )
    assert doctor.main([]) == 1
    printed = capsys.readouterr().out
    assert "PROBLEM  no network" in printed and "         Go online." in printed and "to solve first" in printed
