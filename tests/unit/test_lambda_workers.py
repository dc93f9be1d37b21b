"""Other runtimes on the same Runtime API: Node.js and custom runtimes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.lambda_functions import Functions, invoke, own_lines, result, texts

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    it = Functions(tmp_path)
    yield it
    it.stop()


def node(functions: Functions, code: str, name: str = "index.js", event: Any = None, **settings: Any) -> Any:
    return functions.run({name: code}, event, runtime="nodejs22.x", handler="index.handler", **settings)


@needs_node
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("index.js", "exports.handler = async (event, context) => [event, context.awsRequestId];"),
        ("index.mjs", "export const handler = async (event, context) => [event, context.awsRequestId];"),
        ("index.js", "exports.handler = (event, context, callback) => setTimeout(callback, 5, null, [event, 'r']);"),
        ("index.cjs", "module.exports.handler = (event, context) => context.succeed([event, 'r']);"),
    ],
)
def test_node_handlers_of_every_style(functions: Functions, name: str, code: str) -> None:
    outcome = node(functions, code, name, {"é": 1})
    assert result(outcome) == [{"é": 1}, "r"]
    assert texts(outcome)[0].startswith("INIT_START Runtime Version: nodejs:22.v")


@needs_node
def test_node_is_kept_warm(functions: Functions) -> None:
    code = {"index.mjs": "let n = 0; export const handler = async () => ++n;"}
    environment = functions.environment(code, runtime="nodejs22.x", handler="index.handler")
    assert [result(invoke(environment)) for _ in range(3)] == [1, 2, 3]


@needs_node
def test_a_node_handler_that_never_answers_is_done_with_null(functions: Functions) -> None:
    assert result(node(functions, "exports.handler = (event, context, callback) => {};")) is None


@needs_node
def test_node_errors_and_logs(functions: Functions) -> None:
    code = "export const handler = async () => {\n  console.log('one\\ntwo', 3);\n  throw new TypeError('no');\n};"
    outcome = node(functions, code, "index.mjs")
    body = json.loads(outcome.payload)
    assert (body["errorType"], body["errorMessage"], outcome.function_error) == ("TypeError", "no", "Unhandled")
    assert body["trace"][0] == "TypeError: no"
    assert re.fullmatch(r"    at .*\(?file:///var/task/index.mjs:3:9\)?", body["trace"][1])
    log = own_lines(outcome)
    assert re.fullmatch(r"20\S+Z\tr\tINFO\tone\ntwo 3\n", log[0])
    assert re.search(r'Z\tr\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"no","stack":\[', log[1])


@needs_node
@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("exports.other = 1;", "Runtime.HandlerNotFound"),
        ("exports.handler = (;", "Runtime.UserCodeSyntaxError"),
        ("require('nope');", "Runtime.ImportModuleError"),
        ("throw new RangeError('x');", "RangeError"),
    ],
)
def test_node_functions_that_cannot_start(functions: Functions, code: str, error_type: str) -> None:
    outcome = node(functions, code)
    assert json.loads(outcome.payload)["errorType"] == error_type
    assert [line[:12] for line in texts(outcome)].count("INIT_REPORT ") == 2


@needs_node
def test_an_error_outside_of_the_handler_ends_node(functions: Functions) -> None:
    outcome = node(
        functions, "exports.handler = () => new Promise(() => setTimeout(() => { throw new Error('late'); }));"
    )
    assert json.loads(outcome.payload)["errorMessage"] == "late"
    assert "Error: Runtime exited with error: exit status 129\n" in "".join(own_lines(outcome))


@needs_curl
def test_a_custom_runtime_is_a_shell_script(functions: Functions) -> None:
    script = """\
        #!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
        while true; do
          event=$(curl -sS -D "$TMPDIR/headers" "$api/invocation/next")
          id=$(grep -i aws-request-id "$TMPDIR/headers" | tr -d '\\r' | cut -d' ' -f2)
          echo "got $event"
          curl -sS -o /dev/null "$api/invocation/$id/response" -d "[$event, \\"$_HANDLER\\"]"
        done
    """
    environment = functions.environment({"bootstrap": script}, runtime="provided.al2023", handler="any")
    for request_id in ("r", "s"):
        outcome = invoke(environment, {"a": 1}, request_id)
        assert result(outcome) == [{"a": 1}, "any"]
        assert own_lines(outcome) == ['got {"a": 1}\n']


def test_a_custom_runtime_may_come_from_a_layer(functions: Functions) -> None:
    layer = functions.version({"bootstrap": "#!/bin/sh\nexit 7\n"}).code
    outcome = functions.run({"other": ""}, runtime="provided.al2023", layers=(layer,))
    assert "Runtime exited with error: exit status 7" in outcome.payload.decode()
    assert outcome.error_type == "Runtime.ExitError"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"other": ""}, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        ({"bootstrap": "no program"}, "fork/exec /var/task/bootstrap: exec format error"),
    ],
)
def test_nothing_to_start(functions: Functions, files: dict[str, str], message: str) -> None:
    outcome = functions.run(files, runtime="provided.al2023")
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.InvalidEntrypoint",
        "errorMessage": f"RequestId: r Error: {message}",
    }
    assert own_lines(outcome) == [f"RequestId: r Error: {message}\nRuntime.InvalidEntrypoint\n"]


def test_other_runtimes_are_named(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "java21 does not run here" in functions.run("", runtime="java21").payload.decode()
    monkeypatch.setenv("PATH", "/nowhere")
    assert "needs Node.js" in functions.run("", runtime="nodejs22.x").payload.decode()
