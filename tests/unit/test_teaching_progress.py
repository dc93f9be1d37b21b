"""Progress: nothing lost by several notebooks at once, a damaged file, or a folder that may not be written."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.teaching import progress_file
from helpers.teaching.progress_file import Progress

WRITER = """
import sys
from pathlib import Path
from helpers.teaching import progress_file
progress_file._PATIENCE = 120  # a slow disk, and no queue for the lock
progress = progress_file.Progress(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    assert progress.record(f"lab.{sys.argv[2]}_{number}") == ""
"""


def test_several_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in range(4)
    ]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    reader = Progress(path)
    while any(writer.poll() is None for writer in writers):
        reader.items()  # a reader never meets half a file
    assert [writer.wait() for writer in writers] == [0] * 4
    for writer in writers:
        writer.stdin.close()  # type: ignore[union-attr]
        writer.stdout.close()  # type: ignore[union-attr]
    assert len(reader.items()) == 100
    assert sorted(os.listdir(tmp_path)) == ["progress.json", "progress.json.lock"]


def test_the_first_pass_stays(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "new" / "progress.json")
    assert progress.record("lab.deploy") == ""
    first = progress.items()
    progress.record("lab.deploy")
    assert progress.items() == first
    assert set(first["lab.deploy"]) == {"when"}


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'{"version": 2, "passed": {}}', b'{"version":1,"passed":{"a":1}}'])  # fmt: skip # noqa: E501
def test_a_damaged_file_is_kept_aside(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    (tmp_path / "progress.damaged-1.json").write_text("older")
    path.write_bytes(content)
    notice = Progress(path).record("lab.deploy")
    assert "progress.damaged-2.json" in notice
    assert (tmp_path / "progress.damaged-2.json").read_bytes() == content
    assert (tmp_path / "progress.damaged-1.json").read_text() == "older"
    assert list(Progress(path).items()) == ["lab.deploy"]
    assert Progress(path).record("lab.other") == ""


def test_looking_at_a_damaged_file_keeps_it_aside_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "progress.json"
    path.write_text("{")
    Progress(path)()
    assert "could not be read" in capsys.readouterr().out
    assert (tmp_path / "progress.damaged-1.json").read_text() == "{"


def test_a_folder_that_cannot_be_written_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    progress = Progress(tmp_path / "file" / "progress.json")  # a folder below a file: refused for root as well
    notice = progress.record("lab.deploy")
    assert notice.startswith("Your progress is not kept:")
    assert "COURSE_PROGRESS" in notice


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_read(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    progress.record("lab.deploy")
    (tmp_path / "progress.json.lock").unlink()
    tmp_path.chmod(0o500)
    try:
        assert "Permission denied" in progress.record("lab.other")
        assert list(progress.items()) == ["lab.deploy"]
    finally:
        tmp_path.chmod(0o700)


def test_a_lock_that_is_never_freed_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "_PATIENCE", 0.1)
    with open(tmp_path / "progress.json.lock", "a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        notice = Progress(tmp_path / "progress.json").record("lab.deploy")
    assert "another notebook has held `progress.json`" in notice


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.json"
    Progress(path).record("lab.deploy")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    assert "No space left on device" in Progress(path).record("lab.other")
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["progress.json", "progress.json.lock"]


def test_reset_forgets_a_lab_or_everything_and_keeps_a_copy(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    for name in ("lab.a", "lab.b", "laboratory.a", "quiz.02_x"):
        progress.record(name)
    progress.reset("lab")
    assert sorted(progress.items()) == ["laboratory.a", "quiz.02_x"]
    progress.reset()
    assert progress.items() == {}
    kept = json.loads((tmp_path / "progress.before-reset-1.json").read_text())
    assert len(kept["passed"]) == 4
    assert (tmp_path / "progress.before-reset-2.json").exists()


def test_the_path_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "mine.json"))
    assert Progress().path == tmp_path / "mine.json"
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    assert Progress().path is None
    assert Progress().record("lab.deploy") == ""
    assert Progress().items() == {}
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    assert Progress().path == tmp_path / "jupyter" / "serverless-aws-course" / "progress.json"


def test_progress_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(tmp_path / "progress.json")
    progress()
    assert "Nothing is passed yet." in capsys.readouterr().out
    progress.record("lab.deploy")
    progress.record("quiz.02_x", 4, 5)
    progress()
    shown = capsys.readouterr().out
    assert "| lab.deploy | ✓ passed | 20" in shown
    assert "4 of 5 right" in shown
