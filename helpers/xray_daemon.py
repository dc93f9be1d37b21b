"""The X-Ray daemon as a program of its own, as it runs on EC2, in a container beside the application, or at home.

``python -m helpers.xray_daemon -c cfg.yaml`` reads AWS's options, prints its addresses as one line of JSON, and uploads
with the credentials that an SDK would find, until SIGINT or SIGTERM, which empty its buffer first. ``XRayDaemon`` is
the same for a notebook.

AWS: "Configuring the AWS X-Ray daemon", X-Ray Developer Guide: ``-n`` region, ``-b`` UDP address, ``-t`` TCP address,
``-m`` buffer in MB, ``-c`` file, ``-o`` local mode. At the TCP port it asks X-Ray for the sampling rules on behalf of
SDKs, and signs. Today the CloudWatch agent takes its place, which translates OpenTelemetry's traces too: so does this,
at ``/v1/traces`` of the TCP port.

Differs: ``GET /state`` at the TCP port tells the buffer's state, which AWS's daemon only logs; without an endpoint it
takes the local cloud's. Log files, proxies and roles of other accounts are not built.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from helpers.dataplane.awslambda.guardian import GUARDIAN
from helpers.dataplane.xray.daemon import BUFFER_MB, CONCURRENCY, SMALLEST_MB, Daemon

T = TypeVar("T")
_OPTIONS = {
    "TotalBufferSizeMB": "buffer_memory", "Concurrency": "concurrency", "Endpoint": "endpoint", "Region": "region",
    "Socket.UDPAddress": "bind", "Socket.TCPAddress": "bind_tcp", "LocalMode": "local_mode", "Version": "version",
}  # fmt: skip
_NOT_BUILT = ("Logging", "ResourceARN", "RoleARN", "Profile", "NoVerifySSL", "ProxyAddress")
_PROXIED = ("/GetSamplingRules", "/SamplingTargets")


class XRayDaemon:
    """A daemon in a process of its own.

    Parameters
    ----------
    config:
        The text of its cfg.yaml; it listens at a free port unless that names one.

    Raises
    ------
    RuntimeError
        It did not start; the message is what it said.
    """

    def __init__(self, config: str = "Version: 2") -> None:
        command = [sys.executable, "-m", "helpers.xray_daemon", "-c", "-"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        GUARDIAN.hold("group", self._process.pid)
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._process.stdin.write(config)
        self._process.stdin.close()
        line = self._process.stdout.readline()
        if not line:
            self.kill()
            raise RuntimeError(self._process.stderr.read().strip())
        self._tcp = json.loads(line)["tcp"]
        self.address: str = json.loads(line)["udp"]
        """What AWS_XRAY_DAEMON_ADDRESS is to be."""

    def state(self) -> dict[str, int]:
        """Return how many segments it has received, sent, rejected, spilled, failed to send, and buffers now."""
        with urllib.request.urlopen(f"http://{self._tcp}/state", timeout=10) as answer:
            return dict(json.load(answer))

    @property
    def traces_endpoint(self) -> str:
        """Where OpenTelemetry's OTLP exporter sends to."""
        return f"http://{self._tcp}/v1/traces"

    def stop(self) -> None:
        """End it with SIGTERM: it uploads what it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL: what it has is lost."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait(15)
        GUARDIAN.release("group", self._process.pid)


class Uplink:
    """How the daemon reaches X-Ray, with the credentials that an SDK finds."""

    def __init__(self, endpoint: str, region: str) -> None:
        import botocore.session

        self._session = botocore.session.get_session()
        self._region = region or self._session.get_config_variable("region") or "us-east-1"
        self._endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL", "")
        if not self._endpoint:
            raise SystemExit("no Endpoint is given and AWS_ENDPOINT_URL is not set: start the local cloud first")
        self._client = self._session.create_client("xray", self._region, endpoint_url=self._endpoint)

    def upload(self, documents: list[str]) -> int:
        """Send a batch."""
        return len(self._client.put_trace_segments(TraceSegmentDocuments=documents)["UnprocessedTraceSegments"])

    def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Sign a request of an SDK and hand it on; return status and body."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session

        request = AWSRequest("POST", self._endpoint + path, {"Content-Type": "application/json"}, body)
        SigV4Auth(self._session.get_credentials(), "xray", self._region).add_auth(request)
        answer = URLLib3Session(timeout=5).send(request.prepare())
        return int(answer.status_code), bytes(answer.content)


def _handler(daemon: Daemon, uplink: Uplink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/state"
            self._answer(200 if known else 404, json.dumps(daemon.state()).encode() if known else b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/v1/traces":
                from helpers.dataplane.xray import otlp  # protobuf

                try:
                    documents = otlp.segments_of(body, self.headers.get("Content-Encoding", ""))
                except ValueError as error:
                    return self._answer(400, str(error).encode())
                for document in documents:
                    daemon.take(document)
                return self._answer(200, b"", "application/x-protobuf")
            return self._answer(*uplink.ask(self.path, body) if self.path in _PROXIED else (404, b"{}"))

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is logged."""

    return Handler


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("xray_daemon", description="The X-Ray daemon for the local cloud.")
    parser.add_argument("-c", "--config", help="configuration file; - reads it from standard input")
    parser.add_argument("-b", "--bind", help="UDP address")
    parser.add_argument("-t", "--bind-tcp", help="TCP address; that of UDP unless given")
    parser.add_argument("-n", "--region", help="Region of X-Ray")
    parser.add_argument("-m", "--buffer-memory", type=int, help=f"buffer in MB, at least {SMALLEST_MB}")
    parser.add_argument("-o", "--local-mode", action="store_true", default=None, help="do not ask for EC2 metadata")
    given = parser.parse_args(arguments)
    if given.config:
        text = sys.stdin.read() if given.config == "-" else Path(given.config).read_text()
        for name, value in read_config(text).items():
            if getattr(given, name, None) is None:
                setattr(given, name, value)
    return given


def read_config(text: str) -> dict[str, Any]:
    """Return what a cfg.yaml says, by the names of the command line's options.

    Raises
    ------
    SystemExit
        An option is unknown or not built; the words are AWS's, or say so.
    """
    import yaml

    read = yaml.safe_load(text) or {}
    flat = {**read, **{f"Socket.{name}": value for name, value in (read.pop("Socket", None) or {}).items()}}
    flat.pop("Socket", None)
    for name in flat:
        if name.partition(".")[0] in _NOT_BUILT:
            raise SystemExit(f"{name} is not built in this local cloud; AWS has it")
        if name not in _OPTIONS:
            raise SystemExit(f"{name} flag is invalid. Please refer to AWS X-Ray Documentation for more information.")
    if flat.get("Version") not in (1, 2):
        raise SystemExit("Config Version is missing. It is 1 or 2.")
    return {_OPTIONS[name]: value for name, value in flat.items()}


def _bound(make: Callable[[], T]) -> T:
    try:
        return make()
    except OSError as error:
        raise SystemExit(f"the daemon's address is taken: {error.strerror}") from None


def main(arguments: Sequence[str]) -> None:
    """Run the daemon until a signal comes."""
    options = _options(arguments)
    memory = options.buffer_memory or BUFFER_MB
    if memory < SMALLEST_MB:
        raise SystemExit(f"Not enough Buffers Memory Allocated. Min Buffers Memory required: {SMALLEST_MB} MB.")
    free = "0" if options.config == "-" else "2000"
    host, _, port = (options.bind or f"127.0.0.1:{free}").rpartition(":")
    if (host or "127.0.0.1") not in ("127.0.0.1", "localhost"):
        raise SystemExit(f"this daemon listens at 127.0.0.1 only, not at {host}")
    uplink = Uplink(getattr(options, "endpoint", None) or "", options.region or "")
    concurrency = int(getattr(options, "concurrency", None) or CONCURRENCY)
    place = ("127.0.0.1", int((options.bind_tcp or f":{port}").rpartition(":")[2]))
    server = _bound(lambda: ThreadingHTTPServer(place, BaseHTTPRequestHandler))
    listen = ("127.0.0.1", int(port) or server.server_port)
    daemon = _bound(lambda: Daemon(uplink.upload, listen, concurrency=concurrency, buffer_mb=memory))
    setattr(server, "RequestHandlerClass", _handler(daemon, uplink))
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({"udp": daemon.address, "tcp": f"127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()
    daemon.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
