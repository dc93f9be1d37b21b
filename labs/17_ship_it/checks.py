"""Checks of the lab ship_it: they ask the API for teas, and read what AWS knows about stack and deployments."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import boto3
import teashop
from words import HINTS, WHY

from helpers.teaching.checks import Lab, eventually, not_attempted, wrong
from helpers.teaching.lookups import metric_sum

CANARY, READS = "CodeDeployDefault.LambdaCanary10Percent5Minutes", ("Get", "Query", "Scan", "BatchGet", "Describe")
lab = Lab("ship_it")


def task(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a task; what was right stays right after the stack is gone, because the last task removes it."""

    def declare(check: Callable[[], None]) -> Callable[[], None]:
        @lab.task(name, hints=HINTS[name], why=WHY[name])
        @wraps(check)
        def remembered() -> None:
            if name in teashop.right_before and teashop.stack() is None:
                return
            check()
            teashop.right_before.add(name)

        return remembered

    return declare


def price_function() -> str:
    """Return the name of the function `Price`; the task is not attempted without a stack that has it."""
    found = teashop.stack()
    if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
        not_attempted(f"There is no stack called `{teashop.STACK}` yet.")
    if not found["StackStatus"].endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")):
        wrong(f"The stack is in the state {found['StackStatus']}.", said="; ".join(teashop.failures()) or None)
    name = teashop.resources("AWS::Lambda::Function").get("Price")
    return name or wrong("The stack has no function with the logical id `Price`.")


def asked(tea: str) -> dict[str, Any]:
    """Return what the API answers for a tea."""
    if not teashop.address():
        wrong("The stack has no output `Url` with the address of its API: nobody knows where to ask.")
    status, answer = teashop.ask(tea)
    if status != 200:
        wrong(f"Asked for `{tea}`, the API answers {status}.", said=last_error() or answer.get("message"))
    return answer


def last_error() -> str | None:
    """Return the newest error that the function `Price` wrote into its log."""
    group = f"/aws/lambda/{teashop.resources('AWS::Lambda::Function')['Price']}"
    found = boto3.client("logs").filter_log_events(logGroupName=group, filterPattern='"[ERROR]"')["events"]
    return found[-1]["message"].splitlines()[0] if found else None


def calls(function: str, name: str, metric: str = "Invocations") -> float:
    """Return how often a function was called by an alias or a version."""
    return metric_sum("AWS/Lambda", metric, FunctionName=function, Resource=f"{function}:{name}")


@task("template")
def template() -> None:
    """The template makes an API that tells prices, and a function that may read them and no more."""
    function = price_function()
    sets = boto3.client("cloudformation").list_change_sets(StackName=teashop.STACK)["Summaries"]
    if not any(one["ExecutionStatus"] == "EXECUTE_COMPLETE" for one in sets):
        wrong("The stack was not made by a change set: nobody could look at the changes before they were made.")
    if not teashop.resources("AWS::DynamoDB::Table"):
        wrong("The stack has no table for the prices.")
    if asked("assam").get("usd") != teashop.STOCK["assam"]["usd"]:
        wrong("The API answers, but not with the price of Assam.", said=teashop.ask("assam")[1])
    writes = sorted({action for action in allowed(function) if not action.partition(":")[2].startswith(READS)})
    if writes:
        wrong(f"The function only reads prices, and its role allows more: `{'`, `'.join(writes[:4])}`.")


def allowed(function: str) -> list[str]:
    """Return which of DynamoDB's actions the role of a function allows."""
    iam = boto3.client("iam")
    role = boto3.client("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=one["PolicyArn"])["Policy"]["DefaultVersionId"]
        told = iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId=version)
        documents.append(told["PolicyVersion"]["Document"])
    found = []
    for document in documents:
        for statement in document["Statement"]:
            actions = statement.get("Action", [])
            found += [actions] if isinstance(actions, str) else actions
    return [action for action in found if action.startswith("dynamodb:") or action == "*"]


@task("live")
def live() -> None:
    """The API calls the alias `live`, and the alias is the template's."""
    function = price_function()
    made = teashop.resources("AWS::Lambda::Alias")
    names = [arn.rpartition(":")[2] for arn in made.values()]
    if not made:
        aliases = boto3.client("lambda").list_aliases(FunctionName=function)["Aliases"]
        if aliases:
            wrong(
                f"The alias `{aliases[0]['Name']}` was made by hand. CloudFormation does not know it, so the next "
                "deployment will not move it."
            )
        not_attempted("The function has no alias yet.")
    if "live" not in names:
        wrong(f"The alias is called `{names[0]}`. All that follows asks for `live`.")
    before = calls(function, "live")
    asked("assam")
    eventually(lambda: calls(function, "live") > before, "a request to the API to reach the alias `live`", seconds=2)


@task("alarm")
def alarm() -> None:
    """An alarm of the template watches the errors of what visitors call."""
    function = price_function()
    client, made = boto3.client("cloudwatch"), list(teashop.resources("AWS::CloudWatch::Alarm").values())
    if not made:
        if client.describe_alarms()["MetricAlarms"]:
            wrong("There is an alarm, made by hand. Put it into the template, so that each copy of the shop has one.")
        not_attempted("The template has no alarm yet.")
    (found,) = client.describe_alarms(AlarmNames=made[:1])["MetricAlarms"]
    watched = {one["Name"]: one["Value"] for one in found.get("Dimensions", [])}
    if (found.get("Namespace"), found.get("MetricName")) != ("AWS/Lambda", "Errors"):
        wrong(f"The alarm watches `{found.get('MetricName')}` of `{found.get('Namespace')}`, not Lambda's errors.")
    if watched.get("FunctionName") != function:
        wrong("The dimension `FunctionName` is not the function's name: this alarm will never see anything.")
    if watched.get("Resource") != f"{function}:live":
        wrong(
            f"The dimension `Resource` is `{watched.get('Resource', 'missing')}`. Lambda counts what came through the "
            "alias under the function's name, a colon and `live`."
        )
    check_when(found)


def check_when(found: dict[str, Any]) -> None:
    """Check that an alarm goes off at the first error, in time, and not without errors."""
    seconds = found["Period"] * found["EvaluationPeriods"]
    if seconds > 120:
        wrong(f"The alarm needs {seconds} s to make up its mind. After 300 s the canary is over.")
    if found.get("TreatMissingData") == "breaching":
        wrong("Minutes without calls count as errors: this alarm would stop every release at night.")
    worst = found["Threshold"] + (found["ComparisonOperator"] == "GreaterThanThreshold")
    if found["Statistic"] not in ("Sum", "Maximum") or worst > 1 or "Less" in found["ComparisonOperator"]:
        words = f"{found['Statistic']} {found['ComparisonOperator']} {found['Threshold']:g}"
        wrong(f"One error in a minute shall be enough, and the alarm waits for {words}.")


@task("canary")
def canary() -> None:
    """New versions get one visitor in ten for five minutes, and the alarm can stop them."""
    price_function()
    groups = teashop.resources("AWS::CodeDeploy::DeploymentGroup")
    if not groups:
        not_attempted("The stack has no deployment group: the next release would go to everybody at once.")
    (application,) = teashop.resources("AWS::CodeDeploy::Application").values()
    names = {"applicationName": application, "deploymentGroupName": next(iter(groups.values()))}
    group = boto3.client("codedeploy").get_deployment_group(**names)["deploymentGroupInfo"]
    if group["deploymentConfigName"] != CANARY:
        wrong(f"The deployment group uses `{group['deploymentConfigName']}`.")
    watched = [one["name"] for one in group.get("alarmConfiguration", {}).get("alarms", [])]
    if not watched:
        wrong("The canary runs, but no alarm can stop it: after five minutes everybody gets the new version.")
    if not set(watched) & set(teashop.resources("AWS::CloudWatch::Alarm").values()):
        wrong(
            f"The deployment group watches an alarm called `{watched[0]}`, and there is none: `!Ref` gives the name of "
            "the one in the template."
        )


@task("tryout")
def tryout() -> None:
    """A hook tries the new version before any visitor meets it, and release 2 is live."""
    function = price_function()
    tried = teashop.deployments()
    hooks = [name for name in teashop.resources("AWS::Lambda::Function").values() if name != function]
    if not hooks and not tried:
        failed = teashop.failures()
        if failed:
            wrong("The stack went back to what it was before the hook.", said=failed[-1])
        not_attempted("The stack has no second function yet that tries new versions.")
    if not tried:
        not_attempted("The hook is there, and release 2 is not shipped yet.")
    if asked("assam")["release"] < 2:
        newest = tried[-1]
        if newest.get("errorInformation", {}).get("code") == "HOOK_EXECUTION_FAILURE":
            wrong("Release 1 is still live: the hook did not say that the new version is good.", said=newest["reason"])
        wrong(f"Release 1 is still live: the newest deployment ended as {newest['status']}.", said=newest["reason"])
    if not any(metric_sum("AWS/Lambda", "Invocations", FunctionName=name) for name in hooks):
        wrong("Release 2 is live, and nobody tried it: CodeDeploy did not call a hook before the first visitor came.")
    if not any(calls(function, one["to"]) for one in tried if one["status"] == "Succeeded"):
        wrong(
            "The hook said Succeeded without asking the new version. While it runs, the alias still means the old one; "
            "`!Ref Price.Version` is the ARN of the new one."
        )


@task("bad")
def bad() -> None:
    """Release 3 met one visitor in ten, the alarm stopped it, and everything is as before."""
    function = price_function()
    tried = teashop.deployments()
    stopped = [one for one in tried if one.get("errorInformation", {}).get("code") == "ALARM_ACTIVE"]
    if len(tried) < 2:
        not_attempted("Release 3 is not shipped yet.")
    if asked("assam")["release"] == 3:
        if calls(function, "live", "Errors"):
            wrong("Release 3 is live, and visitors met errors: no alarm stopped it.", said=last_error())
        wrong("Release 3 is live. No visitor came while you shipped it, so there was nothing to raise an alarm.")
    if not stopped:
        hooked = [one for one in tried if one.get("errorInformation", {}).get("code") == "HOOK_EXECUTION_FAILURE"]
        if hooked:
            words = "Your hook stopped release 3 before a visitor met it. Let it try Assam alone this time."
            wrong(words, said=hooked[-1]["reason"])
        wrong("Release 3 went to everybody, and you took it back by hand. Let the alarm do that.")
    if not any(release_of(function, one["to"]) == 3 for one in stopped):
        wrong("The alarm stopped a release, but not release 3.")
    if "ROLLBACK" not in stopped[-1].get("rollbackInfo", {}).get("rollbackMessage", "").upper():
        wrong("The deployment was stopped, and nothing took the alias back.")
    for tea in teashop.STOCK:
        if asked(tea)["release"] != 2:
            wrong("After the alarm visitors do not get release 2.")


def release_of(function: str, version: str) -> int:
    """Return the number of the release in a version of the function."""
    event = json.dumps({"pathParameters": {"id": "assam"}})
    answer = boto3.client("lambda").invoke(FunctionName=function, Qualifier=version, Payload=event)
    return int(json.loads(json.load(answer["Payload"]).get("body", "{}")).get("release", 0))


@task("gone")
def gone() -> None:
    """The account is empty."""
    if teashop.stack() is not None:
        not_attempted(f"The stack `{teashop.STACK}` is there, and all that it made.")
    states = boto3.client("cloudformation").list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    if not states:
        not_attempted("Nothing was shipped yet, so there is nothing to remove.")
    groups = [one["logGroupName"] for one in boto3.client("logs").describe_log_groups()["logGroups"]]
    if groups:
        wrong(
            f"The log group `{groups[0]}` is left. Lambda made it at the first call, not the template, so no deletion "
            "of the stack takes it along; its lines are charged for ever."
        )
    buckets = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    if buckets:
        count = boto3.client("s3").list_objects_v2(Bucket=buckets[0])["KeyCount"]
        wrong(f"The bucket `{buckets[0]}` is left, with {count} packages: it is no part of the stack.")
    left = [name for name, there in others().items() if there]
    if left:
        wrong(f"The account still has {', '.join(left)}.")


def others() -> dict[str, list[Any]]:
    """Return what else may be left."""
    return {
        "functions": boto3.client("lambda").list_functions()["Functions"],
        "tables": boto3.client("dynamodb").list_tables()["TableNames"],
        "APIs": boto3.client("apigatewayv2").get_apis()["Items"],
        "alarms": boto3.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "roles": boto3.client("iam").list_roles()["Roles"],
    }
