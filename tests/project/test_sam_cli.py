"""The SAM CLI itself against the local cloud, as the chapter about SAM says: everything but what needs Docker.

It runs where ``sam`` is on the PATH, or where the variable COURSE_SAM names it; ``uv tool install aws-sam-cli`` brings
it. It is no dependency of the course, because it pins boto3.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SAM = os.environ.get("COURSE_SAM") or shutil.which("sam") or ""
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
STACK = ["--stack-name", "bakery"]
DEPLOY = [
    "deploy", *STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
    "--no-fail-on-empty-changeset",
]  # fmt: skip
SOURCE = """
import os
def handler(event, context):
    print("baking")
    return {"statusCode": 200, "body": os.environ["TABLE"]}
"""
TEMPLATE = f"""
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals: {{Function: {{Runtime: {RUNTIME}, Timeout: 10}}}}
Resources:
  Cakes: {{Type: AWS::Serverless::SimpleTable}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Environment: {{Variables: {{TABLE: !Ref Cakes}}}}
      Policies: [{{DynamoDBCrudPolicy: {{TableName: !Ref Cakes}}}}]
      FunctionUrlConfig: {{AuthType: NONE}}
      Events: {{Get: {{Type: Api, Properties: {{Path: /cakes, Method: get}}}}}}
Outputs: {{Table: {{Value: !Ref Cakes}}}}
"""
Run = Callable[..., str]
pytestmark = [
    pytest.mark.skipif(not SAM, reason="there is no sam here: uv tool install aws-sam-cli, or set COURSE_SAM"),
    pytest.mark.slow,
]


@pytest.fixture
def sam(tmp_path: Path) -> Iterator[Run]:
    """Returns what a ``sam`` command prints, run beside a template, against a cloud of its own."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(SOURCE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    with subprocess.Popen([sys.executable, "-m", "helpers.cloud"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        told = json.loads(running.stdout.readline())
        environment = plain | {
            "AWS_ENDPOINT_URL": told["endpoint"], "AWS_DEFAULT_REGION": told["region"],
            "AWS_ACCESS_KEY_ID": told["access_key_id"], "AWS_SECRET_ACCESS_KEY": told["secret_access_key"],
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1", "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), plain.get("PATH", "")]),
        }  # fmt: skip

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [SAM, *arguments], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=120
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout + done.stderr

        try:
            yield run
        finally:
            running.send_signal(signal.SIGINT)


def listed(text: str) -> list[dict[str, str]]:
    """Return the JSON list that a command printed among other lines."""
    found: list[dict[str, str]] = json.loads(text[text.index("[") : text.rindex("]") + 1])
    return found


@pytest.mark.timeout(600)
def test_from_validation_to_deletion(sam: Run, tmp_path: Path) -> None:
    assert "valid SAM Template" in sam("validate", "--lint")
    assert "Build Succeeded" in sam("build", "--no-use-container")
    assert "Successfully created/updated stack - bakery" in sam(*DEPLOY)
    assert "Stack bakery is up to date" in sam(*DEPLOY)
    resources = {one["LogicalResourceId"]: one for one in listed(sam("list", "resources", *STACK, "--output", "json"))}
    assert {"Cakes", "Hello", "HelloRole", "ServerlessRestApi"} <= resources.keys()
    (output,) = listed(sam("list", "stack-outputs", *STACK, "--output", "json"))
    assert output["OutputValue"] == resources["Cakes"]["PhysicalResourceId"]
    endpoints = {one["LogicalResourceId"]: one for one in listed(sam("list", "endpoints", *STACK, "--output", "json"))}
    assert "/_aws/lambda-url/" in endpoints["Hello"]["CloudEndpoint"]
    assert endpoints["ServerlessRestApi"]["Methods"] == ["/cakes['get']"]
    assert output["OutputValue"] in sam("remote", "invoke", "Hello", *STACK)
    assert "baking" in sam("logs", *STACK)
    (tmp_path / "src/app.py").write_text(SOURCE.replace("baking", "frying"))
    sam("build", "--no-use-container")
    assert "* Modify" in sam(*DEPLOY)
    sam("remote", "invoke", "Hello", *STACK)
    assert "frying" in sam("logs", *STACK)
    assert "Deleted successfully" in sam("delete", *STACK, "--no-prompts", "--region", "us-east-1")
