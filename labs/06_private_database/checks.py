"""Checks of the lab private_database: they look at the VPC, and let the functions knock at the database."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import boto3
from clinic import ADDRESS, PORT, RECORDS, ROLE, SECRET, database_interfaces, secret_arn, vpc_id
from words import HINTS, WHY

from helpers.teaching.checks import Lab, eventually, not_attempted, wrong
from helpers.teaching.lookups import found

FUNCTIONS, DATABASE, NEWSLETTER, WEBSITE = "clinic-functions", "clinic-database", "clinic-newsletter", "clinic-website"
NEEDED = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"

lab = Lab("private_database")


def here(operation: str, key: str, filters: str = "Filters") -> list[dict[str, Any]]:
    """Return what EC2 describes in the clinic's VPC."""
    wanted = {filters: [{"Name": "vpc-id", "Values": [vpc_id()]}]}
    return list(getattr(boto3.client("ec2"), operation)(**wanted)[key])


def group(name: str) -> dict[str, Any] | None:
    """Return a security group of the VPC by its name."""
    return next(
        (each for each in here("describe_security_groups", "SecurityGroups") if each["GroupName"] == name), None
    )


def config(name: str) -> dict[str, Any] | None:
    """Return a function's configuration when it has settled, or None if there is no such function."""
    client = boto3.client("lambda")

    def settled() -> dict[str, Any] | None:
        told = client.get_function_configuration(FunctionName=name)
        return told if (told["State"], told["LastUpdateStatus"]) == ("Active", "Successful") else None

    if found(client.get_function_configuration, FunctionName=name) is None:
        return None
    return eventually(settled, f"the network interfaces of `{name}`")


def in_vpc(told: dict[str, Any] | None) -> dict[str, Any]:
    """Return a function's VpcConfig; empty if it is in no VPC."""
    found = dict((told or {}).get("VpcConfig") or {})
    return found if found.get("SubnetIds") else {}


def ask(name: str, **event: Any) -> dict[str, Any]:
    """Invoke a function and return its answer."""
    answer = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return dict(json.loads(answer["Payload"].read()) or {})


@lab.task("subnets", hints=HINTS["subnets"], why=WHY["subnets"])
def subnets() -> None:
    """Two private subnets in two Availability Zones, one of which holds the database's address."""
    found = here("describe_subnets", "Subnets")
    if not found:
        not_attempted("The clinic's VPC has no subnets yet.")
    if len(found) == 1:
        wrong("There is one subnet. Make a second one, in another Availability Zone.")
    zones = {each["AvailabilityZone"] for each in found}
    if len(zones) == 1:
        wrong(f"All subnets are in {zones.pop()}. If that data centre fails, the clinic is closed.")
    if not any(ip_address(ADDRESS) in ip_network(each["CidrBlock"]) for each in found):
        blocks = ", ".join(sorted(each["CidrBlock"] for each in found))
        wrong(f"The database will get the address {ADDRESS}, and no subnet holds it. Yours are {blocks}.")
    for table in here("describe_route_tables", "RouteTables"):
        for route in table["Routes"]:
            if str(route.get("GatewayId", "")).startswith("igw-"):
                wrong("A route table leads to an internet gateway: its subnets are public. Take that route away.")


@lab.task("groups", hints=HINTS["groups"], why=WHY["groups"])
def groups() -> None:
    """The database's group lets in port 5432 from the functions' group, and nothing else."""
    functions, database = group(FUNCTIONS), group(DATABASE)
    if functions is None and database is None:
        not_attempted(f"There are no security groups {FUNCTIONS} and {DATABASE} yet.")
    if functions is None or database is None:
        missing = FUNCTIONS if functions is None else DATABASE
        wrong(f"The security group `{missing}` is missing.")
    rules = database["IpPermissions"]
    if not rules:
        wrong(f"`{DATABASE}` has no inbound rule: nobody comes in, not even the functions.")
    for rule in rules:
        check_rule(rule, functions["GroupId"], database["GroupId"])
    for each in database_interfaces():
        if database["GroupId"] not in [member["GroupId"] for member in each["Groups"]]:
            wrong(f"The database is installed, but its interface is not in `{DATABASE}`. Install it again.")


def check_rule(rule: dict[str, Any], functions: str, database: str) -> None:
    """Check one inbound rule of the database's group."""
    ranges = [each["CidrIp"] for each in rule.get("IpRanges", [])]
    if "0.0.0.0/0" in ranges:
        wrong("A rule lets in the whole world (0.0.0.0/0). Name the group of the functions instead.")
    if ranges:
        wrong(f"A rule lets in every address of {ranges[0]}, whoever has it. Name the group of the functions instead.")
    if rule["IpProtocol"] == "-1" or (rule.get("FromPort"), rule.get("ToPort")) != (PORT, PORT):
        wrong(f"A rule is not for port {PORT} alone.")
    pairs = [each["GroupId"] for each in rule.get("UserIdGroupPairs", [])]
    if pairs == [database]:
        wrong(f"The rule lets the members of `{DATABASE}` in: the database may visit itself. Name `{FUNCTIONS}`.")
    if pairs != [functions]:
        wrong(f"The rule names other groups than `{FUNCTIONS}` alone.")


@lab.task("connect", hints=HINTS["connect"], why=WHY["connect"])
def connect() -> None:
    """The function is in both subnets with its group, and the database answers it."""
    told = config(RECORDS)
    place, functions = in_vpc(told), group(FUNCTIONS)
    policies = boto3.client("iam").list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    attached = {each["PolicyArn"] for each in policies}
    if not place and not attached:
        not_attempted(f"`{RECORDS}` is in no VPC yet.")
    if not place:
        wrong(f"The role has a policy, but `{RECORDS}` has no `VpcConfig` yet.")
    if attached != {NEEDED}:
        names = ", ".join(sorted(each["PolicyName"] for each in policies)) or "no managed policy"
        wrong(f"`{ROLE}` should have AWSLambdaVPCAccessExecutionRole and no more. It has {names}.")
    if len(place["SubnetIds"]) < 2:
        wrong(f"`{RECORDS}` is in one subnet only. Name both: each zone may fail.")
    if functions is None or place["SecurityGroupIds"] != [functions["GroupId"]]:
        wrong(f"`{RECORDS}` should be in the security group `{FUNCTIONS}`, and in no other.")
    if not database_interfaces():
        wrong("The database is not installed. Run the cell with `clinic.install_database` again.")
    if ask(RECORDS, knock=True).get("database") != "answered":
        wrong("The function is in its place, and the database does not answer. Check the task groups again.")


@lab.task("secret", hints=HINTS["secret"], why=WHY["secret"])
def secret() -> None:
    """The function gets its password through an endpoint, and reads and writes the database."""
    endpoints = here("describe_vpc_endpoints", "VpcEndpoints")
    nat = [each for each in here("describe_nat_gateways", "NatGateways", "Filter") if each["State"] == "available"]
    policies = boto3.client("iam").list_role_policies(RoleName=ROLE)["PolicyNames"]
    if not endpoints and not nat and not policies:
        not_attempted("The function has neither the right to read its password nor a way to Secrets Manager.")
    check_right(policies)
    if nat:
        wrong("A NAT gateway opens the whole internet. The clinic wants a way to Secrets Manager only: an endpoint.")
    if not [each for each in endpoints if each["ServiceName"].endswith(".secretsmanager")]:
        wrong("The right is there, the way is missing: no endpoint in the VPC is for Secrets Manager.")
    if not in_vpc(config(RECORDS)):
        wrong(f"`{RECORDS}` is in no VPC. Connect it first.")
    before = ask(RECORDS, animal="Kiki")
    if "errorType" in before:
        explain(before, endpoints)
    written = ask(RECORDS, animal="Kiki", what="check-up")
    if len(written.get("rows", [])) != len(before.get("rows", [])) + 1:
        wrong("The function got its password, but what it writes does not stay.", said=str(written))


def check_right(names: list[str]) -> None:
    """Check that the role may read this secret, and nothing else."""
    iam = boto3.client("iam")
    documents = [iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"] for name in names]
    statements: list[dict[str, Any]] = []
    for document in documents:
        found = document["Statement"]
        statements += found if isinstance(found, list) else [found]
    resources = [each for one in statements for each in listed(one.get("Resource"))]
    actions = [each for one in statements for each in listed(one.get("Action"))]
    if not statements:
        wrong(f"There is a way, but no right: `{ROLE}` may not read `{SECRET}`.")
    if "*" in resources:
        wrong("The role may read every secret of the account. Name `clinic.secret_arn()` as the resource.")
    if actions != ["secretsmanager:GetSecretValue"] or resources != [secret_arn()]:
        wrong("The role should be allowed `secretsmanager:GetSecretValue` on `clinic.secret_arn()`, and nothing else.")


def listed(value: Any) -> list[str]:
    """Return a list, of one if it is a single text."""
    return value if isinstance(value, list) else [str(value)]


def explain(answer: dict[str, Any], endpoints: list[dict[str, Any]]) -> None:
    """Say why the function did not get its password."""
    said = f"{answer['errorType']}: {answer['errorMessage']}"
    if answer["errorType"] != "ConnectTimeoutError":
        wrong(f"`{RECORDS}` did not read the database.", said=said)
    mine = next(each for each in endpoints if each["ServiceName"].endswith(".secretsmanager"))
    switch = boto3.client("ec2").describe_vpc_attribute(VpcId=vpc_id(), Attribute="enableDnsHostnames")
    if not mine.get("PrivateDnsEnabled") or mine.get("VpcEndpointType") != "Interface":
        wrong(
            "The endpoint should be of the type Interface, with private DNS: boto3 asks for the usual name.", said=said
        )
    if not switch["EnableDnsHostnames"]["Value"]:
        wrong("The endpoint has private DNS, but the VPC has no DNS host names: the name leads out.", said=said)
    wrong("The endpoint is there, and its security group does not let the function in at port 443.", said=said)


@lab.task("outsiders", hints=HINTS["outsiders"], why=WHY["outsiders"])
def outsiders() -> None:
    """A function in the VPC with another group, and one outside: both knock in vain, the member does not."""
    newsletter, website = config(NEWSLETTER), config(WEBSITE)
    if newsletter is None and website is None:
        not_attempted(f"There are no functions `{NEWSLETTER}` and `{WEBSITE}` yet.")
    if not database_interfaces():
        wrong("There is nothing to knock at: the database is not installed.")
    for name, told in ((NEWSLETTER, newsletter), (WEBSITE, website)):
        if told is None:
            wrong(f"The function `{name}` is missing.")
        if (told.get("Environment") or {}).get("Variables", {}).get("DB_HOST") != ADDRESS:
            wrong(f"`{name}` does not know where to knock: its variable `DB_HOST` should be {ADDRESS}.")
    if not in_vpc(newsletter):
        wrong(f"`{NEWSLETTER}` is not in the VPC, so it proves nothing about security groups.")
    if in_vpc(website):
        wrong(f"`{WEBSITE}` is in the VPC. It shall stand for everybody outside.")
    if ask(NEWSLETTER, knock=True).get("database") == "answered":
        wrong(f"`{NEWSLETTER}` got in: it has a group that the database lets in. Give it a group of its own.")
    if set(in_vpc(newsletter)["SubnetIds"]) != set(in_vpc(config(RECORDS)).get("SubnetIds", [])):
        wrong(f"`{NEWSLETTER}` is in other subnets than `{RECORDS}`: then the group may not be the reason.")
    for name in (NEWSLETTER, WEBSITE):
        answer = ask(name, knock=True)
        if answer.get("database") != "no answer":
            wrong(f"`{name}` did not knock as `clinic.KNOCK` does.", said=json.dumps(answer))
    if ask(RECORDS, knock=True).get("database") != "answered":
        wrong(f"Nobody gets in, not even `{RECORDS}`. A closed door proves nothing: mend the first tasks.")
