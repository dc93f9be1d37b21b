"""What API Gateway promises about canary releases; facts and words as recorded on AWS."""

from __future__ import annotations

from collections import Counter

from tests.contract.rest_api import Api, change
from tests.contract.subjects import Subject, promise, refused

CREATE = "API Gateway Developer Guide, Create a canary release deployment"
UPDATE = "API Gateway Developer Guide, Update a canary release"
PROMOTE = "API Gateway Developer Guide, Promote a canary release"
DELETE = "API Gateway Developer Guide, Turn off a canary release"


def with_canary(aws: Subject, percent: float) -> Api:
    """Return an API whose stage prod has a canary with that part of the traffic."""
    api = Api(aws)
    api.mock("/", body="old $stageVariables.colour $context.isCanaryRequest")
    api.deploy(variables={"colour": "red"})
    api.respond(
        "/", "GET", responseTemplates={"application/json": "new $stageVariables.colour $context.isCanaryRequest"}
    )
    api.deploy(canarySettings={"percentTraffic": percent, "stageVariableOverrides": {"colour": "yellow"}})
    return api


@promise(CREATE, "percentTraffic of the requests, chosen at random, go to the canary with its own stage variables")
def test_traffic(aws: Subject) -> None:
    api = with_canary(aws, 25)
    seen = Counter(api.ask().body for _ in range(200))
    assert set(seen) == {b"old red false", b"new yellow true"}
    assert 15 <= seen[b"new yellow true"] <= 90


@promise(CREATE, "the stage shows its canary and keeps its own deployment")
def test_shown(aws: Subject) -> None:
    api = with_canary(aws, 10)
    stage = api.client.get_stage(restApiId=api.id, stageName="prod")
    settings = stage["canarySettings"]
    assert settings.pop("deploymentId") != stage["deploymentId"]
    assert settings == {
        "percentTraffic": 10.0,
        "stageVariableOverrides": {"colour": "yellow"},
        "useStageCache": False,
    }


@promise(CREATE, "a canary needs a stage that exists")
def test_needs_a_stage(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/")
    with refused("BadRequestException", "Stage prod must already be created before making a canary release deployment"):
        api.deploy(canarySettings={"percentTraffic": 5})


@promise(UPDATE, "UpdateStage changes the traffic and the variables of a canary")
def test_update(aws: Subject) -> None:
    api = with_canary(aws, 0)
    assert api.ask().body == b"old red false"
    api.patch(
        "update_stage",
        change("replace", "/canarySettings/percentTraffic", "100.0"),
        change("replace", "/canarySettings/stageVariableOverrides/colour", "green"),
        stageName="prod",
    )
    assert api.ask().body == b"new green true"
    with refused("BadRequestException", "Invalid add operation with path: /canarySettings/deploymentId"):
        api.patch("update_stage", change("add", "/canarySettings/deploymentId", "x"), stageName="prod")


@promise(PROMOTE, "a promoted canary is what the stage serves, with the canary's variables; it stays, without traffic")
def test_promote(aws: Subject) -> None:
    api = with_canary(aws, 50)
    api.patch(
        "update_stage",
        change("replace", "/canarySettings/percentTraffic", "0.0"),
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        stageName="prod",
    )
    assert {api.ask().body for _ in range(10)} == {b"new yellow false"}
    stage = api.client.get_stage(restApiId=api.id, stageName="prod")
    assert stage["canarySettings"]["percentTraffic"] == 0.0
    assert stage["canarySettings"]["deploymentId"] == stage["deploymentId"]


@promise(DELETE, "without canarySettings all requests go to the stage's own deployment")
def test_delete(aws: Subject) -> None:
    api = with_canary(aws, 100)
    api.patch("update_stage", change("remove", "/canarySettings"), stageName="prod")
    assert {api.ask().body for _ in range(10)} == {b"old red "}
    assert "canarySettings" not in api.client.get_stage(restApiId=api.id, stageName="prod")


@promise(CREATE, "CreateStage and UpdateStage give a stage a canary of a deployment that exists")
def test_from_deployments(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/", body="one")
    first = str(api.client.create_deployment(restApiId=api.id)["id"])
    api.respond("/", "GET", responseTemplates={"application/json": "two"})
    second = str(api.client.create_deployment(restApiId=api.id)["id"])
    canary = {"deploymentId": second, "percentTraffic": 100}
    made = api.client.create_stage(restApiId=api.id, stageName="a", deploymentId=first, canarySettings=canary)
    assert made["canarySettings"]["percentTraffic"] == 100
    api.client.create_stage(restApiId=api.id, stageName="b", deploymentId=first)
    api.patch("update_stage", change("replace", "/canarySettings/deploymentId", second), stageName="b")
    assert (api.ask(stage="a").body, api.ask(stage="b").body) == (b"two", b"one")
    with refused("BadRequestException", "Deployment id does not exist"):
        api.client.create_stage(restApiId=api.id, stageName="c", deploymentId="nobody")
