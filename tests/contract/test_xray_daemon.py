"""What AWS promises about the X-Ray daemon, and about OpenTelemetry in its place; SDKs run unchanged in programs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from helpers.xray_daemon import XRayDaemon
from tests.contract.subjects import Subject, promise
from tests.contract.test_xray_header import fields
from tests.contract.test_xray_sampling import rule
from tests.contract.test_xray_segments import segments
from tests.contract.traces import segment, trace_id

DAEMON = "X-Ray Developer Guide, AWS X-Ray daemon"
CONFIGURING = "X-Ray Developer Guide, Configuring the AWS X-Ray daemon"
SENDING = "X-Ray Developer Guide, Sending trace data to AWS X-Ray (Sending segment documents to the X-Ray daemon)"
PYTHON = "X-Ray Developer Guide, Working with Python (AWS X-Ray SDK for Python)"
OTLP = "X-Ray Developer Guide, Migrating from X-Ray instrumentation to OpenTelemetry instrumentation"
HEADER = b'{"format": "json", "version": 1}\n'
APPLICATION = """
from aws_xray_sdk.core import xray_recorder
xray_recorder.configure(service="shop")
with xray_recorder.in_segment("shop") as segment:
    with xray_recorder.in_subsegment("pay") as subsegment:
        subsegment.put_annotation("amount", 5)
print(segment.trace_id)
"""
SAMPLED = """
import time
from aws_xray_sdk.core import xray_recorder
xray_recorder.configure(service="shop")
deadline, decisions = time.monotonic() + 10, []
while time.monotonic() < deadline and not decisions[-3:] == [True] * 3:
    with xray_recorder.in_segment("shop") as segment:
        decisions.append(segment.sampled)
    time.sleep(0.05)
print(decisions[-3:])
"""
OPENTELEMETRY = """
import sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider(id_generator=AwsXRayIdGenerator(), resource=Resource({"service.name": "shop"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[1])))
tracer, carrier = provider.get_tracer("test"), {}
seen = {"http.request.method": "GET", "url.full": "http://shop/", "http.response.status_code": 502}
with tracer.start_as_current_span("GET /", kind=trace.SpanKind.SERVER, attributes=seen):
    AwsXRayPropagator().inject(carrier)
    try:
        asked = {"peer.service": "bank", "card": "visa", "colour": "red", "aws.xray.annotations": ["card"]}
        with tracer.start_as_current_span("charge", kind=trace.SpanKind.CLIENT, attributes=asked):
            raise ValueError("no money")
    except ValueError:
        pass
    with tracer.start_as_current_span("think"):
        pass
provider.shutdown()
print(carrier["X-Amzn-Trace-Id"])
"""
Start = Callable[..., XRayDaemon]


@pytest.fixture
def start(aws: Subject, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts daemons that upload to the cloud under test; a line of its configuration is an argument."""
    keys = aws._session.get_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)
    started: list[XRayDaemon] = []

    def start(*lines: str, endpoint: str = aws.endpoint) -> XRayDaemon:
        started.append(XRayDaemon("\n".join(["Version: 2", "Region: us-east-1", f"Endpoint: {endpoint}", *lines])))
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", started[-1].address)
        return started[-1]

    yield start
    for daemon in started:
        daemon.kill()


def send(daemon: XRayDaemon, *datagrams: bytes) -> None:
    """Send datagrams to a daemon."""
    host, _, port = daemon.address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, (host, int(port)))


def document(trace: str) -> bytes:
    """Return a datagram with a segment of a trace."""
    return HEADER + json.dumps(segment(trace, "shop", time.time(), 1)).encode()


def run(source: str, *arguments: str) -> str:
    """Run a Python program; return the last line that it prints."""
    done = subprocess.run([sys.executable, "-c", source, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@promise(SENDING, "a datagram of the header and a document is buffered, and uploaded within about a second")
def test_datagram(aws: Subject, start: Start) -> None:
    daemon, trace = start(), trace_id()
    send(daemon, document(trace))
    aws.wait(lambda: daemon.state()["buffered"] == 1)
    assert len(segments(aws, trace, 1)) == 1
    aws.wait(lambda: daemon.state()["sent"] == 1)
    assert daemon.state()["buffered"] == 0


@promise(DAEMON, "many segments are uploaded in several batches, and none is lost")
def test_batches(aws: Subject, start: Start) -> None:
    daemon, trace = start(), trace_id()
    send(daemon, *(document(trace) for _ in range(60)))
    aws.wait(lambda: daemon.state()["sent"] == 60)
    assert len(segments(aws, trace, 60)) == 60


@promise(DAEMON, "what is malformed, or comes back unprocessed, is counted and harms nothing")
def test_malformed(aws: Subject, start: Start) -> None:
    daemon, trace = start(), trace_id()
    send(
        daemon, b"hello", b'{"format": "xml", "version": 1}\n{}', b"\xff\n\xff", HEADER, HEADER + b"{", document(trace)
    )
    assert len(segments(aws, trace, 1)) == 1
    aws.wait(lambda: daemon.state()["rejected"] == 5)
    assert daemon.state()["received"] == 6


@promise(DAEMON, "what a daemon holds in memory is lost when it is killed, and uploaded when it is stopped")
def test_killed(aws: Subject, start: Start) -> None:
    lost, kept = trace_id(), trace_id()
    for trace, end in ((lost, XRayDaemon.kill), (kept, XRayDaemon.stop)):
        daemon = start()
        send(daemon, document(trace))
        aws.wait(lambda daemon=daemon: daemon.state()["received"] == 1)
        end(daemon)
    assert len(segments(aws, kept, 1)) == 1
    assert aws.client("xray").batch_get_traces(TraceIds=[lost])["UnprocessedTraceIds"] == [lost]


@promise(DAEMON, "a batch that X-Ray does not take is given up, and the daemon lives on")
def test_unreachable(aws: Subject, start: Start) -> None:
    daemon = start(endpoint="http://127.0.0.1:9")
    send(daemon, document(trace_id()))
    aws.wait(lambda: daemon.state()["failed"] == 1, 30)
    assert daemon.state()["buffered"] == 0


def free_address() -> str:
    """Return an address whose port is free for UDP and for TCP: the daemon listens on both."""
    for _ in range(20):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connections,
            suppress(OSError),
        ):
            datagrams.bind(("127.0.0.1", 0))
            connections.bind(datagrams.getsockname())
            return f"127.0.0.1:{datagrams.getsockname()[1]}"
    pytest.fail("no port is free for both")


@promise(
    CONFIGURING,
    "cfg.yaml names addresses, buffer and Region; what it does not know is an error, as is a buffer below 3 MB",
)
def test_configuration(start: Start) -> None:
    address = free_address()
    daemon = start("Socket:", f'  UDPAddress: "{address}"', "TotalBufferSizeMB: 24", "LocalMode: true")
    assert daemon.address == address
    for line, words in (
        ("Colour: red", "Colour flag is invalid"),
        ("TotalBufferSizeMB: 2", "Min Buffers Memory required: 3 MB"),
        ("RoleARN: arn", "not built"),
    ):
        with pytest.raises(RuntimeError, match=words):
            start(line)


@promise(PYTHON, "the SDK in a program sends its segments to the daemon, unchanged")
def test_sdk(aws: Subject, start: Start) -> None:
    start()
    [found] = segments(aws, run(APPLICATION), 1)
    [inside] = found["subsegments"]
    assert (found["name"], inside["name"], inside["annotations"]) == ("shop", "pay", {"amount": 5})


@promise(DAEMON, "the SDK gets the sampling rules through the daemon, which signs")
def test_sampling(aws: Subject, start: Start) -> None:
    aws.client("xray").create_sampling_rule(SamplingRule=rule("shop", 5, 1, ServiceName="shop"))
    start()
    assert run(SAMPLED) == "[True, True, True]"


@promise(OTLP, "OpenTelemetry's spans become segments: service, calls, errors, annotations and metadata")
def test_opentelemetry(aws: Subject, start: Start) -> None:
    daemon = start()
    header: dict[str, Any] = fields(run(OPENTELEMETRY, daemon.traces_endpoint))
    [shop] = segments(aws, header["Root"], 1)
    assert (shop["id"], shop["name"], shop["fault"]) == (header["Parent"], "shop", True)
    assert shop["http"] == {"request": {"method": "GET", "url": "http://shop/"}, "response": {"status": 502}}
    charge, think = shop["subsegments"]
    assert (charge["name"], charge["namespace"], charge["annotations"]) == ("bank", "remote", {"card": "visa"})
    assert charge["metadata"]["default"]["colour"] == "red"
    assert charge["fault"] and charge["cause"]["exceptions"][0]["message"] == "no money"
    assert think["name"] == "think" and "namespace" not in think
