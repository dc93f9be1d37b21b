"""The service prices as a web server: the program of a container behind a load balancer."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import boto3
from aws_xray_sdk.core import patch, xray_recorder
from aws_xray_sdk.core.models.trace_header import TraceHeader

xray_recorder.configure(service="prices", context_missing="IGNORE_ERROR")
patch(["boto3"])
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


class Prices(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        came = TraceHeader.from_header_str(self.headers.get("X-Amzn-Trace-Id"))
        segment = xray_recorder.begin_segment("prices", came.root, came.parent, came.sampled or 0)
        status, found = self.price_of(unquote(self.path.strip("/")))
        segment.put_http_meta("status", status)
        xray_recorder.end_segment()
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def price_of(self, book):
        item = table.get_item(Key={"id": book}).get("Item")
        if item is None:
            return 404, {"message": "no such book"}
        time.sleep(float(item.get("wait", 0)))
        return 200, {"cents": int(item["cents"]), "from": "container"}

    def log_message(self, *_):
        """The load balancer has the access log."""


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Prices).serve_forever()
