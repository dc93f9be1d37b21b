"""What Lambda promises about functions in a VPC: configuration, interfaces, states, and what they reach."""

from __future__ import annotations

import json
import socketserver
import time
from typing import Any

import pytest

from helpers import cloud
from tests.contract.subjects import RETURN_THE_EVENT, THIS_COURSE, Subject, not_built, promise, refused

GUIDE = "Lambda Developer Guide, Giving Lambda functions access to resources in an Amazon VPC"
INTERNET = "Lambda Developer Guide, Enable internet access for VPC-connected Lambda functions"
STATES = "Lambda Developer Guide, Lambda function states"
API = "Lambda API Reference, VpcConfig"
GROUPS = "Amazon VPC User Guide, Control traffic to your AWS resources using security groups"
ENDPOINTS = "AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint"
POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
PORT = 5432
REACH = """
import socket, boto3
from botocore.config import Config
quick = Config(connect_timeout=0.3, retries={"total_max_attempts": 1})

def handler(event, context):
    try:
        if "service" in event:
            getattr(boto3.client(event["service"], config=quick), event["call"])()
            return "answered"
        with socket.create_connection((event["host"], event["port"]), timeout=0.3) as connection:
            connection.settimeout(5)
            return connection.makefile().readline()
    except Exception as error:
        return type(error).__name__
"""
SECRETS = {"service": "secretsmanager", "call": "list_secrets"}
S3 = {"service": "s3", "call": "list_buckets"}
strict = pytest.mark.cloud(speed=600, enforce_iam=True)
pytestmark = pytest.mark.cloud(speed=600)
slower = pytest.mark.cloud(speed=60)


class Hello(socketserver.StreamRequestHandler):
    """A program that says hello to whoever connects."""

    def handle(self) -> None:
        self.wfile.write(b"hello")


class Place:
    """A VPC with a private and a public subnet, a security group for functions and one for a database."""

    def __init__(self, aws: Subject) -> None:
        self.aws, self.ec2 = aws, aws.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.private, self.other, self.public = (self.subnet(f"10.0.{number}.0/24") for number in (1, 2, 3))
        self.functions, self.database = self.group("functions"), self.group("database")

    def subnet(self, cidr: str) -> str:
        return str(self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr)["Subnet"]["SubnetId"])

    def group(self, name: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"])

    def config(self, *subnets: str, group: str = "") -> dict[str, Any]:
        return {"SubnetIds": list(subnets or [self.private]), "SecurityGroupIds": [group or self.functions]}

    def make(self, name: str = "f", source: str = REACH, wait: bool = True, **config: Any) -> None:
        settings = {"VpcConfig": self.config(), "Timeout": 10, **config}
        self.aws.function(source, name, **settings)
        if wait:
            self.settle(name, "State", "Active")

    def settle(self, name: str, member: str, wanted: str) -> None:
        client = self.aws.client("lambda")
        self.aws.wait(lambda: client.get_function_configuration(FunctionName=name)[member] == wanted)

    def update(self, config: dict[str, Any]) -> None:
        self.aws.client("lambda").update_function_configuration(FunctionName="f", VpcConfig=config)
        self.settle("f", "LastUpdateStatus", "Successful")

    def allow(self, group: str, port: int = PORT, **source: Any) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    def serve(self, address: str = "10.0.2.10") -> None:
        made = self.ec2.create_network_interface(
            SubnetId=self.other, Groups=[self.database], PrivateIpAddress=address, Description="database"
        )["NetworkInterface"]["NetworkInterfaceId"]
        if THIS_COURSE:
            cloud.current().listen(made, PORT, Hello)

    def database_answers(self) -> Any:
        return self.aws.call({"host": "10.0.2.10", "port": PORT}).payload

    def interfaces(self) -> list[dict[str, Any]]:
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        return [each for each in found["NetworkInterfaces"] if each["InterfaceType"] == "lambda"]

    def add_nat(self, routed: bool = True) -> None:
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.route(self.public, GatewayId=gateway)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)["NatGateway"]["NatGatewayId"]
        if routed:
            self.route(self.private, NatGatewayId=nat)

    def route(self, subnet: str, **target: str) -> str:
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        if target:
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        return str(table)

    def endpoint(self, service: str, **settings: Any) -> None:
        name = f"com.amazonaws.us-east-1.{service}"
        self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=name, **settings)

    def interface_endpoint(self, private_dns: bool = True) -> None:
        settings = {"VpcEndpointType": "Interface", "SubnetIds": [self.private], "SecurityGroupIds": [self.database]}
        self.endpoint("secretsmanager", PrivateDnsEnabled=private_dns, **settings)

    def dns_names(self) -> None:
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})


@pytest.fixture
def place(aws: Subject) -> Place:
    return Place(aws)


@promise(API, "the configuration answers with the VPC of the subnets")
def test_vpc_id(place: Place) -> None:
    place.make(source=RETURN_THE_EVENT)
    told = place.aws.client("lambda").get_function_configuration(FunctionName="f")["VpcConfig"]
    assert told == {**place.config(), "VpcId": place.vpc}


@promise(API, "a subnet or a security group that EC2 does not know is refused, in EC2's words")
def test_unknown_ids(place: Place) -> None:
    wrong = "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound."
    with refused("InvalidParameterValueException", wrong, 400):
        place.make(VpcConfig=place.config("subnet-0123456789abcdef0"))
    wrong = "InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-0123456789abcdef0' does not exist"
    with refused("InvalidParameterValueException", wrong, 400):
        place.make("g", VpcConfig=place.config(group="sg-0123456789abcdef0"))


@promise(API, "subnets without security groups are refused")
def test_both_or_neither(place: Place) -> None:
    with refused("InvalidParameterValueException", "SubnetIds and SecurityIds must coexist or be both empty list."):
        place.make(VpcConfig={"SubnetIds": [place.private], "SecurityGroupIds": []})


@promise(API, "security groups of another VPC than the subnets' are refused")
def test_one_vpc(place: Place) -> None:
    elsewhere = Place(place.aws)
    with refused("InvalidParameterValueException", "same VPC", 400):
        place.make(VpcConfig=place.config(group=elsewhere.functions))


@strict
@promise(GUIDE, "an execution role without ec2:CreateNetworkInterface is refused; AWS's managed policy suffices")
def test_role(place: Place) -> None:
    words = "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"
    role = place.aws.role()
    with refused("InvalidParameterValueException", words, 400):
        place.make(Role=role)
    place.aws.client("iam").attach_role_policy(RoleName="worker", PolicyArn=POLICY)
    place.make(Role=role)


@promise(GUIDE, "functions with the same subnets and security groups share one network interface for each subnet")
def test_shared_interfaces(place: Place) -> None:
    for name in ("one", "two", "three"):
        place.make(name, RETURN_THE_EVENT, wait=False, VpcConfig=place.config(place.private, place.other))
    assert sorted(each["SubnetId"] for each in place.interfaces()) == sorted([place.private, place.other])
    place.make("four", RETURN_THE_EVENT, wait=False, VpcConfig=place.config(group=place.database))
    assert len(place.interfaces()) == 3
    assert place.interfaces()[0]["Description"].startswith("AWS Lambda VPC ENI-one-")
    assert place.interfaces()[0]["RequesterManaged"]


@promise(GUIDE, "an interface goes when no function uses it any more, and not before")
def test_interfaces_go(place: Place) -> None:
    client = place.aws.client("lambda")
    place.make("one", RETURN_THE_EVENT)
    place.make("two", RETURN_THE_EVENT)
    client.delete_function(FunctionName="one")
    assert len(place.interfaces()) == 1
    client.update_function_configuration(FunctionName="two", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    place.aws.wait(lambda: not place.interfaces())


@slower
@promise(STATES, "a new function is Pending while its interface is made, and cannot be invoked or changed until Active")
def test_pending(place: Place) -> None:
    client = place.aws.client("lambda")
    place.make(source=RETURN_THE_EVENT, wait=False)
    told = client.get_function_configuration(FunctionName="f")
    assert (told["State"], told["StateReasonCode"]) == ("Pending", "Creating")
    words = "The function is currently in the following state: Pending"
    with refused("ResourceConflictException", words, 409):
        place.aws.call("early")
    with refused("ResourceConflictException", words, 409):
        client.publish_version(FunctionName="f")
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    assert place.aws.call("now").payload == "now"


@slower
@promise(STATES, "an update that needs an interface is InProgress: the function runs on, further changes are refused")
def test_in_progress(place: Place) -> None:
    client = place.aws.client("lambda")
    place.aws.function(RETURN_THE_EVENT)
    told = client.update_function_configuration(FunctionName="f", VpcConfig=place.config())
    assert (told["State"], told["LastUpdateStatus"]) == ("Active", "InProgress")
    assert place.aws.call("still").payload == "still"
    words = "An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:f"
    with refused("ResourceConflictException", words, 409):
        client.update_function_configuration(FunctionName="f", Timeout=5)
    client.get_waiter("function_updated_v2").wait(FunctionName="f")
    client.update_function_configuration(FunctionName="f", Timeout=5)


@promise(GROUPS, "a connection passes if the target's security group allows the caller's, and only to that port")
def test_group_reference(place: Place) -> None:
    place.serve()
    place.make()
    assert place.database_answers() == "TimeoutError"
    place.allow(place.database, PORT + 1, UserIdGroupPairs=[{"GroupId": place.functions}])
    assert place.database_answers() == "TimeoutError"
    place.allow(place.database, UserIdGroupPairs=[{"GroupId": place.functions}])
    assert place.database_answers() == "hello"


@promise(GROUPS, "what no outbound rule allows does not leave")
def test_outbound(place: Place) -> None:
    place.serve()
    place.allow(place.database, IpRanges=[{"CidrIp": "10.0.1.0/24"}])
    place.make()
    assert place.database_answers() == "hello"
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    place.ec2.revoke_security_group_egress(GroupId=place.functions, IpPermissions=everything)
    assert place.database_answers() == "TimeoutError"


@promise(GUIDE, "where the VPC lets a connection through and no program listens, it is refused at once")
def test_nobody_listens(place: Place) -> None:
    place.ec2.create_network_interface(
        SubnetId=place.other, Groups=[place.database], PrivateIpAddress="10.0.2.20", Description="idle"
    )
    place.allow(place.database, UserIdGroupPairs=[{"GroupId": place.functions}])
    place.make()
    assert place.aws.call({"host": "10.0.2.20", "port": PORT}).payload == "ConnectionRefusedError"


@promise(INTERNET, "without a NAT gateway a function in a VPC reaches no AWS API; outside of a VPC it reaches them")
def test_no_internet(place: Place) -> None:
    place.make(Timeout=20)
    place.aws.function(REACH, "outside", Timeout=10)
    assert place.aws.call(SECRETS).payload == "ConnectTimeoutError"
    assert place.aws.call(SECRETS, "outside").payload == "answered"


@promise(INTERNET, "a call that gets no answer ends with the function's timeout, if the code sets none")
def test_patience(place: Place) -> None:
    code = "import boto3\ndef handler(event, context): boto3.client('secretsmanager').list_secrets()"
    place.make(source=code, Timeout=1)
    began = time.monotonic()
    answer = place.aws.call()
    assert "Task timed out after 1.00 seconds" in answer.payload["errorMessage"]
    assert time.monotonic() - began >= 1


@promise(INTERNET, "a route to a NAT gateway gives a private subnet the internet")
def test_nat(place: Place) -> None:
    place.add_nat(routed=False)
    place.make()
    assert place.aws.call(SECRETS).payload == "ConnectTimeoutError"
    nat = place.ec2.describe_nat_gateways()["NatGateways"][-1]["NatGatewayId"]
    place.route(place.private, NatGatewayId=nat)
    assert place.aws.call(SECRETS).payload == "answered"


@promise(INTERNET, "a public subnet gives a function no internet, as its interface has no public address")
def test_public_subnet(place: Place) -> None:
    place.add_nat()
    place.make(VpcConfig=place.config(place.public))
    assert place.aws.call(SECRETS).payload == "ConnectTimeoutError"


@promise(ENDPOINTS, "an interface endpoint with private DNS takes the calls of its service, if its group lets them in")
def test_interface_endpoint(place: Place) -> None:
    place.dns_names()
    place.interface_endpoint()
    place.make()
    assert place.aws.call(SECRETS).payload == "ConnectTimeoutError"
    place.allow(place.database, 443, UserIdGroupPairs=[{"GroupId": place.functions}])
    assert place.aws.call(SECRETS).payload == "answered"
    assert place.aws.call(S3).payload == "ConnectTimeoutError"


@promise(ENDPOINTS, "private DNS is refused in a VPC without DNS host names")
def test_private_dns(place: Place) -> None:
    with refused("InvalidParameter", "Enabling private DNS requires both", 400):
        place.interface_endpoint()
    place.dns_names()
    place.interface_endpoint()


@promise(ENDPOINTS, "without private DNS the usual name of the service leads out of the VPC")
def test_no_private_dns(place: Place) -> None:
    place.interface_endpoint(private_dns=False)
    place.allow(place.database, 443, UserIdGroupPairs=[{"GroupId": place.functions}])
    place.make()
    assert place.aws.call(SECRETS).payload == "ConnectTimeoutError"


@promise("AWS PrivateLink Guide, Gateway endpoints", "a gateway endpoint works for the subnets of its route tables")
def test_gateway_endpoint(place: Place) -> None:
    table = place.route(place.private)
    place.endpoint("s3", VpcEndpointType="Gateway")
    place.make()
    assert place.aws.call(S3).payload == "ConnectTimeoutError"
    place.endpoint("s3", VpcEndpointType="Gateway", RouteTableIds=[table])
    assert place.aws.call(S3).payload == "answered"
    assert place.aws.call(SECRETS).payload == "ConnectTimeoutError"


@promise(GUIDE, "a function that leaves the VPC has the internet again, and answers with an empty VpcConfig")
def test_leave(place: Place) -> None:
    place.make()
    assert place.aws.call(S3).payload == "ConnectTimeoutError"
    place.update({"SubnetIds": [], "SecurityGroupIds": []})
    assert place.aws.call(S3).payload == "answered"
    told = place.aws.client("lambda").get_function_configuration(FunctionName="f")["VpcConfig"]
    assert told == {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}


@promise(GUIDE, "logs arrive without a NAT gateway: they do not travel through the VPC")
def test_logs(place: Place) -> None:
    place.make(source="def handler(event, context): print('hello from inside')")
    place.aws.call()
    assert any("hello from inside" in line for line in place.aws.logged())


@not_built("only Python functions run in a VPC here")
@promise(API, "functions of every runtime can be in a VPC")
def test_node(place: Place) -> None:
    place.make(Runtime="nodejs22.x", wait=False)
    assert place.aws.client("lambda").get_function_configuration(FunctionName="f")["VpcConfig"]["VpcId"] == place.vpc


@promise(GUIDE, "a function outside of the VPC does not reach its private addresses")
def test_outsider(place: Place) -> None:
    place.aws.function(REACH, Timeout=10)
    assert place.aws.call(S3).payload == "answered"
    place.serve()
    place.allow(place.database, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    assert place.database_answers() == "TimeoutError"
    assert place.aws.call(S3).payload == "answered"


@promise(GUIDE, "a published version keeps its VPC, and with it the interface, when $LATEST leaves")
def test_version(place: Place) -> None:
    place.make()
    place.aws.client("lambda").publish_version(FunctionName="f")
    place.update({"SubnetIds": [], "SecurityGroupIds": []})
    assert place.aws.call(S3).payload == "answered"
    assert place.aws.call(S3, Qualifier="1").payload == "ConnectTimeoutError"
    assert len(place.interfaces()) == 1


@promise(
    "CloudFormation Template Reference, AWS::Lambda::Function", "a stack's function is in the VPC of its VpcConfig"
)
def test_stack(place: Place) -> None:
    properties = {
        "FunctionName": "f",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": place.aws.role(),
        "Timeout": 10,
        "Code": {"ZipFile": REACH},
        "VpcConfig": place.config(),
    }
    template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    place.aws.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    place.aws.wait(lambda: place.aws.client("lambda").list_functions()["Functions"])
    assert place.aws.call(S3).payload == "ConnectTimeoutError"
    told = place.aws.client("lambda").get_function_configuration(FunctionName="f")["VpcConfig"]
    assert told["VpcId"] == place.vpc
