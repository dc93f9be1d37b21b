"""Nothing is left behind: not when the interpreter ends, and not when it is killed."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.guardian import follow
from tests.unit.lambda_functions import eventually, running

OWNER = """
import json, os, sys, time
from pathlib import Path
from helpers.dataplane.awslambda.guardian import GUARDIAN
from tests.unit.lambda_functions import Functions, invoke, result
functions = Functions(Path(sys.argv[1]))
code = '''
import os, subprocess, sys
def handler(event, context):
    child = subprocess.Popen(["sleep", "100"])
    stray = subprocess.Popen(["sleep", "100"], start_new_session=sys.platform == "linux")
    return [os.getpid(), child.pid, stray.pid], os.environ["AWS_LAMBDA_RUNTIME_API"]
'''
pids, addresses = [], []
for _ in range(2):
    found, address = result(invoke(functions.environment(code)))
    pids += found
    addresses.append(address)
if os.fork() == 0:
    sys.exit()  # a child that ends in order must leave its parent's environments alone
os.wait()
print(json.dumps([pids, addresses, GUARDIAN.pid]), flush=True)
sys.stdin.read()
"""


def refused(address: str) -> bool:
    try:
        socket.create_connection(tuple(address.split(":")), timeout=5).close()  # type: ignore[arg-type]
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("how", ["in order", "killed"])
def test_nothing_survives_its_owner(tmp_path: Path, how: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert owner.stdin is not None and owner.stdout is not None
    pids, addresses, guardian = json.loads(owner.stdout.readline())
    assert all(running(pid) for pid in [*pids, guardian])
    assert not any(refused(address) for address in addresses)
    if how == "killed":
        os.killpg(owner.pid, signal.SIGKILL)
    owner.stdin.close()
    owner.wait(60)
    assert all(refused(address) for address in addresses), "at once: later a port may be somebody else's"
    owner.stdout.close()
    assert eventually(lambda: not any(running(pid) for pid in [*pids, guardian]))
    assert eventually(lambda: not [path for path in tmp_path.iterdir() if path.name.startswith("environment")])


ITEMS = st.sampled_from(["group:1", "group:22", "folder:/a b", "folder:/ü"])


@given(st.lists(st.tuples(st.sampled_from("+-"), ITEMS)))
def test_what_is_held_is_what_was_not_released(messages: list[tuple[str, str]]) -> None:
    pipe = io.BytesIO(b"".join((sign + item).encode() + b"\0" for sign, item in messages))
    last = dict((item, sign) for sign, item in messages)
    held = follow(pipe)
    assert sorted(held) == sorted(item for item, sign in last.items() if sign == "+")
    assert held == sorted(held, key=lambda item: item.startswith("folder"))
