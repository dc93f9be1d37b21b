"""Stages: deployments, what a stage keeps when another one comes, and canary releases.

AWS: a deployment to a stage that exists replaces what the stage serves, not its settings. With ``canarySettings`` it
becomes the stage's canary, which gets ``percentTraffic`` of the requests, with stage variables of its own; to promote
it, UpdateStage copies its deployment and variables to the stage and sets its traffic to 0; to delete it, UpdateStage
removes ``/canarySettings`` ("Set up an API Gateway canary release deployment", API Gateway Developer Guide; the words
of errors as recorded on AWS). moto knows no canaries, makes the stage anew with each deployment, and drops what
CreateDeployment says of the stage but its variables.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from moto.apigateway.models import Deployment, RestAPI, Stage, apigateway_backends

from helpers.dataplane.apigateway import snapshot
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

_DEPLOYMENT = "Invalid deployment content specified."
_CASTS: dict[str, Callable[[str], Any]] = {
    "percentTraffic": float,
    "useStageCache": lambda text: text.lower() == "true",
    "deploymentId": str,
}
_OF_THE_STAGE = {
    "stageDescription": "/description", "cacheClusterEnabled": "/cacheClusterEnabled",
    "cacheClusterSize": "/cacheClusterSize", "tracingEnabled": "/tracingEnabled",
}  # fmt: skip
"""What CreateDeployment says of the stage, by the paths of UpdateStage."""


def canary(stage: Stage) -> dict[str, Any]:
    """Return a stage's canary settings; empty when it has no canary."""
    return getattr(stage, "canary", None) or {}


class Stages:
    """What moto's stages lack."""

    def __init__(self) -> None:
        self._seams = Seams()
        self._random = random.Random(0)
        self._create_deployment, self._to_json = RestAPI.create_deployment, Stage.to_json
        self._seams.put(RestAPI, "create_deployment", self._deploy)
        self._seams.put(RestAPI, "update_integration_mocks", lambda *_: None)
        self._seams.put(Stage, "to_json", self._described)

    def stop(self) -> None:
        """Give moto its own methods back."""
        self._seams.remove()

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {
            "CreateDeployment": self._on_create_deployment,
            "DeleteDeployment": self._on_delete_deployment,
            "CreateStage": self._on_create_stage,
            "UpdateStage": self.update_stage,
        }

    def serves(self, api: RestAPI, stage: Stage) -> tuple[snapshot.Snapshot, dict[str, str], bool | None]:
        """Return the deployment for one request, its stage variables, and whether it is a canary's."""
        settings, variables = canary(stage), dict(stage.variables)
        chosen = bool(settings) and self._random.random() * 100 < settings["percentTraffic"]
        deployment = api.deployments[settings["deploymentId"] if chosen else str(stage.deployment_id)]
        if chosen:
            variables |= settings.get("stageVariableOverrides") or {}
        found: snapshot.Snapshot = vars(deployment)["snapshot"]
        return found, variables, chosen if settings else None

    def _deploy(self, api: RestAPI, name: str, description: str, stage_variables: Any = None) -> Deployment:
        before = api.stages.get(name)
        deployment = self._create_deployment(api, name, description, stage_variables)
        setattr(deployment, "snapshot", snapshot.take(api))
        if before is not None:
            before.deployment_id = deployment.id
            before.variables |= stage_variables or {}
            api.stages[name] = before
        return deployment

    def _described(self, stage: Stage) -> dict[str, Any]:
        return self._to_json(stage) | ({"canarySettings": canary(stage)} if canary(stage) else {})

    def _on_create_deployment(self, call: Call) -> HttpResponse:
        settings, name = call.params.get("canarySettings"), call.params.get("stageName")
        if settings is None:
            response = forward(call)
            if name and response.status < 400:
                api_of(call).stages[name].apply_operations(_of_the_stage(call.params))
            return response
        stage = api_of(call).stages.get(name or "")
        if not name:
            words = "Non null and non empty stageName must be provided for canary deployment. Provided value is null"
            raise AWSError("BadRequestException", _DEPLOYMENT + words, 400)
        if stage is None:
            words = f"Stage {name} must already be created before making a canary release deployment"
            raise AWSError("BadRequestException", _DEPLOYMENT + words, 400)
        backend = apigateway_backends[call.account_id][call.region]
        deployment = backend.create_deployment(call.params["restApiId"], "", call.params.get("description") or "")
        setattr(stage, "canary", _settings({**settings, "deploymentId": deployment.id}))
        return call.reply(deployment.to_json(), 201)

    def _on_delete_deployment(self, call: Call) -> HttpResponse:
        api, gone = api_of(call), call.params["deploymentId"]
        _check_deployment(api, gone)
        if any(gone in (stage.deployment_id, canary(stage).get("deploymentId")) for stage in api.stages.values()):
            words = "Active stages pointing to this deployment must be moved or deleted"
            raise AWSError("BadRequestException", words, 400)
        del api.deployments[gone]
        return call.reply({}, 202)

    def _on_create_stage(self, call: Call) -> HttpResponse:
        api, settings = api_of(call), call.params.get("canarySettings")
        for identifier in (call.params["deploymentId"], (settings or {}).get("deploymentId")):
            if identifier:
                _check_deployment(api, identifier)
        response = forward(call)
        if settings and response.status < 400:
            stage = api.stages[call.params["stageName"]]
            setattr(stage, "canary", _settings({"deploymentId": stage.deployment_id, **settings}))
            return call.reply(stage.to_json(), 201)
        return response

    def update_stage(self, call: Call) -> HttpResponse:
        """UpdateStage: moto's, with canaries; ``remove`` of ``/~1todos/GET`` ends the settings of that method."""
        api = api_of(call)
        stage = api.stages.get(call.params["stageName"])
        if stage is None:
            raise AWSError("NotFoundException", "Invalid stage identifier specified", 404)
        for operation in call.params.get("patchOperations") or []:
            path, variable = operation["path"], operation["path"].startswith("/variables/")
            if operation["op"] == "copy":
                _promote(stage, operation)
            elif path == "/canarySettings" or path.startswith("/canarySettings/"):
                _patch_canary(api, stage, operation)
            elif operation["op"] == "remove" and path.removeprefix("/") in stage.method_settings:
                del stage.method_settings[path.removeprefix("/")]
            else:
                if path == "/deploymentId":
                    _check_deployment(api, operation["value"])
                stage.apply_operations(
                    [{**operation, "op": "replace"} if variable and "value" in operation else operation]
                )
        return call.reply(stage.to_json())


def api_of(call: Call) -> RestAPI:
    """Return the REST API that a call is about.

    Raises
    ------
    AWSError
        NotFoundException.
    """
    api = apigateway_backends[call.account_id][call.region].apis.get(call.params["restApiId"])
    if api is None:
        raise AWSError("NotFoundException", "Invalid API identifier specified", 404)
    return api


def _of_the_stage(given: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what a deployment says of its stage, as patch operations."""
    said = {path: given[name] for name, path in _OF_THE_STAGE.items() if given.get(name) is not None}
    texts = {path: value if isinstance(value, str) else str(value).lower() for path, value in said.items()}
    return [{"op": "replace", "path": path, "value": text} for path, text in texts.items()]


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"percentTraffic": 0.0, "useStageCache": False, **given}


def _check_deployment(api: RestAPI, identifier: str) -> None:
    if identifier not in api.deployments:
        raise AWSError("BadRequestException", "Deployment id does not exist", 400)


def _patch_canary(api: RestAPI, stage: Stage, operation: Mapping[str, str]) -> None:
    """Change the canary settings; what is changed first makes a canary of the stage's own deployment."""
    path, kind = operation["path"], operation["op"]
    _, _, name, *rest = [*path.split("/"), ""]
    settings = canary(stage) or _settings({"deploymentId": stage.deployment_id})
    overrides = settings.get("stageVariableOverrides") or {}
    if (kind, path) == ("remove", "/canarySettings"):
        setattr(stage, "canary", None)
        return
    if name == "stageVariableOverrides" and kind in ("replace", "remove") and rest[0]:
        overrides = {key: value for key, value in overrides.items() if key != rest[0]}
        settings["stageVariableOverrides"] = overrides | ({rest[0]: operation["value"]} if kind == "replace" else {})
    elif kind == "replace" and name in _CASTS:
        settings[name] = _CASTS[name](operation["value"])
        _check_deployment(api, settings["deploymentId"])
    else:
        raise AWSError("BadRequestException", f"Invalid {kind} operation with path: {path}", 400)
    setattr(stage, "canary", settings)


def _promote(stage: Stage, operation: Mapping[str, str]) -> None:
    settings, path = canary(stage), (operation.get("from"), operation["path"])
    if path == ("/canarySettings/deploymentId", "/deploymentId") and settings:
        stage.deployment_id = settings["deploymentId"]
    elif path == ("/canarySettings/stageVariableOverrides", "/variables") and settings:
        stage.variables |= settings.get("stageVariableOverrides") or {}
    else:
        raise AWSError(
            "BadRequestException", f"Invalid copy operation with path: {path[1]} and from path: {path[0]}", 400
        )
