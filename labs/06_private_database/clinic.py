"""The animal clinic as you find it: a VPC without subnets, a function that is nowhere yet, and a secret password.

``clinic.open_clinic()`` makes them, ``clinic.install_database(...)`` puts the database where you say. Read this file if
you like; no answer is in it.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import boto3

from helpers.teaching import package, private_database

RECORDS, ROLE, SECRET = "clinic-records", "clinic-role", "clinic-database-password"
CIDR, ADDRESS, PORT = "10.20.0.0/16", "10.20.1.10", 5432
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
TABLE = """
CREATE TABLE visits (animal TEXT, what TEXT);
INSERT INTO visits VALUES ('Momo', 'broken wing'), ('Bruno', 'vaccination');
"""

KNOCK = '''
import json, os, socket

def send(request):
    """Send one line of JSON to the database, and return the line that it answers."""
    with socket.create_connection((os.environ["DB_HOST"], 5432), timeout=0.5) as connection:
        connection.settimeout(None)
        stream = connection.makefile("rw")
        print(json.dumps(request), file=stream, flush=True)
        return json.loads(stream.readline())

def handler(event, context):
    """Knock at the database, without a password; tell whether somebody opened."""
    try:
        send({})
    except TimeoutError:
        return {"database": "no answer"}
    return {"database": "answered"}
'''

READ_AND_WRITE = """
import os
import boto3
from botocore.config import Config
import knock

impatient = Config(connect_timeout=0.5, retries={"total_max_attempts": 1})

def query(sql, *values):
    vault = boto3.client("secretsmanager", config=impatient)
    password = vault.get_secret_value(SecretId=os.environ["SECRET"])["SecretString"]
    return knock.send({"password": password, "sql": sql, "values": values})

def handler(event, context):
    if event.get("knock"):
        return knock.handler(event, context)
    if "what" in event:
        query("INSERT INTO visits VALUES (?, ?)", event["animal"], event["what"])
    return query("SELECT what FROM visits WHERE animal = ?", event["animal"])
"""
_state: dict[str, Any] = {}


def open_clinic() -> None:
    """Make what the clinic has before you come: run it once, right after ``cloud.start``."""
    vpc = boto3.client("ec2").create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    password = secrets.token_urlsafe(12)
    secret = boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=password)["ARN"]
    role = boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    _state.update(vpc=vpc, password=password, secret=secret, role=role)
    deploy(RECORDS, {"app.py": READ_AND_WRITE, "knock.py": KNOCK}, Environment={"Variables": variables()})
    print(f"The clinic is open: VPC {CIDR}, function {RECORDS}, role {ROLE}, secret {SECRET}.")


def variables() -> dict[str, str]:
    """Return what a function has to know: where the database will be, and which secret holds the password."""
    return {"DB_HOST": ADDRESS, "SECRET": _state["secret"]}


def deploy(name: str, files: dict[str, str], **settings: Any) -> None:
    """Create a function of the clinic."""
    boto3.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=_state["role"],
        Handler="app.handler",
        Timeout=10,
        Code={"ZipFile": package(files)},
        **settings,
    )


def vpc_id() -> str:
    """Return the id of the clinic's VPC."""
    return str(_state["vpc"])


def secret_arn() -> str:
    """Return the ARN of the secret with the database's password."""
    return str(_state["secret"])


def install_database(subnet_id: Any, security_group_id: Any) -> None:
    """Install the database at 10.20.1.10: in that subnet, behind that security group. Run it again to move it."""
    if not isinstance(subnet_id, str) or not isinstance(security_group_id, str):
        print("The database is not installed yet: it needs a subnet and a security group.")
        return
    ec2 = boto3.client("ec2")
    for old in database_interfaces():
        ec2.delete_network_interface(NetworkInterfaceId=old["NetworkInterfaceId"])
    made = ec2.create_network_interface(
        SubnetId=subnet_id, Groups=[security_group_id], PrivateIpAddress=ADDRESS, Description="clinic database"
    )["NetworkInterface"]["NetworkInterfaceId"]
    private_database(made, _state["password"], TABLE)
    print(f"The database answers at {ADDRESS}, port {PORT}.")


def database_interfaces() -> list[dict[str, Any]]:
    """Return the network interface of the database, if it is installed."""
    wanted = [{"Name": "description", "Values": ["clinic database"]}]
    return list(boto3.client("ec2").describe_network_interfaces(Filters=wanted)["NetworkInterfaces"])


def knock(name: str) -> None:
    """Let a function knock at the database, and print what it found."""
    if not database_interfaces():
        print("There is no database to knock at yet.")
        return
    answer = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"knock": True}))
    print(f"{name}: {json.load(answer['Payload']).get('database', 'failed')}")
