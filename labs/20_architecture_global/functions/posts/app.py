"""One post of the blog, from the replica of this Region."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    """Answer GET /api/posts/{id}; what is no post, such as a subscriber, is not there for readers."""
    item = table.get_item(Key={"id": "post#" + event["pathParameters"]["id"]}).get("Item")
    if item is None:
        return answer(404, {"message": "there is no such post"})
    return answer(200, {"title": item["title"], "text": item["text"], "from": os.environ["AWS_REGION"]})


def answer(status, body):
    """Return what the API answers."""
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
