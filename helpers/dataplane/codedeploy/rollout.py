"""One deployment on its way: a hook, the steps of the traffic, another hook; or the end of it, and the way back.

AWS: "Deployments on an AWS Lambda compute platform", "AppSpec 'hooks' section for an AWS Lambda deployment",
"Monitoring deployments with CloudWatch alarms" and "Redeploy and roll back a deployment" (CodeDeploy User Guide). A
hook that does not answer within an hour fails. Any alarm of the group in the state ALARM stops the deployment. An
automatic rollback is a deployment of its own. What a stopped deployment looks like (messages, lifecycle events that
are Failed and Skipped, a rollback that runs no hooks) follows published outputs of AWS.

Differs: a rollback is over before the deployment that it undoes says Stopped or Failed, so that whoever waits for that
finds the alias where it was. Alarms are looked at every ten seconds and before the first shift; AWS does not say how
often. Nor does it publish the codes and messages for a wrong alias or version, a missing hook function, an unknown
alarm and a request to stop.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.codedeploy.models import DeploymentGroup, DeploymentInfo

from helpers.dataplane.clock import as_moto_keeps
from helpers.dataplane.codedeploy import appspec
from helpers.dataplane.codedeploy.appspec import AppSpec
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import POLLER

EVENTS = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
ALARMS = ("MetricAlarms", "CompositeAlarms")
OVER = ("Succeeded", "Failed", "Stopped")
HOOK_LIMIT = "codedeploy.lifecycle_event_seconds"
_ALARM_SECONDS, _REAL_PAUSE = 10, 0.1
_HOOK_FAILED = "The deployment failed because one or more of the lifecycle event validation functions failed."
_ALARMED = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected "
    "deployments have been stopped. Activated alarms: "
)
_NOT_PERMITTED = (
    "The IAM role {role} does not give you permission to perform operations in the following AWS service: {service}. "
    "Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant permissions to "
    "your users or groups by creating IAM policies."
)


class Ended(Exception):
    """The deployment does not go on: its status, error code and message, and the event that may roll it back."""

    def __init__(self, code: str, message: str, status: str = "Failed", event: str = "DEPLOYMENT_FAILURE") -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.event = code, message, status, event


class Closed(Exception):
    """The cloud stops."""


@dataclass
class LifecycleEvent:
    """One of the three events; ``why`` says what went wrong."""

    name: str
    status: str = "Pending"
    started: datetime | None = None
    ended: datetime | None = None
    why: str = ""


class Rollout:
    """A deployment of moto, and the thread that carries it out.

    Parameters
    ----------
    steps:
        When, in minutes, which percentage goes to the new version.
    told:
        Called with each new status.
    go_back:
        Makes the rollback's deployment and returns it, not started.
    """

    def __init__(
        self,
        context: Context,
        region: str,
        deployment: DeploymentInfo,
        document: Any,
        steps: list[tuple[int, int]],
        told: Callable[[Rollout, str], None],
        go_back: Callable[[Rollout, AppSpec], Rollout],
    ) -> None:
        self.region, self.deployment, self.steps, self.spec = region, deployment, steps, AppSpec("", "", "", "")
        self.events = [LifecycleEvent(name) for name in EVENTS]
        self.weight, self.updated = 0.0, _now(context)
        self.error: dict[str, str] = {}
        self.rollback: dict[str, str] = {}
        self.hooks: dict[str, str | None] = {}
        self._context, self._document, self._told, self._go_back = context, document, told, go_back
        self._lambda = context.client("lambda", "codedeploy", region)
        self._ended: Exception | None = None
        self._wake = threading.Event()
        self.thread = threading.Thread(target=self.run, name=f"deployment {deployment.deployment_id}", daemon=True)

    @property
    def identifier(self) -> str:
        """The deployment's id."""
        return str(self.deployment.deployment_id)

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.deployment.status in OVER

    def end(self, why: Exception) -> None:
        """Let it end at once, with ``Ended``, or without a trace with ``Closed``."""
        self._ended = self._ended or why
        self._wake.set()

    def answer(self, hook: str, status: str) -> None:
        """Take what a hook found."""
        self.hooks[hook] = status
        self._wake.set()

    def run(self) -> None:
        """Carry the deployment out."""
        try:
            self.deployment.start_time = _now(self._context)
            self._tell("InProgress")
            self._begin()
            for event in self.events:
                with self._running(event):
                    self._shift_all() if event.name == "AllowTraffic" else self._check(event)
            self.deployment.complete_time = _now(self._context)
            self._tell("Succeeded")
        except Closed:
            return
        except Ended as ended:
            self._fail(ended)
        except Exception as error:
            if not isinstance(self._ended, Closed):
                self._fail(Ended("INTERNAL_ERROR", f"{type(error).__name__}: {error}"))

    def _begin(self) -> None:
        """Check what is to be deployed, and with which role."""
        try:
            self.spec = appspec.read(self._document)
        except appspec.InvalidAppSpec as error:
            raise Ended("INVALID_REVISION", str(error), event="") from None
        self._permitted("lambda:GetAlias")
        try:
            alias = self._lambda.get_alias(FunctionName=self.spec.function, Name=self.spec.alias)
            self._lambda.get_function_configuration(FunctionName=self.spec.function, Qualifier=self.spec.target)
        except ClientError as error:
            raise Ended("INVALID_LAMBDA_CONFIGURATION", error.response["Error"]["Message"], event="") from None
        if alias["FunctionVersion"] != self.spec.current:
            points = f"The alias {self.spec.alias} points to version {alias['FunctionVersion']}"
            raise Ended("INVALID_LAMBDA_CONFIGURATION", f"{points}, not to {self.spec.current}", event="")

    def _permitted(self, action: str, function: str = "") -> None:
        role, identities = self.deployment.deployment_group.service_role_arn, self._context.identities
        if identities.role(role) is None:
            group = self.deployment.deployment_group_name
            raise Ended("IAM_ROLE_MISSING", f"IAM Role is missing for deployment group: {group}")
        name, base = function or self.spec.function, f"arn:aws:lambda:{self.region}:{self._context.account_id}"
        arn = name if name.startswith("arn:") else f"{base}:function:{name}"
        resource, service = (arn, "AWSLambda") if action.startswith("lambda:") else ("*", "AmazonCloudWatch")
        if not identities.lets_assume(role, "codedeploy") or not identities.role_may(role, action, resource):
            raise Ended("IAM_ROLE_PERMISSIONS", _NOT_PERMITTED.format(role=role, service=service))

    @contextmanager
    def _running(self, event: LifecycleEvent) -> Iterator[None]:
        event.status, event.started = "InProgress", _now(self._context)
        yield
        event.status, event.ended = "Succeeded", _now(self._context)

    def _check(self, event: LifecycleEvent) -> None:
        """Call the event's hook, if it has one, and wait for its answer."""
        name = self.spec.hooks.get(event.name)
        if not name:
            return
        self._permitted("lambda:InvokeFunction", name)
        hook = hashlib.sha256(f"{self.identifier} {event.name}".encode()).hexdigest()
        self.hooks[hook] = None
        payload = json.dumps({"DeploymentId": self.identifier, "LifecycleEventHookExecutionId": hook})
        threading.Thread(target=self._call, args=(event, name, payload), name=f"hook {name}", daemon=True).start()
        limit = self._context.quotas[HOOK_LIMIT]
        if not self._wait(limit, lambda: self.hooks[hook] is not None):
            event.why = f"{name} did not call PutLifecycleEventHookExecutionStatus within {limit} seconds"
        elif self.hooks[hook] == "Failed":
            event.why = f"{name} said Failed"
        if event.why:
            raise Ended("HOOK_EXECUTION_FAILURE", _HOOK_FAILED)

    def _call(self, event: LifecycleEvent, name: str, payload: str) -> None:
        """Call a hook once; only its answer counts, not what it returns or raises."""
        try:
            self._lambda.invoke(FunctionName=name, Payload=payload)
        except Exception as error:  # the cloud may stop meanwhile
            event.why = str(error)
            self.end(Ended("HOOK_EXECUTION_FAILURE", _HOOK_FAILED))

    def _shift_all(self) -> None:
        began = self._context.clock.now()
        for minute, percent in self.steps:
            self._wait(began + minute * 60 - self._context.clock.now())
            self._shift(percent)

    def _shift(self, percent: int) -> None:
        self._permitted("lambda:UpdateAlias")
        whole = percent >= 100
        self._lambda.update_alias(
            FunctionName=self.spec.function,
            Name=self.spec.alias,
            FunctionVersion=self.spec.target if whole else self.spec.current,
            RoutingConfig={"AdditionalVersionWeights": {} if whole else {self.spec.target: percent / 100}},
        )
        self.weight, self.updated = percent / 100, _now(self._context)

    def _wait(self, seconds: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Wait AWS's seconds, or until it is done, and return whether it is; look at alarms and requests meanwhile."""
        clock = self._context.clock
        until, pause = clock.now() + seconds, max(_ALARM_SECONDS, _REAL_PAUSE * clock.speed)
        while True:
            self._wake.clear()
            if self._ended:
                raise self._ended
            if done():
                return True
            self._look_at_alarms()
            left = until - clock.now()
            if left <= 0:
                return False
            clock.wait(min(left, pause), self._wake)

    def _look_at_alarms(self) -> None:
        group: DeploymentGroup = self.deployment.deployment_group
        wanted: Any = self.deployment.override_alarm_configuration or group.alarm_configuration or {}
        names = [each["name"] for each in wanted.get("alarms") or []]
        if not wanted.get("enabled") or not names:
            return
        self._permitted("cloudwatch:DescribeAlarms")
        # as a poller, which is not recorded: a minute of waiting would be a page of calls
        cloudwatch = self._context.client("cloudwatch", POLLER, self.region)
        answer = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        states = {each["AlarmName"]: each["StateValue"] for part in ALARMS for each in answer.get(part, [])}
        active = "".join(f" <{name}>" for name in names if states.get(name) == "ALARM").strip()
        if active:
            raise Ended("ALARM_ACTIVE", _ALARMED + active, "Stopped", "DEPLOYMENT_STOP_ON_ALARM")
        lost = ", ".join(name for name in names if name not in states)
        if lost and not wanted.get("ignorePollAlarmFailure"):
            raise Ended("ALARM_ACTIVE", f"The state of these alarms cannot be retrieved: {lost}", "Stopped")

    def _fail(self, ended: Ended) -> None:
        now = _now(self._context)
        for event in self.events:
            if event.status == "InProgress":
                event.status, event.ended = "Failed", now
            elif event.status == "Pending":
                event.status = "Skipped"
        self.error = {"code": ended.code, "message": ended.message}
        self.deployment.complete_time = now
        if self._rolls_back(ended.event):
            undo = self._go_back(self, self.spec)
            self.rollback = {
                "rollbackDeploymentId": undo.identifier,
                "rollbackMessage": f"Deployment {self.identifier} terminated. Automatic rollback is triggered with a "
                f"DeploymentId {undo.identifier}.",
            }
            undo.run_back()
            self.weight = 0.0
        self._tell(ended.status)

    def run_back(self) -> None:
        """Take the alias back at once, without hooks, alarms and waits."""
        self.spec = appspec.read(self._document)
        self.deployment.start_time = _now(self._context)
        self._tell("InProgress")
        try:
            for event in self.events:
                with self._running(event):
                    if event.name == "AllowTraffic":
                        self._shift(100)
        except (Ended, ClientError) as error:
            self.error = {"code": getattr(error, "code", "INVALID_LAMBDA_CONFIGURATION"), "message": str(error)}
        self.deployment.complete_time = _now(self._context)
        self._tell("Failed" if self.error else "Succeeded")

    def _rolls_back(self, event: str) -> bool:
        own: Any = self.deployment.auto_rollback_configuration
        wanted = own or self.deployment.deployment_group.auto_rollback_configuration or {}
        return bool(event) and (event == "REQUESTED" or (wanted.get("enabled", False) and event in wanted["events"]))

    def _tell(self, status: str) -> None:
        counted = {"InProgress": "InProgress", "Succeeded": "Succeeded"}.get(status, "Failed")
        self.deployment.deployment_overview = {
            name: int(name == counted) for name in self.deployment.deployment_overview
        }
        self.updated = _now(self._context)
        self.deployment.status = status
        self._told(self, status)


def _now(context: Context) -> datetime:
    return as_moto_keeps(context.clock.time())
