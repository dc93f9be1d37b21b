"""EC2: instances tell EventBridge when their state changes.

AWS: "EC2 Instance State-change Notification" with the states pending, running, shutting-down, terminated, stopping and
stopped ("State change events for your instances", Amazon EC2 User Guide). Instances are moto's, which do not run and
change their state at once; both states of a change are told, one after the other.

An interface endpoint with private DNS is refused in a VPC without DNS support and host names (API_CreateVpcEndpoint,
EC2 API Reference; the words are those in "Troubleshooting runtime coverage", GuardDuty User Guide).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance, InstanceBackend

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.events import EventsPlane
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

KIND = "EC2 Instance State-change Notification"
_STATES = {
    "run_instances": ("pending", "running"),
    "start_instances": ("pending", "running"),
    "stop_instances": ("stopping", "stopped"),
    "terminate_instances": ("shutting-down", "terminated"),
}


class Ec2Plane:
    """The part of EC2 that moto leaves out: it tells EventBridge, and checks private DNS."""

    service = "ec2"

    def __init__(self, context: Context, bus: EventsPlane) -> None:
        self._context, self._bus = context, bus
        self._seams = Seams()
        for name, states in _STATES.items():
            self._seams.put(InstanceBackend, name, self._telling(getattr(InstanceBackend, name), states))

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {"CreateVpcEndpoint": self._create_endpoint}

    def addresses(self) -> Mapping[str, Address]:
        """EC2 has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def _create_endpoint(self, call: Call) -> HttpResponse:
        given = call.params
        vpc = ec2_backends[call.account_id][call.region].vpcs.get(given["VpcId"])
        private = given.get("VpcEndpointType") == "Interface" and given.get("PrivateDnsEnabled", True)
        if vpc is not None and private and not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
            message = (
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
                f"for {vpc.id}"
            )
            raise AWSError("InvalidParameter", message, 400)
        return forward(call)

    def _telling(self, method: Any, states: tuple[str, str]) -> Any:
        def told(backend: InstanceBackend, *given: Any, **named: Any) -> Any:
            result = method(backend, *given, **named)
            changed = [one for one, before in result if before.name != states[1]] if isinstance(result, list) else None
            for instance in changed if changed is not None else result.instances:
                for state in states:
                    self._tell(instance, state)
            return result

        return told

    def _tell(self, instance: Instance, state: str) -> None:
        region = str(instance.region_name)
        arn = f"arn:aws:ec2:{region}:{self._context.account_id}:instance/{instance.id}"
        detail = {"instance-id": instance.id, "state": state}
        entry = {"source": "aws.ec2", "detail-type": KIND, "resources": [arn], "detail": detail}
        self._bus.emit("ec2", state, instance.id, entry, region)
