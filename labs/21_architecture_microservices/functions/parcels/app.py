"""The service parcels: packs what was ordered, and says how far it is. Packing takes a person's time."""

import json
import os
import time

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def pack(event, context):
    """Pack one parcel: from the queue, or for somebody who waits at the API."""
    body = event["Records"][0]["body"] if "Records" in event else event["body"]
    order = json.loads(body)
    table.put_item(Item={"id": order["id"], "state": "packing"})
    time.sleep(order.get("seconds", 0.1))
    table.put_item(Item={"id": order["id"], "state": "packed"})
    return {"statusCode": 201, "body": json.dumps({"id": order["id"], "state": "packed"})}


def find(event, context):
    """Say how far a parcel is."""
    parcel = table.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    return {"statusCode": 200 if parcel else 404, "body": json.dumps(parcel or {"state": "waiting"})}
