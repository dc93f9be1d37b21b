"""The kitchen and the ledger of the huts, as their people wrote them: deploy them as they are.

``cook`` and ``note`` hear of a booking; ``meals`` and ``nights`` answer at an API. The variable TABLE names the table
of the service that a function belongs to.
"""

import json
import os
import time
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def heard(event):
    """Return the booking in an event, however it came: by queue, topic, event bus or API."""
    if "Records" in event:
        record = event["Records"][0]
        said = json.loads(record["Sns"]["Message"] if "Sns" in record else record["body"])
    else:
        said = json.loads(event["body"]) if "body" in event else event
    said = json.loads(said["Message"]) if "Message" in said else said
    return said.get("detail", said)


def cook(event, context):
    """Cook for one booking; each course takes half a second."""
    booking = heard(event)
    if booking.get("diet") == "stones":
        raise ValueError("the kitchen cannot cook stones")
    began = Decimal(str(time.time()))
    time.sleep(int(booking.get("courses", 1)) / 2)
    table.put_item(Item={"id": booking["id"], "began": began, "ended": Decimal(str(time.time()))})
    return answer(201, {"id": booking["id"]})


def meals(event, context):
    """Answer GET /meals/{id}: when a meal was cooked, 404 while it is not."""
    meal = table.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    return answer(200, meal) if meal else answer(404, {"message": "not cooked yet"})


def note(event, context):
    """Write a booking into the ledger; the same booking twice is still one."""
    booking = heard(event)
    table.put_item(Item={"id": booking["id"], "hut": booking["hut"], "guests": int(booking["guests"])})
    return answer(201, {"id": booking["id"]})


def nights(event, context):
    """Answer GET /nights/{hut}: how many guests are booked there."""
    found = table.scan(FilterExpression=Attr("hut").eq(event["pathParameters"]["hut"]))["Items"]
    return answer(200, {"guests": sum(int(one["guests"]) for one in found)})


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=float)}
