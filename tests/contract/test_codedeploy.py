"""What CodeDeploy promises about deployments of Lambda functions."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import Any

import pytest

from tests.contract.deployments import ROLL_BACK, Shop
from tests.contract.subjects import Subject, promise, refused

LAMBDA = "CodeDeploy User Guide, Deployments on an AWS Lambda compute platform"
CONFIGURATIONS = "CodeDeploy User Guide, Deployment configurations on an AWS Lambda compute platform"
APPSPEC = "CodeDeploy User Guide, AppSpec 'resources' section for AWS Lambda deployments"
HOOKS = "CodeDeploy User Guide, AppSpec 'hooks' section for an AWS Lambda deployment"
ALARMS = "CodeDeploy User Guide, Monitoring deployments with CloudWatch alarms in CodeDeploy"
ROLLBACKS = "CodeDeploy User Guide, Redeploy and roll back a deployment with CodeDeploy"
LIMITS = "CodeDeploy User Guide, CodeDeploy limits"
TARGET = "CodeDeploy API Reference, LambdaTarget"
ALL = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")


@pytest.fixture
def shop(aws: Subject) -> Shop:
    """Return a function with two versions, its alias on the first."""
    return Shop(aws)


@promise(CONFIGURATIONS, "there are nine predefined configurations for Lambda")
def test_predefined(aws: Subject) -> None:
    client = aws.client("codedeploy")
    names = client.list_deployment_configs()["deploymentConfigsList"]
    assert len([name for name in names if name.startswith("CodeDeployDefault.Lambda")]) == 9
    name = "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes"
    told = client.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
    assert told["computePlatform"] == "Lambda"
    assert told["trafficRoutingConfig"] == {
        "type": "TimeBasedLinear",
        "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 2},
    }


@promise(CONFIGURATIONS, "you can create a canary or linear configuration of your own")
def test_own_configuration(aws: Subject) -> None:
    client = aws.client("codedeploy")
    traffic = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 25, "canaryInterval": 7}}
    own = {"computePlatform": "Lambda", "trafficRoutingConfig": traffic}
    client.create_deployment_config(deploymentConfigName="own", **own)
    told = client.get_deployment_config(deploymentConfigName="own")["deploymentConfigInfo"]
    assert told["trafficRoutingConfig"] == traffic
    with refused("DeploymentConfigAlreadyExistsException", status=400):
        client.create_deployment_config(deploymentConfigName="own", **own)
    client.delete_deployment_config(deploymentConfigName="own")
    with refused("DeploymentConfigDoesNotExistException", "own", 400):
        client.get_deployment_config(deploymentConfigName="own")


@promise(LIMITS, "at most 99 percent in one increment, 2,880 minutes in all, and no name that begins as AWS's")
def test_configuration_limits(aws: Subject) -> None:
    client = aws.client("codedeploy")
    for percent, minutes in ((100, 5), (0, 5), (10, 2881)):
        canary = {"canaryPercentage": percent, "canaryInterval": minutes}
        traffic = {"type": "TimeBasedCanary", "timeBasedCanary": canary}
        with refused("InvalidTrafficRoutingConfigurationException", status=400):
            client.create_deployment_config(
                deploymentConfigName="own", computePlatform="Lambda", trafficRoutingConfig=traffic
            )
    with refused("InvalidDeploymentConfigNameException", status=400):
        client.create_deployment_config(deploymentConfigName="CodeDeployDefault.Mine", computePlatform="Lambda")


@promise(CONFIGURATIONS, "all at once: the alias points to the new version alone")
def test_all_at_once(shop: Shop) -> None:
    shop.group("LambdaAllAtOnce")
    deployment = shop.deploy()
    shop.client.get_waiter("deployment_successful").wait(
        deploymentId=deployment, WaiterConfig={"Delay": 0.1, "MaxAttempts": 20}
    )
    assert shop.alias() == ("2", {})
    told = shop.told(deployment)
    assert (told["status"], told["creator"], told["computePlatform"]) == ("Succeeded", "user", "Lambda")
    assert told["createTime"] <= told["startTime"] <= told["completeTime"]
    assert "errorInformation" not in told
    listed = shop.client.list_deployments(applicationName="shop", deploymentGroupName="g")["deployments"]
    assert listed == [deployment]


@promise(TARGET, "the target tells its lifecycle events, its versions and the new one's weight")
def test_target(shop: Shop) -> None:
    shop.group("LambdaAllAtOnce")
    deployment = shop.deploy()
    shop.ended(deployment, "Succeeded")
    assert shop.events(deployment) == dict.fromkeys(ALL, "Succeeded")
    (found,) = shop.client.batch_get_deployment_targets(deploymentId=deployment, targetIds=["f"])["deploymentTargets"]
    assert found["deploymentTargetType"] == "LambdaTarget"
    assert found["lambdaTarget"]["status"] == "Succeeded"
    assert found["lambdaTarget"]["lambdaFunctionInfo"] == {
        "functionName": "f", "functionAlias": "live", "currentVersion": "1", "targetVersion": "2",
        "targetVersionWeight": 1.0,
    }  # fmt: skip
    with refused("DeploymentTargetDoesNotExistException", status=400):
        shop.client.get_deployment_target(deploymentId=deployment, targetId="g")


@pytest.mark.cloud(speed=150)
@promise(CONFIGURATIONS, "a canary shifts 10 percent, and the other 90 percent five minutes later")
def test_canary(shop: Shop) -> None:
    shop.group("LambdaCanary10Percent5Minutes")
    deployment = shop.deploy()
    assert shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    assert shop.target(deployment)["lambdaFunctionInfo"]["targetVersionWeight"] == 0.1
    assert shop.told(deployment)["status"] == "InProgress"
    shop.ended(deployment, "Succeeded")
    assert shop.alias() == ("2", {})
    shift = shop.target(deployment)["lifecycleEvents"][1]
    assert 300 <= (shift["endTime"] - shift["startTime"]).total_seconds() < 900


@pytest.mark.cloud(speed=400)
@promise(CONFIGURATIONS, "a linear deployment shifts equal increments with an equal number of minutes between them")
def test_linear(shop: Shop) -> None:
    shop.group("LambdaLinear10PercentEvery1Minute")
    deployment, seen, end = shop.deploy(), [], time.monotonic() + 15
    assert shop.aws.wait(lambda: shop.alias() != ("1", {}))
    while shop.told(deployment)["status"] == "InProgress" and time.monotonic() < end:
        version, weights = shop.alias()
        weight = 1.0 if version == "2" else weights.get("2", 0.0)
        seen += [weight] if weight not in seen else []
        time.sleep(0.005)
    shop.ended(deployment, "Succeeded")
    assert seen == sorted(seen) and len(seen) >= 5
    assert set(seen) <= {step / 10 for step in range(11)}
    shift = shop.target(deployment)["lifecycleEvents"][1]
    assert (shift["endTime"] - shift["startTime"]).total_seconds() >= 9 * 60


@promise(LAMBDA, "while traffic shifts, the alias invokes both versions by their weights")
def test_traffic(shop: Shop) -> None:
    canary = {"canaryPercentage": 40, "canaryInterval": 60}
    traffic = {"type": "TimeBasedCanary", "timeBasedCanary": canary}
    shop.client.create_deployment_config(
        deploymentConfigName="own", computePlatform="Lambda", trafficRoutingConfig=traffic
    )
    shop.group("own")
    shop.deploy()
    assert shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.4}))
    met = Counter(shop.aws.call(Qualifier="live").payload for _ in range(150))
    assert set(met) == {"1", "2"}
    assert 30 <= met["2"] <= 90


@promise(HOOKS, "a hook gets two ids, and no traffic moves before it has answered Succeeded")
def test_hook(shop: Shop) -> None:
    shop.group("LambdaAllAtOnce")
    name = shop.hook()
    deployment = shop.deploy({"BeforeAllowTraffic": name})
    line = shop.aws.wait(lambda: next((each for each in shop.aws.logged(name) if "HOOK" in each), ""), 10)
    event = json.loads(line[line.index("{") :])
    assert set(event) == {"DeploymentId", "LifecycleEventHookExecutionId"}
    assert event["DeploymentId"] == deployment
    assert shop.alias() == ("1", {})
    assert shop.events(deployment)["BeforeAllowTraffic"] == "InProgress"
    answer = {"deploymentId": deployment, "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"]}
    put = shop.client.put_lifecycle_event_hook_execution_status
    with refused("InvalidLifecycleEventHookExecutionStatusException", status=400):
        put(**answer, status="Skipped")
    with refused("InvalidLifecycleEventHookExecutionIdException", status=400):
        put(deploymentId=deployment, lifecycleEventHookExecutionId="other", status="Succeeded")
    put(**answer, status="Succeeded")
    shop.ended(deployment, "Succeeded")
    assert shop.alias() == ("2", {})
    with refused("LifecycleEventAlreadyCompletedException", status=400):
        put(**answer, status="Failed")


@promise(HOOKS, "a hook before the traffic that answers Failed ends the deployment; no traffic has moved")
def test_hook_fails(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy({"BeforeAllowTraffic": shop.hook("Failed")})
    told = shop.ended(deployment, "Failed")
    assert told["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
    assert "lifecycle event validation functions failed" in told["errorInformation"]["message"]
    assert shop.events(deployment) == dict(zip(ALL, ("Failed", "Skipped", "Skipped"), strict=True))
    assert shop.alias() == ("1", {})
    assert "rollbackInfo" not in told


@pytest.mark.cloud(speed=3600)
@promise(HOOKS, "a hook that does not answer within one hour fails the deployment")
def test_silent_hook(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy({"BeforeAllowTraffic": shop.hook()})
    assert shop.ended(deployment, "Failed")["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
    check = shop.target(deployment)["lifecycleEvents"][0]
    assert (check["endTime"] - check["startTime"]).total_seconds() >= 3600


@promise(ROLLBACKS, "a failed deployment is rolled back by a new deployment, if the group wants that")
def test_roll_back(shop: Shop) -> None:
    shop.group("LambdaAllAtOnce", autoRollbackConfiguration=ROLL_BACK)
    deployment = shop.deploy({"AfterAllowTraffic": shop.hook("Failed")})
    told = shop.ended(deployment, "Failed")
    assert shop.events(deployment) == dict(zip(ALL, ("Succeeded", "Succeeded", "Failed"), strict=True))
    back = told["rollbackInfo"]["rollbackDeploymentId"]
    undo = shop.ended(back, "Succeeded")
    assert undo["creator"] == "codeDeployRollback"
    assert undo["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    assert shop.alias() == ("1", {})


@promise(ALARMS, "an alarm of the group stops the deployment, and the traffic goes back")
def test_alarm(shop: Shop) -> None:
    shop.watch()
    deployment = shop.deploy()
    assert shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    shop.alarm()
    told = shop.ended(deployment, "Stopped")
    assert told["errorInformation"]["code"] == "ALARM_ACTIVE"
    assert told["errorInformation"]["message"].endswith("Activated alarms: <errors>")
    assert shop.events(deployment) == dict(zip(ALL, ("Succeeded", "Failed", "Skipped"), strict=True))
    shop.ended(told["rollbackInfo"]["rollbackDeploymentId"], "Succeeded")
    assert shop.alias() == ("1", {})
    assert shop.client.get_deployment_group(applicationName="shop", deploymentGroupName="g")["deploymentGroupInfo"][
        "alarmConfiguration"
    ]["alarms"] == [{"name": "errors"}]


@promise(ALARMS, "while an alarm is active no deployment moves traffic")
def test_alarm_before(shop: Shop) -> None:
    shop.watch()
    shop.alarm()
    deployment = shop.deploy()
    assert shop.ended(deployment, "Stopped")["errorInformation"]["code"] == "ALARM_ACTIVE"
    assert shop.target(deployment)["lambdaFunctionInfo"]["targetVersionWeight"] == 0
    assert shop.alias() == ("1", {})


@promise("CodeDeploy API Reference, StopDeployment", "stops a deployment, and rolls back what was updated if wanted")
def test_stop(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy()
    assert shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    assert shop.client.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)["status"] == "Pending"
    assert shop.ended(deployment, "Stopped")["errorInformation"]["code"] == "MANUAL_STOP"
    assert shop.alias() == ("1", {})
    with refused("DeploymentAlreadyCompletedException", status=400):
        shop.client.stop_deployment(deploymentId=deployment)


@promise(LIMITS, "a deployment group has one deployment at a time")
def test_one_at_a_time(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy()
    assert re.fullmatch("d-[A-Z0-9]{9}", deployment)
    with refused("DeploymentLimitExceededException", deployment, 400):
        shop.deploy()


@promise("CodeDeploy API Reference, CreateDeploymentGroup", "CodeDeploy must be able to assume the service role")
def test_service_role(shop: Shop) -> None:
    for arn in (shop.service_role("other", "lambda"), "arn:aws:iam::123456789012:role/nobody"):
        with refused("InvalidRoleException", status=400):
            shop.group(serviceRoleArn=arn)


@promise("CodeDeploy API Reference, CreateDeploymentGroup", "wrong configurations, styles and alarms are refused")
def test_wrong_group(shop: Shop) -> None:
    role = shop.service_role()
    with refused("DeploymentConfigDoesNotExistException", "LambdaSlowly", 400):
        shop.group("LambdaSlowly", serviceRoleArn=role)
    with refused("InvalidAlarmConfigException", status=400):
        shop.group(serviceRoleArn=role, alarmConfiguration={"enabled": True, "alarms": []})
    with refused("InvalidDeploymentStyleException", status=400):
        shop.group(serviceRoleArn=role, deploymentStyle={"deploymentType": "IN_PLACE"})
    with refused("ApplicationDoesNotExistException", status=400):
        shop.client.create_deployment_group(applicationName="none", deploymentGroupName="g", serviceRoleArn=role)


@promise(APPSPEC, "the AppSpec may be YAML, in a String")
def test_yaml(shop: Shop) -> None:
    shop.group("LambdaAllAtOnce")
    content = """
version: 0.0
Resources:
  - f:
      Type: AWS::Lambda::Function
      Properties: {Name: f, Alias: live, CurrentVersion: "1", TargetVersion: "2"}
"""
    shop.ended(shop.start({"revisionType": "String", "string": {"content": content}}), "Succeeded")
    assert shop.alias() == ("2", {})


@promise("CodeDeploy API Reference, CreateDeployment", "a revision that is neither JSON nor YAML is refused")
@pytest.mark.parametrize("content", ["{", "deploy version 2", "- a\n b: c"])
def test_no_appspec(shop: Shop, content: str) -> None:
    shop.group()
    with refused("InvalidRevisionException", status=400):
        shop.start({"revisionType": "AppSpecContent", "appSpecContent": {"content": content}})


@promise(APPSPEC, "an unknown alias, function or version fails the deployment, as does the same version twice")
@pytest.mark.parametrize(
    "wrong", [{"Alias": "none"}, {"Name": "none"}, {"TargetVersion": "9"}, {"CurrentVersion": "2"}]
)
def test_wrong_appspec(shop: Shop, wrong: dict[str, str]) -> None:
    shop.group(autoRollbackConfiguration=ROLL_BACK)
    assert shop.ended(shop.deploy(**wrong), "Failed")["errorInformation"]["message"]
    assert shop.alias() == ("1", {})


@promise(HOOKS, "a hook function that does not exist fails the deployment")
def test_missing_hook(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy({"BeforeAllowTraffic": "nobody"})
    assert shop.ended(deployment, "Failed")["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
    assert "nobody" in shop.target(deployment)["lifecycleEvents"][0]["diagnostics"]["message"]


@pytest.mark.cloud(enforce_iam=True)
@promise(
    "AWS Managed Policy Reference, AWSCodeDeployRoleForLambda", "the role invokes hooks named CodeDeployHook_... alone"
)
def test_hook_names(shop: Shop) -> None:
    policy = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
    shop.group(serviceRoleArn=shop.service_role(policy=policy))
    told = shop.ended(shop.deploy({"BeforeAllowTraffic": shop.hook(name="check")}), "Failed")
    assert told["errorInformation"]["code"] == "IAM_ROLE_PERMISSIONS"
    shop.deploy({"BeforeAllowTraffic": shop.hook()})
    assert shop.aws.wait(lambda: shop.aws.metric("Invocations", name="CodeDeployHook_check"), 10)


@pytest.mark.cloud(enforce_iam=True)
@promise(
    "Service Authorization Reference, AWS CodeDeploy", "a hook's role may answer for the deployment group that it names"
)
@pytest.mark.parametrize(("group", "ends"), [("g", "Succeeded"), ("other", "InProgress")])
def test_hook_role(shop: Shop, group: str, ends: str) -> None:
    arn = f"arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:shop/{group}"
    allowed = {"Effect": "Allow", "Action": "codedeploy:PutLifecycleEventHookExecutionStatus", "Resource": arn}
    role = shop.aws.role("checker", {"Version": "2012-10-17", "Statement": [allowed]})
    policy = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
    shop.group("LambdaAllAtOnce", serviceRoleArn=shop.service_role(policy=policy))
    deployment = shop.deploy({"BeforeAllowTraffic": shop.hook("Succeeded", Role=role)})
    errors = {"Succeeded": 0.0, "InProgress": 1.0}[ends]
    assert shop.aws.wait(lambda: shop.aws.metric("Invocations", name="CodeDeployHook_check"), 10)
    assert shop.aws.metric("Errors", name="CodeDeployHook_check") == errors
    assert shop.aws.wait(lambda: shop.told(deployment)["status"] == ends)


@promise("EventBridge, AWS CodeDeploy events", "a deployment's start and end are told to EventBridge")
def test_notifications(shop: Shop) -> None:
    url, arn = shop.aws.queue()
    events: Any = shop.aws.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.codedeploy"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    shop.group("LambdaAllAtOnce")
    deployment = shop.deploy()
    told = [json.loads(shop.aws.message(url)["Body"]) for _ in range(2)]
    assert {each["detail-type"] for each in told} == {"CodeDeploy Deployment State-change Notification"}
    assert sorted(each["detail"]["state"] for each in told) == ["START", "SUCCESS"]
    assert {each["detail"]["deploymentId"] for each in told} == {deployment}
