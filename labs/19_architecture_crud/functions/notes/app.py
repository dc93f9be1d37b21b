"""The notes of a bird club: what a member has seen, and how often each bird was seen by all.

Behind a REST API or an HTTP API with these routes, each with an ID token of a user pool but the last:

    POST /sightings   {"bird": "wren", "count": 2} -> 201
    GET  /sightings   the member's own -> 200 {"sightings": [...]}
    GET  /counts      for everybody -> 200 {"counts": {"wren": 2}}

The variable ``NOTES`` names a table with the keys ``member`` and ``id``, both texts. It is read by Query, and written
by PutItem and UpdateItem.
"""

import json
import os
import uuid

import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table(os.environ["NOTES"])
ALL = "everybody"


def handler(event, context):
    """Answer one request of either kind of API."""
    match event.get("routeKey") or f"{event['httpMethod']} {event['resource']}":
        case "GET /counts":
            return answer(200, {"counts": {row["id"]: int(row["seen"]) for row in rows(ALL)}}, "max-age=30")
        case "GET /sightings":
            own = [{"bird": row["bird"], "count": int(row["count"])} for row in rows(member(event))]
            return answer(200, {"sightings": sorted(own, key=lambda one: one["bird"])})
        case "POST /sightings":
            return note(member(event), event.get("body"))
    return answer(404, {"message": "there is no such page"})


def note(who, body):
    """Keep a sighting, and add it to what all have seen: the table adds, so that no two writers lose a bird."""
    try:
        given = json.loads(body or "")
        bird, count = str(given["bird"]), int(given["count"])
    except (ValueError, KeyError, TypeError):
        return answer(400, {"message": "a sighting has a bird and a count"})
    table.put_item(Item={"member": who, "id": str(uuid.uuid4()), "bird": bird, "count": count})
    added = {"UpdateExpression": "ADD seen :count", "ExpressionAttributeValues": {":count": count}}
    table.update_item(Key={"member": ALL, "id": bird}, **added)
    return answer(201, {"bird": bird, "count": count})


def member(event):
    """Return the id of whoever is signed in, as either kind of API tells it."""
    told = event["requestContext"]["authorizer"]
    return (told.get("claims") or told["jwt"]["claims"])["sub"]


def rows(who):
    """Return all items of a member, or of everybody."""
    return table.query(KeyConditionExpression=Key("member").eq(who))["Items"]


def answer(status, body, keep="no-store"):
    """Return a response, and how long a cache on its way may keep it."""
    headers = {"Content-Type": "application/json", "Cache-Control": keep}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
