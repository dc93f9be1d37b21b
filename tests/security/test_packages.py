"""A deployment package or a layer is unpacked inside its own folder, whatever its entries are called."""

from __future__ import annotations

import contextlib
import io
import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.cloud import Cloud
from helpers.dataplane.awslambda.functions import unzip

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
MODE = 0o100777


def archive(*entries: tuple[str, bytes, int]) -> bytes:
    """Return a zip of entries with path, content and Unix mode, without the checks that a friendly tool makes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        for path, data, mode in entries:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename, entry.external_attr = path, mode << 16
            package.writestr(entry, data)
    return content.getvalue()


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return all files below a folder with mode and content."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A private file beside the folder that is unpacked into."""
    (tmp_path / "outside").mkdir()
    path = tmp_path / "outside" / "private"
    path.write_text("mine")
    path.chmod(0o600)
    return path


def names(victim: Path) -> list[str]:
    """Return the ways to name the victim from inside a package."""
    here = str(victim)
    return [
        "../outside/private", "../../outside/private", "a/../../outside/private", here, "/" + here,
        "./../outside/private", "a/b/../../../outside/private", "..\\outside\\private", "//" + here, "../outside/new",
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(10))
def test_no_entry_reaches_beyond_its_folder(tmp_path: Path, victim: Path, number: int) -> None:
    before = state(tmp_path / "outside")
    (tmp_path / "task").mkdir()
    unzip(archive((names(victim)[number], b"evil", MODE), ("app.py", b"x = 1", 0o100644)), tmp_path / "task" / "code")
    assert state(tmp_path / "outside") == before, "neither content nor permissions of a file outside may change"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "task"]
    assert (tmp_path / "task" / "code" / "app.py").read_bytes() == b"x = 1"


def test_a_link_to_the_outside_is_not_followed(tmp_path: Path, victim: Path) -> None:
    before = state(tmp_path / "outside")
    link = stat.S_IFLNK | 0o777
    packages = [
        archive(("door", str(victim.parent).encode(), link), ("door/private", b"evil", MODE)),
        archive(("file", str(victim).encode(), link), ("file", b"evil", MODE)),
        archive(("up", b"..", link), ("up/up/outside/private", b"evil", MODE)),
    ]
    (tmp_path / "task").mkdir()
    for number, package in enumerate(packages):
        folder = tmp_path / "task" / str(number)
        with contextlib.suppress(OSError):
            unzip(package, folder)
        assert state(tmp_path / "outside") == before
        assert not [
            path for path in folder.rglob("*") if path.is_symlink() and not path.resolve().is_relative_to(folder)
        ]


def test_permissions_are_kept_but_nothing_more(tmp_path: Path) -> None:
    """AWS runs a bootstrap that the zip says is executable; set-user-id bits have no business here."""
    folder = tmp_path / "code"
    unzip(
        archive(("bootstrap", b"#!/bin/sh\n", 0o104755), ("data/secret", b"", 0o100000), ("plain", b"", 0o100640)),
        folder,
    )
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {"bootstrap": 0o755, "secret": modes["secret"], "plain": 0o640}
    assert modes["secret"] & 0o400


def test_a_package_that_cannot_be_unpacked_leaves_no_half(tmp_path: Path) -> None:
    """The folder is kept for later invocations: half of a package in it would be run as if it were the whole."""
    good = archive(("app.py", b"x = 1", MODE), ("data", b"a" * 1000, MODE))
    broken = good.replace(b"a" * 1000, b"b" * 1000)
    folder = tmp_path / "code"
    for _ in range(2):
        with pytest.raises(zipfile.BadZipFile):
            unzip(broken, folder)
        assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_comes_late_does_not_make_a_stopped_clouds_folder_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unzip(archive(("app.py", b"x = 1", MODE)), tmp_path / "stopped" / "code")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="./\\abé\x01", min_size=1, max_size=12), min_size=1, max_size=4))
def test_any_names_stay_inside(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "private").write_text("mine")
        (root / "deep").mkdir()
        before = (root / "private").stat().st_mode
        with contextlib.suppress(OSError, zipfile.BadZipFile):
            unzip(archive(*((path, b"evil", MODE) for path in paths)), root / "deep" / "code")
        assert sorted(path.name for path in root.iterdir()) == ["deep", "private"]
        assert (root / "private").read_text() == "mine"
        assert (root / "private").stat().st_mode == before


def test_through_the_api(running: Cloud, role: Callable[[str], str], victim: Path) -> None:
    """The whole way: such a package is created, published as a layer and invoked, and the private file is as before."""
    before = state(victim.parent)
    client = boto3.client("lambda")
    evil = [(name, b"evil", MODE) for name in names(victim)[:4]]
    layer = client.publish_layer_version(LayerName="evil", Content={"ZipFile": archive(*evil)})["LayerVersionArn"]
    source = b"def handler(event, context):\n    return 'ran'\n"
    client.create_function(
        FunctionName="evil", Runtime="python3.13", Handler="app.handler", Role=role("evil"), Layers=[layer],
        Code={"ZipFile": archive(("app.py", source, 0o100644), *evil)},
    )  # fmt: skip
    try:
        assert client.invoke(FunctionName="evil")["Payload"].read() == b'"ran"'
    finally:
        client.delete_function(FunctionName="evil")
    assert state(victim.parent) == before


def test_what_is_no_zip_is_refused(running: Cloud, role: Callable[[str], str]) -> None:
    for content in (b"", b"PK", b"garbage" * 100, archive(("app.py", b"x", MODE))[:-10]):
        with pytest.raises(ClientError) as refused:
            boto3.client("lambda").create_function(
                FunctionName="none", Runtime="python3.13", Handler="app.handler", Role=role(f"none-{len(content)}"),
                Code={"ZipFile": content},
            )  # fmt: skip
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
