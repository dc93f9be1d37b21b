"""The office: after a payment, and after a refund, the shop calls this function with {"user", "course", "until"}."""

import os

import boto3

bought = boto3.resource("dynamodb").Table(os.environ["BOUGHT"])


def handler(event, context):
    """Write until when (seconds since 1970) a user may hear a course; a time that is past ends it."""
    bought.put_item(Item={"id": f"{event['user']}/{event['course']}", "until": int(event["until"])})
