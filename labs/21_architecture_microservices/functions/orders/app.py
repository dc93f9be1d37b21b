"""The service orders: takes an order, asks prices what it costs, and has the parcels packed."""

import json
import os
import urllib.error
import urllib.request
from urllib.parse import quote

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
sns = boto3.client("sns")


def handler(event, context):
    if event["httpMethod"] == "GET":
        return read(event["pathParameters"]["id"])
    return place(json.loads(event["body"]))


def read(identifier):
    order = table.get_item(Key={"id": identifier}).get("Item")
    return answer(200, order) if order else answer(404, {"message": "no such order"})


def place(order):
    price = price_of(order["book"])
    if price is None:
        return answer(404, {"message": "no such book"})
    order |= price
    table.put_item(Item=order)
    try:
        have_packed(order)
    except OSError:
        table.delete_item(Key={"id": order["id"]})
        return answer(503, {"message": "parcels takes no order now"})
    return answer(201, order)


def price_of(book):
    """Return what prices says, None for an unknown book; without prices the order stands, and is priced later."""
    try:
        with ask(f"{os.environ['PRICES']}/{quote(book, safe='')}", seconds=0.5) as page:
            return {"cents": json.load(page)["cents"]}
    except urllib.error.HTTPError as error:
        return None if error.code == 404 else {"cents": "to follow"}
    except OSError:  # no answer, or not in time
        return {"cents": "to follow"}


def have_packed(order):
    """Tell everybody who wants to know; or, for a customer who waits for it, call parcels and wait, too."""
    if order.get("wait"):
        ask(f"{os.environ['PARCELS']}/parcels", seconds=15, body=json.dumps(order).encode()).close()
    else:
        sns.publish(TopicArn=os.environ["TOPIC"], Message=json.dumps(order))


def ask(url, seconds, body=None):
    headers = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
    return urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=seconds)


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=int)}
