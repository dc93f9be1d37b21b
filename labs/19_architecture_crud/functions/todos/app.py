"""The todos of whoever is signed in: list, add, change, remove."""

import json
import os
import uuid

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

QUICK = Config(retries={"mode": "standard", "total_max_attempts": 2})
table = boto3.resource("dynamodb", config=QUICK).Table(os.environ["TABLE"])
BUSY = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
MISSING = "ConditionalCheckFailedException"


def handler(event, context):
    """Answer one request; API Gateway has verified the token, and its claims say whose todos they are."""
    user = event["requestContext"]["authorizer"]["claims"]["sub"]
    key = {"user": user, "id": (event["pathParameters"] or {}).get("id", str(uuid.uuid4()))}
    try:
        given = json.loads(event["body"] or "{}")
        match event["httpMethod"]:
            case "GET":
                return answer(200, listed(user))
            case "POST":
                todo = {**key, "text": str(given["text"])[:200], "done": False}
                table.put_item(Item=todo)
                return answer(201, shown(todo))
            case "PATCH":
                return answer(200, change(key, bool(given["done"])))
            case "DELETE":
                table.delete_item(Key=key)
                return answer(200, {"deleted": key["id"]})
    except (ValueError, KeyError, TypeError):
        return answer(400, {"message": "a todo has a text, a change says done: true or false"})
    except ClientError as error:
        return failed(error)


def listed(user):
    """Return the todos of a user."""
    found = table.query(KeyConditionExpression=Key("user").eq(user))["Items"]
    return {"todos": sorted((shown(todo) for todo in found), key=lambda todo: todo["text"])}


def change(key, done):
    """Tick a todo off, or not; it must be there, and belong to the user."""
    update = {"UpdateExpression": "SET done = :done", "ExpressionAttributeValues": {":done": done}}
    changed = table.update_item(Key=key, ConditionExpression=Attr("id").exists(), ReturnValues="ALL_NEW", **update)
    return shown(changed["Attributes"])


def failed(error):
    """Tell what the app can do about it: there is no such todo, or try again in a moment."""
    code = error.response["Error"]["Code"]
    if code == MISSING:
        return answer(404, {"message": "there is no such todo"})
    if code in BUSY:
        return answer(503, {"message": "busy, please try again"}, **{"Retry-After": "1"})
    raise error


def shown(todo):
    """Return what the app may see of a todo."""
    return {name: todo[name] for name in ("id", "text", "done")}


def answer(status, body, **headers):
    """Return a response for API Gateway."""
    return {"statusCode": status, "headers": {"Content-Type": "application/json", **headers}, "body": json.dumps(body)}
