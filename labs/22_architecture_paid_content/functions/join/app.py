"""POST /membership: a voucher becomes 30 days of membership, and it works once."""

import json
import os
import time

import boto3

MEMBERS, DAYS = os.environ["MEMBERS"], 30
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    user = event["requestContext"]["authorizer"]["claims"]["sub"]
    voucher = json.loads(event["body"] or "{}").get("voucher", "")
    until = int(time.time()) + DAYS * 86_400
    taken = {"Key": {"id": {"S": f"voucher#{voucher}"}}, "ConditionExpression": "attribute_exists(id)"}
    member = {"id": {"S": f"member#{user}"}, "until": {"N": str(until)}}
    try:  # both or neither: two users cannot take one voucher
        dynamodb.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": MEMBERS, **taken}},
                {"Put": {"TableName": MEMBERS, "Item": member}},
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException:
        return {"statusCode": 400, "body": json.dumps({"message": "this voucher is not good"})}
    return {"statusCode": 200, "body": json.dumps({"days": DAYS})}
