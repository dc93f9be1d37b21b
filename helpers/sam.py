"""SAM's two commands that need Docker, without Docker: ``python -m helpers.sam invoke`` and ``start-api``.

AWS: "sam local invoke" and "sam local start-api" (SAM Developer Guide) run functions in containers, outside any stack.
Here: a local cloud of its own is started, the template is packaged and deployed there as a stack, and all of it is gone
when the command ends. So the function finds its table and its queue, which it does not with ``sam local``.

Differs: the libraries that a ``requirements.txt`` names must be there (``sam build`` brings them, and then
``--template .aws-sam/build/template.yaml`` is what to run); WebSocket APIs are not served; ``--enforce-iam``, which
lets the template's policies decide, is ours. Everything else that the real ``sam`` does, it does against this cloud.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.template import read
from helpers.dataplane.web import HttpRequest, HttpResponse, LocalServer
from helpers.teaching.deployments import DeploymentFailed, deploy_text
from helpers.teaching.logs import newest
from helpers.teaching.packaging import package_template

_STACK, _BUCKET = "sam-local", "sam-local"
_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_PATIENT = Config(read_timeout=930, retries={"total_max_attempts": 1})


class Problem(Exception):
    """What the user has to change."""


class Application:
    """A template, deployed to a local cloud of its own."""

    def __init__(self, template: Path, parameters: Mapping[str, str], running: cloud.Cloud) -> None:
        self._path, self._cloud = template, running
        self._parameters = parameters
        self._client = boto3.client("cloudformation")
        boto3.client("s3").create_bucket(Bucket=_BUCKET)
        self._deployed = ""
        self.deploy()

    def deploy(self) -> None:
        """Make the stack what template and code are now; does nothing when nothing has changed.

        Raises
        ------
        DeploymentFailed
            It could not be deployed; the message says why.
        """
        text = package_template(self._path.read_text(), self._path.parent, _BUCKET)
        if text != self._deployed:
            deploy_text(text, self._path.parent, _STACK, parameters=self._parameters)
            self._deployed = text

    def ids(self, kind: str) -> dict[str, str]:
        """Return the physical ids of the stack's resources of one type, by logical id."""
        found = self._client.describe_stack_resources(StackName=_STACK)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one["ResourceType"] == kind}

    def invoke(self, name: str, event: bytes) -> None:
        """Print what a function returns, and its log to standard error."""
        function = self.ids("AWS::Lambda::Function")[name]
        answer = boto3.client("lambda", config=_PATIENT).invoke(FunctionName=function, Payload=event)
        with contextlib.suppress(LookupError):
            print(newest(function, 1), file=sys.stderr)
        print(answer["Payload"].read().decode())

    def addresses(self) -> list[str]:
        """Return where the stack's APIs answer on the local cloud, REST APIs first."""
        stages = self.ids("AWS::ApiGateway::Stage").values()
        found = []
        for api in self.ids("AWS::ApiGateway::RestApi").values():
            names = [one["stageName"] for one in boto3.client("apigateway").get_stages(restApiId=api)["item"]]
            found += [f"/_aws/execute-api/{api}/{name}" for name in names if name in stages][:1]
        for api in self.ids("AWS::ApiGatewayV2::Api").values():
            names = [one["StageName"] for one in boto3.client("apigatewayv2").get_stages(ApiId=api)["Items"]]
            found += [f"/_aws/execute-api/{api}" + ("" if name == "$default" else f"/{name}") for name in names][:1]
        return found

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request without a stage in its path, by the first API that has a route for it."""
        try:
            self.deploy()
        except (DeploymentFailed, ValueError, OSError, ClientError) as error:
            print(f"Error: {error}", file=sys.stderr)
        response = HttpResponse(404)
        for address in self.addresses():
            response = self._cloud.answer(replace(request, path=address + request.path))
            if not _nowhere(response):
                break
        reason = response.headers.get("x-local-cloud-reason", "")
        print(f"{request.method} {request.path} {response.status} {reason}".rstrip(), file=sys.stderr, flush=True)
        return response


def _nowhere(response: HttpResponse) -> bool:
    """Return whether an API said that it has no such route, in the words of a REST or of an HTTP API."""
    named = response.headers.get("x-amzn-ErrorType", "")
    missing = response.status == 404 and response.body == b'{"message": "Not Found"}'
    return missing or (response.status == 403 and named == "MissingAuthenticationTokenException")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise Problem(f"there is no template at {path}: name one with --template")
    try:
        return read(path.read_text())
    except AWSError as error:
        raise Problem(f"{path}: {error.message}") from None


def _chosen(template: Mapping[str, Any], name: str | None) -> str:
    """Return the logical id of the function that is meant."""
    names = [key for key, one in template["Resources"].items() if one["Type"] in _FUNCTIONS]
    if not names:
        raise Problem("the template has no function")
    if name is None and len(names) > 1:
        raise Problem(f"the template has several functions; name one of them: {', '.join(names)}")
    if name is not None and name not in names:
        raise Problem(f"the template has no function {name}; it has {', '.join(names)}")
    return name or names[0]


def _event(where: str | None) -> bytes:
    try:
        text = "{}" if where is None else sys.stdin.read() if where == "-" else Path(where).read_text()
        json.loads(text)
    except OSError as error:
        raise Problem(f"the event cannot be read from {where}: {error.strerror}") from None
    except ValueError as error:
        raise Problem(f"the event is no JSON: {error}") from None
    return text.encode()


def routes(template: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what the Api and HttpApi events of a template mount: the function, the method, the path."""
    found = []
    for name, one in template["Resources"].items():
        for event in ((one.get("Properties") or {}).get("Events") or {}).values():
            if one["Type"] == _FUNCTIONS[0] and event["Type"] in ("Api", "HttpApi"):
                said = event.get("Properties") or {}
                found.append((name, str(said.get("Method", "any")).upper(), said.get("Path", "/{proxy+}")))
    return found


def _start_api(application: Application, template: Mapping[str, Any], port: int) -> None:
    """Serve until a signal comes."""
    if not application.addresses():
        raise Problem("the template has no API: give a function an event of the type Api or HttpApi")
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        server = LocalServer(application.answer, port)
    except (OSError, OverflowError) as error:
        raise Problem(f"port {port} on 127.0.0.1 cannot be had ({error}): give another, or 0") from None
    for name, method, path in routes(template):
        print(f"Mounting {name} at http://127.0.0.1:{server.port}{path} [{method}]")
    print(f"Serving http://127.0.0.1:{server.port} until you press Ctrl+C; changed code is taken up.", flush=True)
    done.wait()
    server.stop()


def _parameter(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m helpers.sam", description="sam local, without Docker.")
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("-t", "--template", type=Path, default=Path("template.yaml"), help="default: template.yaml")
    shared.add_argument("--parameter-overrides", type=_parameter, nargs="+", default=[], metavar="KEY=VALUE")
    shared.add_argument("--enforce-iam", action="store_true", help="let the policies of the template decide")
    invoke = commands.add_parser("invoke", parents=[shared], help="run a function once")
    invoke.add_argument("function", nargs="?", metavar="LOGICAL_ID", help="needed when the template has several")
    invoke.add_argument("-e", "--event", help="a file of JSON; - reads it from standard input (default: {})")
    api = commands.add_parser("start-api", parents=[shared], help="serve the template's APIs until SIGINT")
    api.add_argument(
        "-p", "--port", type=int, default=3000, help="the port on 127.0.0.1 (default: 3000; 0: a free one)"
    )
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _running(enforce_iam: bool) -> Iterator[cloud.Cloud]:
    try:
        yield cloud.start(enforce_iam=enforce_iam, backend="moto")
    finally:
        cloud.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 1 when something has to be changed first, and say what on standard error."""
    options = _options(arguments)
    try:
        template = _read(options.template)
        invokes = options.command == "invoke"
        name, event = (_chosen(template, options.function), _event(options.event)) if invokes else ("", b"")
        with _running(options.enforce_iam) as running:
            application = Application(options.template, dict(options.parameter_overrides), running)
            if invokes:
                application.invoke(name, event)
            else:
                _start_api(application, template, options.port)
    except (Problem, DeploymentFailed, ValueError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except ClientError as error:
        print(f"Error: {error.response['Error']['Message']}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
