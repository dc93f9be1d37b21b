"""The ferry line as you find it: a gateway, four functions, two tables, a queue, and a harbour with an old computer.

``ferry.open_line()`` makes them, ``ferry.day("title")`` lets a day's passengers book. Read this file if you like: it
says what the functions do, and not for whom they are slow. That is in the data, and X-Ray sees it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

import boto3
import urllib3

from helpers import cloud
from helpers.teaching import api_address, names, package
from helpers.teaching.packages import libraries

API, STAGE, TOPIC, ALARM, ROLE = "ferry", "prod", "bridge", "bookings-fail", "ferry"
FUNCTIONS = ("booking", "prices", "seats", "payment")
CARDS, TICKETS = ("none", "blue", "gold"), ("adult", "child", "coach")
PROMISE_SECONDS = 1
TRACED, UNTRACED = "1", "0"
FILES = {
    "harbour.py": """
        "The harbour's old computer, at the far end of a slow cable: each question takes 60 milliseconds."
        import time
        from aws_xray_sdk.core import xray_recorder

        def ask(question):
            with xray_recorder.in_subsegment("harbour", namespace="remote"):
                time.sleep(0.06)
                return question()

        def trip(number):
            return trips([number])[0]

        def trips(numbers):
            "Several trips in one question."
            return ask(lambda: [{"number": each, "points": 1 + int(each) % 2} for each in numbers])

        def hold():
            return ask(lambda: True)
        """,
    "services.py": """
        "What a function needs to call other services; X-Ray's SDK writes these calls down."
        import json
        import boto3
        from aws_xray_sdk.core import patch
        patch(["boto3"])
        functions = boto3.client("lambda")

        def table(name):
            return boto3.resource("dynamodb").Table(name)

        def call(function, event):
            answer = functions.invoke(FunctionName=function, Payload=json.dumps(event))
            said = json.load(answer["Payload"])
            if "FunctionError" in answer:
                raise RuntimeError(f"{function} failed")
            return said
        """,
    "booking.py": """
        import json, os
        from services import boto3, call
        queue, sqs = os.environ["QUEUE_URL"], boto3.client("sqs")

        def handler(event, context):
            order = json.loads(event["body"])
            price = call("prices", order)
            if not call("seats", order)["held"]:
                return {"statusCode": 409, "body": json.dumps({"message": "sold out"})}
            call("payment", {**order, "usd": price["usd"]})
            sqs.send_message(QueueUrl=queue, MessageBody=order["id"])
            return {"statusCode": 200, "body": json.dumps(price)}
        """,
    "prices.py": """
        import harbour
        import services
        fares, cards = {"north": 25, "south": 40, "west": 30}, services.table("cards")

        def points(card):
            return sum(harbour.trip(number)["points"] for number in card["trips"])

        def handler(order, context):
            card = cards.get_item(Key={"number": order["card"]})["Item"]
            usd = fares[order["route"]] * order["seats"] - points(card) // 10
            if order["ticket"] == "child":
                usd = usd / 2
            return {"usd": usd, "card": card["kind"]}
        """,
    "seats.py": """
        import harbour

        def handler(order, context):
            if order["route"] == "west":
                return {"held": []}
            return {"held": [harbour.hold() for seat in range(order["seats"])]}
        """,
    "payment.py": """
        import services
        receipts = services.table("receipts")

        def handler(order, context):
            receipts.put_item(Item={"order": order["id"], "usd": order["usd"]})
            return {"paid": order["usd"]}
        """,
}
WALLETS = {"none": 0, "blue-1": 1, "gold-1": 20, "gold-2": 24}
"""The cards, and how many trips each has been used for."""
ORDINARY = [{"route": "north"}, {"route": "south"}, {"route": "south", "card": "blue-1"}]
DAY: list[dict[str, Any]] = [
    *ORDINARY,
    {"route": "north", "card": "gold-1"},
    {"route": "north", "ticket": "child"},
    {"route": "west"},
    *ORDINARY,
    {"route": "south", "ticket": "coach", "seats": 20},
    {"route": "south", "card": "gold-2"},
    *ORDINARY,
    {"route": "south", "ticket": "child"},
    {"route": "north", "ticket": "coach", "seats": 20},
    {"route": "south", "card": "gold-1"},
]
_http = urllib3.PoolManager()


@dataclass(frozen=True)
class Booking:
    """What became of a booking: the gateway's answer, how long it took in seconds, and the id of its trace."""

    order: str
    status: int
    answer: dict[str, Any]
    seconds: float
    trace: str
    traced: bool


def open_line() -> None:
    """Make what the ferry line has before you come: run it once, right after ``cloud.start``."""
    for name, key in (("cards", "number"), ("receipts", "order")):
        boto3.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    for number, trips in WALLETS.items():
        card = {"number": number, "kind": number.partition("-")[0], "trips": [str(each) for each in range(trips)]}
        boto3.resource("dynamodb").Table("cards").put_item(Item=card)
    url = boto3.client("sqs").create_queue(QueueName="tickets")["QueueUrl"]
    boto3.client("sns").create_topic(Name=TOPIC)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    for name in FUNCTIONS:
        boto3.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler=f"{name}.handler",
            Code={"ZipFile": _zipped({})},
            Environment={"Variables": {"QUEUE_URL": url}},
            Timeout=20,
            MemorySize=256,
        )
    _open_gateway()
    boto3.client("xray").update_sampling_rule(
        SamplingRuleUpdate={"RuleName": "Default", "ReservoirSize": 0, "FixedRate": 0.0}
    )
    print("The ferry line is open: API", f"{API}, stage {STAGE}, functions", names.listed(list(FUNCTIONS)) + ".")


def _open_gateway() -> None:
    function = boto3.client("lambda").get_function(FunctionName="booking")["Configuration"]["FunctionArn"]
    boto3.client("lambda").add_permission(
        FunctionName="booking", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    gateway = boto3.client("apigateway")
    api = gateway.create_rest_api(name=API)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="bookings")["id"]
    method = {"restApiId": api, "resourceId": resource, "httpMethod": "POST"}
    gateway.put_method(**method, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api, stageName=STAGE)


def _zipped(changed: dict[str, str | bytes]) -> bytes:
    return package({**FILES, **libraries("aws-xray-sdk", "wrapt"), **changed})


def deploy(function: str, code: str) -> None:
    """Give a function new code: ``code`` takes the place of its own file, such as ``prices.py``; the others stay."""
    boto3.client("lambda").update_function_code(FunctionName=function, ZipFile=_zipped({f"{function}.py": code}))
    print(f"{function} has new code.")


def api_id() -> str:
    """Return the id of the API."""
    return next(one["id"] for one in boto3.client("apigateway").get_rest_apis()["items"] if one["name"] == API)


def book(sampled: str = "", body: str = "", **order: Any) -> Booking:
    """Book a passage and return what became of it.

    Parameters
    ----------
    sampled:
        ``TRACED`` or ``UNTRACED`` decides in the trace header; without it the sampling rules decide.
    body:
        Sent instead of an order, as it is.
    order:
        ``route``, ``ticket``, ``card`` and ``seats``, as far as they are not ordinary.
    """
    whole = {"id": uuid.uuid4().hex[:8], "route": "north", "ticket": "adult", "card": "none", "seats": 1, **order}
    root = f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    headers = {"X-Amzn-Trace-Id": f"Root={root};Sampled={sampled}"} if sampled else {}
    began = time.monotonic()
    answer = _http.request(
        "POST", api_address(api_id(), STAGE, "/bookings"), body=body or json.dumps(whole), headers=headers, timeout=30
    )
    seconds = time.monotonic() - began
    header = dict(part.split("=", 1) for part in answer.headers.get("X-Amzn-Trace-Id", "Root=").split(";"))
    traced = header.get("Sampled") == "1"
    return Booking(whole["id"], answer.status, json.loads(answer.data), seconds, header["Root"], traced)


def day(title: str) -> list[Booking]:
    """Let a day's passengers book, print how they fared, and return it; a first booking wakes the functions up."""
    book(UNTRACED)
    booked = [book(**order) for order in DAY]
    statuses = Counter(each.status for each in booked)
    slow = sum(each.seconds > PROMISE_SECONDS for each in booked)
    told = {"sold": statuses[200], "sold out (409)": statuses[409], "failed (502)": statuses[502]}
    print(f"{title}: {names.count(len(booked), 'booking')}, {', '.join(f'{n} {what}' for what, n in told.items())}.")
    print(f"Longer than {PROMISE_SECONDS} s: {slow}. Chosen to be traced: {sum(each.traced for each in booked)}.")
    return booked


def traces(expression: str, since: float = 0.0) -> list[dict[str, Any]]:
    """Return the summaries of the traces that a filter expression finds, the newest first.

    Parameters
    ----------
    since:
        From when on, in seconds since the epoch.
    """
    now = cloud.current().time()
    frame = {"StartTime": max(since - 1, now - 3 * 3600), "EndTime": max(since, now) + 3600}
    pages = boto3.client("xray").get_paginator("get_trace_summaries").paginate(FilterExpression=expression, **frame)
    found = [summary for page in pages for summary in page["TraceSummaries"]]
    return [each for each in found if each["StartTime"].timestamp() >= since]  # an id tells whole seconds only


def find(expression: str, since: float = 0.0) -> str | None:
    """Print what a filter expression finds, by ticket and card as far as they are annotated; return the newest's id."""
    found = traces(expression, since)
    print(f"{names.count(len(found), 'trace')}: {expression}")
    for what, count in sorted(Counter(map(_said, found)).items()):
        print(f"  {count} with {what}")
    return str(found[0]["Id"]) if found else None


def exceptions(trace_id: str) -> None:
    """Print which exceptions a trace tells of, each with the function that raised it."""
    for found in boto3.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"]:
        for document in (json.loads(segment["Document"]) for segment in found["Segments"]):
            for exception in document.get("cause", {}).get("exceptions", []):
                print(f"{document['name']}: {exception['type']}: {exception['message']}")


def _said(summary: dict[str, Any]) -> str:
    values = {
        key: next(iter(each[0]["AnnotationValue"].values()))
        for key, each in summary["Annotations"].items()
        if not key.startswith("aws:")
    }
    return ", ".join(f"{key} = {value}" for key, value in sorted(values.items())) or "no annotation"
