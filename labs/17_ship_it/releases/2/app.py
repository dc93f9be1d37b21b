"""Release 2: what a tea costs, also by the kilogram."""

import json
import os

import boto3

prices = boto3.resource("dynamodb").Table(os.environ["PRICES"])


def handler(event, context):
    tea = prices.get_item(Key={"id": event["pathParameters"]["id"]})["Item"]
    answer = {"tea": tea["id"], "usd": float(tea["usd"]), "usd_per_kg": 10 * float(tea["usd"]), "release": 2}
    return {"statusCode": 200, "body": json.dumps(answer)}
