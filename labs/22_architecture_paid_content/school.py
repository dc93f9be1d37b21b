"""The language school: its audio, its customers, and the deployment of your template."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from helpers import cloud
from helpers.teaching import deployments, distribution_address, libraries, local_address, package

STACK, FOLDER = "school", Path(__file__).parent
COURSES = {"spanish": 3, "swahili": 2}
"""How many lessons a course has. Each has a free sample, too."""
_given: dict[str, str] = {}
_private: list[str] = []
_numbers = itertools.count(1)
_friend: list[Any] = []


def open_school() -> None:
    """Make what the school has before you come: run it once, right after ``cloud.start``."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    _private[:] = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()]
    files = package(libraries("cryptography", "cffi", under="python/"))
    layer = boto3.client("lambda").publish_layer_version(LayerName="signing", Content={"ZipFile": files})
    _given.clear()
    _given.update(Library=layer["LayerVersionArn"], PublicKey=public)
    iam = boto3.client("iam")
    iam.create_user(UserName="friend")
    keys = iam.create_access_key(UserName="friend")["AccessKey"]
    _friend[:] = [
        boto3.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
    ]
    print(f"A key pair and a layer are there, and audio of {len(COURSES)} courses.")


def deploy(*parts: str, **code: str) -> None:
    """Put the parts of a template together, deploy them, and bring what a template does not: key and audio.

    Parameters
    ----------
    parts:
        What a later part says is added to the earlier ones, or takes its place.
    code:
        The text of ``app.py`` of functions that you wrote, by their folder's name below ``functions/``.
    """
    try:
        text = deployments.together(*parts)
        with deployments.with_functions(FOLDER, code) as folder:
            _deploy(text, folder)
    except (deployments.DeploymentFailed, FileNotFoundError, ValueError, ClientError) as error:
        print(f"Nothing is deployed: {error}")
        return
    print("Stack school is deployed. Outputs:", ", ".join(sorted(outputs())) or "none")


def _deploy(text: str, folder: str) -> None:
    from samtranslator.yaml_helper import yaml_parse  # slow to import

    declared = yaml_parse(text).get("Parameters") or {}
    for _ in range(2):  # the site's address is known when there is a site
        known = {**_given, "SiteAddress": _site_address()}
        wanted = {name: value for name, value in known.items() if name in declared}
        made = deployments.deploy_text(text, folder, STACK, parameters=wanted)
        if "SiteAddress" not in declared or known["SiteAddress"] == _site_address():
            break
    if "Keys" in made:
        boto3.client("secretsmanager").put_secret_value(SecretId=made["Keys"], SecretString=_private[0])
    if "Audio" in made:
        for course, count in COURSES.items():
            put(f"samples/{course}.mp3")
            for number in range(1, count + 1):
                put(f"courses/{course}/{number}.mp3")


def _site_address() -> str:
    return site("").rstrip("/") if "Site" in outputs() else ""


def outputs() -> dict[str, str]:
    """Return the stack's outputs; nothing where there is no stack."""
    return deployments.outputs(STACK) or {}


def put(key: str) -> None:
    """Upload an audio file; what is heard is its name."""
    boto3.client("s3").put_object(Bucket=outputs()["Audio"], Key=key, Body=key.encode(), ContentType="audio/mpeg")


def site(path: str, query: str = "") -> str:
    """Return the address of a path on the school's site."""
    address = distribution_address(outputs()["Site"], f"/{path}")
    return f"{address}?{query}" if query else address


def at_s3(key: str) -> dict[str, str]:
    """Return the addresses of a file at S3: without a signature, presigned by a friend, presigned by the school."""
    bucket = outputs()["Audio"]
    name, given = "get_object", {"Bucket": bucket, "Key": key}
    return {
        "without a signature": f"{cloud.current().endpoint}/{bucket}/{key}",
        "presigned by a friend": _friend[0].generate_presigned_url(name, given),
        "presigned by the school itself": boto3.client("s3").generate_presigned_url(name, given),
    }


def fetch(address: str, token: str = "") -> tuple[int, str]:
    """Ask an address; return the status and the text."""
    request = urllib.request.Request(address, headers={"Authorization": token} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def ask(course: str, token: str = "") -> tuple[int, dict[str, Any]]:
    """Ask your API for a course."""
    api = local_address(outputs()["Api"])
    if not api:
        raise ValueError(f"the output Api is {outputs()['Api']!r}, and no https:// address of an API")
    status, text = fetch(f"{api}/courses/{urllib.parse.quote(course, safe='')}", token)
    try:
        said = json.loads(text or "{}")
    except ValueError:
        said = {"message": text}
    return status, said if isinstance(said, dict) else {"message": said}


def customer() -> tuple[str, str]:
    """Sign up somebody new; return the ID token and the user's id, which is the claim ``sub``."""
    idp, made, name = boto3.client("cognito-idp"), outputs(), f"learner-{next(_numbers)}"
    secret = f"{name}-Habla-1"
    user = idp.sign_up(ClientId=made["App"], Username=name, Password=secret)["UserSub"]
    idp.admin_confirm_sign_up(UserPoolId=made["Users"], Username=name)
    who = {"USERNAME": name, "PASSWORD": secret}
    told = idp.initiate_auth(ClientId=made["App"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=who)
    return told["AuthenticationResult"]["IdToken"], user


def sell(user: str, course: str, seconds: int = 86_400) -> str:
    """Tell the office that a user may hear a course for so long; return what went wrong, or nothing."""
    event = {"user": user, "course": course, "until": int(time.time()) + seconds}
    answer = boto3.client("lambda").invoke(FunctionName=outputs()["Office"], Payload=json.dumps(event))
    return answer["Payload"].read().decode() if "FunctionError" in answer else ""


def close() -> None:
    """Remove the stack, the layer and the friend."""
    deployments.remove(STACK)
    boto3.client("lambda").delete_layer_version(
        LayerName="signing", VersionNumber=int(_given["Library"].split(":")[-1])
    )
    iam = boto3.client("iam")
    for key in iam.list_access_keys(UserName="friend")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="friend", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="friend")
