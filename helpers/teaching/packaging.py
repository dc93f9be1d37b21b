"""What ``sam package`` does with a template: local folders go to a bucket, and the template says where.

AWS: "sam package" and "Uploading local files at deployment" (SAM Developer Guide), "package" (AWS CLI Reference,
CloudFormation). Code is zipped, a definition is uploaded as it is, and the key is the MD5 of what was uploaded, so that
what has not changed is not uploaded again.

Differs: the properties of ``_PROPERTIES`` only; compiled Python (``__pycache__``) stays here, so that the key depends
on the sources alone; nothing is built: what ``requirements.txt`` names is ``sam build``'s business.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import boto3
import yaml
from botocore.exceptions import ClientError

from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.template import read
from helpers.teaching.packages import package

_CODE, _TEXT = True, False
_PROPERTIES: Mapping[str, tuple[str, bool, tuple[str, ...]]] = {
    "AWS::Serverless::Function": ("CodeUri", _CODE, ()),
    "AWS::Serverless::LayerVersion": ("ContentUri", _CODE, ()),
    "AWS::Serverless::Api": ("DefinitionUri", _TEXT, ()),
    "AWS::Serverless::HttpApi": ("DefinitionUri", _TEXT, ()),
    "AWS::Serverless::StateMachine": ("DefinitionUri", _TEXT, ()),
    "AWS::Lambda::Function": ("Code", _CODE, ("S3Bucket", "S3Key")),
    "AWS::Lambda::LayerVersion": ("Content", _CODE, ("S3Bucket", "S3Key")),
    "AWS::ApiGateway::RestApi": ("BodyS3Location", _TEXT, ("Bucket", "Key")),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", _TEXT, ("Bucket", "Key")),
}
"""Which property of a type may name a local path, whether that is code, and how the type writes a place in a bucket."""


def package_template(template: str, folder: str | os.PathLike[str], bucket: str) -> str:
    """Upload what a template names by local paths; return the template with the places in the bucket.

    Parameters
    ----------
    template:
        The template's text, YAML or JSON.
    folder:
        The folder in which the template lies: its paths begin there.
    bucket:
        A bucket that exists.

    Raises
    ------
    ValueError
        The text is no template.
    FileNotFoundError
        A path of the template does not exist.
    """
    try:
        document = read(template)
    except AWSError as error:
        raise ValueError(error.message) from None
    shared = (document.get("Globals") or {}).get("Function") or {}
    for name, resource in document["Resources"].items():
        kind, properties = resource["Type"], resource.setdefault("Properties", {}) or {}
        member, is_code, place = _PROPERTIES.get(kind, ("", False, ()))
        said = properties.get(member)
        if said is None and kind == "AWS::Serverless::Function" and "InlineCode" not in properties:
            said = shared.get(member)
        if not isinstance(said, str) or said.startswith(("s3://", "https://")):
            continue
        path = Path(folder) / said
        if not path.exists():
            raise FileNotFoundError(f"{member} of {name} is {said!r}, and there is no such file or folder")
        key = _uploaded(bucket, _content(path, is_code), path.suffix if path.is_file() else "")
        properties[member] = dict(zip(place, (bucket, key), strict=True)) if place else f"s3://{bucket}/{key}"
    return yaml.safe_dump(document, sort_keys=False)


def _content(path: Path, is_code: bool) -> bytes:
    if path.is_file():
        ready = not is_code or path.suffix in (".zip", ".jar")
        return path.read_bytes() if ready else package({path.name: path.read_bytes()})
    files = sorted(one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
    programs = tuple(one.relative_to(path).as_posix() for one in files if os.access(one, os.X_OK))
    return package({one.relative_to(path).as_posix(): one.read_bytes() for one in files}, executable=programs)


def _uploaded(bucket: str, content: bytes, suffix: str) -> str:
    s3, key = boto3.client("s3"), hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    return key
