"""Make the course's virtual environment, or repair it, or do nothing: ``make lab`` and ``make test`` begin with this.

The pinned list ``requirements.txt`` goes in with uv (itself pinned there), then the project, editable. The last step
writes a ready file; without it the next run starts over. Standard library only, and the syntax of Python 3.6, so that
an old Python gets a message, not a trace.
"""

import argparse
import os
import re
import shutil
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import doctor  # type: ignore[import-not-found]

_MINUTES_15 = 900


class SetupError(Exception):
    """A step failed; the message says which one, why, and what to do."""


def pinned_uv(requirements: str) -> str:
    """Return the line ``uv==VERSION`` of the pinned list."""
    found = re.search(r"^uv==[\w.]+", requirements, re.MULTILINE)
    return found.group() if found else "uv"


def environment_for_uv(pip_settings: str, environment: "dict[str, str]") -> "dict[str, str]":
    """Return the variables with which uv downloads from where ``pip config list`` says that pip does."""
    result = dict(environment)
    for setting, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        found = re.findall(rf"^\S+\.{setting}='([^']+)'", pip_settings, re.MULTILINE)
        if found and not any(result.get(name) for name in (variable, "UV_INDEX_URL")):
            result[variable] = found[-1]
    if ssl.create_default_context().get_ca_certs():
        result.setdefault("UV_SYSTEM_CERTS", "1")  # a company's own certificates, which pip would trust too
    result.pop("VIRTUAL_ENV", None)
    return result


def make(venv: str, project: str, state: str) -> None:
    """Bring the virtual environment from ``state`` to ready."""
    python = doctor.venv_python(venv)
    if state == "outdated":
        os.remove(doctor.ready_file(venv))
    else:
        shutil.rmtree(venv, ignore_errors=True)
        base = doctor.find_python() or sys.executable
        _step(f"Making {os.path.relpath(venv)} with {base}", [base, "-m", "venv", venv])
    with open(os.path.join(project, "requirements.txt")) as stream:
        uv_pin = pinned_uv(stream.read())
    pip = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--retries",
        "1",
        "--timeout",
        "20",
    ]
    _step("Installing uv, the installer", [*pip, uv_pin], advice=doctor.NETWORK_ADVICE)
    settings = doctor.run([python, "-m", "pip", "config", "list"], seconds=60)[1]
    environment = environment_for_uv(settings, dict(os.environ))
    uv = [python, "-m", "uv", "pip"]
    target = ["--python", python]
    requirements = os.path.join(project, "requirements.txt")
    _step("Installing the pinned list", [*uv, "sync", *target, requirements], environment, doctor.NETWORK_ADVICE)
    _step(
        "Installing the course",
        [*uv, "install", *target, "--no-deps", "-e", project],
        environment,
        doctor.NETWORK_ADVICE,
    )
    with open(doctor.ready_file(venv), "w") as stream:
        stream.write(doctor.fingerprint(project) + "\n")


def _step(title: str, command: "list[str]", environment: "dict[str, str] | None" = None, advice: str = "") -> None:
    print(title + " ...", flush=True)
    code, output = doctor.run(command, seconds=_MINUTES_15, env=environment)
    if code:
        tail = "\n".join("    " + line for line in output.strip().splitlines()[-12:])
        raise SetupError(f"{title} failed:\n{tail}\n{advice}")


def main(arguments: "list[str] | None" = None) -> int:
    """Check the machine, then make the virtual environment ready; return 0 when it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", default=os.path.join(doctor.PROJECT, ".venv"))
    parser.add_argument("--port", type=int, help="a port that has to be free")
    options = parser.parse_args(arguments)
    venv = os.path.abspath(options.venv)
    problems = [f for f in doctor.before_start(venv, doctor.PROJECT, options.port) if f.level == doctor.PROBLEM]
    if problems:
        print("\n".join(finding.text() for finding in problems), file=sys.stderr)
        return 1
    state = doctor.venv_state(venv, doctor.PROJECT)
    if state == "ready":
        return 0
    began = time.time()
    try:
        make(venv, doctor.PROJECT, state)
    except SetupError as error:
        print(f"{error}\nFor a full check of this machine: make doctor", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The next make lab or make test starts over.", file=sys.stderr)
        return 130
    print(f"Ready in {time.time() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
