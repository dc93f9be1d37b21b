"""The default local AWS: moto as the control plane, this project's data planes, one front door, all in this process."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.backends import shortcut
from helpers.dataplane import control_plane, quotas
from helpers.dataplane.awslambda.guardian import GUARDIAN
from helpers.dataplane.awslambda.plane import LambdaPlane
from helpers.dataplane.clock import Clock
from helpers.dataplane.cloudwatch.plane import CloudWatchPlane
from helpers.dataplane.codepipeline import CodePipelinePlane
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post
from helpers.dataplane.dynamodb.metrics import Metrics
from helpers.dataplane.events import EventsPlane
from helpers.dataplane.frontdoor import DataPlane, FrontDoor
from helpers.dataplane.identities import Identities
from helpers.dataplane.logs import LogsPlane
from helpers.dataplane.record import Record
from helpers.dataplane.route53 import Route53Plane
from helpers.dataplane.s3 import S3Plane
from helpers.dataplane.scheduler import SchedulerPlane
from helpers.dataplane.sns import SnsPlane
from helpers.dataplane.sts import StsPlane
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import LocalServer

if TYPE_CHECKING:
    from helpers.dataplane.ses import Mail

ACCOUNT_ID = "123456789012"
SWITCH_SECONDS = 0.001
"""A cell that polls in a tight loop holds Python's lock; the services behind it must still get their turn."""


@dataclass(frozen=True)
class Settings:
    """How a local cloud is to be; the meaning of each is in ``helpers.cloud.start``."""

    speed: float = 1.0
    quotas: dict[str, int] = field(default_factory=dict)
    enforce_iam: bool = False
    region: str = "us-east-1"
    port: int = 0
    seed: int = 42


class MotoBackend:
    """A local AWS that lives in this process until ``stop``."""

    title = "The course's own cloud"

    def __init__(self, settings: Settings) -> None:
        checked, clock = quotas.with_defaults(settings.quotas), Clock(settings.speed)
        control_plane.start(settings.seed)
        self.server = LocalServer(lambda request: self.door.answer(request), settings.port)
        identities = Identities(ACCOUNT_ID, settings.enforce_iam, clock.time)
        self.context = Context(
            account_id=ACCOUNT_ID,
            region=settings.region,
            endpoint=f"http://127.0.0.1:{self.server.port}",
            clock=clock,
            record=Record(),
            quotas=checked,
            identities=identities,
            home=Path(tempfile.mkdtemp(prefix="local-aws-")),
            new_id=control_plane.new_id,
            seed=settings.seed,
        )
        self.endpoint, self.region, self.account_id = self.context.endpoint, self.context.region, ACCOUNT_ID
        self.access_key_id, self.secret_access_key = identities.access_key_id, identities.secret_access_key
        self.record, self.speed, self.time = self.context.record, settings.speed, clock.time
        GUARDIAN.hold("folder", self.context.home)
        self.door = FrontDoor(self.context)
        self.door.add(StsPlane(identities))
        self.functions = LambdaPlane(self.context, settings.seed)
        self.door.add(self.functions)
        self._add_events(self.functions)
        shortcut.install(self.door.answer, self.server.port)
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)

    def environment(self) -> dict[str, str]:
        """Return the standard variables with which any AWS SDK or tool reaches this cloud."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return self.context.sdk_variables(keys)

    def watch(self, session: Any) -> None:
        """Do nothing: the front door sees every call."""

    def lacks(self, service: str) -> bool:
        """Return False: what is not built of a service says so itself."""
        return False

    def _add_events(self, functions: LambdaPlane) -> None:
        """Add the services that call functions when something happens."""
        post, timetable = Post(self.context, functions), Timetable(self.context.clock)
        bus = EventsPlane(self.context, post, timetable)
        self.door.add(bus)
        self.door.add(SchedulerPlane(self.context, post, timetable))
        self.door.add(SnsPlane(self.context, post))
        self.door.add(CloudWatchPlane(self.context, post, bus, timetable))
        self.door.add(S3Plane(self.context, post, bus))
        self.door.add(LogsPlane(self.context, post))
        self.door.add_later("ec2", lambda: _ec2(self.context, bus))
        self.door.add(CodePipelinePlane(bus))
        self.door.add(Route53Plane(self.context, self.door.answer))
        self.door.add_later("codecommit", lambda: _codecommit(self.context, post))
        self.door.add_later("codedeploy", lambda: _codedeploy(self.context, bus))
        self.door.add_later("cognito-idp", lambda: _cognito(self.context, post))
        self.door.add_later("cognito-identity", lambda: _cognito_identity(self.context))
        self.door.add_later("apigateway", lambda: _apigateway(self.context, post))
        self.door.add_later("apigatewayv2", lambda: self._apigatewayv2(post))
        self.duplicated_executions: set[str] = set()
        self.door.add_later("stepfunctions", lambda: _stepfunctions(self.context, self.duplicated_executions))
        self.door.add_later("cloudfront", lambda: _cloudfront(self.context, functions, self.door))
        self.mails: list[Mail] = []
        for service in ("ses", "sesv2"):
            self.door.add_later(service, partial(_ses, service, self.record, self.mails))
        self.door.add_later("xray", lambda: _xray(self.context))
        self.door.add_later("cloudformation", lambda: self._cloudformation(post))
        self.door.add_later("cloudcontrol", lambda: _cloudcontrol(self.context))
        self.door.add_later("kinesis", lambda: _kinesis(self.context))
        self.door.add_later("athena", lambda: _athena(self.context))
        self.door.add_later("firehose", lambda: _firehose(self.context, post, functions))
        self._add_tables(timetable)

    def _add_tables(self, timetable: Timetable) -> None:
        """Add DynamoDB and what moves its units."""
        metrics = Metrics(self.context)
        self.replication_paused: set[str] = set()
        self.door.add_later("dynamodb", lambda: _dynamodb(self.context, metrics, timetable, self.replication_paused))
        self.door.add_later("application-autoscaling", lambda: _auto_scaling(self.context, metrics, timetable))

    def _cloudformation(self, post: Post) -> DataPlane:
        from helpers.dataplane.cloudformation.plane import CloudFormationPlane

        return CloudFormationPlane(self.context, post, self.door.wake)

    def _apigatewayv2(self, post: Post) -> DataPlane:
        """The kinds of APIs share one address: what is no HTTP or WebSocket API is left to the REST APIs."""
        from helpers.dataplane.apigateway.v2.plane import ApiGatewayV2Plane

        self.door.wake("apigateway")
        return ApiGatewayV2Plane(self.context, post, self.door.address("execute-api"))

    def stop(self) -> None:
        """End everything that runs and remove what it left on disk."""
        sys.setswitchinterval(self._switch_interval)
        shortcut.remove()
        self.door.stop()
        self.server.stop()
        shutil.rmtree(self.context.home, ignore_errors=True)
        GUARDIAN.release("folder", self.context.home)


def _athena(context: Context) -> DataPlane:
    from helpers.dataplane.athena.plane import AthenaPlane

    return AthenaPlane(context)


def _cloudcontrol(context: Context) -> DataPlane:
    from helpers.dataplane.cloudcontrol import CloudControlPlane

    return CloudControlPlane(context)


def _ec2(context: Context, bus: EventsPlane) -> DataPlane:
    from helpers.dataplane.ec2 import Ec2Plane  # 80 MB and a second

    return Ec2Plane(context, bus)


def _codecommit(context: Context, post: Post) -> DataPlane:
    from helpers.dataplane.codecommit import CodeCommitPlane

    return CodeCommitPlane(context, post)


def _codedeploy(context: Context, bus: EventsPlane) -> DataPlane:
    from helpers.dataplane.codedeploy.plane import CodeDeployPlane

    return CodeDeployPlane(context, bus)


def _cloudfront(context: Context, functions: LambdaPlane, door: FrontDoor) -> DataPlane:
    from helpers.dataplane.cloudfront.plane import CloudFrontPlane

    return CloudFrontPlane(context, functions, door.answer)


def _cognito(context: Context, post: Post) -> DataPlane:
    from helpers.dataplane.cognito import CognitoPlane

    return CognitoPlane(context, post)


def _cognito_identity(context: Context) -> DataPlane:
    from helpers.dataplane.cognito_identity import CognitoIdentityPlane

    return CognitoIdentityPlane(context)


def _apigateway(context: Context, post: Post) -> DataPlane:
    from helpers.dataplane.apigateway.plane import ApiGatewayPlane  # 20 MB and a second

    return ApiGatewayPlane(context, post)


def _firehose(context: Context, post: Post, functions: LambdaPlane) -> DataPlane:
    from helpers.dataplane.firehose.plane import FirehosePlane

    return FirehosePlane(context, post, functions.arrivals)


def _kinesis(context: Context) -> DataPlane:
    from helpers.dataplane.kinesis import KinesisPlane

    return KinesisPlane(context)


def _stepfunctions(context: Context, duplicated: set[str]) -> DataPlane:
    from helpers.dataplane.stepfunctions.plane import StepFunctionsPlane  # moto's parser: 120 MB and two seconds

    return StepFunctionsPlane(context, duplicated)


def _ses(service: str, record: Record, mails: list[Mail]) -> DataPlane:
    from helpers.dataplane.ses import SesPlane

    return SesPlane(service, record, mails)


def _xray(context: Context) -> DataPlane:
    from helpers.dataplane.xray.plane import XRayPlane

    return XRayPlane(context)


def _dynamodb(context: Context, metrics: Metrics, timetable: Timetable, paused: set[str]) -> DataPlane:
    from helpers.dataplane.dynamodb.plane import DynamoDBPlane

    return DynamoDBPlane(context, metrics, timetable, paused)


def _auto_scaling(context: Context, metrics: Metrics, timetable: Timetable) -> DataPlane:
    from helpers.dataplane.dynamodb.autoscaling import AutoScalingPlane  # 80 MB and a second

    return AutoScalingPlane(context, metrics, timetable)
