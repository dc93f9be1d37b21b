"""Folders: a Python function finds /var/task, /opt and /tmp, may write to /tmp only, and shares none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.workers.folders import Folders
from tests.unit.lambda_functions import Functions, invoke, own_lines, result

ROOTS = {"/var/task": "/real/code", "/opt": "/tmp/home/e/opt", "/tmp": "/tmp/home/e/tmp"}


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    it = Functions(tmp_path)
    yield it
    it.stop()


@given(st.sampled_from(list(ROOTS)), st.lists(st.text("ab", min_size=1), max_size=3))
def test_a_path_lands_in_its_folder_once(root: str, parts: list[str]) -> None:
    folders = Folders(ROOTS, ["/tmp/home", "/real/code"])
    path, real = "/".join([root, *parts]), "/".join([ROOTS[root], *parts])
    assert folders.real(path) == folders.real(Path(path)) == folders.real(real) == real


@pytest.mark.parametrize("path", ["/tmpfile", "/etc/hosts", "relative/tmp", "", 3, b"/tmp/x", None, "/tmp/home/x"])
def test_other_paths_stay(path: object) -> None:
    assert Folders(ROOTS, ["/tmp/home"]).real(path) == path


USES = {
    "builtins.open": "open('/tmp/x', 'w').write('x'); found = open('/tmp/x').read()",
    "os": "os.mkdir('/tmp/d'); os.rename('/tmp/d', '/tmp/x'); found = os.listdir('/tmp') and os.path.isdir('/tmp/x')",
    "os.open": "os.close(os.open('/tmp/x', os.O_CREAT | os.O_WRONLY)); found = os.stat('/tmp/x').st_size == 0",
    "pathlib": "pathlib.Path('/tmp/a/x').parent.mkdir(); found = list(pathlib.Path('/tmp').glob('*'))[0].name",
    "pathlib text": "pathlib.Path('/tmp/x').write_text('x'); found = pathlib.Path('/tmp/x').read_text()",
    "tempfile": "found = tempfile.NamedTemporaryFile().name.startswith('/') and os.path.exists(tempfile.mkdtemp())",
    "tempfile in": "found = os.path.dirname(tempfile.mkdtemp(dir='/tmp')) == '/tmp'",
    "shutil": "os.makedirs('/tmp/a/b'); shutil.copytree('/tmp/a', '/tmp/x'); found = os.path.isdir('/tmp/x/b')",
    "shutil.rmtree": "os.makedirs('/tmp/a/b'); shutil.rmtree('/tmp/a'); found = not os.listdir('/tmp')",
    "sqlite3": "sqlite3.connect('/tmp/x').execute('create table t (c)'); found = os.path.getsize('/tmp/x')",
    "zipfile": "zipfile.ZipFile('/tmp/x', 'w').writestr('a', 'b'); found = os.path.exists('/tmp/x')",
    "chdir": "os.chdir('/tmp'); open('x', 'w').close(); found = os.path.abspath('x') == '/tmp/x' and os.listdir()",
    "sys.path": "open('/tmp/mine.py', 'w').close(); sys.path.append('/tmp'); found = __import__('mine') is not None",
    "keyword": "open(file='/tmp/x', mode='w').close(); found = os.path.exists(path='/tmp/x')",
    "logging": "logging.FileHandler('/tmp/x').close(); found = os.path.exists('/tmp/x')",
}


def test_every_way_to_write_to_tmp(functions: Functions, tmp_path: Path) -> None:
    body = """
        import logging, os, pathlib, shutil, sqlite3, sys, tempfile, zipfile
        def handler(event, context):
            scope = dict(globals())
            exec(event, scope)
            return bool(scope["found"])
    """
    before = set(Path("/tmp").iterdir())
    for way, code in USES.items():
        environment = functions.environment(body)
        assert result(invoke(environment, code)) is True, way
        environment.stop()
    mine = {path.name for path in set(Path("/tmp").iterdir()) - before}
    assert not mine & {"x", "a", "d", "mine.py"}


@pytest.mark.parametrize(
    "code",
    [
        "open('/var/task/x', 'w')",
        "open('x', 'a')",
        "pathlib.Path('x').write_text('')",
        "pathlib.Path(__file__).unlink()",
        "os.mkdir('/opt/x')",
        "os.open('x', os.O_CREAT | os.O_WRONLY)",
        "os.rename('/tmp', '/var/task/tmp')",
    ],
)
def test_the_code_and_the_layers_cannot_be_changed(functions: Functions, code: str) -> None:
    outcome = functions.run(f"import os, pathlib\ndef handler(event, context):\n    {code}")
    body = json.loads(outcome.payload)
    assert (body["errorType"], body["errorMessage"][:34]) == ("OSError", "[Errno 30] Read-only file system: ")
    assert body["stackTrace"][0] == f'  File "/var/task/app.py", line 3, in handler\n    {code}\n'
    assert "folders.py" not in "".join(own_lines(outcome))


def test_files_of_the_package_and_the_current_folder(functions: Functions) -> None:
    code = """
        import os, pathlib
        def handler(event, context):
            print(__file__)
            texts = [open(p).read() for p in ("/var/task/d/t", "d/t", pathlib.Path(__file__).parent / "d" / "t")]
            return texts, os.getcwd(), __file__, os.environ["LAMBDA_TASK_ROOT"], sorted(os.listdir("/var/task"))
    """
    outcome = functions.run({"app.py": code, "d/t": "text"})
    assert result(outcome) == [["text"] * 3, "/var/task", "/var/task/app.py", "/var/task", ["app.py", "d"]]
    assert own_lines(outcome) == ["/var/task/app.py\n"]


def test_tmp_is_kept_while_warm_and_not_shared(functions: Functions) -> None:
    code = """
        import os
        def handler(event, context):
            open(f"/tmp/{event}", "w").close()
            return sorted(os.listdir("/tmp"))
    """
    one, other = functions.environment(code), functions.environment(code)
    assert result(invoke(one, "a")) == ["a"]
    assert result(invoke(one, "b")) == ["a", "b"]
    assert result(invoke(other, "c")) == ["c"]


def test_layers_are_merged_and_the_later_wins(functions: Functions, tmp_path: Path) -> None:
    place = "python/lib/python3.13/site-packages/one.py"
    first = functions.version({place: "x = 1", "python/two.py": "x = 1", "t": "1"}).code
    second = functions.version({"python/two.py": "x = 2", "t": "2", "python/boom.py": "def go(): return 1 / 0"}).code
    code = """
        import boom, one, two
        def handler(event, context):
            return boom.go() if event else [one.x, two.x, open("/opt/t").read()]
    """
    environment = functions.environment(code, layers=(first, second))
    assert result(invoke(environment)) == [1, 2, "2"]
    assert json.loads(invoke(environment, 1).payload)["stackTrace"][1].startswith(
        '  File "/opt/python/boom.py", line 1'
    )
    environment.stop()
    assert (first / "python" / "two.py").read_text() == "x = 1"


def test_the_package_wins_over_layers_and_runtime_modules(functions: Functions) -> None:
    layer = functions.version({"python/helper.py": "x = 'layer'"}).code
    code = {"app.py": "import helper, folders\ndef handler(event, context): return [helper.x, folders.x]"}
    code |= {"helper.py": "x = 'package'", "folders.py": "x = 'own'"}
    assert result(functions.run(code, layers=(layer,))) == ["package", "own"]


@pytest.mark.parametrize("runtime", ["python3.11", "python3.13"])
def test_real_folders_never_show_whatever_they_are_called(tmp_path: Path, runtime: str) -> None:
    home = tmp_path / 'José "x" y'
    home.mkdir()
    functions = Functions(home)
    code = "import os\ndef handler(event, context):\n    print(os.environ['TMPDIR'])\n    raise ValueError(__file__)"
    outcome = functions.run(code, runtime=runtime)
    body = json.loads(outcome.payload)
    assert (body["errorMessage"], body["stackTrace"][0][:36]) == (
        "/var/task/app.py",
        '  File "/var/task/app.py", line 4, i',
    )
    assert own_lines(outcome)[0] == "/tmp\n"
    assert "Jos" not in "".join([outcome.payload.decode(), *(line.text for line in outcome.log)])
