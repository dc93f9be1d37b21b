"""The rules of a VPC: security groups against a plain model, and which way a route table sends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.vpc import AWS_ADDRESS, HTTPS, Vpc, allowed

ADDRESSES = [f"10.0.{subnet}.{host}" for subnet in (0, 1, 2) for host in (4, 5, 130)]
CIDRS = ["0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.0/25", "10.0.2.5/32", "192.168.0.0/16"]
IDS = ["sg-a", "sg-b", "sg-c"]
EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    protocol = draw(st.sampled_from(["tcp", "6", "udp", "icmp", "-1"]))
    first, last = sorted((draw(st.integers(0, 9)), draw(st.integers(0, 9))))
    ports = {} if protocol == "-1" else {"FromPort": first, "ToPort": last}
    return {
        "IpProtocol": protocol,
        **ports,
        "IpRanges": [{"CidrIp": each} for each in draw(st.lists(st.sampled_from(CIDRS), max_size=2))],
        "UserIdGroupPairs": [{"GroupId": each} for each in draw(st.lists(st.sampled_from(IDS), max_size=2))],
    }


def bits(address: str) -> str:
    return "".join(f"{int(part):08b}" for part in address.split("."))


def model(rule: dict[str, Any], port: int, address: str, groups: set[str]) -> bool:
    """Say whether one rule allows it, by the bits of the addresses."""
    if rule["IpProtocol"] in ("udp", "icmp"):
        return False
    if rule["IpProtocol"] != "-1" and port not in range(rule["FromPort"], rule["ToPort"] + 1):
        return False
    for each in rule["IpRanges"]:
        network, _, length = each["CidrIp"].partition("/")
        if bits(address)[: int(length)] == bits(network)[: int(length)]:
            return True
    return bool(groups & {each["GroupId"] for each in rule["UserIdGroupPairs"]})


@given(st.lists(rules(), max_size=3), st.integers(0, 9), st.sampled_from(ADDRESSES), st.sets(st.sampled_from(IDS)))
def test_rules_allow_what_one_of_them_allows(
    given_rules: list[dict[str, Any]], port: int, address: str, groups: set[str]
) -> None:
    expected = any(model(rule, port, address, groups) for rule in given_rules)
    assert allowed(given_rules, port, address, groups) is expected


def interface(name: str, subnet: str, address: str, group: str) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": name,
        "SubnetId": subnet,
        "PrivateIpAddress": address,
        "Groups": [{"GroupId": group}],
    }


def table(subnet: str, *routes: dict[str, str]) -> dict[str, Any]:
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}
    link = {"SubnetId": subnet} if subnet else {"Main": True}
    return {"RouteTableId": f"rtb-{subnet or 'main'}", "Associations": [link], "Routes": [local, *routes]}


def route(target: str, to: str = "0.0.0.0/0") -> dict[str, str]:
    return {"DestinationCidrBlock": to, "NatGatewayId" if target.startswith("nat-") else "GatewayId": target}


SOURCE = interface("eni-function", "private", "10.0.1.4", "sg-function")
VPC = Vpc(
    cidrs=["10.0.0.0/16"],
    private_dns=True,
    subnets=[{"SubnetId": "private", "CidrBlock": "10.0.1.0/24"}],
    groups=[
        {"GroupId": "sg-function", "IpPermissions": [], "IpPermissionsEgress": [EVERYTHING]},
        {"GroupId": "sg-database", "IpPermissions": [], "IpPermissionsEgress": []},
    ],
    interfaces=[SOURCE, interface("eni-database", "private", "10.0.1.5", "sg-database")],
    tables=[table(""), table("private", route("nat-1")), table("public", route("igw-1"))],
    nat_gateways=[
        {
            "NatGatewayId": "nat-1",
            "SubnetId": "public",
            "State": "available",
            "NatGatewayAddresses": [{"PublicIp": "203.0.113.1"}],
        }
    ],
    internet_gateways=[{"InternetGatewayId": "igw-1"}],
    endpoints=[],
)
PUBLIC = "93.184.215.14"


def test_nat_reaches_the_internet_and_not_other_private_addresses() -> None:
    assert VPC.reaches(SOURCE, PUBLIC, HTTPS)
    assert VPC.reaches_service(SOURCE, "sqs")
    assert not VPC.reaches(SOURCE, "10.9.0.1", HTTPS)
    assert not VPC.reaches(SOURCE, "169.254.169.254", 80)


def nat(**changes: Any) -> list[dict[str, Any]]:
    return [{**VPC.nat_gateways[0], **changes}]


@pytest.mark.parametrize(
    "broken",
    [
        replace(VPC, tables=[table("")]),
        replace(VPC, tables=[table(""), table("private", route("igw-1"))]),
        replace(VPC, tables=[table(""), table("private", route("nat-2"))]),
        replace(VPC, tables=[table(""), table("private", route("nat-1"))]),
        replace(VPC, internet_gateways=[]),
        replace(VPC, nat_gateways=nat(State="deleted")),
        replace(VPC, nat_gateways=nat(NatGatewayAddresses=[{"PrivateIp": "10.0.3.9"}])),
        replace(VPC, nat_gateways=nat(SubnetId="private")),
        replace(VPC, groups=[{**VPC.groups[0], "IpPermissionsEgress": []}]),
    ],
    ids=[
        "no route", "straight to an internet gateway", "another NAT gateway", "NAT in a private subnet",
        "internet gateway gone", "NAT deleted", "private NAT", "NAT behind itself", "no outbound rule",
    ],
)  # fmt: skip
def test_what_breaks_the_way_out(broken: Vpc) -> None:
    assert not broken.reaches(SOURCE, PUBLIC, HTTPS)
    assert not broken.reaches_service(SOURCE, "sqs")


def test_the_longest_prefix_decides() -> None:
    narrow = table("private", route("nat-1"), route("igw-1", "93.184.0.0/16"))
    seen = replace(VPC, tables=[*VPC.tables[::2], narrow])
    assert not seen.reaches(SOURCE, PUBLIC, HTTPS)
    assert seen.reaches(SOURCE, AWS_ADDRESS, HTTPS)


def test_a_subnet_without_a_table_of_its_own_uses_the_main_one() -> None:
    seen = replace(VPC, tables=[table("", route("nat-1")), table("public", route("igw-1"))])
    assert seen.reaches(SOURCE, PUBLIC, HTTPS)


def test_an_address_that_nobody_has_gets_no_answer() -> None:
    assert not VPC.reaches(SOURCE, "10.0.1.99", 5432)


@pytest.mark.parametrize("group", ["sg-function", "sg-other"])
def test_a_rule_for_a_group_lets_its_members_in(group: str) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": group}]}
    seen = replace(VPC, groups=[VPC.groups[0], {**VPC.groups[1], "IpPermissions": [rule]}])
    assert seen.reaches(SOURCE, "10.0.1.5", 5432) is (group == "sg-function")


def endpoint(**changes: Any) -> Vpc:
    made = {
        "ServiceName": "com.amazonaws.us-east-1.sqs",
        "VpcEndpointType": "Interface",
        "State": "available",
        "PrivateDnsEnabled": True,
        "SubnetIds": ["private"],
        "Groups": [{"GroupId": "sg-database"}],
        **changes,
    }
    return replace(VPC, endpoints=[made])


def test_an_endpoint_that_lets_nobody_in_is_not_passed_by_through_the_nat_gateway() -> None:
    assert not endpoint().reaches_service(SOURCE, "sqs")
    assert endpoint().reaches_service(SOURCE, "sns")


def test_an_endpoint_without_private_dns_is_not_asked() -> None:
    assert endpoint(PrivateDnsEnabled=False).reaches_service(SOURCE, "sqs")
    assert replace(endpoint(), private_dns=False).reaches_service(SOURCE, "sqs")
