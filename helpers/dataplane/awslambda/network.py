"""Functions in a VPC: their network interfaces, the state of a function while they are made, and where it may connect.

AWS: the first time that a subnet and a set of security groups come together in a function's VpcConfig, Lambda makes
one network interface for them, a Hyperplane ENI, with the permissions of the execution role; functions with the same
combination share it. Meanwhile a new function is ``Pending`` and cannot be invoked; an existing one has
LastUpdateStatus ``InProgress`` and uses its old connection. From then on the function reaches only what its VPC
reaches, with an address of the private subnet and never a public one: no internet without a NAT gateway ("Giving
Lambda functions access to resources in an Amazon VPC", Lambda Developer Guide).

This: the interfaces are in moto's EC2 and are made at once; the state waits ``NEW_SECONDS``. Connections of Python
functions are filtered (``helpers/dataplane/vpc.py`` says how far, ``workers/vpc.py`` where); other runtimes are
refused. A private address answers when a program was put there with ``listen``; functions outside of the VPC do not
reach it.

Differs: AWS takes 20 minutes and more to remove an interface that no function version uses, and takes away those of
functions that were idle for 14 days; here the one happens at once and the other never. AWS runs each environment in
one of the subnets; here a connection passes only if it would pass from each of them, so that no answer depends on
chance. Only Invoke is refused while a function is Pending; other services' events are delivered. The role's policies
are looked at when the cloud enforces IAM. For subnets of two VPCs AWS's words could not be found.
"""

from __future__ import annotations

import json
import secrets
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction
from werkzeug.datastructures import Headers

from helpers.dataplane import vpc
from helpers.dataplane.awslambda.functions import Functions
from helpers.dataplane.awslambda.rules import invalid
from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import POLLER
from helpers.dataplane.web import HttpRequest, HttpResponse

NEW_SECONDS, KNOWN_SECONDS = 60, 5
"""How long a function waits for an interface that has to be made (AWS: "about a minute", also several), and for one
that is there ("much quicker"), in AWS's seconds."""
ADDRESS = "lambda-network"
_NEEDED = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
_BUSY = "The operation cannot be performed at this time. "


@dataclass
class Connection:
    """A function's place in a VPC; ``before`` is the one that it uses until ``ready``."""

    function: str
    vpc_id: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    interfaces: tuple[str, ...] = ()
    ready: bool = False
    new: bool = False
    """Whether the function is being created with it, rather than updated."""
    before: Connection | None = None


class Networks:
    """The connections of all functions to VPCs."""

    def __init__(self, context: Context, functions: Functions) -> None:
        self._context, self._functions = context, functions
        self._interfaces: dict[tuple[str, frozenset[str]], str] = {}
        self._connections: dict[str, Connection] = {}
        self._servers: dict[tuple[str, int], socketserver.TCPServer] = {}
        self._private: set[str] = set()
        self._outside = secrets.token_urlsafe(16)
        self._lock = threading.RLock()
        self._stopped = threading.Event()

    def plan(self, given: Mapping[str, Any], function: LambdaFunction | None = None) -> Connection | None:
        """Check the VpcConfig of a create or an update; return what it asks for, or None if it asks for no VPC.

        Raises
        ------
        AWSError
            ``InvalidParameterValueException`` with AWS's message; ``NotImplementedException`` for what is not built.
        """
        config = given.get("VpcConfig") or {}
        subnets, groups = tuple(config.get("SubnetIds") or ()), tuple(config.get("SecurityGroupIds") or ())
        if bool(subnets) != bool(groups):
            raise invalid("SubnetIds and SecurityIds must coexist or be both empty list.")
        if not subnets:
            return None
        runtime = given.get("Runtime") or getattr(function, "run_time", "") or ""
        if not runtime.startswith("python") or config.get("Ipv6AllowedForDualStack"):
            what = "IPv6 in a VPC" if runtime.startswith("python") else f"A VPC for functions in {runtime}"
            raise not_built(what, Type="User")
        self._check_role(given.get("Role") or str(getattr(function, "role", "")))
        return Connection("", self._vpc_of(subnets, groups), subnets, groups)

    def _check_role(self, arn: str) -> None:
        for action in _NEEDED:
            if not self._context.identities.role_may(arn, f"ec2:{action}", "*"):
                raise invalid(f"The provided execution role does not have permissions to call {action} on EC2")

    def _vpc_of(self, subnets: tuple[str, ...], groups: tuple[str, ...]) -> str:
        ec2 = self._context.client("ec2", "lambda")
        try:
            found = {each["VpcId"] for each in ec2.describe_subnets(SubnetIds=list(subnets))["Subnets"]}
        except ClientError as error:
            raise _not_found("DescribeSubnets", error.response["Error"]) from None
        known = {each["GroupId"]: each["VpcId"] for each in ec2.describe_security_groups()["SecurityGroups"]}
        for group in groups:
            if group not in known:
                message = f"The security group '{group}' does not exist"
                raise _not_found("DescribeSecurityGroups", {"Code": "InvalidGroup.NotFound", "Message": message})
        if len(found) > 1:
            raise invalid("Subnets are required to be in the same VPC.")
        if {known[group] for group in groups} != found:
            raise invalid("Security Groups are required to be in the same VPC.")
        return str(found.pop())

    def connect(self, function: LambdaFunction, wanted: Connection | None, *, new: bool = False) -> None:
        """Give a function the connection that ``plan`` returned, or take away the one it has."""
        with self._lock:
            before = connection_of(function)
            setattr(function, "connection", wanted)
            seconds = KNOWN_SECONDS
            if wanted is not None:
                wanted.function, wanted.new, wanted.before = str(function.function_name), new, before
                made = [self._interface(subnet, wanted, str(function.role)) for subnet in wanted.subnets]
                wanted.interfaces = tuple(name for name, _ in made)
                self._connections[wanted.token] = wanted
                seconds = NEW_SECONDS if any(fresh for _, fresh in made) else KNOWN_SECONDS
            threading.Thread(target=self._finish, args=(wanted, seconds), daemon=True).start()

    def _finish(self, connection: Connection | None, seconds: float) -> None:
        if connection is not None:
            self._context.clock.wait(seconds, self._stopped)
            connection.ready, connection.before = True, None
        if not self._stopped.is_set():
            self.release()

    def _interface(self, subnet: str, wanted: Connection, role: str) -> tuple[str, bool]:
        """Return the interface for a subnet and the wanted groups, and whether it had to be made."""
        from moto.ec2.models import ec2_backends  # 80 MB and a second

        key = (subnet, frozenset(wanted.groups))
        if key in self._interfaces:
            return self._interfaces[key], False
        made = self._context.client("ec2", "lambda").create_network_interface(
            SubnetId=subnet,
            Groups=sorted(wanted.groups),
            Description=f"AWS Lambda VPC ENI-{wanted.function}-{self._context.new_id()}",
        )["NetworkInterface"]
        stored: Any = ec2_backends[self._context.account_id][self._context.region].enis[made["NetworkInterfaceId"]]
        stored.interface_type, stored.status, stored.requester_managed = "lambda", "in-use", True
        stored.requester_id = f"{self._context.identities.role_id(role.rpartition('/')[2])}:{self._context.account_id}"
        self._interfaces[key] = stored.id
        return str(stored.id), True

    def release(self) -> None:
        """Remove the interfaces that no version of any function uses."""
        with self._lock:
            if not self._interfaces:
                return
            used = {name for each in self._in_use() for name in each.interfaces}
            for key, name in list(self._interfaces.items()):
                if name not in used:
                    del self._interfaces[key]
                    self._context.client("ec2", "lambda").delete_network_interface(NetworkInterfaceId=name)

    def _in_use(self) -> list[Connection]:
        backend = self._functions.backend()
        names = [str(function.function_name) for function in self._functions.all()]
        versions = [version for name in names for version in backend.list_versions_by_function(name)]
        found = [connection for version in versions if (connection := connection_of(version)) is not None]
        return found + [connection.before for connection in found if connection.before is not None]

    def check_ready(self, function: LambdaFunction, *, to_invoke: bool = False) -> None:
        """Check that a function may be invoked or changed now.

        Raises
        ------
        AWSError
            ``ResourceConflictException``.
        """
        connection = connection_of(function)
        if connection is None or connection.ready or (to_invoke and not connection.new):
            return
        said = f"An update is in progress for resource: {function.function_arn}"
        if connection.new:
            said = "The function is currently in the following state: Pending"
        raise AWSError("ResourceConflictException", _BUSY + said, 409, Type="User")

    def listen(self, interface: str, port: int, handler: type[socketserver.BaseRequestHandler]) -> None:
        """Let a program answer at a network interface's port: it runs here, and functions reach it if the VPC lets
        them."""
        found = self._context.client("ec2", POLLER).describe_network_interfaces(NetworkInterfaceIds=[interface])
        self._private.add(found["NetworkInterfaces"][0]["PrivateIpAddress"])
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        self._servers[interface, port] = server

    def address_of(self, function: LambdaFunction) -> str:
        """Return where the processes of a function ask whether a connection may pass; empty if there is no need."""
        connection = connection_of(function)
        if connection is None and not self._private:
            return ""
        token = connection.token if connection else f"{self._outside}.{function.function_name}"
        return f"{self._context.endpoint}/_aws/{ADDRESS}/{token}"

    def answer(self, request: HttpRequest, path: str) -> HttpResponse:
        """Answer a function's process: the real host and port, or null if packets are lost.

        ``path`` is ``TOKEN/tcp/HOST/PORT`` or ``TOKEN/aws/SERVICE``; outside of a VPC the token ends with the
        function's name.
        """
        token, kind, *target = path.split("/")
        outside, _, name = token.partition(".")
        if token not in self._connections and outside != self._outside:
            return HttpResponse(403, Headers(), b"")
        connection = self._connections.get(token) or Connection(name, "", (), ())
        real = self._real(connection.before or connection, kind, target)
        name = target[0] if kind == "aws" else ":".join(target)
        if kind == "tcp" or real is None:
            outcome = "ok" if real else "no answer"
            self._context.record.add("call", f"function {connection.function}", name, "connect", outcome=outcome)
        return HttpResponse(200, Headers({"Content-Type": "application/json"}), json.dumps(real).encode())

    def _real(self, connection: Connection, kind: str, target: list[str]) -> tuple[str, int] | None:
        if not connection.vpc_id:
            return None if kind == "tcp" and target[0] in self._private else (target[0], int((*target, "0")[1]))
        seen = vpc.read(self._context.client("ec2", POLLER), connection.vpc_id)
        mine = [each for each in seen.interfaces if each["NetworkInterfaceId"] in connection.interfaces]
        if kind == "aws":
            passes = [seen.reaches_service(each, target[0]) for each in mine]
            return ("", 0) if passes and all(passes) else None
        host, port = target[0], int(target[1])
        if not mine or not all(seen.reaches(each, host, port) for each in mine):
            return None
        if not seen.holds(host):
            return host, port
        there = seen.interface_at(host)
        server = self._servers.get((str(there["NetworkInterfaceId"]), port)) if there else None
        # a closed port of this machine refuses, as an address does where no program listens
        return ("127.0.0.1", int(server.server_address[1])) if server else ("127.0.0.1", 1)

    def stop(self) -> None:
        """End the programs that ``listen`` started."""
        self._stopped.set()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


def connection_of(function: LambdaFunction) -> Connection | None:
    """Return a function version's connection to a VPC."""
    return getattr(function, "connection", None)


def described(function: LambdaFunction, on_create: bool) -> dict[str, Any]:
    """Return what belongs into the configuration of a function in a VPC, by the names of the API."""
    connection = connection_of(function)
    if connection is None:
        left = hasattr(function, "connection")
        return {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}} if left else {}
    where = {"SubnetIds": connection.subnets, "SecurityGroupIds": connection.groups, "VpcId": connection.vpc_id}
    told: dict[str, Any] = {"VpcConfig": {key: list(v) if isinstance(v, tuple) else v for key, v in where.items()}}
    if connection.ready:
        return told
    if connection.new:
        told |= {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
    return told if on_create else {**told, "LastUpdateStatus": "InProgress"}


def _not_found(operation: str, error: Mapping[str, Any]) -> AWSError:
    code, message = error["Code"], error["Message"]
    return invalid(f"Error occurred while {operation}. EC2 Error Code: {code}. EC2 Error Message: {message}")
