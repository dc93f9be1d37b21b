"""The pinned list, and conda's file that uses it: complete, resolvable, importable, naming no registry."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools.notebook_files import PROJECT

REQUIREMENTS = PROJECT / "requirements.txt"
METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))
TARGETS = [
    {"python_version": version, "python_full_version": f"{version}.5", "sys_platform": platform}
    for version in ("3.11", "3.12", "3.13")
    for platform in ("linux", "darwin")
]


def pins() -> list[Requirement]:
    """Return the lines of the pinned list."""
    lines = [line.split(" #")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def wanted() -> list[Requirement]:
    """Return what pyproject.toml asks for, the tools of the tests included."""
    return [Requirement(line) for line in METADATA["dependencies"] + METADATA["optional-dependencies"]["test"]]


def test_the_list_holds_exact_versions_only() -> None:
    loose = [str(pin) for pin in pins() if not re.fullmatch(r"==[\w.]+", str(pin.specifier))]
    assert loose == []
    assert not re.search(r"(?m)^\s*-|://|\bfile:", REQUIREMENTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target['sys_platform']}-{target['python_version']}")
def test_each_package_is_pinned_once_on_each_machine(target: dict[str, str]) -> None:
    chosen = [pin for pin in pins() if pin.marker is None or pin.marker.evaluate(target)]
    names = [canonicalize_name(pin.name) for pin in chosen]
    assert len(names) == len(set(names))
    by_name = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in chosen}
    for requirement in wanted():
        if requirement.marker is None or requirement.marker.evaluate(target):
            version = by_name.get(canonicalize_name(requirement.name))
            assert version and version in requirement.specifier, f"{requirement}: pinned {version}. make lock"


def test_what_is_installed_is_what_is_pinned() -> None:
    different = {}
    for pin in pins():
        if pin.marker is None or pin.marker.evaluate():
            version = importlib.metadata.version(pin.name)
            if version not in pin.specifier:
                different[pin.name] = version
    assert different == {}, "make test brings .venv up to date; another environment: uv pip sync requirements.txt"


def test_what_is_installed_can_be_imported() -> None:
    script = "import boto3, ipywidgets, jupyterlab, localstack_client, matplotlib, moto, psutil, regex, helpers"
    if sys.platform == "linux":
        script += ", awslambdaric"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd="/")
    assert done.returncode == 0, done.stderr


def test_conda_brings_python_and_the_pinned_list() -> None:
    plain = [item for item in CONDA["dependencies"] if isinstance(item, str)]
    nested = [item for item in CONDA["dependencies"] if isinstance(item, dict)]
    names = {Requirement(item).name for item in plain}
    assert names == {"python", "pip"}, "packages belong in pyproject.toml"
    python = next(Requirement(item) for item in plain if item.startswith("python"))
    assert python.specifier == SpecifierSet(METADATA["requires-python"])
    assert nested == [{"pip": ["-r requirements.txt", "-e ."]}]
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert f"conda activate {CONDA['name']}" in readme


def test_condas_pip_part_resolves(tmp_path: Path) -> None:
    """What conda hands to pip (one file with these lines, in the project's folder) is satisfied by the pinned list."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv
    lines = next(item["pip"] for item in CONDA["dependencies"] if isinstance(item, dict))
    listed = tmp_path / "condaenv.requirements.txt"
    listed.write_text(
        "\n".join(line.replace("-r ", f"-r {PROJECT}/").replace("-e .", f"-e {PROJECT}") for line in lines) + "\n"
    )
    command = [uv, "pip", "install", "--dry-run", "--offline", "--python", sys.executable, "-r", str(listed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=PROJECT)
    if done.returncode and "network was disabled" in done.stderr.lower():
        pytest.skip("the build tool of the project is not in the cache, and the tests run offline")
    assert done.returncode == 0, done.stderr
    changes = [
        line for line in done.stderr.splitlines() if re.match(r"\s*[+~-] ", line) and METADATA["name"] not in line
    ]
    assert changes == []


def test_it_is_the_same_list_that_the_makefile_compiles() -> None:
    recipe = (PROJECT / "Makefile").read_text(encoding="utf-8").split("\nlock:")[1]
    for option in ("--universal", "--python-version 3.11", "--extra test", "--no-header", "--no-emit-index-url"):
        assert option in recipe
