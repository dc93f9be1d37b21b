"""The AWS on this machine: ``cloud.start()`` in a notebook, ``python -m helpers.cloud`` in a terminal.

After ``start()`` plain boto3 reaches it: the standard variables (``AWS_ENDPOINT_URL``, keys, Region) are set, the
profile in ``~/.aws`` is out of reach, and no call leaves the machine. It lives in this process: when the kernel
restarts, the account is new and empty. ``backend="localstack"`` or COURSE_BACKEND=localstack puts a LocalStack in its
place, ``backend="endpoint"`` any other AWS that runs on this machine; ``needs`` says what those lack.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import signal
import sys
import threading
from socketserver import BaseRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3

from helpers.backends.endpoint import EndpointBackend, Unavailable, full_name
from helpers.backends.left_out import LeftOut
from helpers.backends.moto import MotoBackend, Settings
from helpers.dataplane import models
from helpers.dataplane.record import Record
from helpers.dataplane.web import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from helpers.dataplane.ses import Mail

_current: Cloud | None = None
_REMOVED = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CA_BUNDLE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "MOTO_ACCOUNT_ID",
)
"""Variables that would lead an SDK past this cloud, or keep it from using it."""
_LOCAL = ("127.0.0.1", "localhost")


class Cloud:
    """One running local AWS. ``cloud.start()`` makes it."""

    def __init__(self, backend: MotoBackend | EndpointBackend) -> None:
        self._backend = backend
        self.endpoint: str = backend.endpoint
        self.region: str = backend.region
        self.account_id: str = backend.account_id
        self.access_key_id: str = backend.access_key_id
        self.secret_access_key: str = backend.secret_access_key
        self.speed: float = backend.speed
        self.record: Record = backend.record
        self._left_out: LeftOut | None = None
        self._before: dict[str, str | None] = {}
        self._cell_began = 0
        self._last_mark = 0

    @property
    def cell_mark(self) -> int:
        """The record's mark at the beginning of the newest cell that called AWS: what the drawings begin with."""
        return self._cell_began if self.record.mark() > self._cell_began else self._last_mark

    def begin_cell(self, *_: Any) -> None:
        """Note that a notebook cell begins."""
        if self.record.mark() > self._cell_began:
            self._last_mark, self._cell_began = self._cell_began, self.record.mark()

    def environment(self) -> dict[str, str]:
        """Return the standard variables with which any AWS SDK or tool reaches this cloud."""
        return self._backend.environment() | {
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def enter(self) -> None:
        """Point this process's SDKs at this cloud."""
        wanted: dict[str, str | None] = {name: None for name in _REMOVED}
        wanted |= {name: None for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")}
        wanted |= self.environment()
        wanted |= _past_proxies()
        self._before = {name: os.environ.get(name) for name in wanted}
        _set(wanted)
        session = models.session()
        self._backend.watch(session)
        boto3.setup_default_session(botocore_session=session)
        if isinstance(self._backend, EndpointBackend) and (shell := _shell()):
            self._left_out = LeftOut(shell, self._backend)

    def stop(self) -> None:
        """End it: functions, queues, files. The variables are as they were before."""
        _set(self._before)
        self._before = {}
        boto3.DEFAULT_SESSION = None
        if self._left_out:
            self._left_out.stop()
        self._backend.stop()

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer an HTTP request as the endpoint does, for a server that stands in front of it."""
        return self._own("answer for another server").door.answer(request)

    def lacking(self, *services: str) -> list[str]:
        """Return those of ``services`` (botocore's names, such as ``xray``) that this cloud does not have."""
        return [service for service in services if self._backend.lacks(service)]

    def _own(self, what: str) -> MotoBackend:
        if not isinstance(self._backend, MotoBackend):
            raise Unavailable(f"{self._backend.title} cannot {what}: that needs the course's own cloud.")
        return self._backend

    def listen(self, network_interface_id: str, port: int, handler: type[BaseRequestHandler]) -> None:
        """Let a program of this process answer at a private address of a VPC, as an instance's or a database's would.

        Parameters
        ----------
        network_interface_id:
            The network interface whose private address it gets; functions reach it as far as their VPC lets them.
        port:
            The port at that address.
        handler:
            What speaks with each connection.
        """
        self._own("let a program answer in a VPC").functions.listen(network_interface_id, port, handler)

    def time(self) -> float:
        """Return the time of day by this cloud's clock, in seconds since the epoch; it runs ``speed`` times faster."""
        return self._backend.time()

    def pause_replication(self, region: str) -> None:
        """Cut the global tables of a Region off from the other Regions, for a lesson. AWS has no such call."""
        self._own("cut off a Region").replication_paused.add(region)

    def resume_replication(self, region: str) -> None:
        """Let a Region that was cut off send and get what it has missed."""
        self._own("cut off a Region").replication_paused.discard(region)

    def switch_off_region(self, region: str) -> None:
        """Let nothing of a Region answer until ``switch_on_region``, for a lesson. AWS has no such call.

        Its API calls, its APIs and its functions fail with 503, its global tables are cut off; all that it has is kept.
        """
        self._own("switch off a Region").context.switched_off.add(region)
        self.pause_replication(region)

    def switch_on_region(self, region: str) -> None:
        """Let a Region that was switched off answer again, and send and get what it has missed."""
        self._own("switch off a Region").context.switched_off.discard(region)
        self.resume_replication(region)

    def mailbox(self, address: str) -> list[Mail]:
        """Return the mails that SES has sent to an address, the oldest first; on AWS its owner gets them."""
        from helpers.dataplane import ses

        return ses.to(self._own("show a mailbox").mails, address)

    def duplicate_next_execution(self, state_machine_arn: str) -> None:
        """Let the next asynchronous execution of an express state machine run twice, for a lesson.

        "At least once" allows it, seldom enough that nobody sees it happen. AWS has no such call.
        """
        self._own("run an execution twice").duplicated_executions.add(state_machine_arn)

    def __repr__(self) -> str:
        if isinstance(self._backend, EndpointBackend):
            return f"{self._backend.title}: account {self.account_id}, Region {self.region}"
        return f"A local AWS: account {self.account_id}, Region {self.region}, speed {self.speed:g}"


def start(
    *,
    speed: float = 1,
    quotas: dict[str, int] | None = None,
    enforce_iam: bool = False,
    region: str = "us-east-1",
    port: int = 0,
    seed: int = 42,
    backend: str = "",
    url: str = "",
    credentials: tuple[str, str] | None = None,
    ca_bundle: str | None = None,
) -> Cloud:
    """Start an empty AWS account on this machine and point boto3 at it. One that runs already is stopped first.

    Parameters
    ----------
    speed:
        How many times shorter the waits of the services are (retries, queues, caches); 60 makes a minute last a second.
    quotas:
        Service quotas to change, such as ``{"lambda.concurrent_executions": 5}``.
    enforce_iam:
        Whether the policies of roles and users decide what their owners may do.
    region:
        The Region of the account's home.
    port:
        The port on 127.0.0.1; 0 takes a free one.
    seed:
        The same seed and the same calls give the same identifiers.
    backend:
        ``moto`` (this course's own), ``localstack``, or ``endpoint``; COURSE_BACKEND says it where this is empty.
    url:
        For ``endpoint``: an address of this machine; COURSE_ENDPOINT says it where this is empty.
    credentials, ca_bundle:
        For ``endpoint``: access key and secret, and the file with the certificate, where that cloud verifies them.

    Raises
    ------
    ValueError
        A speed below 1, an unknown quota, an unknown backend.
    RuntimeError
        The port is taken, nobody answers, or the endpoint would not be on this machine.
    """
    global _current
    stop()
    settings = Settings(speed, quotas or {}, enforce_iam, region, port, seed)
    name = backend or os.environ.get("COURSE_BACKEND", "moto")
    if name == "moto":
        cloud = _made(settings)
    else:
        cloud = Cloud(_foreign(name, region, url or os.environ.get("COURSE_ENDPOINT", ""), credentials, ca_bundle))
        _say_what_is_ignored(cloud, settings)
    cloud.enter()
    _current = cloud
    _watch_cells()
    return cloud


def _made(settings: Settings) -> Cloud:
    try:
        cloud = Cloud(MotoBackend(settings))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RuntimeError(f"port {settings.port} on 127.0.0.1 cannot be had ({reason}): give another, or 0") from error
    if urlsplit(cloud.endpoint).hostname not in _LOCAL:
        cloud.stop()
        raise RuntimeError(f"the endpoint {cloud.endpoint} is not on this machine: the course never leaves it")
    return cloud


def _foreign(
    name: str, region: str, url: str, credentials: tuple[str, str] | None, ca_bundle: str | None
) -> EndpointBackend:
    if name == "localstack":
        from helpers.backends.localstack import LocalStackBackend

        return LocalStackBackend(region)
    if name == "endpoint":
        return EndpointBackend(url, region, credentials, ca_bundle)
    raise ValueError(f"there is no backend {name!r}; the backends are: moto, localstack, endpoint")


def _say_what_is_ignored(cloud: Cloud, asked: Settings) -> None:
    names = ("speed", "quotas", "enforce_iam")
    ignored = [name for name in names if getattr(asked, name) != getattr(Settings(), name)]
    if ignored:
        print(f"{cloud!r}. No effect there: {', '.join(ignored)}.")


def needs(*services: str) -> bool:
    """Return whether the running cloud has all of these services; say in one line what it lacks.

    Parameters
    ----------
    services:
        botocore's names, such as ``xray`` or ``cognito-idp``.

    Raises
    ------
    RuntimeError
        None runs.
    """
    lacking = current().lacking(*services)
    if lacking:
        print(f"Left out: this needs {', '.join(map(full_name, lacking))}. {current()!r} does not have it.")
    return not lacking


def current() -> Cloud:
    """Return the running cloud.

    Raises
    ------
    RuntimeError
        None runs.
    """
    if _current is None:
        raise RuntimeError("no cloud is running here: run cloud.start() first")
    return _current


def stop() -> None:
    """Stop the running cloud; does nothing when none runs."""
    global _current
    if _current is not None:
        cloud, _current = _current, None
        cloud.stop()


atexit.register(stop)


def _begin_cell(*_: Any) -> None:
    if _current is not None:
        _current.begin_cell()


def _shell() -> Any:
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython() if get_ipython else None


def _watch_cells() -> None:
    shell = _shell()
    if shell is not None and _begin_cell not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _begin_cell)


def _past_proxies() -> dict[str, str]:
    """Return the variables with which no HTTP client asks a proxy for what is on this machine."""
    known = {"no_proxy": os.environ.get("no_proxy", ""), "NO_PROXY": os.environ.get("NO_PROXY", "")}
    both = known["no_proxy"] or known["NO_PROXY"]
    return {name: ",".join(filter(None, (value or both, *_LOCAL))) for name, value in known.items()}


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _quota(text: str) -> tuple[str, int]:
    name, separator, value = text.partition("=")
    if not separator or not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER, such as lambda.concurrent_executions=5")
    return name, int(value)


def main(arguments: list[str] | None = None) -> int:
    """Run a cloud until SIGINT or SIGTERM; print one JSON line with its address and keys."""
    parser = argparse.ArgumentParser(prog="python -m helpers.cloud", description="An AWS on this machine.")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--speed", type=float, default=1, help="how many times shorter waits are (default: 1)")
    parser.add_argument("--quota", type=_quota, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--enforce-iam", action="store_true", help="let the policies of roles decide")
    options = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        cloud = start(
            speed=options.speed, quotas=dict(options.quota), enforce_iam=options.enforce_iam, port=options.port
        )
    except (ValueError, RuntimeError) as error:
        parser.error(str(error))
    names = ("endpoint", "region", "account_id", "access_key_id", "secret_access_key")
    print(json.dumps({name: getattr(cloud, name) for name in names}), flush=True)
    done.wait()
    stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
