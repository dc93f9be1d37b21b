"""``python -m helpers.sam``: a function invoked and an API served from a template with local code."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from helpers import cloud, sam

SOURCE = """
import json, os
def handler(event, context):
    print("asked by", event.get("who"))
    return {"statusCode": 200, "body": json.dumps([event.get("path") or event.get("rawPath"), os.environ["WORD"]])}
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Word: {Type: String, Default: rye}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.13
      Environment: {Variables: {WORD: !Ref Word}}
      Events:
        Rest: {Type: Api, Properties: {Path: /cakes, Method: get}}
        Http: {Type: HttpApi, Properties: {Path: "/breads/{id}", Method: get}}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template with its code beside it."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(SOURCE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


def test_invoke_prints_the_result_and_logs_to_standard_error(
    template: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_BACKEND", "localstack")  # which a notebook may use: this cloud is its own
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"who": "ada", "path": "/"}'))
    options = ["--template", str(template), "--event", "-", "--parameter-overrides", "Word=oat", "--enforce-iam"]
    assert sam.main(["invoke", *options]) == 0
    said = capsys.readouterr()
    assert json.loads(json.loads(said.out)["body"]) == ["/", "oat"]
    assert "asked by ada" in said.err and "REPORT RequestId" in said.err
    with pytest.raises(RuntimeError, match="no cloud is running"):
        cloud.current()


def test_what_cannot_be_deployed_says_which_resource_and_why(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template.write_text(TEMPLATE.replace("app.handler", "app.handler\n      Timeout: 901"))
    assert sam.main(["invoke", "--template", str(template)]) == 1
    said = capsys.readouterr().err
    assert (
        "Error: the stack sam-local is ROLLBACK_COMPLETE:" in said
        and "Hello (AWS::Lambda::Function)" in said
        and "900" in said
    )


OTHER = "\n  Other: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: a.b, Runtime: python3.13}}\n"


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (TEMPLATE, ["Hallo"], "no function Hallo; it has Hello"),
        (TEMPLATE + OTHER, [], "several functions; name one of them: Hello, Other"),
        ("Resources: {Q: {Type: AWS::SQS::Queue}}", [], "the template has no function"),
        ("Resources: [", [], "YAML not well-formed"),
        (TEMPLATE, ["--event", "nowhere.json"], "the event cannot be read from nowhere.json"),
        (TEMPLATE, ["--event", "-"], "the event is no JSON"),
        (TEMPLATE.replace("src", "source"), [], "CodeUri of Hello is 'source', and there is no such file or folder"),
        (TEMPLATE, ["--parameter-overrides", "Wort=oat"], "Parameters: [Wort] do not exist in the template"),
    ],
)
def test_bad_input_says_what_to_change(
    template: Path, text: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.StringIO("{"))
    template.write_text(text)
    assert sam.main(["invoke", *arguments, "--template", str(template)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("Error: ") and words in said.err and not said.out


def test_a_template_that_is_not_there_and_one_without_an_api(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sam.main(["invoke", "--template", "nowhere.yaml"]) == 1
    assert "there is no template at nowhere.yaml" in capsys.readouterr().err
    template.write_text("Resources: {Q: {Type: AWS::SQS::Queue}}")
    assert sam.main(["start-api", "--template", str(template)]) == 1
    assert "the template has no API" in capsys.readouterr().err


def page(address: str) -> tuple[int, object]:
    """Return the status and the body, read as JSON."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_start_api_serves_both_kinds_of_apis_without_a_stage_and_takes_up_changed_code(template: Path) -> None:
    command = [sys.executable, "-m", "helpers.sam", "start-api", "--port", "0", "--template", str(template)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout and running.stderr
        mounted = [running.stdout.readline().split() for _ in range(3)]
        try:
            root = mounted[2][1]
            assert mounted[0] == ["Mounting", "Hello", "at", f"{root}/cakes", "[GET]"]
            assert page(f"{root}/cakes") == (200, ["/cakes", "rye"])
            assert page(f"{root}/breads/7") == (200, ["/breads/7", "rye"])
            assert page(f"{root}/nothing")[0] == 404
            (template.parent / "src/app.py").write_text(SOURCE.replace('"body"', '"headers": {}, "body"') + "\n# 2")
            template.write_text(TEMPLATE.replace("rye", "oat"))
            assert page(f"{root}/cakes") == (200, ["/cakes", "oat"])
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
        assert "GET /nothing 404" in running.stderr.read()
