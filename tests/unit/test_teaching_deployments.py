"""Deploying a system from one template, and removing it with all that it left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from helpers import cloud
from helpers.teaching import deployments

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: greet
      Runtime: python3.13
      Handler: app.handler
      Environment: {Variables: {GREETING: !Ref Greeting}}
  Cards: {Type: AWS::S3::Bucket}
Outputs:
  Function: {Value: !Ref Greet}
  Cards: {Value: !Ref Cards}
"""


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    cloud.start(speed=60)
    yield
    cloud.stop()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "greet").mkdir()
    code = "import os\ndef handler(event, context): return os.environ['GREETING']\n"
    (tmp_path / "greet" / "app.py").write_text(code)
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


def said(function: str) -> bytes:
    answer: bytes = boto3.client("lambda").invoke(FunctionName=function)["Payload"].read()
    return answer


def test_deploy_change_and_remove_leave_an_empty_account(template: Path) -> None:
    outputs = deployments.deploy(template, "cards")
    assert said(outputs["Function"]) == b'"hello"'
    assert deployments.deploy(template, "cards") == outputs, "nothing has changed"
    assert deployments.deploy(template, "cards", parameters={"Greeting": "ahoy"}) == outputs
    assert said(outputs["Function"]) == b'"ahoy"'
    boto3.client("s3").put_object(Bucket=outputs["Cards"], Key="a", Body=b"")
    assert {line.split()[0] for line in deployments.left()} == {"cloudformation", "iam", "lambda", "logs", "s3"}
    deployments.remove("cards")
    assert deployments.left() == []


def test_two_regions(template: Path) -> None:
    both = ["us-east-1", "eu-west-1"]
    deployments.deploy(template, "cards", region="eu-west-1")
    assert "cloudformation cards" not in deployments.left()
    assert "cloudformation cards" in deployments.left(both)
    deployments.remove("cards", region="eu-west-1")
    assert deployments.left(both) == []


def test_what_cannot_be_made_is_named_and_can_be_deployed_again(template: Path) -> None:
    bad = "Resources: {Post: {Type: AWS::SNS::Topic, Properties: {FifoTopic: true, TopicName: post}}}"
    with pytest.raises(deployments.DeploymentFailed) as caught:
        deployments.deploy_text(bad, ".", "post")
    assert "the stack post is ROLLBACK_COMPLETE" in str(caught.value)
    assert "Post (AWS::SNS::Topic): " in str(caught.value)
    assert "must end with .fifo" in str(caught.value)
    good = bad.replace("TopicName: post", "TopicName: post.fifo")
    deployments.deploy_text(good + "\nOutputs: {Name: {Value: !GetAtt Post.TopicName}}", ".", "post")
    deployments.remove("post")
    assert deployments.left() == []


def test_no_stack_is_no_stack_to_remove() -> None:
    deployments.remove("nothing")
    assert deployments.left() == []


def test_a_template_that_is_none_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        deployments.deploy("nowhere/template.yaml", "none")
    with pytest.raises(ValueError, match="no Resources"):
        deployments.together("Outputs: {}")
    with pytest.raises(ValueError, match="this is str"):
        deployments.together("AWS")


def test_parts_are_put_together() -> None:
    whole = deployments.together(
        "Resources: {Post: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1}}}",
        "Resources: {Post: {Properties: {DelaySeconds: 2, QueueName: !Ref Name}}}",
    )
    assert "DelaySeconds: 2" in whole
    assert "Ref: Name" in whole


def test_functions_are_written_into_a_copy(template: Path) -> None:
    (template.parent / "functions" / "old").mkdir(parents=True)
    (template.parent / "functions" / "old" / "app.py").write_text("old = 1")
    with deployments.with_functions(template.parent, {"new": "\n    new = 2\n"}) as folder:
        assert Path(folder, "functions", "old", "app.py").read_text() == "old = 1"
        assert Path(folder, "functions", "new", "app.py").read_text() == "new = 2\n"
    assert not (template.parent / "functions" / "new").exists()
    assert deployments.outputs("nothing") is None
