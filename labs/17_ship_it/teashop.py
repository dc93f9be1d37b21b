"""The tea shop: its prices, its packages, its visitors, and what ``sam deploy`` would do for you.

``teashop.open_shop()`` makes the bucket for packages, ``teashop.template(...)`` puts the parts of your template
together, ``teashop.ship(...)`` deploys it by a change set. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import itertools
import json
import re
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.exceptions import ClientError

from helpers.teaching import local_address
from helpers.teaching.deployments import together
from helpers.teaching.packaging import package_template

STACK, BUCKET = "tea", "tea-packages"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
STOCK = {
    "assam": {"usd": 6, "was_usd": 7},
    "sencha": {"usd": 9},
    "oolong": {"usd": 12},
    "mint": {"usd": 4},
}
"""What 100 g cost, and what Assam cost last year: all other teas are new."""
VISITORS, LONGEST_SECONDS = 2, 100
_http = urllib3.PoolManager(maxsize=VISITORS + 2)
_numbers = itertools.count(1)
right_before: set[str] = set()
"""The tasks that were right while the stack was there."""


def open_shop() -> None:
    """Make what the shop has before you come: run it once, right after ``cloud.start``."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    right_before.clear()
    print(f"The bucket {BUCKET} is there, and nothing else.")


def template(*parts: str) -> str:
    """Put the parts of a template together, and upload the code that it names: the template for CloudFormation.

    What a later part says is added to what the earlier ones say, or takes its place.
    """
    return package_template(together(*parts), Path(__file__).parent, BUCKET)


def ship(text: str, *, visitors: bool = False) -> None:
    """Deploy a template by a change set, if you like while visitors come; print what changes, and what became of it."""
    name = change_set(text)
    if not name:
        return
    with come(visitors) as seen:
        boto3.client("cloudformation").execute_change_set(StackName=STACK, ChangeSetName=name)
        found = settled()
    stock_up()
    print(f"Stack {STACK}: {found}")
    for event in reversed(failures()):
        print(textwrap.fill(re.sub(r" d-\w{9}", "", event), 110, initial_indent="  ", subsequent_indent="  "))
    if visitors:
        print("Visitors:", told(seen))


def change_set(text: str) -> str:
    """Make a change set, print what it would do, and return its name, or nothing if it cannot be executed."""
    client = boto3.client("cloudformation")
    before = stack()
    if before and before["StackStatus"] == "ROLLBACK_COMPLETE":
        print("The first deployment failed: its stack is deleted, and made anew.")
        client.delete_stack(StackName=STACK)
        before = None if settled() == "gone" else before
    names = {"StackName": STACK, "ChangeSetName": f"ship-{next(_numbers)}"}
    kind = "UPDATE" if before and before["StackStatus"] != "REVIEW_IN_PROGRESS" else "CREATE"
    client.create_change_set(**names, TemplateBody=text, ChangeSetType=kind, Capabilities=CAPABILITIES)
    while (made := client.describe_change_set(**names))["Status"] not in ("CREATE_COMPLETE", "FAILED"):
        time.sleep(0.1)
    if made["Status"] == "FAILED":
        print("Nothing is shipped:", made["StatusReason"])
        client.delete_change_set(**names)
        return ""
    changes = [one["ResourceChange"] for one in made["Changes"]]
    print("Changes:", ", ".join(f"{one['Action']} {one['LogicalResourceId']}" for one in changes))
    return names["ChangeSetName"]


def stack() -> dict[str, Any] | None:
    """Return what CloudFormation says about the stack, or None where there is none."""
    try:
        found: dict[str, Any] = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:
        return None
    return found


def settled() -> str:
    """Wait until nothing is in progress, and return the stack's state: ``gone`` where there is none."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while (found := stack()) and found["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return found["StackStatus"] if found else "gone"


def failures() -> list[str]:
    """Return why resources failed in the newest operation on the stack, the newest first."""
    found = []
    for event in boto3.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED"):
            found.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
        if event.get("ResourceStatusReason") == "User Initiated":
            break
    return found


def resources(kind: str) -> dict[str, str]:
    """Return the physical ids of the stack's resources of a type, by their logical ids."""
    if stack() is None:
        return {}
    found = boto3.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    alive = [one for one in found if one["ResourceType"] == kind and "DELETE" not in one["ResourceStatus"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in alive}


def deployments() -> list[dict[str, Any]]:
    """Return the deployments that updates of the stack began, the oldest first: also the version and the reason."""
    client, groups = boto3.client("codedeploy"), resources("AWS::CodeDeploy::DeploymentGroup")
    applications = list(resources("AWS::CodeDeploy::Application").values())
    if not groups or not applications:
        return []
    names = {"applicationName": applications[0], "deploymentGroupName": groups["PriceDeploymentGroup"]}
    found = []
    for identifier in client.list_deployments(**names)["deployments"]:
        told = client.get_deployment(deploymentId=identifier)["deploymentInfo"]
        if told.get("creator") == "codeDeployRollback":
            continue
        targets = client.list_deployment_targets(deploymentId=identifier)["targetIds"]
        if not targets:
            continue
        answer = client.get_deployment_target(deploymentId=identifier, targetId=targets[0])
        target = answer["deploymentTarget"]["lambdaTarget"]
        said = [event.get("diagnostics", {}).get("message") for event in target["lifecycleEvents"]]
        reason = next(filter(None, said), told.get("errorInformation", {}).get("message", ""))
        found.append({**told, "to": target["lambdaFunctionInfo"]["targetVersion"], "reason": reason})
    return sorted(found, key=lambda one: one["createTime"])


def stock_up() -> None:
    """Write the prices into the table of the stack, if it has one and may be used."""
    for table in resources("AWS::DynamoDB::Table").values():
        for name, prices in STOCK.items():
            item = {"id": {"S": name}, **{key: {"N": str(value)} for key, value in prices.items()}}
            boto3.client("dynamodb").put_item(TableName=table, Item=item)


def address() -> str:
    """Return where the stack's output ``Url`` leads to on this machine, or nothing."""
    outputs = {one["OutputKey"]: one["OutputValue"] for one in (stack() or {}).get("Outputs", [])}
    return local_address(outputs.get("Url", ""))


def ask(tea: str, url: str = "") -> tuple[int, dict[str, Any]]:
    """Ask the API for a tea; return the status and the answer."""
    answer = _http.request("GET", f"{url or address()}/{tea}", timeout=20, retries=False)
    return answer.status, json.loads(answer.data or b"{}")


@contextmanager
def come(wanted: bool) -> Iterator[Counter[bool]]:
    """Let visitors ask for teas all the time; count who was served, and who was not."""
    seen: Counter[bool] = Counter()
    closed, url = threading.Event(), address()

    def visit(first: int) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        for tea in itertools.islice(itertools.cycle(STOCK), first, None):
            if closed.wait(0.005) or time.monotonic() > deadline:
                return
            seen[ask(tea, url)[0] == 200] += 1

    count = VISITORS if wanted and url else 0
    threads = [threading.Thread(target=visit, args=(number,), name="visitor", daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        closed.set()
        for thread in threads:
            thread.join(5)


def told(seen: Counter[bool]) -> str:
    """Return how many were served, in words that are the same at each run."""
    if not seen:
        return "none came, the shop has no address yet"
    if not seen[False]:
        return "all were served"
    return "most were served, some met an error page" if seen[True] > seen[False] else "most met an error page"
