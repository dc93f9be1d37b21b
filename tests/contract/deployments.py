"""A function with two versions, an alias, and what CodeDeploy needs to move it, for the tests about CodeDeploy."""

from __future__ import annotations

import json
from typing import Any

from helpers.teaching import package
from tests.contract.subjects import Subject

SAY_VERSION = "def handler(event, context): return context.function_version"
STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
ROLL_BACK = {
    "enabled": True,
    "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
}
HOOK = """
import boto3, json
def handler(event, context):
    print("HOOK", json.dumps(event))
    if {status!r}:
        boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status={status!r})
"""


class Shop:
    """The function ``f`` with the versions 1 and 2, its alias ``live`` on 1, and the deployment group ``g``."""

    def __init__(self, aws: Subject) -> None:
        self.aws, self.client, self.functions = aws, aws.client("codedeploy"), aws.function(SAY_VERSION)
        for word in ("one", "two"):
            self.functions.update_function_code(
                FunctionName="f", ZipFile=package({"app.py": f"{SAY_VERSION}  # {word}"})
            )
            self.functions.publish_version(FunctionName="f")
        self.functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        self.client.create_application(applicationName="shop", computePlatform="Lambda")

    def service_role(self, name: str = "deployer", service: str = "codedeploy", policy: str = "") -> str:
        """Create a role that a service may assume; return its ARN."""
        trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam = self.aws.client("iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if policy:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        return str(arn)

    def group(self, configuration: str = "LambdaCanary10Percent5Minutes", **settings: Any) -> None:
        """Create the deployment group."""
        settings.setdefault("serviceRoleArn", None)
        settings["serviceRoleArn"] = settings["serviceRoleArn"] or self.service_role()
        settings.setdefault("deploymentStyle", STYLE)
        name = configuration if configuration == "own" else f"CodeDeployDefault.{configuration}"
        self.client.create_deployment_group(
            applicationName="shop", deploymentGroupName="g", deploymentConfigName=name, **settings
        )

    def watch(self, **settings: Any) -> None:
        """Create the group with the alarm ``errors``, which stays as it is set, and automatic rollbacks."""
        self.aws.client("cloudwatch").put_metric_alarm(
            AlarmName="errors", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="ignore",
        )  # fmt: skip
        alarms = {"enabled": True, "alarms": [{"name": "errors"}]}
        self.group(alarmConfiguration=alarms, autoRollbackConfiguration=ROLL_BACK, **settings)

    def alarm(self) -> None:
        """Put the alarm into the state ALARM."""
        cloudwatch = self.aws.client("cloudwatch")
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")

    def hook(self, status: str = "", name: str = "CodeDeployHook_check", **settings: Any) -> str:
        """Create a hook function that says ``status``, or nothing; return its name."""
        self.aws.function(HOOK.format(status=status), name, Timeout=20, **settings)
        return name

    def deploy(self, hooks: dict[str, str] | None = None, **properties: str) -> str:
        """Deploy version 2; return the deployment's id."""
        wanted = {"Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2", **properties}
        spec = {
            "version": 0.0,
            "Resources": [{"f": {"Type": "AWS::Lambda::Function", "Properties": wanted}}],
            "Hooks": [{event: function} for event, function in (hooks or {}).items()],
        }
        return self.start({"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}})

    def start(self, revision: dict[str, Any]) -> str:
        """Deploy a revision; return the deployment's id."""
        made = self.client.create_deployment(applicationName="shop", deploymentGroupName="g", revision=revision)
        return str(made["deploymentId"])

    def told(self, deployment: str) -> dict[str, Any]:
        """Return what GetDeployment tells."""
        return dict(self.client.get_deployment(deploymentId=deployment)["deploymentInfo"])

    def target(self, deployment: str) -> dict[str, Any]:
        """Return what GetDeploymentTarget tells."""
        (name,) = self.client.list_deployment_targets(deploymentId=deployment)["targetIds"]
        found = self.client.get_deployment_target(deploymentId=deployment, targetId=name)
        return dict(found["deploymentTarget"]["lambdaTarget"])

    def events(self, deployment: str) -> dict[str, str]:
        """Return the status of each lifecycle event."""
        return {each["lifecycleEventName"]: each["status"] for each in self.target(deployment)["lifecycleEvents"]}

    def ended(self, deployment: str, status: str) -> dict[str, Any]:
        """Wait until a deployment is over, check its status, and return what GetDeployment tells."""
        over = self.aws.wait(lambda: self.told(deployment)["status"] in ("Succeeded", "Failed", "Stopped"), 15)
        told = self.told(deployment)
        assert over and told["status"] == status, told
        return told

    def alias(self) -> tuple[str, dict[str, float]]:
        """Return the alias's version and its additional weights."""
        found = self.functions.get_alias(FunctionName="f", Name="live")
        return found["FunctionVersion"], (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})
