"""The learner's own AWS profile is neither read nor used, and everything is as before after ``stop()``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers import cloud

PROFILE = {
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_SESSION_TOKEN": "real-token",
    "AWS_SECURITY_TOKEN": "real-token",
    "AWS_ENDPOINT_URL": "https://production.example",
    "AWS_ENDPOINT_URL_S3": "https://s3.production.example",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.production.example",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/admin",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/credentials",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_REGION": "eu-west-3",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}
"""What a working developer's terminal may hold."""

SCRIPT = """
import json, os, sys, urllib.request
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event in ("open", "subprocess.Popen") else None)
before = dict(os.environ)
from helpers import cloud
import boto3
running = cloud.start()
session = boto3.session.Session()
answer = {
    "profile": session.profile_name,
    "key": session.get_credentials().access_key == running.access_key_id,
    "arn": boto3.client("sts").get_caller_identity()["Arn"],
    "endpoints": {boto3.client(name).meta.endpoint_url for name in ("s3", "dynamodb", "sqs")} == {running.endpoint},
    "region": session.region_name,
    "buckets": len(boto3.client("s3").list_buckets()["Buckets"]),
}
try:
    urllib.request.urlopen(running.endpoint + "/_aws/nothing/", timeout=5)
except Exception as error:
    answer["plain"] = str(error)
cloud.stop()
answer["restored"] = {name: [before.get(name), os.environ.get(name)] for name in before.keys() | os.environ.keys()
                      if before.get(name) != os.environ.get(name)}
answer["opened"] = [path for path in opened if ".aws" in path or "credential-helper" in path]
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process with such a profile sees while the cloud runs."""
    home = tmp_path_factory.mktemp("home")
    (home / ".aws").mkdir()
    touched = home / "touched"
    helper = home / "credential-helper"
    helper.write_text(f"#!/bin/sh\ntouch {touched}\n")
    helper.chmod(0o755)
    (home / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
        "[production]\naws_access_key_id = AKIAREAL2\naws_secret_access_key = real\n"
    )
    settings = f"endpoint_url = https://real.example\ncredential_process = {helper}\nregion = eu-west-3\n"
    (home / ".aws" / "config").write_text(f"[default]\n{settings}[profile production]\n{settings}")
    environment = {**os.environ, **PROFILE, "HOME": str(home)}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    return {**json.loads(result.stdout), "helper ran": touched.exists(), "stderr": result.stderr}


def test_the_profile_is_not_used(answer: Any) -> None:
    assert answer["profile"] == "default"
    assert answer["key"] is True
    assert answer["arn"] == "arn:aws:iam::123456789012:root"
    assert answer["endpoints"] is True
    assert answer["region"] == "us-east-1"
    assert answer["buckets"] == 0


def test_the_profile_is_not_even_read(answer: Any) -> None:
    assert answer["opened"] == []
    assert answer["helper ran"] is False


def test_a_proxy_is_not_asked_for_the_cloud(answer: Any) -> None:
    """A corporate proxy would see, and could answer, what is meant for 127.0.0.1."""
    assert answer["plain"] == "HTTP Error 404: Not Found"


def test_the_variables_are_as_before_after_stop(answer: Any) -> None:
    assert answer["restored"] == {}


def test_nothing_is_printed(answer: Any) -> None:
    assert answer["stderr"] == ""


def test_a_start_that_fails_leaves_the_variables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.stop()
    monkeypatch.setenv("AWS_PROFILE", "production")
    before = dict(os.environ)
    with pytest.raises(ValueError, match="speed"):
        cloud.start(speed=0)
    with pytest.raises(ValueError, match="quota"):
        cloud.start(quotas={"nothing": 1})
    assert dict(os.environ) == before


def test_the_cloud_keeps_its_files_to_itself() -> None:
    """Its folder is one that only its owner can enter, and it goes."""
    cloud.start()
    folder = Path(os.environ["AWS_CONFIG_FILE"]).parent
    assert folder.stat().st_mode & 0o077 == 0
    cloud.stop()
    assert not folder.exists()
