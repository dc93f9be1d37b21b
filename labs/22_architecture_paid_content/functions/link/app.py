"""GET /films/{film}: an address that opens one film for a short time, for members only."""

import functools
import json
import os
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import boto3
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SITE, KEY_ID = os.environ["SITE"], os.environ["KEY_ID"]
LIFE = timedelta(seconds=int(os.environ["LINK_SECONDS"]))
members = boto3.resource("dynamodb").Table(os.environ["MEMBERS"])
secrets = boto3.client("secretsmanager")


@functools.cache
def private_key():
    """Read the key once in the life of an environment."""
    secret = secrets.get_secret_value(SecretId=os.environ["PRIVATE_KEYS"])
    return load_pem_private_key(json.loads(secret["SecretString"])[KEY_ID].encode(), password=None)


def sign(policy):
    return private_key().sign(policy, padding.PKCS1v15(), hashes.SHA1())


def handler(event, context):
    user = event["requestContext"]["authorizer"]["claims"]["sub"]
    member = members.get_item(Key={"id": f"member#{user}"}, ConsistentRead=True).get("Item", {})
    if member.get("until", 0) <= time.time():
        return {"statusCode": 403, "body": json.dumps({"message": "for members only"})}
    film = f"{SITE}/films/{quote(event['pathParameters']['film'], safe='')}"
    url = CloudFrontSigner(KEY_ID, sign).generate_presigned_url(film, date_less_than=datetime.now(UTC) + LIFE)
    return {"statusCode": 200, "body": json.dumps({"url": url})}
