"""CodeDeploy: AppSpec files, deployment configurations, and deployments that end with the cloud."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import cloud
from helpers.dataplane.call import AWSError
from helpers.dataplane.codedeploy import appspec, configurations
from tests.contract.deployments import Shop
from tests.contract.subjects import Course, refused

PERCENT, MINUTES = st.integers(1, 99), st.integers(1, 29)


def document(**changes: Any) -> dict[str, Any]:
    """Return a good AppSpec with some of its properties changed; those that are None are left out."""
    wanted = {"Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2", **changes}
    properties = {name: value for name, value in wanted.items() if value is not None}
    return {"version": 0.0, "Resources": [{"f": {"Type": "AWS::Lambda::Function", "Properties": properties}}]}


def own(percent: int, minutes: int, kind: str) -> dict[str, Any]:
    """Return what CreateDeploymentConfig is given."""
    short = kind.lower()
    part = {f"{short}Percentage": percent, f"{short}Interval": minutes}
    traffic = {"type": f"TimeBased{kind}", f"timeBased{kind}": part}
    return {"deploymentConfigName": "own", "computePlatform": "Lambda", "trafficRoutingConfig": traffic}


def test_both_spellings() -> None:
    small = json.loads(json.dumps(document(CurrentVersion=1)).replace("Resources", "resources").replace("Name", "name"))
    hooks = [{"BeforeAllowTraffic": "check"}]
    assert appspec.read({**small, "hooks": hooks}) == appspec.AppSpec(
        "f", "live", "1", "2", {"BeforeAllowTraffic": "check"}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"Resources": []},
        {"Resources": "f"},
        document(Name=None),
        document(TargetVersion="1"),
        {"Resources": document()["Resources"] * 2},
        {**document(), "Hooks": [{"AfterInstall": "check"}]},
        {"Resources": [{"f": {"Type": "AWS::ECS::Service", "Properties": document()["Resources"][0]["f"]}}]},
    ],
)
def test_wrong_appspec(wrong: dict[str, Any]) -> None:
    with pytest.raises(appspec.InvalidAppSpec, match="invalid configuration"):
        appspec.read(wrong)


def test_a_revision_says_what_its_appspec_says() -> None:
    spec = appspec.AppSpec("f", "live", "1", "2", {"AfterAllowTraffic": "c"})
    assert appspec.read(appspec.document(appspec.revision(spec))) == spec


def test_the_way_back() -> None:
    undo = appspec.read(
        appspec.document(appspec.back(appspec.AppSpec("f", "live", "1", "2", {"AfterAllowTraffic": "c"})))
    )
    assert undo == appspec.AppSpec("f", "live", "2", "1")


def test_revisions_that_are_not_built() -> None:
    with pytest.raises(AWSError, match="S3 is not built") as failure:
        appspec.document({"revisionType": "S3"})
    assert failure.value.status == 501
    with pytest.raises(AWSError, match="RevisionRequiredException"):
        appspec.document({})


@given(PERCENT, MINUTES, st.sampled_from(["Canary", "Linear"]))
def test_steps(percent: int, minutes: int, kind: str) -> None:
    steps = configurations.steps(configurations.checked(own(percent, minutes, kind)))
    assert steps[0] == (0, percent)
    assert steps[-1][1] == 100
    assert len(steps) == (2 if kind == "Canary" else -(-100 // percent))
    assert [minute for minute, _ in steps] == [step * minutes for step in range(len(steps))]
    if kind == "Linear":
        assert all(later - before <= percent for (_, before), (_, later) in pairwise(steps))


def test_predefined_steps() -> None:
    linear = configurations.PREDEFINED["CodeDeployDefault.LambdaLinear10PercentEvery1Minute"]
    assert configurations.steps(linear) == [(step, 10 * step + 10) for step in range(10)]
    assert configurations.steps(configurations.PREDEFINED[configurations.ALL_AT_ONCE]) == [(0, 100)]


def test_the_longest_linear_deployment() -> None:
    assert configurations.steps(configurations.checked(own(10, 320, "Linear")))[-1] == (2880, 100)
    with pytest.raises(AWSError, match="2880"):
        configurations.checked(own(10, 321, "Linear"))


@pytest.fixture
def shop() -> Any:
    """Return a shop in a cloud whose hooks may take a second."""
    aws = Course().empty(speed=1, quotas={"codedeploy.lifecycle_event_seconds": 1})
    yield Shop(aws)
    cloud.stop()


def deploying() -> list[str]:
    """Return the threads of deployments."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("deployment ")]


def test_a_deployment_ends_with_the_cloud(shop: Shop) -> None:
    shop.group("LambdaCanary10Percent30Minutes")
    deployment = shop.deploy()
    shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    assert deploying() == [f"deployment {deployment}"]
    cloud.stop()
    assert deploying() == []


def test_the_limit_of_hooks_is_a_quota(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy({"BeforeAllowTraffic": shop.hook()})
    shop.ended(deployment, "Failed")
    said = shop.target(deployment)["lifecycleEvents"][0]["diagnostics"]["message"]
    assert said == "CodeDeployHook_check did not call PutLifecycleEventHookExecutionStatus within 1 seconds"


def test_a_hook_that_raises_is_called_once(shop: Shop) -> None:
    shop.group()
    shop.aws.function("def handler(event, context): raise ValueError('no')", "check")
    shop.ended(shop.deploy({"BeforeAllowTraffic": "check"}), "Failed")
    shop.aws.wait(lambda: shop.aws.metric("Invocations", name="check"), 20)
    assert shop.aws.metric("Invocations", name="check") == 1


def test_a_deployment_from_another_thread(shop: Shop) -> None:
    shop.group("LambdaAllAtOnce")
    made: list[str] = []
    thread = threading.Thread(target=lambda: made.append(shop.deploy()))
    thread.start()
    thread.join(10)
    shop.ended(made[0], "Succeeded")


def test_a_lost_alarm_stops_the_deployment(shop: Shop) -> None:
    shop.group(alarmConfiguration={"enabled": True, "alarms": [{"name": "lost"}]})
    assert "lost" in shop.ended(shop.deploy(), "Stopped")["errorInformation"]["message"]


def test_a_stop_leaves_the_traffic_without_a_rollback(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy()
    shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    shop.client.stop_deployment(deploymentId=deployment)
    assert "rollbackInfo" not in shop.ended(deployment, "Stopped")
    assert shop.alias() == ("1", {"2": 0.1})


def test_groups_change_and_go(shop: Shop) -> None:
    shop.group()
    where = {"applicationName": "shop"}
    shop.client.update_deployment_group(
        **where, currentDeploymentGroupName="g", newDeploymentGroupName="h",
        deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce",
    )  # fmt: skip
    told = shop.client.get_deployment_group(**where, deploymentGroupName="h")["deploymentGroupInfo"]
    assert told["deploymentConfigName"] == "CodeDeployDefault.LambdaAllAtOnce"
    shop.client.delete_deployment_group(**where, deploymentGroupName="h")
    assert shop.client.list_deployment_groups(**where)["deploymentGroups"] == []
    shop.client.delete_application(**where)
    assert shop.client.list_applications()["applications"] == []


def test_other_platforms_are_not_built(shop: Shop) -> None:
    client = boto3.client("codedeploy")
    client.create_application(applicationName="servers", computePlatform="Server")
    client.create_deployment_group(
        applicationName="servers", deploymentGroupName="g", serviceRoleArn=shop.service_role()
    )
    with refused("NotImplementedException", "Server is not built", 501):
        client.create_deployment(applicationName="servers", deploymentGroupName="g")
