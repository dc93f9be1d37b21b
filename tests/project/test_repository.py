"""Rules for the repository itself: short files, short functions, docstrings, layers, no leftovers, no registry."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator

import pytest

from tools.hygiene import broken_links
from tools.notebook_files import PROJECT

LONGEST_FILE, LONGEST_FUNCTION = 400, 40
# written in two parts, so that this file does not hold what it looks for
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npmjs" + ".org",
    "anaconda" + ".org",
    "anaconda" + ".com",
    "yarnpkg" + ".com",
]
LEFTOVERS = re.compile("|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bXX" + r"X\b"]))
LAYERS = {
    "helpers/dataplane/": ("helpers.backends", "helpers.cloud", "helpers.teaching"),
    "helpers/backends/": ("helpers.cloud", "helpers.teaching"),
    "helpers/cloud.py": ("helpers.teaching",),
}


def tracked() -> list[str]:
    """Return the files of the project: those that git knows, or all but hidden ones where there is no git."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True
    )
    if done.returncode == 0 and done.stdout.strip():
        return [name for name in done.stdout.splitlines() if (PROJECT / name).is_file()]
    paths = [path.relative_to(PROJECT) for path in PROJECT.rglob("*") if path.is_file()]
    return [path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)]


FILES = tracked()
PYTHON = [name for name in FILES if name.endswith(".py")]


def content(name: str) -> str:
    """Return a file's text; what is not text counts as empty."""
    try:
        return (PROJECT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def long_functions(source: str) -> list[str]:
    """Return the functions with more lines than allowed, their docstrings aside."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                lines -= (first.end_lineno or first.lineno) - first.lineno + 1
            if lines > LONGEST_FUNCTION:
                found.append(f"{node.name}: {lines} lines")
    return found


def imported(source: str) -> Iterator[str]:
    """Yield the modules that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows_up(name: str, source: str) -> list[str]:
    """Return what a file imports from a layer above its own."""
    above = next((layers for start, layers in LAYERS.items() if name.startswith(start)), ())
    return sorted({module for module in imported(source) if module.startswith(above)}) if above else []


def leftovers(text: str) -> list[str]:
    """Return the notes to oneself in a text."""
    return LEFTOVERS.findall(text)


def hosts(text: str) -> list[str]:
    """Return the package registries that a text names."""
    return [host for host in HOSTS if host in text]


def test_files_are_short() -> None:
    folders = ("helpers/", "labs/", "tests/", "tools/")
    lengths = {name: len(content(name).splitlines()) for name in PYTHON if name.startswith(folders)}
    assert {name: count for name, count in lengths.items() if count > LONGEST_FILE} == {}


def test_functions_of_helpers_are_short() -> None:
    found = {name: long_functions(content(name)) for name in PYTHON if name.startswith("helpers/")}
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_every_module_has_a_docstring() -> None:
    bare = [name for name in PYTHON if content(name).strip() and not ast.get_docstring(ast.parse(content(name)))]
    assert bare == []


def test_arrows_point_down_only() -> None:
    found = {name: arrows_up(name, content(name)) for name in PYTHON if name.startswith("helpers/")}
    assert {name: modules for name, modules in found.items() if modules} == {}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".md")])
def test_links_lead_somewhere(name: str) -> None:
    assert broken_links(content(name), (PROJECT / name).parent) == []


def test_there_are_no_leftovers() -> None:
    assert {name: leftovers(content(name)) for name in FILES if leftovers(content(name))} == {}


def test_no_file_names_a_package_registry() -> None:
    assert {name: hosts(content(name)) for name in FILES if hosts(content(name))} == {}


@pytest.mark.parametrize("module", ["helpers.teaching.check", "helpers.cloud", "helpers.backends.moto"])
def test_an_arrow_up_is_found(module: str) -> None:
    package, name = module.rsplit(".", 1)
    for source in (f"import {module}", f"from {package} import {name}", f"def f():\n    from {module} import x"):
        assert arrows_up("helpers/dataplane/x.py", source)
        assert not arrows_up("helpers/teaching/x.py", source)


def test_a_long_function_is_found_and_its_docstring_is_free() -> None:
    body = "\n".join(f"    x = {number}" for number in range(40))
    docstring = '    """' + "\n" * 30 + '    """\n'
    assert long_functions(f"def f():\n{body}") == ["f: 41 lines"]
    assert long_functions(f"def f():\n{docstring}{body[: body.rindex('    x')]}") == []


def test_leftovers_and_hosts_are_found() -> None:
    assert leftovers("# TO" + "DO: later") and not leftovers("todolist, MyTodoList")
    assert hosts("https://" + "pypi" + ".org/simple") and not hosts("https://docs.aws.amazon.com")
