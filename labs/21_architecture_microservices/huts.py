"""The alpine club: its domain, the mountain rescue's weather, and what ``sam deploy`` would do for you.

``huts.open_club()`` makes what is there before you come. ``huts.deploy(part, part, ...)`` puts the parts of your
template together and deploys it. ``huts.ask(name, path)`` asks a service by its name. Read this file if you like; no
answer is in it.
"""

from __future__ import annotations

import json
import textwrap
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError

from helpers.teaching import deployments, web_address

STACK, DOMAIN = "huts", "huts.example"
SLOW_SECONDS = 6
_FOLDER = Path(__file__).parent


@dataclass
class Club:
    """What the club has: where its names are kept, and the weather of the mountain rescue."""

    zone: str = ""
    certificate: str = ""
    weather: str = "sun"
    mood: str = "fine"
    """How the rescue's server feels: ``fine``, ``slow`` or ``down``."""
    huts: set[str] = field(default_factory=lambda: {"eagle", "marmot", "edelweiss"})


club = Club()


class Weather(BaseHTTPRequestHandler):
    """``GET /HUT``: the weather there."""

    def do_GET(self) -> None:
        if club.mood == "slow":
            time.sleep(SLOW_SECONDS)
        body = json.dumps({"weather": club.weather}).encode()
        self.send_response(503 if club.mood == "down" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: a notebook's output is the learner's."""


def open_club() -> None:
    """Make the domain and the weather service; run it once, right after ``cloud.start``."""
    club.weather, club.mood = "sun", "fine"
    route53, acm = boto3.client("route53"), boto3.client("acm")
    club.zone = route53.create_hosted_zone(Name=DOMAIN, CallerReference="1")["HostedZone"]["Id"].split("/")[-1]
    club.certificate = acm.request_certificate(DomainName=f"*.{DOMAIN}", ValidationMethod="DNS")["CertificateArn"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Weather)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="weather", daemon=True).start()
    target, zone = _balancer(server.server_port)
    alias = {"DNSName": target, "HostedZoneId": zone, "EvaluateTargetHealth": False}
    record = {"Name": f"weather.{DOMAIN}", "Type": "A", "AliasTarget": alias}
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=club.zone, ChangeBatch=changes)
    print(f"The domain {DOMAIN} is there. Its only name, weather.{DOMAIN}, leads to the mountain rescue's server.")


def _balancer(port: int) -> tuple[str, str]:
    """Put the server behind a load balancer; return the balancer's DNS name and the zone of that."""
    elb, ec2 = boto3.client("elbv2"), boto3.client("ec2")
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    made = elb.create_load_balancer(Name="weather", Subnets=subnets)["LoadBalancers"][0]
    where = {"Protocol": "HTTP", "Port": 8080, "VpcId": made["VpcId"], "TargetType": "ip"}
    group = elb.create_target_group(Name="weather", **where)["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": port}])
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": club.certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return made["DNSName"], made["CanonicalHostedZoneId"]


def deploy(*parts: str) -> None:
    """Deploy the parts as one template, as the stack ``huts``; print the names of its outputs, or why it cannot be.

    The template gets the parameters that it declares: ``Zone``, ``Certificate``, and ``Web``, what stands before a name
    in an address.
    """
    try:
        text = deployments.together(*parts)
        given = {"Zone": club.zone, "Certificate": club.certificate, "Web": web_address()}
        wanted = {name: given[name] for name in yaml.safe_load(text).get("Parameters", {}) if name in given}
        outputs = deployments.deploy_text(text, _FOLDER, STACK, parameters=wanted)
    except (deployments.DeploymentFailed, ClientError, ValueError, FileNotFoundError, yaml.YAMLError) as error:
        print(textwrap.fill(f"Not deployed: {error}", 110, subsequent_indent="  "))
        return
    print(f"Stack {STACK} is deployed.", *(["Outputs:", *outputs] if outputs else []))


def ask(service: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Ask a service by the first part of its name; return the status, and what it said."""
    sent = json.dumps(body).encode() if body is not None else None
    address = web_address(f"{service}.{DOMAIN}", path)
    try:
        with urllib.request.urlopen(urllib.request.Request(address, sent), timeout=40) as page:
            return page.status, _read(page.read())
    except urllib.error.HTTPError as page:
        with page:
            return page.code, _read(page.read())


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace").strip()


def weather(mood: str, now: str = "sun") -> None:
    """Let the rescue's server be ``fine``, ``slow`` (it takes 6 s) or ``down``, and the weather be ``now``."""
    if mood not in ("fine", "slow", "down"):
        raise ValueError(f"the server can be 'fine', 'slow' or 'down', not {mood!r}")
    club.mood, club.weather = mood, now


def outputs() -> dict[str, str] | None:
    """Return the outputs of the stack, or None where there is no stack that was deployed."""
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:
        return None
    if not found["StackStatus"].endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")):
        return None
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}


def names() -> set[str]:
    """Return the names that have a record."""
    found = boto3.client("route53").list_resource_record_sets(HostedZoneId=club.zone)["ResourceRecordSets"]
    return {one["Name"].rstrip(".").removesuffix(f".{DOMAIN}") for one in found if one["Type"] in ("A", "CNAME")}
