"""What may pass in a VPC: security groups, route tables, NAT gateways and VPC endpoints, read from EC2 and evaluated.

AWS: a security group lists what may come in and what may go out, by protocol, ports, and CIDR or another security
group; it is stateful, and what no rule allows is dropped without an answer. A subnet's route table says where packets
for other addresses go: nowhere, to an internet gateway (only interfaces with a public address come through), or to a
NAT gateway, which itself stands in a subnet with a route to an internet gateway ("Control traffic to your AWS
resources using security groups", "Configure route tables" and "NAT gateways", Amazon VPC User Guide). A gateway
endpoint (S3, DynamoDB) is a route, an interface endpoint an address in your subnets that private DNS gives the
service's name ("Gateway endpoints" and "Access an AWS service using an interface VPC endpoint", AWS PrivateLink Guide).

This: a simulation of that filtering over the answers of EC2's Describe calls; no packet is looked at. Differs: TCP
over IPv4 only; network ACLs, endpoint policies, prefix lists in security groups, peering and transit gateways are not
evaluated. One public address stands for all AWS APIs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

AWS_ADDRESS = "52.94.0.1"
"""Stands for the public addresses of all AWS APIs (52.94.0.0/22 is one of the ranges that AWS publishes)."""
HTTPS = 443
Shape = Mapping[str, Any]


@dataclass(frozen=True)
class Vpc:
    """What EC2 knows about one VPC, in the shapes of its Describe calls."""

    cidrs: Sequence[str]
    private_dns: bool
    """Whether the attributes enableDnsSupport and enableDnsHostnames are both on."""
    subnets: Sequence[Shape]
    groups: Sequence[Shape]
    interfaces: Sequence[Shape]
    tables: Sequence[Shape]
    nat_gateways: Sequence[Shape]
    internet_gateways: Sequence[Shape]
    endpoints: Sequence[Shape]

    def holds(self, address: str) -> bool:
        """Return whether an address belongs to the VPC."""
        return any(ip_address(address) in ip_network(cidr) for cidr in self.cidrs)

    def interface_at(self, address: str) -> Shape | None:
        """Return the network interface with that private address."""
        return next((each for each in self.interfaces if each["PrivateIpAddress"] == address), None)

    def reaches(self, source: Shape, address: str, port: int) -> bool:
        """Return whether a connection of the interface ``source`` to an address gets there."""
        if not self.holds(address):
            return ip_address(address).is_global and self._leaves(source, address, port)
        target = self.interface_at(address)
        return target is not None and self._between(source, target, port)

    def reaches_service(self, source: Shape, service: str) -> bool:
        """Return whether a call of the AWS API ``service``, such as ``s3``, gets there: by endpoint, or by NAT."""
        mine = [each for each in self.endpoints if each["ServiceName"].endswith(f".{service}")]
        inner = [each for each in mine if self._answers_for_the_name(each)]
        if inner:
            return any(self._between(source, door, HTTPS) for each in inner for door in self._doors(each))
        table = self._table(source["SubnetId"])
        if any(table["RouteTableId"] in (each.get("RouteTableIds") or []) for each in mine):
            return self._may_send(source, AWS_ADDRESS, HTTPS)
        return self._leaves(source, AWS_ADDRESS, HTTPS)

    def _answers_for_the_name(self, endpoint: Shape) -> bool:
        inner = endpoint.get("VpcEndpointType") == "Interface" and endpoint["State"] == "available"
        return inner and self.private_dns and bool(endpoint.get("PrivateDnsEnabled"))

    def _doors(self, endpoint: Shape) -> list[Shape]:
        """Return the interfaces of an interface endpoint, as they have to be: moto gives them other addresses."""
        ranges = [ip_network(each["CidrBlock"]) for each in self.subnets if each["SubnetId"] in endpoint["SubnetIds"]]
        return [{"PrivateIpAddress": str(each[4]), "Groups": endpoint["Groups"]} for each in ranges]

    def _between(self, source: Shape, target: Shape, port: int) -> bool:
        come_in = self._rules(target, "IpPermissions")
        sends = self._may_send(source, target["PrivateIpAddress"], port, _groups(target))
        return sends and allowed(come_in, port, source["PrivateIpAddress"], _groups(source))

    def _may_send(self, source: Shape, address: str, port: int, groups: Collection[str] = ()) -> bool:
        return allowed(self._rules(source, "IpPermissionsEgress"), port, address, groups)

    def _rules(self, interface: Shape, direction: str) -> list[Shape]:
        mine = _groups(interface)
        return [rule for group in self.groups if group["GroupId"] in mine for rule in group[direction]]

    def _leaves(self, source: Shape, address: str, port: int) -> bool:
        """Return whether a connection gets out of the VPC, which for a function means by a NAT gateway."""
        way = self._route(source["SubnetId"], address).get("NatGatewayId")
        for nat in self.nat_gateways:
            public = any(each.get("PublicIp") for each in nat.get("NatGatewayAddresses") or [])
            if nat["NatGatewayId"] == way and nat["State"] == "available" and public:
                gateway = self._route(nat["SubnetId"], address).get("GatewayId")
                attached = {each["InternetGatewayId"] for each in self.internet_gateways}
                return gateway in attached and self._may_send(source, address, port)
        return False

    def _route(self, subnet: str, address: str) -> Shape:
        """Return the route of a subnet for an address: that with the longest prefix; empty if there is none."""
        fitting = [
            (ip_network(route["DestinationCidrBlock"]).prefixlen, number, route)
            for number, route in enumerate(self._table(subnet)["Routes"])
            if ip_address(address) in ip_network(route.get("DestinationCidrBlock") or "0.0.0.0/32")
        ]
        return max(fitting)[2] if fitting else {}

    def _table(self, subnet: str) -> Shape:
        """Return the route table of a subnet: its own, or the VPC's main one."""
        links = [(link, table) for table in self.tables for link in table["Associations"]]
        own = [table for link, table in links if link.get("SubnetId") == subnet]
        return (own or [table for link, table in links if link.get("Main")])[0]


def allowed(rules: Iterable[Shape], port: int, address: str, groups: Collection[str] = ()) -> bool:
    """Return whether one of a security group's rules allows TCP.

    Parameters
    ----------
    rules:
        ``IpPermissions`` or ``IpPermissionsEgress``.
    port:
        The port to which the connection goes.
    address, groups:
        Where the other end is, and the ids of its security groups.
    """
    return any(
        _fits(rule, port)
        and (
            any(pair["GroupId"] in groups for pair in rule.get("UserIdGroupPairs") or [])
            or any(ip_address(address) in ip_network(each["CidrIp"]) for each in rule.get("IpRanges") or [])
        )
        for rule in rules
    )


def _fits(rule: Shape, port: int) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    return rule["IpProtocol"] in ("tcp", "6") and rule.get("FromPort", 0) <= port <= rule.get("ToPort", 65535)


def _groups(interface: Shape) -> set[str]:
    return {group["GroupId"] for group in interface["Groups"]}


def read(ec2: Any, vpc_id: str) -> Vpc:
    """Read a VPC as it is now; ``ec2`` is a boto3 client."""

    def found(operation: str, name: str = "vpc-id", key: str = "Filters") -> dict[str, Any]:
        return dict(getattr(ec2, operation)(**{key: [{"Name": name, "Values": [vpc_id]}]}))

    def switch(name: str) -> bool:
        answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)
        return bool(answer[name[0].upper() + name[1:]]["Value"])

    return Vpc(
        cidrs=[each["CidrBlock"] for each in found("describe_vpcs")["Vpcs"][0]["CidrBlockAssociationSet"]],
        private_dns=switch("enableDnsSupport") and switch("enableDnsHostnames"),
        subnets=found("describe_subnets")["Subnets"],
        groups=found("describe_security_groups")["SecurityGroups"],
        interfaces=found("describe_network_interfaces")["NetworkInterfaces"],
        tables=found("describe_route_tables")["RouteTables"],
        nat_gateways=found("describe_nat_gateways", key="Filter")["NatGateways"],
        internet_gateways=found("describe_internet_gateways", "attachment.vpc-id")["InternetGateways"],
        endpoints=found("describe_vpc_endpoints")["VpcEndpoints"],
    )
