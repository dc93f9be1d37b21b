"""A new subscriber: into the table of this Region, with the Region's name."""

import json
import os
import re

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def handler(event, context):
    """Answer POST /api/subscribers; who has subscribed before, here, is not welcomed again."""
    try:
        mail = str(json.loads(event.get("body") or "{}")["mail"]).lower()
    except (ValueError, KeyError, TypeError):
        mail = ""
    if not MAIL.fullmatch(mail):
        return answer(400, {"message": "a subscriber has a mail address"})
    region = os.environ["AWS_REGION"]
    new = {"id": f"subscriber#{mail}", "mail": mail, "region": region}
    try:
        table.put_item(Item=new, ConditionExpression="attribute_not_exists(id)")
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return answer(200, {"subscribed": mail, "new": False})
    return answer(201, {"subscribed": mail, "new": True, "from": region})


def answer(status, body):
    """Return what the API answers."""
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
