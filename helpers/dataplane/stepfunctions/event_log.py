"""What executions write to CloudWatch Logs: the events of their history, as far as the machine's level wants them.

AWS: "Using CloudWatch Logs to log execution history", Step Functions Developer Guide. Levels OFF (the default), FATAL,
ERROR and ALL; without includeExecutionData inputs and outputs are left out. Each event is a line of JSON in the stream
``states/NAME/YYYY-MM-DD-HH/00000000`` of the one log group that is given, which the machine's role must let it set up.
Here: the same; which event belongs to which level is moto's list.

Differs: ``event_timestamp`` is by the cloud's clock, the time of the log event by the watch, as a function's are. A
group that is not there is refused; no source gives AWS's words for that.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

from moto.logs.models import logs_backends
from moto.stepfunctions.parser.asl.eval.event.logging import (
    CloudWatchLoggingConfiguration,
    CloudWatchLoggingSession,
)
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from helpers.dataplane.call import AWSError
from helpers.dataplane.identities import Identities

_WRITING = threading.Lock()
_WRONG = "Invalid Logging Configuration"


class EventLog(CloudWatchLoggingSession):
    """Writes the events of one execution; moto's own writes events that its CloudWatch Logs cannot read."""

    def publish_history_log(self, history_log: Any) -> None:
        """Write one event, unless its log group is gone."""
        event, config = history_log, self.configuration
        moment = datetime.fromisoformat(event["event_timestamp"])
        line = {
            "id": event["id"],
            "type": event["type"],
            "details": event.get("details") or {},
            "redrive_count": "0",
            "previous_event_id": event["previous_event_id"],
            "event_timestamp": str(round(moment.timestamp() * 1000)),
            "execution_arn": event["execution_arn"],
        }
        name = config.state_machine_arn.rpartition(":")[2]
        group, stream = config.log_group_name, f"states/{name}/{moment:%Y-%m-%d-%H}/00000000"
        backend = logs_backends[config.log_account_id][config.log_region]
        with _WRITING:
            if group not in backend.groups:
                return
            if stream not in backend.groups[group].streams:
                backend.create_log_stream(group, stream)
            written = {"timestamp": int(time.time() * 1000), "message": to_json_str(line)}
            backend.put_log_events(group, stream, [written])


def log_of(execution: Any) -> EventLog | None:
    """Return what writes the events of an execution, None if its machine wants none written."""
    given, machine = execution.state_machine.loggingConfiguration, execution.state_machine.arn
    config = CloudWatchLoggingConfiguration.from_logging_configuration(
        machine, {"includeExecutionData": False, **given}
    )
    return EventLog(execution.exec_arn, config) if config else None


def check(given: Any, role: str, identities: Identities) -> None:
    """Check a machine's loggingConfiguration.

    Raises
    ------
    AWSError
        ``InvalidLoggingConfiguration``, or ``AccessDeniedException``: the role may not set up the delivery of logs.
    """
    if given.get("level", "OFF") == "OFF":
        return
    if len(given.get("destinations") or ()) != 1:
        raise AWSError("InvalidLoggingConfiguration", f"{_WRONG}: Must specify exactly one Log Destination.", 400)
    config = CloudWatchLoggingConfiguration.from_logging_configuration("", {"includeExecutionData": False, **given})
    if config is None or config.log_group_name not in logs_backends[config.log_account_id][config.log_region].groups:
        raise AWSError("InvalidLoggingConfiguration", f"{_WRONG}: the Log Destination does not exist.", 400)
    if not identities.role_may(role, "logs:CreateLogDelivery", "*"):
        message = "The state machine IAM Role is not authorized to access the Log Destination"
        raise AWSError("AccessDeniedException", message, 400)
