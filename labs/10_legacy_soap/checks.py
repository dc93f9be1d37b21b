"""Checks of the lab legacy_soap: they call the API as apps, desks and partners do, and look at what arrives."""

from __future__ import annotations

import json
from typing import Any

import airport
import boto3
import urllib3
from botocore.exceptions import ClientError
from words import HINTS, WHY

from helpers.teaching import api_address
from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import found

TITLE, STAGE, FUNCTION, KEY = "Lost luggage", "desk", "luggage-face", "lost-luggage.json"
OWNER = """Marks & "Spencer" <Sons> O'Neill"""
GOOD = {"owner": "Kim Park", "colour": "red"}

lab = Lab("legacy_soap")


def api() -> dict[str, Any] | None:
    """Return the newest API called Lost luggage, or None."""
    found = [each for each in boto3.client("apigateway").get_rest_apis()["items"] if each["name"] == TITLE]
    return found[-1] if found else None


def known() -> dict[str, Any]:
    """Return the API; without one the task is not attempted."""
    found = api()
    if found is None:
        not_attempted(f"There is no API called `{TITLE}` yet.")
    return found


def ask(method: str, path: str, body: object = None, raw: str = "") -> urllib3.BaseHTTPResponse:
    """Call the API's stage."""
    url = api_address(known()["id"], STAGE, path)
    if raw:
        return urllib3.request(method, url, body=raw, headers={"Content-Type": "text/xml"})
    return urllib3.request(method, url, json=body)


def said(answer: urllib3.BaseHTTPResponse) -> str:
    """Return an answer as a line."""
    return f"{answer.status} {answer.data.decode('utf-8', 'replace')}"


def parsed(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Return an answer's JSON object, or an empty one."""
    try:
        found = json.loads(answer.data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def new_report(**changes: object) -> dict[str, Any]:
    """Return a good report of a bag that nobody has reported, with some changes."""
    report = {"tag": airport.service().new_tag(), **GOOD, **changes}
    return {name: value for name, value in report.items() if value is not None}


def is_mock() -> bool:
    """Return whether POST /reports is answered by the contract's mock still."""
    return parsed(ask("POST", "/reports", new_report())).get("status") == "mock"


@lab.task("contract", hints=HINTS["contract"], why=WHY["contract"])
def contract() -> None:
    """The contract is an API that answers at the stage desk."""
    found = known()
    stages = [each["stageName"] for each in boto3.client("apigateway").get_stages(restApiId=found["id"])["item"]]
    paths = {each["path"] for each in boto3.client("apigateway").get_resources(restApiId=found["id"])["items"]}
    if not {"/reports", "/reports/{reference}"} <= paths:
        wrong(
            "The API lacks paths of the contract. Import the document instead of making the API by hand.", sorted(paths)
        )
    if not stages:
        wrong("The API is there, but not deployed: nobody can call it.")
    if STAGE not in stages:
        wrong(f"The API is deployed to the stage `{stages[0]}`; the airport's apps call `{STAGE}`.")
    if found["endpointConfiguration"]["types"] != ["REGIONAL"]:
        wrong("The endpoint is `EDGE`, the default. The airport wants it in its own Region: `REGIONAL`.")
    answer = ask("GET", "/reports/LH000101")
    if answer.status not in (200, 404):  # 404: task 6 is done
        wrong("`GET /reports/LH000101` does not answer.", said(answer))


@lab.task("validate", hints=HINTS["validate"], why=WHY["validate"])
def validate() -> None:
    """Wrong reports are refused by API Gateway itself, good ones are not."""
    known()
    bad = {
        "without `owner`": new_report(owner=None),
        "with the colour `invisible`": new_report(colour="invisible"),
        "with the tag `123`": new_report(tag=123),
        "with a tag in quotation marks": new_report(tag="2200000000"),
    }
    answers = {what: ask("POST", "/reports", body) for what, body in bad.items()}
    passed = [what for what, answer in answers.items() if answer.status != 400]
    good = ask("POST", "/reports", new_report())
    if good.status == 400:
        wrong("A good report is refused, too: a tag of ten digits, an owner, and the colour red.", said(good))
    if len(passed) == len(bad):
        models = boto3.client("apigateway").get_models(restApiId=known()["id"])["items"]
        if not models:
            not_attempted("API Gateway takes every report: there is no model yet.")
        wrong("There is a model, but nothing is checked by it. Does `POST /reports` name a request validator?")
    if passed:
        wrong(f"A report {passed[0]} gets through.", said(answers[passed[0]]))
    if ask("GET", "/reports/LH000101").status not in (200, 404):
        wrong("`GET /reports/{reference}` no longer answers. Did you overwrite the API with a part of the contract?")


@lab.task("passthrough", hints=HINTS["passthrough"], why=WHY["passthrough"])
def passthrough() -> None:
    """Old desks may send their envelopes to /soap, and get the very bytes that the service answers."""
    known()
    messages = (airport.FIND.replace("LH000101", "LH000000"), airport.REPORT.replace("0123456789", airport.DOWN_TAG))
    for message in messages:
        envelope = airport.ENVELOPE % message
        before = len(airport.service().asked)
        answer = ask("POST", "/soap", raw=envelope)
        if answer.status == 403:
            not_attempted("There is no `POST /soap` at the stage yet.")
        arrived = airport.service().asked[before:]
        if not arrived:
            wrong("`POST /soap` answers, but the envelope does not reach the luggage service.", said(answer))
        if arrived[0] != envelope:
            wrong("The envelope reaches the service changed. A passthrough needs no template.", arrived[0])
        status, text = airport.service().answer(envelope)
        if answer.status != status:
            wrong(f"The service answered {status}, the desk got {answer.status}. A proxy passes the status on, too.")
        if answer.data.decode() != text:
            wrong("The service's answer reaches the desk changed.", said(answer))


def invoked(envelope: str) -> tuple[Any, bool]:
    """Invoke the function with an envelope; return its result, and whether it failed."""
    event = json.dumps({"envelope": envelope})
    answer = boto3.client("lambda").invoke(FunctionName=FUNCTION, Payload=event)
    return json.loads(answer["Payload"].read() or b"null"), "FunctionError" in answer


@lab.task("function", hints=HINTS["function"], why=WHY["function"])
def function() -> None:
    """The function luggage-face makes JSON of the service's answers, and fails with the words of a Fault."""
    if found(boto3.client("lambda").get_function, FunctionName=FUNCTION) is None:
        not_attempted(f"There is no function `{FUNCTION}` yet.")
    report = airport.REPORT.replace("0123456789", str(airport.service().new_tag()))
    result, failed = invoked(airport.ENVELOPE % report)
    if failed:
        wrong("For a good envelope the function fails.", result)
    if not isinstance(result, dict):
        wrong("The function returns text. Return a dictionary: `reference` and `status`.", result)
    if any("}" in name for name in result):
        wrong("The names still carry the namespace in braces. Keep what stands behind the brace.", result)
    if result.get("reference") not in airport.service().bags or result.get("status") != "searching":
        wrong("The result should be the new `reference` and the `status` of the service's answer.", result)
    result, failed = invoked(airport.ENVELOPE % airport.FIND.replace("LH000101", "LH000000"))
    if not failed:
        wrong(
            "The service answered with a Fault, and the function returns as if all were well. Raise an error.", result
        )
    if result.get("errorMessage") != "unknown reference: LH000000":
        wrong("The error should say what the `faultstring` says, and nothing else.", result)


@lab.task("face", hints=HINTS["face"], why=WHY["face"])
def face() -> None:
    """Apps report and find bags in JSON; templates write the envelopes."""
    known()
    if is_mock():
        not_attempted("`POST /reports` still answers as the contract's mock.")
    report = new_report(owner="Kim Park")
    answer = ask("POST", "/reports", report)
    reference = parsed(answer).get("reference")
    bag = airport.service().bags.get(str(reference))
    if bag is None:
        wrong("A good report does not come back with the service's `reference`.", said(answer))
    if answer.status != 201:
        wrong(f"The contract promises 201 for a new report; the app got {answer.status}.")
    if (bag.tag, bag.owner, bag.colour) != (str(report["tag"]), "Kim Park", "red"):
        wrong("The service got something else than the app reported.", bag)
    found = ask("GET", f"/reports/{reference}")
    if found.status != 200 or parsed(found).get("colour") != "red":
        wrong("`GET /reports/{reference}` should give 200 and what the service finds.", said(found))
    _owner_arrives()
    if ask("POST", "/reports", new_report(colour="invisible")).status != 400:
        wrong("Wrong reports get through again: the method was replaced without its model and validator.")


def _owner_arrives() -> None:
    """Check that what XML or JSON take for signs of their own arrives as it was written."""
    answer = ask("POST", "/reports", new_report(owner=OWNER))
    bag = airport.service().bags.get(str(parsed(answer).get("reference")))
    if bag is None:
        wrong(
            f"The owner `{OWNER}` breaks the envelope or the JSON around it: escape what the app wrote.", said(answer)
        )
    if bag.owner != OWNER:
        wrong(f"The owner `{OWNER}` arrives changed.", bag.owner)


@lab.task("errors", hints=HINTS["errors"], why=WHY["errors"])
def errors() -> None:
    """Faults become the right status, with the reason in JSON."""
    known()
    if is_mock():
        not_attempted("Task 5 comes first: the API has no backend yet.")
    report = new_report()
    ask("POST", "/reports", report)
    again = ask("POST", "/reports", report)
    unknown = ask("GET", "/reports/LH000000")
    down = ask("POST", "/reports", new_report(tag=int(airport.DOWN_TAG)))
    down_too = ask("GET", f"/reports/{airport.DOWN_REFERENCE}")
    answers = {404: unknown, 409: again, 503: down}
    statuses = {answer.status for answer in (*answers.values(), down_too)}
    if statuses <= {200, 201}:
        not_attempted("Every Fault still comes as a success.")
    if len(statuses) == 1:
        wrong(f"Every Fault is {statuses.pop()} now. An app must be able to tell its own mistakes from yours.")
    for wanted, answer in answers.items():
        if answer.status != wanted:
            wrong(
                f"This Fault should be {wanted}. A selection pattern must match the whole error message.", said(answer)
            )
    if down_too.status != 503:
        wrong("Reporting knows that the tracing system is down, finding does not.", said(down_too))
    if parsed(unknown) != {"message": "unknown reference: LH000000"}:
        wrong('The body should be `{"message": ...}` with the reason, and no more.', said(unknown))
    if ask("POST", "/reports", new_report()).status != 201:
        wrong("Now good reports fail: the default response, without a pattern, is missing.")


@lab.task("partners", hints=HINTS["partners"], why=WHY["partners"])
def partners() -> None:
    """Partners find the contract in their bucket: OpenAPI 3.0, of today, without what is behind it."""
    try:
        text = boto3.client("s3").get_object(Bucket=airport.BUCKET, Key=KEY)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        not_attempted(f"There is no `{KEY}` in the bucket yet.")
    try:
        document = json.loads(text)
    except ValueError:
        wrong("The object is not JSON.", text[:200])
    if "x-amazon-apigateway" in text:
        wrong("The document tells partners what stands behind the API: export it without extensions.")
    if not str(document.get("openapi", "")).startswith("3.0"):
        wrong("The document is Swagger 2.0; partners asked for OpenAPI 3.0.", str(document)[:80])
    fresh = boto3.client("apigateway").get_export(restApiId=known()["id"], stageName=STAGE, exportType="oas30")
    if document != json.load(fresh["body"]):
        wrong(f"The document is not what the stage `{STAGE}` is now. Export it again.")
    documented = set(document["paths"]["/reports"]["post"]["responses"]) | set(
        document["paths"]["/reports/{reference}"]["get"]["responses"]
    )
    if not {"404", "409", "503"} <= documented:
        wrong(
            "The contract does not tell of all the errors: 404, 409, 503 belong to the `responses`.", sorted(documented)
        )
