"""The lab thumbnails: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "03_thumbnails"
TASKS = ["layer", "function", "permission", "trigger", "no_loop", "names"]
NAME = "club-thumbnails"
ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}"

CODE = """
import io
from urllib.parse import unquote, unquote_plus
import boto3
from PIL import Image

s3 = boto3.client("s3")

def handler(event, context):
    for record in event["Records"]:
        bucket, raw = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        key = raw
        image = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        image.thumbnail((160, 160))
        out = io.BytesIO()
        image.save(out, "JPEG")
        s3.put_object(Bucket=bucket, Key="thumbnails/" + key.rpartition("/")[2], Body=out.getvalue())
"""
RIGHT = CODE.replace("key = raw", "key = unquote_plus(raw)")
GUARDED = CODE.replace("        key = raw", "        key = raw\n        if key.startswith('thumbnails/'): return")


class Learner:
    """Somebody who works for the club: what a learner's cells would do, and the checks."""

    def __init__(self, club: Any, lab: Lab, role: str) -> None:
        self.club, self.lab, self.role = club, lab, role
        self.aws, self.s3 = boto3.client("lambda"), boto3.client("s3")

    def layer(self, folder: str = "python/", name: str = "pillow") -> str:
        content = {"ZipFile": zipped(self.club, folder)}
        return str(self.aws.publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"])

    def create(self, code: str = CODE, layers: bool = True, name: str = NAME) -> None:
        self.aws.create_function(
            FunctionName=name, Runtime="python3.13", Role=self.role, Handler="app.handler", Timeout=20, MemorySize=512,
            Layers=[self.layer()] if layers else [], Code={"ZipFile": package({"app.py": code})},
        )  # fmt: skip

    def allow(self, principal: str = "s3.amazonaws.com", **source: str) -> None:
        source = source or {"SourceArn": self.club.BUCKET_ARN}
        action = {"Action": "lambda:InvokeFunction", "Principal": principal}
        self.aws.add_permission(FunctionName=NAME, StatementId="arrive", **action, **source)

    def notify(self, *filters: tuple[str, str]) -> None:
        entries = []
        for prefix, suffix in filters:
            rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
            filtered = {"Filter": {"Key": {"FilterRules": [rule for rule in rules if rule["Value"]]}}}
            entry = {"LambdaFunctionArn": ARN, "Events": ["s3:ObjectCreated:*"]}
            entries.append(entry | (filtered if prefix or suffix else {}))
        self.s3.put_bucket_notification_configuration(
            Bucket=self.club.BUCKET, NotificationConfiguration={"LambdaFunctionConfigurations": entries}
        )

    def connected(self, *filters: tuple[str, str], code: str = CODE) -> None:
        self.create(code)
        self.allow()
        self.notify(*(filters or [("uploads/", ".jpg"), ("scan-", ".jpg")]))

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@cache
def zipped(club: Any, folder: str) -> bytes:
    """Return the layer's zip, made once."""
    return package({folder + path: content for path, content in pillow(club).items()})


UNUSED = ("avif", "webp", "freetype", "harfbuzz", "brotli", "lcms", "_imagingft", "_imagingcms")


@cache
def pillow(club: Any) -> dict[str, bytes]:
    """Return the files of Pillow, read once, without large ones that JPEG does not need: 30 tests unpack them."""
    return {path: data for path, data in club.pillow().items() if not any(name in path for name in UNUSED)}


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, enforce_iam=True) as modules:
        club = modules["club"]
        yield Learner(club, modules["checks"].lab, club.open_club())


def top_of_the_zip(learner: Learner) -> None:
    learner.layer(folder="")


def python_only(learner: Learner) -> None:
    content = package({f"python/{path}": data for path, data in pillow(learner.club).items() if path.endswith(".py")})
    learner.aws.publish_layer_version(LayerName="pillow", Content={"ZipFile": content})


def other_layer(learner: Learner) -> None:
    learner.layer(name="PIL")


def no_layer(learner: Learner) -> None:
    learner.create(layers=False)


def squashed(learner: Learner) -> None:
    learner.create(CODE.replace("image.thumbnail((160, 160))", "image = image.resize((160, 160))"))


def full_size(learner: Learner) -> None:
    learner.create(CODE.replace("image.thumbnail((160, 160))", "pass"))


def portable_network_graphics(learner: Learner) -> None:
    learner.create(CODE.replace('"JPEG"', '"PNG"'))


def in_the_same_folder(learner: Learner) -> None:
    learner.create(CODE.replace('key.rpartition("/")[2]', "key"))


def wrong_place_in_the_event(learner: Learner) -> None:
    learner.create(CODE.replace('event["Records"]', "[event]"))


def lambda_may(learner: Learner) -> None:
    learner.create()
    learner.allow("lambda.amazonaws.com")


def every_bucket(learner: Learner) -> None:
    learner.create()
    learner.allow(SourceAccount="123456789012")


def objects_of_the_bucket(learner: Learner) -> None:
    learner.create()
    learner.allow(SourceArn=f"{learner.club.BUCKET_ARN}/*")


def everything_calls(learner: Learner) -> None:
    learner.connected(("", ""))


def slash_first(learner: Learner) -> None:
    learner.connected(("/uploads/", ".jpg"))


def any_ending(learner: Learner) -> None:
    learner.connected(("uploads/", ""))


def any_folder(learner: Learner) -> None:
    learner.connected(("", ".jpg"), code=GUARDED)


def broken_function(learner: Learner) -> None:
    learner.connected(code=CODE.replace("import Image", "import Picture as Image"))


def no_prefix(learner: Learner) -> None:
    learner.connected(("", ".jpg"))


def no_prefix_but_a_guard(learner: Learner) -> None:
    learner.connected(("", ".jpg"), code=GUARDED)


def scans_only(learner: Learner) -> None:
    learner.connected(("scan-", ".jpg"))


def plus_only(learner: Learner) -> None:
    learner.connected(code=CODE.replace("key = raw", 'key = raw.replace("+", " ")'))


def percent_only(learner: Learner) -> None:
    learner.connected(code=CODE.replace("key = raw", "key = unquote(raw)"))


def the_wrong_order(learner: Learner) -> None:
    learner.connected(code=CODE.replace("key = raw", 'key = unquote(raw).replace("+", " ")'))


def encoded_thumbnails(learner: Learner) -> None:
    learner.connected(code=RIGHT.replace('key.rpartition("/")', 'raw.rpartition("/")'))


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("layer", top_of_the_zip, "Python does not find Pillow in it", "No module named 'PIL'"),
    ("layer", python_only, "not all of its files came along", "ImportError"),
    ("layer", other_layer, "There is a layer called PIL", ""),
    ("function", no_layer, "has no layer that brings it", "No module named 'PIL'"),
    ("function", squashed, "became 160 x 160: it is out of shape", ""),
    ("function", full_size, "The thumbnail is 480 x 320", ""),
    ("function", portable_network_graphics, "The thumbnail is a PNG", ""),
    ("function", in_the_same_folder, "wrote nothing to `thumbnails/check-wide.jpg`", ""),
    ("function", wrong_place_in_the_event, "and it failed", "KeyError: 's3'"),
    ("permission", lambda_may, "S3 may not call it for the club's bucket", "Unable to validate"),
    ("permission", every_bucket, "but for every bucket", ""),
    ("permission", objects_of_the_bucket, "S3 may not call it for the club's bucket", "Unable to validate"),
    ("trigger", everything_calls, "A loop: for one picture", ""),
    ("trigger", slash_first, "S3 did not call the function", ""),
    ("trigger", any_ending, "called for `uploads/check.txt`", ""),
    ("trigger", any_folder, "called for `drafts/check.jpg`", ""),
    ("trigger", broken_function, "but no thumbnail came of it", "cannot import name 'Picture'"),
    ("no_loop", no_prefix, "calls it again", ""),
    ("no_loop", no_prefix_but_a_guard, "One picture, 2 calls", ""),
    ("no_loop", scans_only, "the new configuration replaced the old one", ""),
    ("names", plus_only, "no thumbnail of `uploads/Frühling.jpg`", "NoSuchKey"),
    ("names", percent_only, "no thumbnail of `uploads/Abend am See.jpg`", "NoSuchKey"),
    ("names", the_wrong_order, "no thumbnail of `uploads/1+1.jpg`", "NoSuchKey"),
    ("names", encoded_thumbnails, "writes its thumbnail under another name", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason; one reason serves two tasks."""

    def test_each_task_has_its_own_messages(self, request: pytest.FixtureRequest) -> None:
        assert all(len({each[2] for each in WRONG if each[0] == task}) >= 2 for task in TASKS)


def test_a_loop_is_stopped(learner: Learner) -> None:
    learner.connected(("", ".jpg"))
    assert learner.result("trigger").state == "wrong"
    found = learner.s3.get_bucket_notification_configuration(Bucket=learner.club.BUCKET)
    assert "LambdaFunctionConfigurations" not in found
    assert learner.result("trigger").state == "not attempted"


def test_a_check_leaves_everything_as_it_was(learner: Learner) -> None:
    learner.connected(code=RIGHT)
    before = state(learner)
    assert {slug: result.state for slug, result in learner.lab.results().items()} == dict.fromkeys(TASKS, "right")
    assert state(learner) == before


def state(learner: Learner) -> Any:
    """Return what a check could change: functions, policy, notifications, buckets and objects."""
    functions = [function["FunctionName"] for function in learner.aws.list_functions()["Functions"]]
    buckets = [bucket["Name"] for bucket in learner.s3.list_buckets()["Buckets"]]
    told = learner.s3.get_bucket_notification_configuration(Bucket=learner.club.BUCKET)
    objects = learner.s3.list_objects_v2(Bucket=learner.club.BUCKET).get("Contents", [])
    policy = learner.aws.get_policy(FunctionName=NAME)["Policy"]
    return functions, buckets, told["LambdaFunctionConfigurations"], objects, policy


def test_before_a_task_is_begun_it_is_not_attempted(learner: Learner) -> None:
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == dict.fromkeys(TASKS, "not attempted")
    learner.create()
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == dict.fromkeys(TASKS, "not attempted") | {"layer": "right", "function": "right"}
    learner.allow()
    learner.notify(("uploads/", ".jpg"))
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == dict.fromkeys(TASKS, "right") | {"no_loop": "not attempted", "names": "not attempted"}
