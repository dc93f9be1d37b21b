"""A private database for the lessons on VPCs: a small SQL server that runs in the notebook's process.

AWS: RDS puts network interfaces into the subnets of your choice, and the database answers at their private addresses.
This: a TCP server of this machine that answers at the private address of a network interface, as far as the local
cloud's VPC lets a function through. SQLite in memory does the work. A request is one line of JSON, ``{"password": ...,
"sql": ..., "values": [...]}``, the answer is one too, ``{"rows": [...]}`` or ``{"error": ...}``: a protocol of this
course, so that a function needs no driver.
"""

from __future__ import annotations

import json
import secrets
import socketserver
import sqlite3
import threading
from typing import Any


def private_database(network_interface_id: str, password: str, script: str = "", port: int = 5432) -> None:
    """Start a database that answers at a network interface's private address until the cloud stops.

    Parameters
    ----------
    network_interface_id:
        The network interface, ``eni-...``.
    password:
        What each request must bring.
    script:
        SQL that runs first: tables and rows.
    port:
        The port at that address.

    Raises
    ------
    RuntimeError
        No cloud runs.
    """
    from helpers import cloud

    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.executescript(script)
    database.set_authorizer(_no_files)
    lock = threading.Lock()

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                with lock:
                    answer = _answer(database, password, line)
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    cloud.current().listen(network_interface_id, port, Connection)


def _answer(database: sqlite3.Connection, password: str, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not secrets.compare_digest(str(request.get("password")).encode(), password.encode()):
            return {"error": "password authentication failed"}
        with database:
            return {"rows": database.execute(request["sql"], request.get("values") or ()).fetchall()}
    except (sqlite3.Error, ValueError, KeyError, AttributeError, TypeError) as error:
        return {"error": str(error)}


def _no_files(action: int, *_: Any) -> int:
    """Keep SQL to this database: ATTACH would open the machine's files."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
