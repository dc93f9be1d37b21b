"""Checks of the lab thumbnails: they send pictures to the bucket and look at what comes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import boto3
import club
from botocore.exceptions import ClientError
from club import BUCKET, FUNCTION, LAYER
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching import package
from helpers.teaching.checks import Lab, eventually, not_attempted, wrong
from helpers.teaching.lookups import found

PROBE, STRANGERS = "club-probe", "club-probe-bucket"
LOOPS = 5
"""So many calls for one picture are no accident."""

lab = Lab("thumbnails")

DRAW = """
def handler(event, context):
    import io
    from PIL import Image

    Image.new("RGB", (8, 8)).save(io.BytesIO(), "JPEG")
    return True
"""


def configuration() -> dict[str, Any]:
    """Return the configuration of club-thumbnails; without the function nothing is attempted."""
    told = found(boto3.client("lambda").get_function_configuration, FunctionName=FUNCTION)
    if told is None:
        not_attempted(f"There is no function called {FUNCTION} yet.")
    return told


def call(name: str, event: object) -> tuple[Any, bool]:
    """Invoke a function; return what it answered and whether that is an error."""
    response = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(response["Payload"].read() or b"null"), "FunctionError" in response


@contextmanager
def pictures(*keys: str, content: bytes = b"") -> Iterator[None]:
    """Put pictures (or what else is given) under keys of the bucket; they and their thumbnails go afterwards."""
    s3 = boto3.client("s3")
    _remove(keys)
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content or club.picture(480, 320))
    try:
        yield
    finally:
        _remove(keys)


def _remove(keys: tuple[str, ...]) -> None:
    for key in keys:
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=key)
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=thumbnail_key(key))


def thumbnail_key(key: str) -> str:
    """Return the key of a picture's thumbnail."""
    return "thumbnails/" + key.rpartition("/")[2]


@dataclass(frozen=True)
class Seen:
    """What came of one picture: how often S3 called the function, and whether the thumbnail is there."""

    calls: int
    thumbnail: bool
    failed: bool


def send(key: str, content: bytes = b"") -> Seen:
    """Send a picture to the bucket and wait until the function has done what S3 asked of it."""
    record = cloud.current().record
    mark = record.mark()

    def calls() -> int:
        return sum((e.source, e.target) == ("s3", f"function {FUNCTION}") for e in record.since(mark, ["event"]))

    def runs() -> list[str]:
        return [e.outcome for e in record.since(mark, ["invocation"]) if e.target == f"function {FUNCTION}"]

    with pictures(key, content=content):
        if not calls():
            return Seen(0, False, False)
        eventually(lambda: len(runs()) >= calls() or calls() > LOOPS, f"{FUNCTION} to work on {key}", seconds=20)
        there = club.opened(thumbnail_key(key)) is not None
    if calls() > LOOPS:
        stop_the_loop()
    return Seen(calls(), there, any(outcome != "ok" for outcome in runs()))


def stop_the_loop() -> None:
    """Switch the bucket's notifications off, as anybody would in haste, and say so."""
    boto3.client("s3").put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    wrong(
        f"A loop: for one picture S3 called the function more than {LOOPS} times, because each thumbnail that "
        "it writes calls it again. We took the bucket's notifications away to stop it. Put them back with filters that "
        "leave the thumbnails out."
    )


def newest_error(key: str) -> str:
    """Return what the function says when it is called for a key."""
    with pictures(key):
        payload, error = call(FUNCTION, club.event(key))
    return f"{payload['errorType']}: {payload['errorMessage']}" if error else ""


@lab.task("layer", hints=HINTS["layer"], why=WHY["layer"])
def layer() -> None:
    """A function with the layer can use Pillow."""
    client = boto3.client("lambda")
    layers = client.list_layers()["Layers"]
    mine = [each["LatestMatchingVersion"]["LayerVersionArn"] for each in layers if each["LayerName"] == LAYER]
    if not layers:
        not_attempted("There is no layer yet.")
    if not mine:
        wrong(f"There is a layer called {layers[0]['LayerName']}; call it {LAYER}, so that the others find it.")
    with probe(mine[0]) as name:
        payload, error = call(name, {})
    if not error:
        return
    if "No module named 'PIL'" in str(payload):
        wrong("The layer is there, but Python does not find Pillow in it: look at the paths in the zip.", said=payload)
    wrong("Python finds Pillow in the layer, but not all of its files came along.", said=payload)


@contextmanager
def probe(layer_arn: str) -> Iterator[str]:
    """Make a function of ours with the layer; it goes afterwards."""
    client = boto3.client("lambda")
    role = boto3.client("iam").get_role(RoleName=club.ROLE)["Role"]["Arn"]
    with suppress(ClientError):
        client.delete_function(FunctionName=PROBE)
    client.create_function(
        FunctionName=PROBE, Runtime="python3.13", Role=role, Handler="probe.handler", Timeout=20, MemorySize=512,
        Layers=[layer_arn], Code={"ZipFile": package({"probe.py": DRAW})},
    )  # fmt: skip
    try:
        yield PROBE
    finally:
        client.delete_function(FunctionName=PROBE)


@lab.task("function", hints=HINTS["function"], why=WHY["function"])
def function() -> None:
    """Called with an event of S3, the function writes a thumbnail that keeps the picture's shape."""
    configuration()
    for name, width, height in (("wide", 480, 320), ("tall", 320, 480)):
        key = f"drafts/check-{name}.jpg"
        with pictures(key, content=club.picture(width, height)):
            payload, error = call(FUNCTION, club.event(key))
            if error and "No module named 'PIL'" in str(payload):
                wrong("The function imports Pillow, but it has no layer that brings it.", said=payload)
            if error:
                wrong(f"We called the function for a new picture, `{key}`, and it failed.", said=payload)
            found = club.opened(thumbnail_key(key))
        if found is None:
            wrong(f"The function ran for `{key}`, but wrote nothing to `{thumbnail_key(key)}`.")
        if max(found.size) != 160:
            wrong(f"The thumbnail is {found.width} x {found.height}: its longer side must have 160 pixels.")
        if abs(found.width / found.height - width / height) > 0.02:
            wrong(f"A picture of {width} x {height} became {found.width} x {found.height}: it is out of shape.")
        if found.format != "JPEG":
            wrong(f"The thumbnail is a {found.format}, under a key that ends in .jpg. Save it as JPEG.")


@lab.task("permission", hints=HINTS["permission"], why=WHY["permission"])
def permission() -> None:
    """S3 may call the function, for the club's bucket only."""
    client = boto3.client("lambda")
    arn = configuration()["FunctionArn"]
    if found(client.get_policy, FunctionName=FUNCTION) is None:
        not_attempted("The function has no policy yet: nobody else may call it.")
    refusal = refused(BUCKET, arn)
    if refusal:
        wrong("The function has a policy, but S3 may not call it for the club's bucket.", said=refusal)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=STRANGERS)
    try:
        if not refused(STRANGERS, arn):
            wrong("S3 may call the function, but for every bucket, strangers' too. Name the club's as `SourceArn`.")
    finally:
        s3.delete_bucket(Bucket=STRANGERS)


def refused(bucket: str, function_arn: str) -> ClientError | None:
    """Return how S3 refuses to notify the function, if it does; the bucket's configuration is as before afterwards."""
    s3 = boto3.client("s3")
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    before.pop("ResponseMetadata", None)
    ours = {"Id": "check", "LambdaFunctionArn": function_arn, "Events": ["s3:ObjectRestore:Completed"]}
    tried = before | {"LambdaFunctionConfigurations": [*before.get("LambdaFunctionConfigurations", []), ours]}
    try:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=tried)
    except ClientError as error:
        return error
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)
    return None


def notifications() -> list[dict[str, Any]]:
    """Return what the bucket tells functions; when that is nothing, nothing is attempted."""
    arn = configuration()["FunctionArn"]
    found = boto3.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    ours = [one for one in found.get("LambdaFunctionConfigurations", []) if one["LambdaFunctionArn"] == arn]
    if not ours:
        not_attempted("The bucket does not tell the function of new pictures yet.")
    return ours


@lab.task("trigger", hints=HINTS["trigger"], why=WHY["trigger"])
def trigger() -> None:
    """A picture under uploads/ gets its thumbnail, and other objects do not call the function."""
    notifications()
    seen = send("uploads/check.jpg")
    if not seen.calls:
        wrong("We put a picture under `uploads/check.jpg`, and S3 did not call the function. Compare key and filter.")
    if not seen.thumbnail:
        wrong(
            "S3 called the function for our picture, but no thumbnail came of it.",
            said=newest_error("uploads/check.jpg"),
        )
    if send("uploads/check.txt", b"a letter").calls:
        wrong("The function was called for `uploads/check.txt`, too. That is no picture: filter by the end of the key.")
    if send("drafts/check.jpg").calls:
        wrong("The function was called for `drafts/check.jpg`, too. Filter by the beginning of the key.")


@lab.task("no_loop", hints=HINTS["no_loop"], why=WHY["no_loop"])
def no_loop() -> None:
    """Scans get thumbnails too, each by one call."""
    notifications()
    uploaded, scanned = send("uploads/check.jpg"), send("scan-check.jpg")
    if not scanned.calls:
        not_attempted("A scan at the top of the bucket does not call the function yet.")
    if not uploaded.calls:
        wrong("Scans call the function now, but uploads do not any more: the new configuration replaced the old one.")
    if not scanned.thumbnail:
        wrong("The scan called the function, but no thumbnail came of it.", said=newest_error("scan-check.jpg"))
    calls = max(uploaded.calls, scanned.calls)
    if calls > 1:
        wrong(
            f"One picture, {calls} calls: S3 called the function for its own thumbnail as well. The code ends "
            "that, but each picture costs twice. Let the filters leave the thumbnails out."
        )


@lab.task("names", hints=HINTS["names"], why=WHY["names"])
def names() -> None:
    """Pictures whose names have spaces, umlauts and a plus get thumbnails under the same names."""
    notifications()
    if not send("uploads/check.jpg").thumbnail:
        not_attempted("A picture with a plain name has no thumbnail yet.")
    tried = {key: send(f"uploads/{key}.jpg") for key in ("Abend am See", "Frühling", "1+1")}
    lacking = [key for key, seen in tried.items() if not seen.thumbnail]
    if len(lacking) == len(tried) and all(seen.failed for seen in tried.values()):
        not_attempted("Pictures with spaces and umlauts in their names have no thumbnails yet.")
    if lacking and not any(seen.failed for seen in tried.values()):
        wrong(
            f"The function finds `uploads/{lacking[0]}.jpg`, but writes its thumbnail under another name than "
            f"`thumbnails/{lacking[0]}.jpg`."
        )
    if lacking:
        wrong(
            f"There is no thumbnail of `uploads/{lacking[0]}.jpg`, but there is one of others.",
            said=newest_error(f"uploads/{lacking[0]}.jpg"),
        )
