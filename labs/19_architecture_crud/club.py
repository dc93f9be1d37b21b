"""The bird club: its members, its walks, and the deployment of your template.

``club.deploy(part, part, ...)`` puts the parts of a template together and deploys them as the stack ``club``. The rest
is what the checks use; read it if you like, no answer is in it.
"""

from __future__ import annotations

import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.teaching import deployments, distribution_address, local_address

STACK, FOLDER, PASSWORD = "club", Path(__file__).parent, "Binoculars-8x42"
WALKERS = 6
_http = urllib3.PoolManager(maxsize=WALKERS + 2)
_numbers = itertools.count(1)
right_before: set[str] = set()
"""The tasks that were right while the stack was there."""


def open_club() -> None:
    """Begin anew: run it once, right after ``cloud.start``."""
    right_before.clear()
    print("The account is empty. The club has 12 members, and a notebook of paper.")


def deploy(*parts: str, folder: Path = FOLDER) -> None:
    """Put the parts of a template together and deploy them; what a later part says is added, or takes its place."""
    try:
        deployments.deploy_text(deployments.together(*parts), folder, STACK)
    except (deployments.DeploymentFailed, FileNotFoundError, ValueError, ClientError) as error:
        print(f"Nothing is deployed: {error}")
        return
    print(f"Stack {STACK} is deployed. Outputs:", ", ".join(sorted(outputs())) or "none")


def outputs() -> dict[str, str]:
    """Return the outputs of the stack; none without a stack."""
    return deployments.outputs(STACK) or {}


def address() -> str:
    """Return where the output ``Api`` leads to on this machine, or nothing."""
    base = outputs().get("Api", "").rstrip("/")
    site = re.fullmatch(r"https://(\w+\.cloudfront\.net)(/.*)?", base)
    if site is None:
        return local_address(base)
    listed = boto3.client("cloudfront").list_distributions()["DistributionList"].get("Items", [])
    ids = [one["Id"] for one in listed if one["DomainName"] == site[1]]
    return distribution_address(ids[0], site[2] or "/").rstrip("/") if ids else ""


def ask(method: str, path: str, token: str = "", body: Any = None) -> tuple[int, dict[str, Any]]:
    """Ask the API; return the status, and the JSON that it answered."""
    headers = {"Authorization": token} if token else {}
    sent = None if body is None else json.dumps(body).encode()
    answer = _http.request(method, address() + path, body=sent, headers=headers, timeout=30, retries=False)
    try:
        said = json.loads(answer.data)
    except ValueError:
        said = {"said": answer.data.decode(errors="replace")[:200]}
    return answer.status, said if isinstance(said, dict) else {"said": said}


def member() -> str:
    """Let somebody join and sign in; return the ID token."""
    users, told = boto3.client("cognito-idp"), outputs()
    name = f"member-{next(_numbers)}@example.com"
    who = {"UserPoolId": told["Users"], "Username": name}
    users.admin_create_user(**who, MessageAction="SUPPRESS", UserAttributes=[{"Name": "email", "Value": name}])
    users.admin_set_user_password(**who, Password=PASSWORD, Permanent=True)
    given = {"USERNAME": name, "PASSWORD": PASSWORD}
    answer = users.initiate_auth(ClientId=told["App"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
    return str(answer["AuthenticationResult"]["IdToken"])


def keys(token: str) -> tuple[str, Any]:
    """Return the identity of whoever has a token, and a client of S3 with the temporary credentials."""
    identities, told = boto3.client("cognito-identity"), outputs()
    login = {f"cognito-idp.{cloud.current().region}.amazonaws.com/{told['Users']}": token}
    identity = identities.get_id(IdentityPoolId=told["Identities"], Logins=login)["IdentityId"]
    given = identities.get_credentials_for_identity(IdentityId=identity, Logins=login)["Credentials"]
    session = boto3.session.Session(given["AccessKeyId"], given["SecretKey"], given["SessionToken"])
    return identity, session.client("s3")


def stranger(key: str) -> int:
    """Return the status that a photo's address in S3 answers to somebody without any key."""
    return int(_http.request("GET", f"{cloud.current().endpoint}/{outputs()['Photos']}/{key}", retries=False).status)


def walk(tokens: list[str], bird: str, rounds: int) -> list[int]:
    """Let all members note a bird at the same time, again and again; return the statuses."""
    with ThreadPoolExecutor(len(tokens)) as pool:
        said = pool.map(lambda token: ask("POST", "/sightings", token, {"bird": bird, "count": 1}), tokens * rounds)
        return [status for status, _ in said]


def runs(mark: int) -> int:
    """Return how often functions have run since a mark of the record."""
    return sum(entry.kind == "invocation" for entry in cloud.current().record.since(mark))
