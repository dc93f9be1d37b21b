"""What is wrong with this machine, in words, and what to do about it.

``python3 tools/doctor.py`` looks at everything and changes nothing; ``make lab`` and ``make test`` use the same checks
before they start. Standard library only, and the syntax of Python 3.6, so that an old Python can run it and say so.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from typing import NamedTuple

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST, NEWEST = (3, 11), (3, 13)
ROOM_TO_INSTALL = 2.0
ROOM_TO_RUN = 0.3
PROBLEM, NOTE, FINE = "PROBLEM", "note", "ok"


class Finding(NamedTuple):
    """One result: its level, what was found, and what to do about it."""

    level: str
    what: str
    advice: str = ""

    def text(self) -> str:
        """Return the finding as lines to print."""
        lines = [f"{self.level:8} {self.what}"]
        return "\n".join(lines + ["         " + line for line in self.advice.splitlines()])


def supported(version: "tuple[int, ...]") -> bool:
    """Return whether the course runs on this version of Python."""
    return OLDEST <= tuple(version[:2]) <= NEWEST


def find_python(version: "tuple[int, ...]" = sys.version_info[:3], path: "str | None" = None) -> "str | None":
    """Return a Python that the course runs on: this one, of ``version``, or the newest supported one on the PATH."""
    if supported(version):
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}", path=path)
        if found and supported(_version_of(found)):
            return found
    return None


def check_python(found: "str | None", version: "tuple[int, ...]") -> Finding:
    """Say whether there is a Python that the course runs on."""
    range_text = f"{_dotted(OLDEST)} to {_dotted(NEWEST)}"
    have = _dotted(version[:3])
    if found is None:
        newest = _dotted(NEWEST)
        advice = f"Install Python {newest} (python.org, your package manager, pyenv or conda), open a new terminal,\n"
        advice += f"or name one that you have: make lab PYTHON=/path/to/python{newest}"
        return Finding(PROBLEM, f"python3 is Python {have}; the course needs Python {range_text}", advice)
    if found != sys.executable:
        return Finding(NOTE, f"python3 is Python {have}, so {found} is used")
    return Finding(FINE, f"Python {have}")


def check_platform(platform: str = sys.platform) -> Finding:
    """Say whether the operating system is one that the course runs on."""
    if platform.startswith(("linux", "darwin")):
        return Finding(FINE, f"operating system: {platform}")
    advice = "On Windows, install WSL (wsl --install), open its terminal, and clone the course inside it."
    return Finding(PROBLEM, f"the course runs on Linux and macOS, not on {platform}", advice)


def check_venv_module(has_ensurepip: "bool | None" = None) -> Finding:
    """Say whether this Python can make virtual environments (Debian ships that in a package of its own)."""
    if has_ensurepip is None:
        has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    if has_ensurepip:
        return Finding(FINE, "Python can make virtual environments")
    advice = "On Debian or Ubuntu: sudo apt-get install python3-venv"
    return Finding(PROBLEM, "this Python cannot make virtual environments (ensurepip is missing)", advice)


def check_writable(folder: str) -> Finding:
    """Say whether files can be made in ``folder``; tries it: permission bits say nothing of a read-only disk."""
    try:
        descriptor, path = tempfile.mkstemp(prefix=".doctor-", dir=folder)
        os.close(descriptor)
        os.remove(path)
    except OSError as error:
        advice = "Move or clone the course to a folder of your own, such as ~/serverless-aws-course."
        return Finding(PROBLEM, f"cannot write in {folder} ({error.strerror or error})", advice)
    if os.pathsep in os.path.abspath(folder):
        return Finding(
            PROBLEM, f"the folder's name has a '{os.pathsep}': {folder}", "Rename it; Python cannot work there."
        )
    return Finding(FINE, f"can write in {folder}")


def check_temporary_folder() -> Finding:
    """Say whether there is a temporary folder: functions run in it."""
    try:
        return check_writable(tempfile.gettempdir())
    except OSError:
        return Finding(PROBLEM, "there is no temporary folder to write in", "Set TMPDIR to a folder of your own.")


def check_disk(folder: str, needed: float, free: "float | None" = None) -> Finding:
    """Say whether ``needed`` gigabytes are free in ``folder``."""
    have = shutil.disk_usage(folder).free / 1e9 if free is None else free
    if have < needed:
        advice = "Free some space, or move the course to another disk."
        return Finding(PROBLEM, f"{have:.1f} GB are free in {folder}; {needed:.1f} GB are needed", advice)
    return Finding(FINE, f"{have:.0f} GB free")


def check_port(port: int, chosen: bool) -> Finding:
    """Say whether JupyterLab can listen on ``port``; only a port that was chosen has to be free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            what = f"port {port} is in use ({error.strerror or error})"
            if chosen:
                return Finding(PROBLEM, what, f"Choose another one: make lab PORT={port + 1}")
            return Finding(NOTE, what, f"JupyterLab takes the next free one. To choose: make lab PORT={port + 1}")
    return Finding(FINE, f"port {port} is free")


def fingerprint(project: str) -> str:
    """Return a digest of what is to be installed; the ready file of a finished .venv holds it."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(project, name), "rb") as stream:
            digest.update(stream.read())
    return digest.hexdigest()


def venv_python(venv: str) -> str:
    """Return the path of the virtual environment's Python."""
    return os.path.join(venv, "bin", "python")


def ready_file(venv: str) -> str:
    """Return the path of the file that is written last, when the virtual environment is complete."""
    return os.path.join(venv, "course-is-ready")


def venv_state(venv: str, project: str) -> str:
    """Return ``missing``, ``half-made``, ``broken`` (its Python does not run), ``outdated`` or ``ready``."""
    if not os.path.isdir(venv):
        return "missing"
    if not os.path.exists(ready_file(venv)):
        return "half-made"
    if not supported(_version_of(venv_python(venv))):
        return "broken"
    with open(ready_file(venv)) as stream:
        return "ready" if stream.read().strip() == fingerprint(project) else "outdated"


def check_venv(venv: str, project: str) -> Finding:
    """Say in which state the virtual environment is."""
    state = venv_state(venv, project)
    words = {
        "missing": "there is no .venv yet: make lab makes it",
        "half-made": "the making of .venv was interrupted: the next make lab makes it anew",
        "broken": ".venv does not work any more (its Python was moved or removed): the next make lab makes it anew",
        "outdated": "the pinned list has changed since .venv was made: the next make lab brings it up to date",
        "ready": ".venv is complete",
    }
    return Finding(FINE if state == "ready" else NOTE, words[state])


def check_network(python: str) -> Finding:
    """Say whether packages can be downloaded, by downloading a small one as pip is configured to."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-cache-dir", "--retries", "0", "--timeout", "10", "--dest", folder, "six"]
        code, output = run(command, seconds=60)
    if code == 0:
        return Finding(FINE, "packages can be downloaded")
    return Finding(PROBLEM, f"packages cannot be downloaded ({last_line(output)})", NETWORK_ADVICE)


NETWORK_ADVICE = """Is this machine online? Behind a proxy, set HTTPS_PROXY; with an index of your own, PIP_INDEX_URL.
The network is needed once, to install; the course itself runs offline."""


def check_optional(name: str, commands: "tuple[str, ...]", use: str) -> Finding:
    """Say whether an optional program is there and what it is good for."""
    found = next((path for path in map(shutil.which, commands) if path), None)
    if found:
        return Finding(FINE, f"{name}: {found}")
    return Finding(NOTE, f"{name} is not installed; optional: {use}")


def before_start(venv: str, project: str, port: "int | None" = None) -> "list[Finding]":
    """Return the quick checks that ``make lab`` and ``make test`` begin with."""
    needed = ROOM_TO_RUN if venv_state(venv, project) == "ready" else ROOM_TO_INSTALL
    findings = [check_platform(), check_python(find_python(), sys.version_info[:3]), check_writable(project)]
    findings += [check_temporary_folder(), check_disk(project, needed)]
    if venv_state(venv, project) != "ready" and find_python() == sys.executable:
        findings.append(check_venv_module())
    if port is not None:
        findings.append(check_port(port, chosen=True))
    return findings


def everything(venv: str, project: str) -> "list[Finding]":
    """Return all checks, the slow and the optional ones included."""
    findings = [*before_start(venv, project), check_venv(venv, project), check_port(8888, chosen=False)]
    findings.append(check_network(find_python() or sys.executable))
    findings.append(check_optional("Node.js", ("node",), "functions written in JavaScript (part of chapter 02)"))
    browsers = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    findings.append(check_optional("Chromium", browsers, "the browser test of make test"))
    return findings


def run(command: "list[str]", seconds: float, **options: "object") -> "tuple[int, str]":
    """Run a command without input; return its code and what it printed (124 when it took longer than ``seconds``)."""
    merged = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    merged.update(options)  # type: ignore[arg-type]
    try:
        done = subprocess.run(command, timeout=seconds, universal_newlines=True, **merged)  # type: ignore[call-overload]
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {seconds:.0f} s"
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout or ""


def last_line(output: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["no message"])[-1][:200]


def _dotted(version: "tuple[int, ...]") -> str:
    return ".".join(str(part) for part in version)


def _version_of(python: str) -> "tuple[int, ...]":
    code, output = run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], seconds=20)
    try:
        return tuple(int(part) for part in output.split(".")) if code == 0 else (0, 0)
    except ValueError:
        return (0, 0)


def main(arguments: "list[str] | None" = None) -> int:
    """Print every finding; return 1 if one of them is a problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", default=os.path.join(PROJECT, ".venv"))
    options = parser.parse_args(arguments)
    findings = everything(os.path.abspath(options.venv), PROJECT)
    for finding in findings:
        print(finding.text())
    problems = sum(finding.level == PROBLEM for finding in findings)
    print(f"\n{problems} to solve first; see the advice above." if problems else "\nNothing stands in the way.")
    return int(problems > 0)


if __name__ == "__main__":
    sys.exit(main())
