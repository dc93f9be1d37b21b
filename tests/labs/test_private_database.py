"""The lab private_database: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "06_private_database"
TASKS = ["subnets", "groups", "connect", "secret", "outsiders"]
NEEDED = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
RECORDS, NEWSLETTER, WEBSITE = "clinic-records", "clinic-newsletter", "clinic-website"


class Learner:
    """Somebody who builds the clinic's network: what a learner's cells would do, and the checks."""

    def __init__(self, clinic: Any, lab: Lab) -> None:
        self.clinic, self.lab = clinic, lab
        self.ec2, self.iam, self.aws = boto3.client("ec2"), boto3.client("iam"), boto3.client("lambda")
        self.vpc = clinic.vpc_id()
        self.ids: dict[str, str] = {}

    def subnet(self, number: int, zone: str) -> None:
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone)
        self.ids[f"subnet {number}"] = made["Subnet"]["SubnetId"]

    def group(self, name: str) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        self.ids[name] = made
        return str(made)

    def let_in(self, name: str, port: int = 5432, **source: Any) -> None:
        source = source or {"UserIdGroupPairs": [{"GroupId": self.ids["clinic-functions"]}]}
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        self.ec2.authorize_security_group_ingress(GroupId=self.ids[name], IpPermissions=[rule])

    def two_subnets(self) -> None:
        """Do the first task."""
        self.subnet(1, "us-east-1a")
        self.subnet(2, "us-east-1b")

    def two_groups(self) -> None:
        self.two_subnets()
        self.group("clinic-functions")
        self.group("clinic-database")

    def installed(self) -> None:
        """Do the first two tasks."""
        self.two_groups()
        self.let_in("clinic-database")
        self.clinic.install_database(self.ids["subnet 1"], self.ids["clinic-database"])

    def place(self, group: str = "clinic-functions", *subnets: str) -> dict[str, Any]:
        chosen = [self.ids[each] for each in subnets or ("subnet 1", "subnet 2")]
        return {"SubnetIds": chosen, "SecurityGroupIds": [self.ids[group]]}

    def attach(self, policy: str = NEEDED) -> None:
        self.iam.attach_role_policy(RoleName="clinic-role", PolicyArn=policy)

    def move_in(self, group: str = "clinic-functions", *subnets: str) -> None:
        self.aws.update_function_configuration(FunctionName=RECORDS, VpcConfig=self.place(group, *subnets))

    def connected(self) -> None:
        """Do the first three tasks."""
        self.installed()
        self.attach()
        self.move_in()

    def may_read(self, resource: str = "", action: str = "secretsmanager:GetSecretValue") -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource or self.clinic.secret_arn()}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="clinic-role", PolicyName="read", PolicyDocument=policy)

    def host_names(self, wanted: bool) -> None:
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": wanted})

    def endpoint(self, service: str = "secretsmanager", door: bool = True, **settings: Any) -> None:
        group = self.group("clinic-endpoint")
        if door:
            self.let_in("clinic-endpoint", 443)
        self.host_names(True)
        self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.us-east-1.{service}",
            SubnetIds=[self.ids["subnet 1"], self.ids["subnet 2"]],
            SecurityGroupIds=[group],
            **{"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, **settings},
        )

    def reading(self) -> None:
        """Do the first four tasks."""
        self.connected()
        self.may_read()
        self.endpoint()

    def deploy(self, name: str, code: str = "", known: bool = True, **settings: Any) -> None:
        if known:
            settings["Environment"] = {"Variables": self.clinic.variables()}
        self.clinic.deploy(name, {"app.py": code or self.clinic.KNOCK}, **settings)

    def outsiders(self, group: str = NEWSLETTER, *subnets: str) -> None:
        if group not in self.ids:
            self.group(group)
        self.deploy(NEWSLETTER, VpcConfig=self.place(group, *subnets))
        self.deploy(WEBSITE)

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=1000, enforce_iam=True) as modules:
        clinic = modules["clinic"]
        clinic.open_clinic()
        yield Learner(clinic, modules["checks"].lab)


def one_subnet(learner: Learner) -> None:
    learner.subnet(1, "us-east-1a")


def one_zone(learner: Learner) -> None:
    learner.subnet(1, "us-east-1a")
    learner.subnet(2, "us-east-1a")


def no_place_for_it(learner: Learner) -> None:
    learner.subnet(3, "us-east-1a")
    learner.subnet(4, "us-east-1b")


def public(learner: Learner) -> None:
    learner.two_subnets()
    gateway = learner.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    learner.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=learner.vpc)
    tables = learner.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [learner.vpc]}])["RouteTables"]
    table = tables[0]["RouteTableId"]
    learner.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def one_group(learner: Learner) -> None:
    learner.group("clinic-database")


def no_rule(learner: Learner) -> None:
    learner.two_groups()


def whole_world(learner: Learner) -> None:
    learner.two_groups()
    learner.let_in("clinic-database", IpRanges=[{"CidrIp": "0.0.0.0/0"}])


def whole_vpc(learner: Learner) -> None:
    learner.two_groups()
    learner.let_in("clinic-database", IpRanges=[{"CidrIp": "10.20.0.0/16"}])


def other_port(learner: Learner) -> None:
    learner.two_groups()
    learner.let_in("clinic-database", 3306)


def itself(learner: Learner) -> None:
    learner.two_groups()
    learner.let_in("clinic-database", UserIdGroupPairs=[{"GroupId": learner.ids["clinic-database"]}])


def installed_elsewhere(learner: Learner) -> None:
    learner.installed()
    learner.clinic.install_database(learner.ids["subnet 1"], learner.ids["clinic-functions"])


def only_the_policy(learner: Learner) -> None:
    learner.installed()
    learner.attach()


def everything_allowed(learner: Learner) -> None:
    learner.installed()
    learner.attach("arn:aws:iam::aws:policy/AdministratorAccess")
    learner.move_in()


def one_leg(learner: Learner) -> None:
    only_the_policy(learner)
    learner.move_in("clinic-functions", "subnet 1")


def group_of_the_database(learner: Learner) -> None:
    only_the_policy(learner)
    learner.move_in("clinic-database")


def closed_again(learner: Learner) -> None:
    learner.connected()
    rules = learner.ec2.describe_security_groups(GroupIds=[learner.ids["clinic-database"]])["SecurityGroups"][0]
    learner.ec2.revoke_security_group_ingress(
        GroupId=learner.ids["clinic-database"], IpPermissions=rules["IpPermissions"]
    )


def no_right(learner: Learner) -> None:
    learner.connected()
    learner.endpoint()


def no_way(learner: Learner) -> None:
    learner.connected()
    learner.may_read()


def every_secret(learner: Learner) -> None:
    learner.connected()
    learner.may_read("*")


def every_action(learner: Learner) -> None:
    learner.connected()
    learner.may_read(action="secretsmanager:*")


def nat(learner: Learner) -> None:
    no_way(learner)
    address = learner.ec2.allocate_address(Domain="vpc")["AllocationId"]
    learner.ec2.create_nat_gateway(SubnetId=learner.ids["subnet 2"], AllocationId=address)


def no_host_names(learner: Learner) -> None:
    no_way(learner)
    learner.endpoint()
    learner.host_names(False)


def no_private_dns(learner: Learner) -> None:
    no_way(learner)
    learner.endpoint(PrivateDnsEnabled=False)


def closed_endpoint(learner: Learner) -> None:
    no_way(learner)
    learner.endpoint(door=False)


def member(learner: Learner) -> None:
    learner.connected()
    learner.outsiders("clinic-functions")


def not_inside(learner: Learner) -> None:
    learner.connected()
    learner.deploy(NEWSLETTER)
    learner.deploy(WEBSITE)


def website_inside(learner: Learner) -> None:
    learner.connected()
    learner.group(NEWSLETTER)
    for name in (NEWSLETTER, WEBSITE):
        learner.deploy(name, VpcConfig=learner.place(NEWSLETTER))


def only_the_website(learner: Learner) -> None:
    learner.connected()
    learner.deploy(WEBSITE)


def without_an_address(learner: Learner) -> None:
    learner.connected()
    for name in (NEWSLETTER, WEBSITE):
        learner.deploy(name, known=False)


def other_subnets(learner: Learner) -> None:
    learner.connected()
    learner.outsiders(NEWSLETTER, "subnet 2")


def does_not_knock(learner: Learner) -> None:
    learner.connected()
    learner.group(NEWSLETTER)
    pretends = "def handler(event, context): return {'database': 'closed'}"
    learner.deploy(NEWSLETTER, pretends, VpcConfig=learner.place(NEWSLETTER))
    learner.deploy(WEBSITE)


def nobody_gets_in(learner: Learner) -> None:
    closed_again(learner)
    learner.outsiders()


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("subnets", one_subnet, "There is one subnet", ""),
    ("subnets", one_zone, "All subnets are in us-east-1a", ""),
    ("subnets", no_place_for_it, "no subnet holds it. Yours are 10.20.3.0/24, 10.20.4.0/24", ""),
    ("subnets", public, "leads to an internet gateway", ""),
    ("groups", one_group, "`clinic-functions` is missing", ""),
    ("groups", no_rule, "has no inbound rule", ""),
    ("groups", whole_world, "lets in the whole world", ""),
    ("groups", whole_vpc, "every address of 10.20.0.0/16", ""),
    ("groups", other_port, "not for port 5432 alone", ""),
    ("groups", itself, "the database may visit itself", ""),
    ("groups", installed_elsewhere, "its interface is not in `clinic-database`", ""),
    ("connect", only_the_policy, "has no `VpcConfig` yet", ""),
    ("connect", everything_allowed, "It has AdministratorAccess", ""),
    ("connect", one_leg, "in one subnet only", ""),
    ("connect", group_of_the_database, "should be in the security group `clinic-functions`", ""),
    ("connect", closed_again, "the database does not answer", ""),
    ("secret", no_right, "There is a way, but no right", ""),
    ("secret", no_way, "no endpoint in the VPC is for Secrets Manager", ""),
    ("secret", every_secret, "may read every secret", ""),
    ("secret", every_action, "and nothing else.", ""),
    ("secret", nat, "A NAT gateway opens the whole internet", ""),
    ("secret", no_host_names, "the VPC has no DNS host names", "ConnectTimeoutError"),
    ("secret", no_private_dns, "of the type Interface, with private DNS", "ConnectTimeoutError"),
    ("secret", closed_endpoint, "does not let the function in at port 443", "ConnectTimeoutError"),
    ("outsiders", member, "`clinic-newsletter` got in", ""),
    ("outsiders", not_inside, "proves nothing about security groups", ""),
    ("outsiders", website_inside, "stand for everybody outside", ""),
    ("outsiders", only_the_website, "The function `clinic-newsletter` is missing", ""),
    ("outsiders", without_an_address, "does not know where to knock", ""),
    ("outsiders", other_subnets, "in other subnets than", ""),
    ("outsiders", does_not_knock, "did not knock as", "closed"),
    ("outsiders", nobody_gets_in, "A closed door proves nothing", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_one_task_after_the_other_is_right_and_stays_so(learner: Learner) -> None:
    def states() -> list[str]:
        return [result.state for result in learner.lab.results().values()]

    waiting = "not attempted"
    assert states() == [waiting] * 5
    learner.two_subnets()
    assert states() == ["right", *[waiting] * 4]
    learner.group("clinic-functions")
    learner.group("clinic-database")
    learner.let_in("clinic-database")
    learner.clinic.install_database(learner.ids["subnet 1"], learner.ids["clinic-database"])
    assert states() == ["right"] * 2 + [waiting] * 3
    learner.attach()
    learner.move_in()
    assert states() == ["right"] * 3 + [waiting] * 2
    learner.may_read()
    learner.endpoint()
    assert states() == ["right"] * 4 + [waiting]
    learner.outsiders()
    for _ in range(2):
        assert states() == ["right"] * 5


def test_what_is_missing_is_said_without_an_error(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.clinic.install_database(..., ...)
    learner.clinic.knock(RECORDS)
    assert "needs a subnet and a security group" in capsys.readouterr().out
