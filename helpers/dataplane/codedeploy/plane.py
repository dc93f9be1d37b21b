"""CodeDeploy for Lambda: applications, deployment groups and configurations, and the deployments that move traffic.

AWS: CodeDeploy User Guide and API Reference; what a deployment does is in ``rollout``. Applications, groups and
deployments are moto's, each deployment runs in a thread that ends with the cloud. The messages "Cannot assume role
provided.", "No deployment configuration found for name" and "already has an active Deployment" are those seen on AWS.

Differs: only the compute platform Lambda runs; triggers, tags of deployments and revisions in S3 are not built. A group
without a configuration gets LambdaAllAtOnce (AWS documents that only for instances). Ids are the same at each run. Of
AWS no source was found for: the words about the deployment style, for how long StopDeployment says Pending.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.codedeploy import responses
from moto.codedeploy.exceptions import CodeDeployException
from moto.codedeploy.models import CodeDeployBackend, DeploymentGroup, DeploymentInfo, codedeploy_backends

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.codedeploy import appspec, configurations
from helpers.dataplane.codedeploy.rollout import Closed, Ended, LifecycleEvent, Rollout
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.events import EventsPlane
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

KIND = "CodeDeploy Deployment State-change Notification"
_STATES = {"InProgress": "START", "Succeeded": "SUCCESS", "Failed": "FAILURE", "Stopped": "STOP"}
_GROUP_MEMBERS = {
    "newDeploymentGroupName": "deployment_group_name",
    "deploymentConfigName": "deployment_config_name",
    "serviceRoleArn": "service_role_arn",
    "alarmConfiguration": "alarm_configuration",
    "autoRollbackConfiguration": "auto_rollback_configuration",
    "deploymentStyle": "deployment_style",
}
MOST_ALARMS = 10


class CodeDeployPlane:
    """The part of CodeDeploy that moto leaves out: deployments happen."""

    service = "codedeploy"

    def __init__(self, context: Context, bus: EventsPlane) -> None:
        self._context, self._bus = context, bus
        self._rollouts: dict[str, Rollout] = {}
        self._configurations: dict[tuple[str, str], dict[str, Any]] = {}
        self._creating = threading.Lock()
        self._seams = Seams()
        self._of_group, self._of_deployment = responses._deployment_group_info, responses._deployment_info
        self._seams.put(responses, "_deployment_group_info", self._group_info)
        self._seams.put(responses, "_deployment_info", self._deployment_info)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "CreateDeploymentGroup": self._create_group,
            "UpdateDeploymentGroup": self._update_group,
            "DeleteDeploymentGroup": self._delete_group,
            "DeleteApplication": self._delete_application,
            "CreateDeploymentConfig": self._create_configuration,
            "GetDeploymentConfig": self._get_configuration,
            "ListDeploymentConfigs": self._list_configurations,
            "DeleteDeploymentConfig": self._delete_configuration,
            "CreateDeployment": self._create,
            "StopDeployment": self._stop,
            "ListDeploymentTargets": self._list_targets,
            "GetDeploymentTarget": self._get_target,
            "BatchGetDeploymentTargets": self._get_targets,
            "PutLifecycleEventHookExecutionStatus": self._answer_hook,
        }

    def addresses(self) -> Mapping[str, Address]:
        """CodeDeploy has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """End all deployments where they are."""
        for rollout in list(self._rollouts.values()):
            rollout.end(Closed())
        for rollout in list(self._rollouts.values()):
            if rollout.thread.is_alive():
                rollout.thread.join(5)
        self._seams.remove()

    def _backend(self, call: Call) -> CodeDeployBackend:
        return codedeploy_backends[call.account_id][call.region]

    def _group(self, call: Call, name: str) -> DeploymentGroup:
        backend = self._backend(call)
        return _asked(lambda: backend.get_deployment_group(call.params["applicationName"], name))

    def _create_group(self, call: Call) -> HttpResponse:
        application = _asked(lambda: self._backend(call).get_application(call.params["applicationName"]))
        if application.compute_platform != "Lambda":
            return forward(call)
        self._check_group(call, call.params)
        response = forward(call)
        if response.status < 400 and not call.params.get("deploymentConfigName"):
            self._group(call, call.params["deploymentGroupName"]).deployment_config_name = configurations.ALL_AT_ONCE
        return response

    def _update_group(self, call: Call) -> HttpResponse:
        group = self._group(call, call.params["currentDeploymentGroupName"])
        names = {"deploymentStyle": group.deployment_style, "serviceRoleArn": group.service_role_arn}
        self._check_group(call, {**names, **call.params})
        for name, attribute in _GROUP_MEMBERS.items():
            if name in call.params:
                setattr(group, attribute, call.params[name])
        groups = self._backend(call).deployment_groups[group.application.application_name]
        groups[group.deployment_group_name] = groups.pop(call.params["currentDeploymentGroupName"])
        return call.reply({"hooksNotCleanedUp": []})

    def _check_group(self, call: Call, given: Mapping[str, Any]) -> None:
        if not self._context.identities.lets_assume(given["serviceRoleArn"], "codedeploy"):
            raise AWSError("InvalidRoleException", "Cannot assume role provided.", 400)
        if (given.get("deploymentStyle") or {}) != {
            "deploymentType": "BLUE_GREEN",
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
        }:
            message = "For Lambda the deployment style is BLUE_GREEN and WITH_TRAFFIC_CONTROL"
            raise AWSError("InvalidDeploymentStyleException", message, 400)
        self._traffic(call.region, given.get("deploymentConfigName") or configurations.ALL_AT_ONCE)
        alarms = given.get("alarmConfiguration") or {}
        names = [each.get("name") for each in alarms.get("alarms") or []]
        if (alarms.get("enabled") and not names) or not all(names) or len(set(names)) < len(names):
            message = "The alarm configuration has no alarm, one without a name, or one twice"
            raise AWSError("InvalidAlarmConfigException", message, 400)
        if len(names) > MOST_ALARMS:
            message = f"The maximum number of alarms for a deployment group ({MOST_ALARMS}) was exceeded."
            raise AWSError("AlarmsLimitExceededException", message, 400)

    def _delete_group(self, call: Call) -> HttpResponse:
        groups = self._backend(call).deployment_groups.get(call.params["applicationName"], {})
        groups.pop(call.params["deploymentGroupName"], None)
        return call.reply({"hooksNotCleanedUp": []})

    def _delete_application(self, call: Call) -> HttpResponse:
        backend, name = self._backend(call), call.params["applicationName"]
        backend.applications.pop(name, None)
        backend.deployment_groups.pop(name, None)
        return call.reply()

    def _traffic(self, region: str, name: str) -> configurations.Traffic:
        if name in configurations.PREDEFINED:
            return configurations.PREDEFINED[name]
        if (region, name) not in self._configurations:
            message = f"No deployment configuration found for name: {name}"
            raise AWSError("DeploymentConfigDoesNotExistException", message, 400)
        traffic: configurations.Traffic = self._configurations[region, name]["trafficRoutingConfig"]
        return traffic

    def _create_configuration(self, call: Call) -> HttpResponse:
        traffic, name = configurations.checked(call.params), call.params["deploymentConfigName"]
        if (call.region, name) in self._configurations:
            message = f"Deployment configuration {name} already exists."
            raise AWSError("DeploymentConfigAlreadyExistsException", message, 400)
        made = {"deploymentConfigId": self._context.new_id(), "trafficRoutingConfig": traffic}
        self._configurations[call.region, name] = made
        return call.reply({"deploymentConfigId": made["deploymentConfigId"]})

    def _get_configuration(self, call: Call) -> HttpResponse:
        name = call.params["deploymentConfigName"]
        told = {"deploymentConfigName": name, "computePlatform": "Lambda"}
        told["trafficRoutingConfig"] = self._traffic(call.region, name)
        own = self._configurations.get((call.region, name), {})
        return call.reply({"deploymentConfigInfo": {**told, **own}})

    def _list_configurations(self, call: Call) -> HttpResponse:
        own = [name for region, name in self._configurations if region == call.region]
        return call.reply({"deploymentConfigsList": sorted(configurations.PREDEFINED) + own})

    def _delete_configuration(self, call: Call) -> HttpResponse:
        name = call.params["deploymentConfigName"]
        if name in configurations.PREDEFINED:
            raise AWSError("InvalidOperationException", f"{name} is predefined and stays", 400)
        groups = [group for part in self._backend(call).deployment_groups.values() for group in part.values()]
        if any(group.deployment_config_name == name for group in groups):
            message = f"The deployment configuration {name} is still in use"
            raise AWSError("DeploymentConfigInUseException", message, 400)
        self._configurations.pop((call.region, name), None)
        return call.reply()

    def _create(self, call: Call) -> HttpResponse:
        given = call.params
        group = self._group(call, given.get("deploymentGroupName") or "")
        if group.application.compute_platform != "Lambda":
            raise not_built(f"CodeDeploy's compute platform {group.application.compute_platform or 'Server'}")
        document = appspec.document(given.get("revision") or {})
        traffic = self._traffic(call.region, str(given.get("deploymentConfigName") or group.deployment_config_name))
        with self._creating:
            self._check_idle(group)
            response = forward(call)
            if response.status >= 400:
                return response
            deployment = self._backend(call).deployments.pop(json.loads(response.body)["deploymentId"])
            rollout = self._rollout(deployment, call.region, document, configurations.steps(traffic))
        rollout.thread.start()
        return call.reply({"deploymentId": rollout.identifier})

    def _check_idle(self, group: DeploymentGroup) -> None:
        for rollout in self._rollouts.values():
            if rollout.deployment.deployment_group is group and not rollout.over:
                name, busy = group.deployment_group_name, rollout.identifier
                message = f"The Deployment Group '{name}' already has an active Deployment '{busy}'"
                raise AWSError("DeploymentLimitExceededException", message, 400)

    def _rollout(self, deployment: DeploymentInfo, region: str, document: Any, steps: list[tuple[int, int]]) -> Rollout:
        """Give a deployment its id, and what carries it out."""
        group = deployment.deployment_group
        number = sum(each.deployment.deployment_group is group for each in self._rollouts.values())
        names = f"{region} {deployment.application_name} {group.deployment_group_name} {number}"
        code = base64.b32encode(hashlib.sha256(names.encode()).digest()).decode()
        deployment.deployment_id = f"d-{code[:9]}"
        rollout = Rollout(self._context, region, deployment, document, steps, self._tell, self._back)
        deployment.create_time = rollout.updated
        backend = codedeploy_backends[self._context.account_id][region]
        backend.deployments[rollout.identifier] = deployment
        self._rollouts[rollout.identifier] = rollout
        return rollout

    def _back(self, failed: Rollout, spec: appspec.AppSpec) -> Rollout:
        """Make the deployment that takes the alias back."""
        old, revision = failed.deployment, appspec.back(spec)
        made = DeploymentInfo(
            old.application, old.deployment_group, revision, configurations.ALL_AT_ONCE,
            None, None, None, None, None, None, None, "codeDeployRollback",
        )  # fmt: skip
        undo = self._rollout(made, failed.region, appspec.document(revision), [(0, 100)])
        undo.rollback = {
            "rollbackTriggeringDeploymentId": failed.identifier,
            "rollbackMessage": f"Deployment {undo.identifier} is triggered to roll back deployment "
            f"{failed.identifier}.",
        }
        return undo

    def _tell(self, rollout: Rollout, status: str) -> None:
        """Tell EventBridge."""
        deployment, region = rollout.deployment, rollout.region
        application, group = deployment.application_name, deployment.deployment_group_name
        base = f"arn:aws:codedeploy:{region}:{self._context.account_id}"
        detail = {
            "instanceGroupId": deployment.deployment_group.deployment_group_id,
            "region": region,
            "application": application,
            "deploymentId": rollout.identifier,
            "state": _STATES[status],
            "deploymentGroup": group,
        }
        resources = [f"{base}:application:{application}", f"{base}:deploymentgroup:{application}/{group}"]
        entry = {"source": "aws.codedeploy", "detail-type": KIND, "resources": resources, "detail": detail}
        self._bus.emit("codedeploy", _STATES[status], rollout.identifier, entry, region)

    def _asked_for(self, call: Call) -> Rollout:
        identifier = call.params.get("deploymentId") or ""
        _asked(lambda: self._backend(call).get_deployment(identifier))
        return self._rollouts[identifier]

    def _stop(self, call: Call) -> HttpResponse:
        rollout, back = self._asked_for(call), call.params.get("autoRollbackEnabled")
        if rollout.over:
            message = f"The deployment {rollout.identifier} is already complete."
            raise AWSError("DeploymentAlreadyCompletedException", message, 400)
        event = "DEPLOYMENT_STOP_ON_REQUEST" if back is None else "REQUESTED" if back else ""
        rollout.end(Ended("MANUAL_STOP", "The deployment was stopped on request.", "Stopped", event))
        return call.reply({"status": "Pending"})

    def _answer_hook(self, call: Call) -> HttpResponse:
        rollout, status = self._asked_for(call), call.params.get("status")
        hook = call.params.get("lifecycleEventHookExecutionId") or ""
        if status not in ("Succeeded", "Failed"):
            message = f"The status {status} is invalid: it should be Succeeded or Failed"
            raise AWSError("InvalidLifecycleEventHookExecutionStatusException", message, 400)
        if hook not in rollout.hooks:
            message = f"The deployment {rollout.identifier} has no lifecycle event hook execution with this id"
            raise AWSError("InvalidLifecycleEventHookExecutionIdException", message, 400)
        if rollout.hooks[hook] or rollout.over:
            message = "The lifecycle event of this hook execution is already complete"
            raise AWSError("LifecycleEventAlreadyCompletedException", message, 400)
        rollout.answer(hook, status)
        return call.reply({"lifecycleEventHookExecutionId": hook})

    def _list_targets(self, call: Call) -> HttpResponse:
        name = self._asked_for(call).spec.function
        return call.reply({"targetIds": [name] if name else []})

    def _get_target(self, call: Call) -> HttpResponse:
        return call.reply({"deploymentTarget": self._target(self._asked_for(call), call.params["targetId"])})

    def _get_targets(self, call: Call) -> HttpResponse:
        rollout = self._asked_for(call)
        return call.reply({"deploymentTargets": [self._target(rollout, each) for each in call.params["targetIds"]]})

    def _target(self, rollout: Rollout, identifier: str) -> dict[str, Any]:
        spec = rollout.spec
        if identifier != spec.function:
            message = f"The deployment {rollout.identifier} has no target {identifier}"
            raise AWSError("DeploymentTargetDoesNotExistException", message, 400)
        overview = rollout.deployment.deployment_overview
        target = {
            "deploymentId": rollout.identifier,
            "targetId": spec.function,
            "targetArn": f"arn:aws:lambda:{rollout.region}:{self._context.account_id}:function:{spec.function}",
            "status": next((name for name, count in overview.items() if count), "Pending"),
            "lastUpdatedAt": rollout.updated,
            "lifecycleEvents": [_event_info(event) for event in rollout.events],
            "lambdaFunctionInfo": {
                "functionName": spec.function,
                "functionAlias": spec.alias,
                "currentVersion": spec.current,
                "targetVersion": spec.target,
                "targetVersionWeight": rollout.weight,
            },
        }
        return {"deploymentTargetType": "LambdaTarget", "lambdaTarget": target}

    def _group_info(self, group: DeploymentGroup) -> dict[str, Any]:
        """Take the place of moto's, which leaves out the alarms."""
        return {**self._of_group(group), "alarmConfiguration": group.alarm_configuration or {}}

    def _deployment_info(self, deployment: DeploymentInfo) -> dict[str, Any]:
        """Take the place of moto's, which leaves out errors and rollbacks."""
        rollout = self._rollouts.get(deployment.deployment_id)
        told = dict(self._of_deployment(deployment))
        for name in ("errorInformation", "rollbackInfo"):
            told.pop(name, None)
        if rollout and rollout.error:
            told["errorInformation"] = rollout.error
        if rollout and rollout.rollback:
            told["rollbackInfo"] = rollout.rollback
        return told


def _event_info(event: LifecycleEvent) -> dict[str, Any]:
    told: dict[str, Any] = {"lifecycleEventName": event.name, "status": event.status}
    times = {"startTime": event.started, "endTime": event.ended}
    told.update({name: moment for name, moment in times.items() if moment})
    if event.why:
        told["diagnostics"] = {"errorCode": "UnknownError", "message": event.why}
    return told


def _asked(ask: Callable[[], Any]) -> Any:
    """Return what moto answers, with its errors as ours."""
    try:
        return ask()
    except CodeDeployException as error:
        raise AWSError(error.error_type, str(error.message), 400) from None
