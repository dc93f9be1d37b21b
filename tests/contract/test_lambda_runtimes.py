"""What Lambda promises about runtimes other than Python, and about what Python's brings along."""

from __future__ import annotations

import shutil

import pytest

from helpers.teaching import package
from tests.contract.subjects import Subject, promise

CUSTOM = "Lambda Developer Guide, Building a custom runtime for AWS Lambda"
NODE = "Lambda Developer Guide, Building Lambda functions with Node.js"
BOOTSTRAP = """\
#!/bin/sh
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    event=$(curl -sS -D "$TMPDIR/headers" "$api/next")
    id=$(grep -i lambda-runtime-aws-request-id "$TMPDIR/headers" | tr -d '[:space:]' | cut -d: -f2)
    echo "a shell got $event"
    curl -sS -d "{\\"handler\\": \\"$_HANDLER\\", \\"got\\": $event}" "$api/$id/response" > "$TMPDIR/answer"
done
"""

node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js on this machine")
curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the runtime of this test is a shell script with curl")


@node
@promise(NODE, "an async handler of a Node.js function gets the event and the context; its result is returned")
def test_node(aws: Subject) -> None:
    source = """
        export const handler = async (event, context) => {
            console.log("selling", event.cake);
            return {cake: event.cake, name: context.functionName, id: context.awsRequestId};
        };
    """
    code = {"ZipFile": package({"index.mjs": source})}
    aws.function("", Code=code, Runtime="nodejs22.x", Handler="index.handler")
    answer = aws.call({"cake": "rye"}, LogType="Tail")
    assert answer.payload == {"cake": "rye", "name": "f", "id": answer.request_id}
    assert f"\t{answer.request_id}\tINFO\tselling rye\n" in answer.log


@node
@promise(NODE, "an error of a Node.js function has errorType, errorMessage and trace")
def test_node_error(aws: Subject) -> None:
    code = {
        "ZipFile": package({"index.mjs": "export const handler = async () => { throw new RangeError('too hot'); };"})
    }
    aws.function("", Code=code, Runtime="nodejs22.x", Handler="index.handler")
    answer = aws.call()
    assert answer.error == "Unhandled"
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == ("RangeError", "too hot")
    assert answer.payload["trace"][0] == "RangeError: too hot"


@node
@promise(NODE, "a Node.js layer's modules are found in nodejs/node_modules")
def test_node_layer(aws: Subject) -> None:
    layer = package({"nodejs/node_modules/recipe/index.js": "exports.name = 'rye';"})
    arn = aws.client("lambda").publish_layer_version(LayerName="l", Content={"ZipFile": layer})["LayerVersionArn"]
    source = "exports.handler = async () => require('recipe').name;"
    code = {"ZipFile": package({"index.js": source})}
    aws.function("", Code=code, Runtime="nodejs22.x", Handler="index.handler", Layers=[arn])
    assert aws.call().payload == "rye"


@curl
@promise(CUSTOM, "a custom runtime is a program named bootstrap in the package, which speaks the Runtime API")
def test_bootstrap_in_the_package(aws: Subject) -> None:
    code = {"ZipFile": package({"bootstrap": BOOTSTRAP})}
    aws.function("", Code=code, Runtime="provided.al2023", Handler="shop.sell")
    for event in ("bread", "cake"):
        answer = aws.call(event, LogType="Tail")
        assert answer.payload == {"handler": "shop.sell", "got": event}
        assert f'a shell got "{event}"\n' in answer.log


@curl
@promise(CUSTOM, "a custom runtime may come from a layer")
def test_bootstrap_in_a_layer(aws: Subject) -> None:
    layer = {"ZipFile": package({"bootstrap": BOOTSTRAP})}
    arn = aws.client("lambda").publish_layer_version(LayerName="shell", Content=layer)["LayerVersionArn"]
    aws.function("nothing = 1", Runtime="provided.al2023", Handler="h", Layers=[arn])
    assert aws.call([1, 2]).payload == {"handler": "h", "got": [1, 2]}


@promise(CUSTOM, "without a bootstrap the call fails with Runtime.InvalidEntrypoint")
def test_no_bootstrap(aws: Subject) -> None:
    aws.function("nothing = 1", Runtime="provided.al2023", Handler="h")
    answer = aws.call()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.InvalidEntrypoint"
    assert "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]" in answer.payload["errorMessage"]


@promise("Lambda Developer Guide, Building Lambda functions with Python", "boto3 is there without being packaged")
def test_boto3(aws: Subject) -> None:
    aws.function("import boto3\ndef handler(event, context): return boto3.client('s3').meta.region_name", Timeout=10)
    assert aws.call().payload == "us-east-1"
