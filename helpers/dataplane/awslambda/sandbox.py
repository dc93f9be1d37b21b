"""What a runtime process finds around it: folders, environment variables, and the command that starts it.

AWS: the code is in /var/task, the layers are merged in /opt, /tmp is the only place to write, and the runtime is in
/var/runtime and /var/lang. The function's own variables come with reserved ones ("Using Lambda environment variables"
and "Working with layers", Lambda Developer Guide). The Python runtime brings boto3 along and nothing else that is not
in the standard library.

This: each environment has its own folders under one of ours, and ``workers/folders.py`` shows them to Python under
AWS's names. In what leaves the environment the real names are replaced, so that a stack trace reads the same on every
machine.

Differs: python3.11 to 3.14 all run on the Python that runs the course, and ``AWS_EXECUTION_ENV`` says what was
declared; Node.js is the ``node`` of this machine, whatever its version, and sees the real folders; AWS's SDK for
JavaScript is not there.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from helpers.dataplane.awslambda.guardian import GUARDIAN

_WORKERS = Path(__file__).parent / "workers"
_PYTHON, _NODE = _WORKERS / "python_main.py", _WORKERS / "node_bootstrap.mjs"
_BUNDLED = (
    "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3",
    "awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py",
)  # fmt: skip
"""What AWS's Python runtime has beside the standard library, as far as this machine has it."""


@dataclass(frozen=True)
class FunctionVersion:
    """A function version, unpacked and ready to run."""

    name: str
    version: str
    """``$LATEST`` or a number."""
    runtime: str
    """Lambda's name, such as ``python3.13``, ``nodejs22.x`` or ``provided.al2023``, which runs ``bootstrap`` from
    code or layer."""
    handler: str
    memory_mb: int
    timeout_s: float
    variables: Mapping[str, str]
    """The function's own environment variables."""
    system: Mapping[str, str]
    """What the service adds: AWS_REGION, credentials, AWS_ENDPOINT_URL, AWS_LAMBDA_LOG_GROUP_NAME."""
    code: Path
    """The unpacked deployment package, shared by the environments of one version and never written to."""
    layers: tuple[Path, ...] = ()
    """Unpacked layers in order; in ``/opt`` a later one wins."""
    gate: str = ""
    """Where a function in a VPC asks whether a connection may pass; empty without a VPC."""


class EntrypointError(Exception):
    """The runtime has nothing to start; the text is AWS's."""


class Sandbox:
    """The folders of one environment, made under ``home``, and what depends on them."""

    def __init__(self, version: FunctionVersion, home: Path, name: str) -> None:
        self.version = version
        self.folder = home.resolve() / name
        self.code = version.code.resolve()
        self.tmp, self.opt, self._runtime = (self.folder / part for part in ("tmp", "opt", "runtime"))
        # without its parents: once the cloud has stopped its folder is gone, and must not come back
        self.folder.mkdir()
        GUARDIAN.hold("folder", self.folder)
        self.tmp.mkdir()
        self.opt.mkdir()
        for layer in version.layers:
            shutil.copytree(layer, self.opt, copy_function=_link, dirs_exist_ok=True)
        if version.runtime.startswith("python"):
            self._runtime.mkdir()
            for item in _bundled():
                (self._runtime / item.name).symlink_to(item)
        self._names = self._known_as()

    def remove(self) -> None:
        """Remove the folders."""
        shutil.rmtree(self.folder, ignore_errors=True)
        GUARDIAN.release("folder", self.folder)

    def _known_as(self) -> dict[str, str]:
        named = {self.code: "/var/task", self.version.code: "/var/task", self.tmp: "/tmp", self.opt: "/opt"}
        named |= dict.fromkeys(self.version.layers, "/opt")
        named |= {_PYTHON: "/var/runtime/bootstrap.py", _NODE: "/var/runtime/index.mjs"}
        named |= {self._runtime: "/var/runtime", _WORKERS: "/var/runtime"}
        library = f"/var/lang/lib/{self.version.runtime}"
        named |= {Path(sysconfig.get_path(kind)): library for kind in ("stdlib", "platstdlib")}
        # the longest first: one of them may lie inside another
        ordered = [(str(path), named[path]) for path in sorted(named, key=lambda path: -len(str(path)))]
        return {form: name for path, name in ordered for form in _forms(path)}

    def as_on_aws(self, text: bytes) -> bytes:
        """Return ``text``, plain or JSON, with AWS's names in place of the real folders."""
        for real, name in self._names.items():
            text = text.replace(real.encode(), name.encode())
        return text

    def variables(self, log_stream: str) -> dict[str, str]:
        """Return the environment variables of the process: AWS's defaults, the function's own, the reserved ones."""
        version, python = self.version, self.version.runtime.startswith("python")
        defaults = {
            "LANG": "en_US.UTF-8",
            "PATH": f"/usr/local/bin:/usr/bin:/bin:{self.opt}/bin",
            "LD_LIBRARY_PATH": f"{self.code}:{self.code}/lib:{self.opt}/lib",
            "NODE_PATH": f"{self.opt}/nodejs/node_modules",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "TMPDIR": str(self.tmp),
        }
        reserved = {
            "_HANDLER": version.handler,
            "AWS_LAMBDA_FUNCTION_NAME": version.name,
            "AWS_LAMBDA_FUNCTION_VERSION": version.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "LAMBDA_TASK_ROOT": "/var/task" if python else str(self.code),
            "LAMBDA_RUNTIME_DIR": "/var/runtime" if python else str(_WORKERS),
            "TZ": ":UTC",
            # not AWS's: it keeps libraries out of the learner's own, and tells whose a stray process is
            "HOME": str(self.tmp),
        }
        if version.runtime.startswith("provided"):
            # a bootstrap in Python finds the course's own where the system has none
            defaults["PATH"] += f":{Path(sys.executable).parent}"
        else:
            reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{version.runtime}"
        return {**defaults, **version.variables, **reserved, **version.system}

    def command(self) -> Sequence[str]:
        """Return the command that starts the runtime.

        Raises
        ------
        EntrypointError
            There is nothing to start.
        """
        family = re.split(r"[\d.]", self.version.runtime)[0]
        if family == "python":
            # -I and -S: no .pth files, no user's packages; it also saves 15 ms of a cold start
            return [sys.executable, "-I", "-S", "-u", "-X", "utf8", str(_PYTHON), json.dumps(self._python_config())]
        if family == "nodejs":
            node = shutil.which("node")
            if node is None:
                raise EntrypointError(f"{self.version.runtime} needs Node.js, and this machine has no node to run it")
            return [node, str(_NODE)]
        if family == "provided":
            for folder in (self.code, self.opt):
                if (folder / "bootstrap").exists():
                    return [str(folder / "bootstrap")]
            raise EntrypointError("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
        raise EntrypointError(f"{self.version.runtime} does not run here: Python, Node.js and provided runtimes do")

    def _python_config(self) -> dict[str, object]:
        code, opt = str(self.code), str(self.opt)
        packages = f"{opt}/python/lib/{self.version.runtime}/site-packages"
        return {
            "handler": self.version.handler,
            "client": python_client(),
            "gate": self.version.gate,
            "path": [code, packages, f"{opt}/python", str(self._runtime)],
            "roots": {"/var/task": code, "/opt": opt, "/tmp": str(self.tmp)},
            "keep": [str(self.folder.parent), code, sys.prefix, sys.base_prefix],
        }


def _forms(path: str) -> set[str]:
    """Return how a path may be written: as it stands, in JSON of either kind, and in a file:// address."""
    return {path, json.dumps(path)[1:-1], json.dumps(path, ensure_ascii=False)[1:-1], quote(path)}


def python_client() -> str:
    """Return the Runtime API client for Python: AWS's own where it is installed, or what COURSE_PYTHON_RUNTIME says."""
    wanted = os.environ.get("COURSE_PYTHON_RUNTIME", "awslambdaric")
    return "awslambdaric" if wanted == "awslambdaric" and _origin("runtime_client") else "bootstrap"


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    Path(target).symlink_to(Path(source).resolve())


@functools.cache
def _bundled() -> tuple[Path, ...]:
    return tuple(path for path in map(_origin, _BUNDLED) if path is not None)


@functools.cache
def _origin(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
