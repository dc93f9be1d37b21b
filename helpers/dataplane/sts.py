"""STS: who am I?

AWS: GetCallerIdentity returns the account and the ARN of whoever signed (API_GetCallerIdentity, STS API Reference).
moto calls every unknown key ``user/moto``; here it is the identity that the front door verified. The rest of STS is
moto's.
"""

from __future__ import annotations

from collections.abc import Mapping

from helpers.dataplane.call import Call
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.identities import Identities
from helpers.dataplane.web import HttpResponse


class StsPlane:
    """The part of STS that moto leaves out."""

    service = "sts"

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {"GetCallerIdentity": self._get_caller_identity}

    def addresses(self) -> Mapping[str, Address]:
        """STS has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _get_caller_identity(self, call: Call) -> HttpResponse:
        caller = call.caller
        return call.reply({"UserId": self._identities.unique_id(caller), "Account": call.account_id, "Arn": caller.arn})
