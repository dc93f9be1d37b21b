"""Regions: where an API call is answered, and Regions that are switched off for a lesson.

AWS: each Region is a copy of its own of almost every service; IAM, STS, CloudFront and Route 53 are global, and a
bucket has a unique name everywhere but lives in one Region ("AWS Fault Isolation Boundaries", AWS whitepaper). Nobody
can switch a Region off. Here ``Cloud.switch_off_region`` does: its API calls and its APIs are answered with 503, its
functions do not run, its buckets give nothing to CloudFront, and its replicas neither send nor get.

Differs: on AWS a client would meet time-outs and closed connections too. What goes on inside a Region without a request
(timers, alarms, messages on their way between its services) is not stopped. The limits of a whole account (concurrency,
reserved too, and API Gateway's throttle) and X-Ray's traces are shared by all Regions here; on AWS each has its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.s3.models import s3_backends

from helpers.dataplane.call import AWSError, Call

if TYPE_CHECKING:
    from helpers.dataplane.context import Context


def region_of(call: Call) -> str:
    """Return the Region in which a call is answered; an empty text for a global service."""
    if call.service == "s3":
        return region_of_bucket(call.account_id, call.params.get("Bucket", "")) or call.region
    return "" if call.operation.service_model.metadata.get("globalEndpoint") else call.region


def region_of_bucket(account_id: str, name: str) -> str:
    """Return the Region of a bucket, an empty text where there is none."""
    bucket = s3_backends[account_id]["aws"].buckets.get(name)
    return str(bucket.region_name) if bucket else ""


def check(context: Context, region: str) -> None:
    """Refuse what needs a Region that is switched off.

    Raises
    ------
    AWSError
        ``ServiceUnavailable``, 503.
    """
    if region in context.switched_off:
        raise AWSError("ServiceUnavailable", f"The Region {region} is switched off", 503)
