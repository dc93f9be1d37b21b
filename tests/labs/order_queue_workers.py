"""Workers of the lab order_queue, from the simplest to the mended one, as a learner would write them."""

SIMPLE = """
import json
from payments import charge

def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        charge(order["order"], round(float(order["price"]) * 100))
"""
REPORTS = """
import json
import boto3
from payments import charge

dynamodb = boto3.client("dynamodb")

def charge_once(order):
    charge(order["order"], round(float(order["price"]) * 100))

def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            charge_once(json.loads(record["body"]))
        except Exception:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""
ONCE = """
def charge_once(order):
    cents = round(float(order["price"]) * 100)
    note = {"order_id": {"S": order["order"]}}
    try:
        dynamodb.put_item(
            TableName="paid-orders", Item=note, ConditionExpression="attribute_not_exists(order_id)")
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return
    try:
        charge(order["order"], cents)
    except Exception:
        dynamodb.delete_item(TableName="paid-orders", Key=note)
        raise
"""
BODY = """
def charge_once(order):
    charge(order["order"], round(float(order["price"]) * 100))
"""
IDEMPOTENT = REPORTS.replace(BODY, ONCE)
MENDED = IDEMPOTENT.replace('order["price"]', 'order["price"].replace(",", ".")')
