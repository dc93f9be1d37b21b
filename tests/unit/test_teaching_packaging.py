"""``package_template``: what a template names by local paths goes to a bucket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from helpers import cloud
from helpers.teaching.packaging import package_template

FOLDERS = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {CodeUri: src}}
Resources:
  Shared: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt R.Arn}}
  Inline: {Type: AWS::Serverless::Function, Properties: {InlineCode: "x = 1"}}
  File: {Type: AWS::Serverless::Function, Properties: {CodeUri: src/app.py}}
  There: {Type: AWS::Serverless::Function, Properties: {CodeUri: "s3://elsewhere/key"}}
  Plain: {Type: AWS::Lambda::Function, Properties: {Code: src}}
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: src}}
  Flow: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: flow.asl.json}}
  Machine: {Type: AWS::StepFunctions::StateMachine, Properties: {DefinitionS3Location: flow.asl.json}}
  R: {Type: AWS::IAM::Role}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with code and a definition; a cloud with the bucket ``code``."""
    (tmp_path / "src/__pycache__").mkdir(parents=True)
    (tmp_path / "src/app.py").write_text("def handler(event, context): pass\n")
    (tmp_path / "src/run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "src/run.sh").chmod(0o755)
    (tmp_path / "src/__pycache__/app.cpython-313.pyc").write_bytes(b"x")
    (tmp_path / "flow.asl.json").write_text("{}")
    cloud.start()
    boto3.client("s3").create_bucket(Bucket="code")
    yield tmp_path
    cloud.stop()


def packaged(folder: Path, template: str = FOLDERS) -> dict[str, Any]:
    """Return the properties of the packaged template's resources."""
    document = yaml.safe_load(package_template(template, folder, "code"))
    return {name: one.get("Properties", {}) for name, one in document["Resources"].items()}


def content(key: str) -> bytes:
    """Return an object of the bucket."""
    body: bytes = boto3.client("s3").get_object(Bucket="code", Key=key)["Body"].read()
    return body


def test_each_type_gets_the_place_in_its_own_form(folder: Path) -> None:
    found = packaged(folder)
    key = found["Plain"]["Code"]["S3Key"]
    assert found["Plain"]["Code"]["S3Bucket"] == "code"
    assert found["Shared"] == {"Role": {"Fn::GetAtt": ["R", "Arn"]}, "CodeUri": f"s3://code/{key}"}
    assert found["Layer"]["ContentUri"] == f"s3://code/{key}"
    assert found["Inline"] == {"InlineCode": "x = 1"} and found["There"] == {"CodeUri": "s3://elsewhere/key"}
    definition = found["Flow"]["DefinitionUri"].removeprefix("s3://code/")
    assert found["Machine"]["DefinitionS3Location"] == {"Bucket": "code", "Key": definition}
    assert content(definition) == b"{}"
    with zipfile.ZipFile(io.BytesIO(content(key))) as archive:
        assert archive.namelist() == ["app.py", "run.sh"]
        assert [one.external_attr >> 16 & 0o111 for one in archive.infolist()] == [0, 0o111]
    with zipfile.ZipFile(io.BytesIO(content(found["File"]["CodeUri"].removeprefix("s3://code/")))) as archive:
        assert archive.namelist() == ["app.py"]


def test_the_key_is_that_of_the_content(folder: Path) -> None:
    before = packaged(folder)
    assert packaged(folder) == before
    assert len(boto3.client("s3").list_objects_v2(Bucket="code")["Contents"]) == 3
    (folder / "src/app.py").write_text("def handler(event, context): return 2\n")
    after = packaged(folder)
    assert {name for name in after if after[name] != before[name]} == {"Shared", "File", "Plain", "Layer"}


def test_what_is_wrong_with_a_template(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="CodeUri of Shared is 'source'"):
        packaged(folder, FOLDERS.replace("src}", "source}", 1))
    with pytest.raises(ValueError, match="At least one Resources member"):
        packaged(folder, "Resources: {}")
