"""The private database of the lessons: it asks for the password, answers SQL, and opens no files."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from helpers import cloud
from helpers.teaching import private_database

Ask = Callable[..., Any]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """A database with one table, asked over a socket."""
    import socket

    servers: list[socketserver.TCPServer] = []

    class Anywhere:
        def listen(self, interface: str, port: int, handler: type[socketserver.BaseRequestHandler]) -> None:
            servers.append(socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler))

    monkeypatch.setattr(cloud, "current", Anywhere)
    private_database(
        "eni-1", "crust", "CREATE TABLE breads (name TEXT, loaves INT); INSERT INTO breads VALUES ('rye', 4)"
    )
    threading.Thread(target=servers[0].serve_forever, args=(0.05,), daemon=True).start()

    def asked(**request: Any) -> Any:
        with socket.create_connection(servers[0].server_address[:2], timeout=5) as connection:
            stream = connection.makefile("rw")
            print(json.dumps(request), file=stream, flush=True)
            return json.loads(stream.readline())

    yield asked
    servers[0].shutdown()
    servers[0].server_close()


def test_it_reads_and_writes(ask: Ask) -> None:
    write = "UPDATE breads SET loaves = loaves - ? WHERE name = ?"
    assert ask(password="crust", sql=write, values=[1, "rye"]) == {"rows": []}
    assert ask(password="crust", sql="SELECT * FROM breads") == {"rows": [["rye", 3]]}


@pytest.mark.parametrize("password", ["crumb", "", None, "crüst"])
def test_it_asks_for_the_password(ask: Ask, password: str | None) -> None:
    assert ask(password=password, sql="SELECT 1") == {"error": "password authentication failed"}


def test_it_opens_no_files(ask: Ask, tmp_path: Any) -> None:
    path = tmp_path / "other.db"
    assert ask(password="crust", sql="ATTACH ? AS other", values=[str(path)]) == {"error": "not authorized"}
    assert "error" in ask(password="crust", sql="VACUUM INTO ?", values=[str(path)])
    assert not path.exists()


@pytest.mark.parametrize("request_", [{"sql": "SELEC 1"}, {}, {"sql": 7}, {"sql": "SELECT ?", "values": []}])
def test_it_survives_what_it_does_not_understand(ask: Ask, request_: dict[str, Any]) -> None:
    assert "error" in ask(password="crust", **request_)
    assert ask(password="crust", sql="SELECT 1") == {"rows": [[1]]}
