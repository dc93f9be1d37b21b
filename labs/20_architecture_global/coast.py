"""The coast watch: what is there before you come, how your template gets into two Regions, and how to ask it."""

from __future__ import annotations

import io
import itertools
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError
from PIL import Image

from helpers import cloud
from helpers.teaching import deployments, distribution_address, libraries, local_address, package

STACK, FOLDER = "coast", Path(__file__).parent
HOME, AWAY = REGIONS = ("us-east-1", "eu-west-1")
DESK, SENDER = "success+desk@simulator.amazonses.com", "storm@coast.example"
_layers: dict[str, str] = {}
_remembered: dict[str, dict[str, str]] = {}
_numbers = itertools.count(1)


def open_coast() -> None:
    """Make what the coast watch has before you come: run it once, right after ``cloud.start``."""
    files = package(libraries("pillow", under="python/"))
    for region in REGIONS:
        client = boto3.client("lambda", region)
        made = client.publish_layer_version(LayerName="pillow", Content={"ZipFile": files})
        _layers[region] = made["LayerVersionArn"]
    print("A layer with Pillow is there in", " and ".join(REGIONS))


def from_chapter(*names: str) -> str:
    """Return these resources of the chapter's template, with its parameters, conditions and globals, and no outputs."""
    from samtranslator.yaml_helper import yaml_parse  # slow to import

    whole = yaml_parse((FOLDER / "template.yaml").read_text())
    del whole["Outputs"]
    unknown = [name for name in names if name not in whole["Resources"]]
    if unknown:
        raise ValueError(f"the chapter's template has no {unknown[0]!r}: it has {', '.join(whole['Resources'])}")
    whole["Resources"] = {name: whole["Resources"][name] for name in names}
    return str(yaml.safe_dump(whole, sort_keys=False))


def deploy(*parts: str, **code: str) -> None:
    """Put the parts of a template together, and deploy it in both Regions.

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
    for region in REGIONS:
        print(f"Stack coast in {region}. Outputs:", ", ".join(sorted(outputs(region))) or "none")


def _deploy(text: str, folder: str) -> None:
    from samtranslator.yaml_helper import yaml_parse

    declared = yaml_parse(text).get("Parameters") or {}
    first = None
    for region in (HOME, AWAY, HOME):  # what the other Region has is known when it is there
        given = {name: value for name, value in _given(region).items() if name in declared}
        if region == HOME and given == first:
            return
        first = given if region == HOME else first
        deployments.deploy_text(text, folder, STACK, parameters=given, region=region)


def _given(region: str) -> dict[str, str]:
    """Return the parameters for a Region."""
    other = outputs(AWAY if region == HOME else HOME)
    return {
        "Sender": SENDER, "Desk": DESK, "PillowLayer": _layers[region], "OtherSite": other.get("Site", ""),
        "OtherRegion": AWAY if region == HOME else HOME,
        "OtherApi": _host(other).partition(".")[0] if region == HOME else "",
        "TableStream": _stream() if region == AWAY else "",
    }  # fmt: skip


def _stream() -> str:
    try:
        table = boto3.client("dynamodb", AWAY).describe_table(TableName=outputs(HOME).get("Table", "none"))["Table"]
    except ClientError:
        return ""
    return str(table.get("LatestStreamArn", ""))


def outputs(region: str = HOME) -> dict[str, str]:
    """Return the outputs of the stack in a Region; nothing where there is none."""
    if region in _remembered:
        return _remembered[region]
    return deployments.outputs(STACK, region) or {}


@contextmanager
def without(region: str) -> Iterator[None]:
    """Switch a Region off for a while; whoever knew its addresses knows them still."""
    _remembered[region] = outputs(region)
    cloud.current().switch_off_region(region)
    try:
        yield
    finally:
        cloud.current().switch_on_region(region)
        del _remembered[region]


def close() -> None:
    """Remove everything."""
    for region in (AWAY, HOME):
        deployments.remove(STACK, region=region)
        client = boto3.client("lambda", region)
        for version in client.list_layer_versions(LayerName="pillow")["LayerVersions"]:
            client.delete_layer_version(LayerName="pillow", VersionNumber=version["Version"])
    _layers.clear()


def _host(found: dict[str, str]) -> str:
    return found.get("Url", "").removeprefix("https://").partition("/")[0]


def ask(address: str, body: Any = None) -> tuple[int, Any]:
    """Ask an address, with a body by POST; return the status, and the answer: JSON read, anything else as bytes."""
    data = None if body is None else json.dumps(body).encode()
    try:
        answer: Any = urllib.request.urlopen(urllib.request.Request(address, data), timeout=20)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    content = answer.read()
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, content


def at_api(region: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask the API of a Region."""
    return ask(local_address(outputs(region)["Url"]) + path, body)


def at_edge(path: str) -> tuple[int, Any]:
    """Ask CloudFront, as a skipper does."""
    return ask(distribution_address(outputs()["Distribution"], path))


def at_bucket(region: str, key: str) -> int:
    """Ask the bucket of the site itself, as nobody shall; return the status."""
    return ask(f"{cloud.current().endpoint}/{outputs(region)['Site']}/{key}")[0]


def harbour() -> str:
    """Return the name of a harbour that nobody has reported yet."""
    return f"harbour-{next(_numbers)}"


def report(region: str, place: str, office: str, level: int) -> tuple[int, Any]:
    """Let an office report the wind at a harbour, by the API of a Region."""
    return at_api(region, "/api/reports", {"harbour": place, "office": office, "level": level})


def mails(place: str) -> list[Any]:
    """Return the mails to the desk about a harbour: its name is a word of the subject."""
    word = re.compile(rf"(?<![\w-]){re.escape(place)}(?![\w-])")
    return [mail for mail in cloud.current().mailbox(DESK) if word.search(mail.subject)]


def put_page(name: str) -> None:
    """Put a page into the bucket of each Region, with the Region's name."""
    for region in REGIONS:
        boto3.client("s3", region).put_object(
            Bucket=outputs(region)["Site"], Key=name, Body=f"page of {region}".encode()
        )


def upload(region: str, name: str) -> None:
    """Upload the picture of a webcam, 1,280 x 720."""
    content = io.BytesIO()
    Image.new("RGB", (1280, 720), "slategray").save(content, "JPEG")
    boto3.client("s3", region).put_object(Bucket=outputs(region)["Uploads"], Key=name, Body=content.getvalue())
