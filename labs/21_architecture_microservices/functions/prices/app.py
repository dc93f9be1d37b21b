"""The service prices without a server: the same addresses, the same table."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    item = table.get_item(Key={"id": event["pathParameters"]["book"]}).get("Item")
    if item is None:
        return {"statusCode": 404, "body": json.dumps({"message": "no such book"})}
    return {"statusCode": 200, "body": json.dumps({"cents": int(item["cents"]), "from": "function"})}
