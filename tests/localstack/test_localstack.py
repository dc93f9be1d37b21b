"""LocalStack cannot rot: it starts without Docker, and a chapter, a lab and a few promises run on it.

The short form of ``make test-localstack``. Skipped, with the reason, only where LocalStack cannot be installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
import yaml

from helpers import cloud
from helpers.teaching import package
from tools.localstack import notebooks, server
from tools.notebook_files import PROJECT
from tools.notebooks import executed_notebooks

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "123456789012", "aws_secret_access_key": "local"}
ROLE = "arn:aws:iam::123456789012:role/worker"


@pytest.fixture(scope="module")
def localstack() -> Iterator[dict[str, str]]:
    """A running LocalStack, as the variables that lead a notebook there."""
    try:
        server.install()
    except server.NoLocalStack as reason:
        pytest.skip(str(reason))
    with server.running() as address:
        yield {"COURSE_BACKEND": "localstack", "LOCALSTACK_HOST": address.removeprefix("http://")}


def test_a_function_runs_without_docker(localstack: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in localstack.items():
        monkeypatch.setenv(name, value)
    try:
        running = cloud.start()
        assert running.account_id == "123456789012" and "LocalStack" in repr(running)
        assert not cloud.needs("xray")
        code = {"ZipFile": package({"app.py": "import boto3\ndef handler(event, context): return event * 2"})}
        function = {"FunctionName": "twice", "Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE}
        boto3.client("lambda").create_function(Code=code, **function)
        assert boto3.client("lambda").invoke(FunctionName="twice", Payload=b"21")["Payload"].read() == b"42"
        cloud.start()
        assert boto3.client("lambda").list_functions()["Functions"] == []
    finally:
        cloud.stop()


def test_two_of_them_share_nothing(localstack: dict[str, str]) -> None:
    first = f"http://{localstack['LOCALSTACK_HOST']}"
    with server.running() as second:
        clients = [boto3.client("s3", endpoint_url=url, **KEYS) for url in (first, second)]
        for client in clients:
            client.create_bucket(Bucket="shared")
            client.put_object(Bucket="shared", Key="text", Body=client.meta.endpoint_url.encode())
        urllib.request.urlopen(urllib.request.Request(f"{second}/_localstack/course/reset", method="POST")).close()
        assert clients[0].get_object(Bucket="shared", Key="text")["Body"].read().decode() == first
        assert clients[1].list_buckets()["Buckets"] == []


@pytest.mark.parametrize("name", ["notebooks/00_start_here.ipynb", "labs/02_hello_function/solution.ipynb"])
def test_a_chapter_and_a_lab_run(localstack: dict[str, str], name: str) -> None:
    row = notebooks.run(PROJECT / name, localstack)
    assert row.ran == row.cells, row.reason


def test_the_promise_of_an_invocation_is_kept(localstack: dict[str, str]) -> None:
    """Contract tests reach it too; which promises it keeps is in docs/fidelity.md."""
    test = "tests/contract/test_lambda_invoke.py::test_round_trip"
    environment = {**os.environ, "CONTRACT_BACKEND": "localstack"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_page_lists_notebooks_that_are_there() -> None:
    listed = set(notebooks.rows(notebooks.PAGE.read_text(encoding="utf-8")))
    assert listed <= {path.relative_to(PROJECT).as_posix() for path in executed_notebooks()}
    assert len(listed) > 40


def test_the_page_can_be_read_again() -> None:
    found = {
        "labs/a/solution.ipynb": notebooks.Row(3, 2, 1, "`x`: Left out: no."),
        "notebooks/b.ipynb": notebooks.Row(1, 1, 0, ""),
    }
    page = notebooks.page_of(found, "1 May 2026")
    assert notebooks.rows(page) == found
    assert page.index("notebooks/b") < page.index("labs/a")


def test_a_row_says_why_cells_were_left_out_and_which_say_nothing() -> None:
    words = {
        "pool": "Left out: LocalStack does not have CreateUserPool.",
        "user": "Left out: it needs `pool`, which a cell that was left out would have made.",
        "burst": "Left out: LocalStack does not throttle.",
        "quota": "Left out: LocalStack does not throttle.",
        "last": "KeyError: 'x'",
        "fine": "",
    }
    row = notebooks.row_of(words)
    assert (row.cells, row.ran, row.left_out) == (6, 1, 4)
    assert row.reason == (
        "`pool`: LocalStack does not have CreateUserPool. `burst`, `quota`: LocalStack does not throttle. "
        "`last`: **not explained**: KeyError: 'x'"
    )


def test_reasons_are_stable_and_short() -> None:
    assert notebooks.plain("no 'a1b2c3d4-0000-1111-2222-333344445555' at http://127.0.0.1:4566 | $x\n<b>") == (
        r"no '…' at http://… / \$x &lt;b>"
    )
    assert len(notebooks.plain("word " * 100)) <= notebooks.LONGEST_REASON


def test_compose_pins_the_last_image_without_a_token_to_this_machine() -> None:
    service = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))["services"]["localstack"]
    assert service["image"] == "localstack/localstack:4.14.0"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_localstack_listens_on_this_machine_only() -> None:
    variables = server.variables(4566, PROJECT)
    assert variables["GATEWAY_LISTEN"] == "127.0.0.1:4566"
    assert not {name for name in variables if name.startswith("AWS_")}
