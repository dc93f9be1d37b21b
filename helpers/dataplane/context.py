"""What every data plane is handed: the account, the clock, the record, the quotas, and a way to call other services."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from helpers.dataplane import models, tracing
from helpers.dataplane.clock import Clock
from helpers.dataplane.record import Record
from helpers.dataplane.standing import Standing
from helpers.dataplane.xray.sampling import Sampling
from helpers.dataplane.xray.store import Traces

if TYPE_CHECKING:
    from helpers.dataplane.call import Call
    from helpers.dataplane.identities import Identities
    from helpers.dataplane.web import HttpResponse

SDK_CONFIG = "[default]\ndisable_host_prefix_injection = true\ns3 =\n    signature_version = s3v4\n"
"""boto3 still presigns S3 addresses with Signature Version 2 in us-east-1 unless it is told otherwise, and would ask
for StartSyncExecution at ``sync-127.0.0.1``, which is no address."""


@dataclass
class Context:
    """One local AWS account in one Region.

    ``home`` is the folder in which data planes keep files while the cloud runs; it goes when the cloud stops.
    """

    account_id: str
    region: str
    endpoint: str
    clock: Clock
    record: Record
    quotas: dict[str, int]
    identities: Identities
    home: Path
    new_id: Callable[[], str]
    """Returns a new UUID, from the seeded source."""
    seed: int = 0
    switched_off: set[str] = field(default_factory=set)
    """Regions that are switched off for a lesson."""
    listeners: dict[str, Callable[[Call, HttpResponse, float], None]] = field(default_factory=dict)
    """Who hears of each answered API call of a service, with its milliseconds, whether it failed or not."""
    traces: Traces = field(init=False)
    sampling: Sampling = field(init=False)
    standing: Standing = field(init=False)
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.traces = Traces(lambda: self.record.meter("xray", "traces recorded"))
        self.sampling = Sampling(self.clock.now, random.Random(self.seed))
        self.standing = self.record.standing = Standing(self.clock, self.account_id)

    def sdk_variables(self, credentials: Mapping[str, str], region: str = "") -> dict[str, str]:
        """Return the standard variables with which any AWS SDK or tool reaches this cloud with ``credentials``."""
        config = self.home / "aws-config"
        if not config.exists():
            config.write_text(SDK_CONFIG)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": region or self.region,
            "AWS_REGION": region or self.region,
            "AWS_CONFIG_FILE": str(config),
            **credentials,
        }

    def http_caller(self) -> str:
        """Return who sends the HTTP request that this thread serves, for people: a function is known by the trace
        header that it passes on; ``client`` is everybody else."""
        return self.traces.owner(tracing.TraceHeader.parse(tracing.current()).parent) or "client"

    def client(self, service: str, actor: str, region: str = "") -> Any:
        """Return a boto3 client with which the AWS service ``actor`` itself calls ``service``, through the front door.

        Its calls stand in the record under the actor's name, and it may do everything, as a service's own role may.
        """
        key = (service, actor, region or self.region)
        with self._lock:
            if key not in self._clients:
                access_key, secret = self.identities.of_service(actor)
                session = boto3.session.Session(
                    access_key, secret, region_name=key[2], botocore_session=models.session()
                )
                self._clients[key] = session.client(service, endpoint_url=self.endpoint)
            return self._clients[key]
