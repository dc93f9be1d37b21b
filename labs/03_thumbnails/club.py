"""The photo club as you find it: a bucket, a role, pictures to send, and the files of Pillow for the layer.

``club.open_club()`` makes what there is. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import io
import json
import time
from importlib.metadata import files
from typing import Any
from urllib.parse import quote_plus

import boto3
from botocore.exceptions import ClientError
from IPython.display import Image as Shown
from IPython.display import display
from PIL import Image, ImageDraw

BUCKET, FUNCTION, LAYER, ROLE = "club-pictures", "club-thumbnails", "pillow", "club-role"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{BUCKET_ARN}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET_ARN},
    ],
}


def open_club() -> str:
    """Make what the club has before you come: run it once, right after ``cloud.start``; return the role's ARN."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam")
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="pictures", PolicyDocument=json.dumps(PERMISSIONS))
    print(f"The club is open: bucket {BUCKET}, role {ROLE}.")
    return str(role)


def pillow() -> dict[str, bytes]:
    """Return the files of the Pillow that is installed here, by path, compiled libraries included."""
    paths = [path for path in files("pillow") or [] if path.parts[0] != ".." and path.suffix not in (".pyc", ".pyi")]
    return {path.as_posix(): path.read_binary() for path in paths}


def picture(width: int = 960, height: int = 640) -> bytes:
    """Return a picture as JPEG: an evening at a lake, drawn by this project."""
    image = Image.new("RGB", (width, height), "#f6c28b")
    draw = ImageDraw.Draw(image)
    for band, colour in enumerate(("#3d5a80", "#6d7ea8", "#b58fa5", "#e8a598")):
        draw.rectangle((0, band * height // 8, width, (band + 1) * height // 8), fill=colour)
    radius, lake = min(width, height) // 9, height * 2 // 3
    draw.ellipse((width * 2 // 3 - radius, lake - 2 * radius, width * 2 // 3 + radius, lake), fill="#fff1c9")
    peaks = [(0, 0.45), (0.15, 0.28), (0.3, 0.5), (0.42, 0.36), (0.6, 0.62), (0.85, 0.4), (1, 0.55)]
    ridge = [(int(x * width), int(y * height)) for x, y in peaks]
    draw.polygon([(0, lake), *ridge, (width, lake)], fill="#2b3a55")
    draw.rectangle((0, lake, width, height), fill="#55729b")
    for wave in range(5):
        y = lake + (wave + 1) * (height - lake) // 6
        draw.line(
            (width * (5 - wave) // 9, y, width * (14 - wave) // 15, y), fill="#fff1c9", width=max(2, height // 160)
        )
    return as_jpeg(image)


def as_jpeg(image: Image.Image) -> bytes:
    """Return an image as JPEG."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=90)
    return content.getvalue()


def opened(key: str) -> Image.Image | None:
    """Return the picture under a key of the bucket; None when there is none."""
    try:
        body = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None
    return Image.open(io.BytesIO(body))


def gallery(*keys: str) -> None:
    """Show each picture at half its size, and beside it its thumbnail as it is."""
    pairs = [(key, "thumbnails/" + key.rpartition("/")[2]) for key in keys]
    rows: list[list[Any]] = []
    for pair in pairs:
        rows.append([opened(key) for key in pair])
        texts = [
            f"{key}: {f'{found.width} x {found.height}' if found else 'not there'}"
            for key, found in zip(pair, rows[-1], strict=True)
        ]
        print(" | ".join(texts))
    sheet = Image.new("RGB", (680, 340 * len(rows)), "white")
    for number, (before, after) in enumerate(rows):
        for found, left, scale in ((before, 10, 2), (after, 510, 1)):
            if found:
                small = found.convert("RGB").resize((found.width // scale, found.height // scale))
                sheet.paste(small, (left, 340 * number + 10))
    content = io.BytesIO()
    sheet.quantize(48, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    display(Shown(data=content.getvalue(), alt="Each picture and, on its right, its thumbnail"))


def wait_for_thumbnails(*keys: str, seconds: float = 20) -> None:
    """Wait until each picture has a thumbnail, and say so when one has none."""
    deadline = time.monotonic() + seconds
    for key in keys:
        while opened("thumbnails/" + key.rpartition("/")[2]) is None:
            if time.monotonic() > deadline:
                print(f"We waited {seconds:g} s for a thumbnail of {key}.")
                break
            time.sleep(0.05)


def event(key: str) -> dict[str, Any]:
    """Return an event as S3 sends it for a new object, as far as the lab needs it."""
    entry = {"bucket": {"name": BUCKET, "arn": BUCKET_ARN}, "object": {"key": quote_plus(key, safe="/")}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entry}]}
