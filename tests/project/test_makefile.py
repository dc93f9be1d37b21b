"""The commands: each is explained by ``make help``, and continuous integration runs the README's."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tools.notebook_files import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"(?m)^([a-z-]+):", MAKEFILE))


def test_every_command_is_explained() -> None:
    done = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, timeout=20)
    assert set(re.findall(r"(?m)^make ([\w-]+)", done.stdout)) == TARGETS - {"help", "setup"}


def test_targets_are_not_files() -> None:
    phony = re.search(r"(?m)^\.PHONY: (.*)$", MAKEFILE)
    assert phony and set(phony.group(1).split()) == TARGETS


def test_the_makefile_is_plain() -> None:
    """GNU make 3.81, which macOS ships, has none of these."""
    assert not re.search(r"\$\(file|\.ONESHELL|!=|\$\(guile|\.RECIPEPREFIX|::=", MAKEFILE)


def test_python_keeps_what_it_has_compiled(tmp_path: Path) -> None:
    shown = f"include {PROJECT / 'Makefile'}\nshown:\n\t@echo [$$PYTHONDONTWRITEBYTECODE]\n"
    (tmp_path / "Makefile").write_text(shown)
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    make = ["make", "--no-print-directory", "shown"]
    done = subprocess.run(make, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=20)
    assert done.stdout == "[]\n", done


def test_continuous_integration_runs_make_test() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("\nmake test")


def test_the_readme_names_commands_that_exist() -> None:
    named = set(re.findall(r"(?m)`make ([\w-]+)|^make ([\w-]+)", (PROJECT / "README.md").read_text(encoding="utf-8")))
    words = {first or second for first, second in named}
    assert {"lab", "test", "doctor"} <= words <= TARGETS
