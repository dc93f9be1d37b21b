"""The airport as you find it: the luggage service from 2004, a role for functions, and a bucket for partners.

``airport.open_desk()`` starts them. The service listens on this machine only. Read this file if you like; no answer is
in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

import boto3
import urllib3
from lxml import etree

NAMESPACE, BUCKET, ROLE = "urn:luggage", "airport-partners", "luggage-functions"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE = f"<soap:Envelope xmlns:soap='{SOAP}'><soap:Body>%s</soap:Body></soap:Envelope>"
"""Around every message; its attributes stand in apostrophes, so that it fits into a JSON string."""
REPORT = "<Report xmlns='urn:luggage'><tag>0123456789</tag><owner>Kim Park</owner><colour>red</colour></Report>"
FIND = "<Find xmlns='urn:luggage'><reference>LH000101</reference></Find>"
DOWN_TAG, DOWN_REFERENCE = "9999999999", "LH999999"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

SOAP_MODULE = '''
"""Sends envelopes to the luggage service."""
import os
import urllib.error
import urllib.request


def send(envelope):
    """Return the status and the text that the service answers."""
    request = urllib.request.Request(os.environ["SERVICE"], envelope.encode(), {"Content-Type": "text/xml"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read().decode()
'''
"""For functions: put it into the package as ``soap.py``, and set the variable SERVICE."""


@dataclass(frozen=True)
class Bag:
    """A suitcase that somebody misses."""

    reference: str
    tag: str
    owner: str
    colour: str


class Service(ThreadingHTTPServer):
    """The luggage service: it knows SOAP and nothing else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bags: dict[str, Bag] = {}
        self.asked: list[str] = []
        self._numbers, self._tags = count(101), count(1)
        Thread(target=self.serve_forever, args=(0.05,), name="luggage-service", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/tracer"

    def new_tag(self) -> int:
        """Return a bag tag that nobody has used yet."""
        return 2_200_000_000 + next(self._tags)

    def answer(self, envelope: str) -> tuple[int, str]:
        """Return the status and the envelope that answers an envelope."""
        self.asked.append(envelope)
        try:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            message = etree.fromstring(envelope.encode(), parser).find("{*}Body")[0]
            given = {etree.QName(one).localname: one.text or "" for one in message}
            operation = etree.QName(message).localname
        except (etree.XMLSyntaxError, TypeError, IndexError):
            return _fault("Client", "not an envelope")
        return {"Report": self._report, "Find": self._find}.get(operation, self._unknown)(given)

    def _report(self, given: dict[str, str]) -> tuple[int, str]:
        tag = given.get("tag", "")
        if tag == DOWN_TAG:
            return _fault("Server", "out of order: the tracing system is down")
        if any(bag.tag == tag for bag in self.bags.values()):
            return _fault("Client", f"already reported: {tag}")
        bag = Bag(f"LH{next(self._numbers):06}", tag, given.get("owner", ""), given.get("colour", ""))
        self.bags[bag.reference] = bag
        return _said("Report", reference=bag.reference, status="searching")

    def _find(self, given: dict[str, str]) -> tuple[int, str]:
        reference = given.get("reference", "")
        if reference == DOWN_REFERENCE:
            return _fault("Server", "out of order: the tracing system is down")
        bag = self.bags.get(reference)
        if bag is None:
            return _fault("Client", f"unknown reference: {reference}")
        return _said("Find", reference=reference, status="searching", colour=bag.colour)

    def _unknown(self, given: dict[str, str]) -> tuple[int, str]:
        return _fault("Client", "unknown operation")


def _said(operation: str, **values: str) -> tuple[int, str]:
    answer = etree.Element(f"{{{NAMESPACE}}}{operation}Response", nsmap={None: NAMESPACE})
    for name, value in values.items():
        etree.SubElement(answer, f"{{{NAMESPACE}}}{name}").text = value
    return 200, ENVELOPE % etree.tostring(answer, encoding="unicode")


def _fault(code: str, text: str) -> tuple[int, str]:
    fault = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(fault, "faultcode").text = f"soap:{code}"
    etree.SubElement(fault, "faultstring").text = text
    return 500, ENVELOPE % etree.tostring(fault, encoding="unicode")


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        """Answer an envelope."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode("utf-8", "replace")
        status, text = self.server.answer(body)
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing: a notebook's output is the learner's."""


_services: list[Service] = []


def service() -> Service:
    """Return the service that runs."""
    return _services[-1]


def open_desk() -> None:
    """Start the luggage service, and make the role and the bucket."""
    close_desk()
    _services.append(Service())
    boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    print("The luggage service is at airport.service().url. It has no reports yet.")


def close_desk() -> None:
    """Stop the luggage service."""
    while _services:
        running = _services.pop()
        running.shutdown()
        running.server_close()


def old_desk(url: str, message: str) -> None:
    """Do what the airport's desks have done since 2004: send an envelope to ``url``, and print the answer."""
    try:
        answer = urllib3.request("POST", url, body=ENVELOPE % message, headers={"Content-Type": "text/xml"})
        text = answer.data.decode("utf-8", "replace")
        print(answer.status, text.partition("Body>")[2].rpartition("</")[0].rpartition("</")[0] or text)
    except urllib3.exceptions.HTTPError as error:
        print("no answer:", type(error).__name__)
