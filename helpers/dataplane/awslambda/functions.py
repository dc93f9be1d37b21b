"""Functions as moto remembers them, made ready to run: which version is meant, and its code and layers on disk.

AWS: a qualifier names a version or an alias; without one ``$LATEST`` is meant; an alias may send a share of the calls
to a second version ("Lambda function versions" and "Lambda function aliases", Lambda Developer Guide).
"""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaAlias, LambdaBackend, LambdaFunction, LayerVersion, lambda_backends

from helpers.dataplane.awslambda.environment import FunctionVersion
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context


@dataclass(frozen=True)
class Target:
    """What an invocation means: a version of a function, and the ARN by which it was asked for."""

    function: LambdaFunction
    """moto's object of that version."""
    version: str
    arn: str

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.function.function_name)


class Functions:
    """The functions of one account."""

    def __init__(self, context: Context, chance: random.Random) -> None:
        self._context, self._chance = context, chance
        self._folder = context.home / "lambda"
        for kind in ("code", "layers"):
            (self._folder / kind).mkdir(parents=True)
        self._lock = threading.Lock()
        self._layers: dict[str, LayerVersion] = {}
        self.gate: Callable[[LambdaFunction], str] = lambda function: ""
        """Where the processes of a function in a VPC ask whether a connection may pass."""

    def backend(self, region: str = "") -> LambdaBackend:
        """Return moto's memory of a Region's functions."""
        return lambda_backends[self._context.account_id][region or self._context.region]

    def all(self) -> Iterator[LambdaFunction]:
        """Return each function of the home Region once, as ``$LATEST``."""
        return iter(self.backend()._lambdas.latest())

    def find(self, name: str, qualifier: str | None = None, region: str = "") -> Target:
        """Return what ``name`` (a name, a partial or a full ARN, with or without a qualifier) means now.

        Raises
        ------
        AWSError
            ``ResourceNotFoundException``.
        """
        short, inner = split(name)
        qualifier = qualifier or inner
        region = name.split(":")[3] if name.startswith("arn:") else region or self._context.region
        storage = self.backend(region)._lambdas
        base = f"arn:aws:lambda:{region}:{self._context.account_id}:function:{short}"
        arn = f"{base}:{qualifier}" if qualifier else base
        if short not in storage._functions:
            raise AWSError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        version = qualifier or "$LATEST"
        alias = storage._aliases[base].get(version)
        if alias is not None:
            version = self._choose(alias)
        function = storage._get_latest(short) if version == "$LATEST" else storage._get_version(short, version)
        if function is None:
            raise AWSError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return Target(function, version, arn)

    def primary(self, name: str, alias: str, region: str = "") -> str:
        """Return the version to which an alias sends what it sends nowhere else; empty if there is no such alias."""
        found = self.alias(name, alias, region)
        return str(found.function_version) if found is not None else ""

    def alias(self, name: str, alias: str, region: str = "") -> LambdaAlias | None:
        """Return moto's object of an alias, or None."""
        short = split(name)[0]
        base = f"arn:aws:lambda:{region or self._context.region}:{self._context.account_id}:function:{short}"
        return self.backend(region)._lambdas._aliases[base].get(alias)

    def _choose(self, alias: LambdaAlias) -> str:
        routing: dict[str, Any] = alias.routing_config if isinstance(alias.routing_config, dict) else {}
        draw = self._chance.random()
        for version, weight in (routing.get("AdditionalVersionWeights") or {}).items():
            if draw < float(weight):
                return str(version)
            draw -= float(weight)
        return str(alias.function_version)

    def prepare(self, target: Target, system: dict[str, str]) -> FunctionVersion:
        """Return the version ready to run; ``system`` are the variables that the service adds."""
        function = target.function
        layers = []
        for layer in function.layers:
            stored = self.layer(layer["Arn"])
            if stored is not None:
                layers.append(self._unpack(stored.code_bytes, "layers"))
        return FunctionVersion(
            name=target.name,
            version=target.version,
            runtime=function.run_time or "provided.al2023",
            handler=function.handler or "",
            memory_mb=int(function.memory_size),
            timeout_s=float(function.timeout),
            variables={name: str(value) for name, value in (function.environment_vars or {}).items()},
            system=system,
            code=self._unpack(function.code_bytes, "code"),
            layers=tuple(layers),
            gate=self.gate(function),
        )

    def layer(self, arn: str, *, in_use: bool = True) -> LayerVersion | None:
        """Return a layer's version; ``in_use``: also one that was deleted, which the functions that use it keep."""
        stored = self.backend(arn.split(":")[3]).layers_versions_by_arn(arn)
        if stored is not None:
            self._layers[arn] = stored
        return stored or (self._layers.get(arn) if in_use else None)

    def _unpack(self, content: bytes, kind: str) -> Path:
        folder = self._folder / kind / hashlib.sha256(content).hexdigest()
        with self._lock:
            if not folder.exists():
                unzip(content, folder)
        return folder


def split(name: str) -> tuple[str, str | None]:
    """Split a function's name, partial ARN or ARN into its bare name and its qualifier."""
    parts = name.split(":")
    if "function" in parts:
        parts = parts[parts.index("function") + 1 :]
    return parts[0], parts[1] if len(parts) > 1 else None


def unzip(content: bytes, folder: Path) -> None:
    """Unpack a deployment package with the permissions that it gives its files, as AWS does.

    No entry leaves the folder: ``extract`` takes ``..`` and roots out of paths, and makes no links (a symbolic link
    becomes a file that holds its target). The folder appears when it is complete, or not at all; its parent must be
    there, which it no longer is when the cloud has stopped.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for entry in package.infolist():
                path = Path(package.extract(entry, partial))
                mode = entry.external_attr >> 16 & 0o777
                if mode and path.is_file():
                    path.chmod(mode | 0o400)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
