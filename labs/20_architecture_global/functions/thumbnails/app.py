"""A thumbnail of each photo: from the bucket for uploads into the bucket of the site."""

import io
import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")
LARGEST = int(os.environ.get("LARGEST", "320"))


def handler(event, context):
    """Make the thumbnails of the photos that S3 names."""
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        photo = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        photo.thumbnail((LARGEST, LARGEST))
        small = io.BytesIO()
        photo.convert("RGB").save(small, "JPEG")
        named = {"Bucket": os.environ["SITE"], "Key": f"photos/{key.rpartition('/')[2]}", "ContentType": "image/jpeg"}
        s3.put_object(Body=small.getvalue(), **named)
