"""AWS_IAM: who signed this request with Signature Version 4, and what do their policies say?

AWS: the signature is for the service ``execute-api``; the caller needs ``execute-api:Invoke`` on the method's ARN
("Control access to a REST API with IAM permissions", API Gateway Developer Guide). Here the same, also in a cloud that
runs without ``enforce_iam``: the owner of the API has asked that policies decide, and AWS always asks them. The
account's own key may do everything. Differs: a signature may be 15 minutes old, on AWS 5; session
policies are not read. The wordings are those seen on AWS; that they end in "because no ..." is recent.
"""

from __future__ import annotations

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.call import AWSError, Caller
from helpers.dataplane.identities import Identities
from helpers.dataplane.signature import Signature, verify

SERVICE = "execute-api"
ACTION = "execute-api:Invoke"


class Iam:
    """Checks the signatures of requests to one account's APIs."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def signer(self, exchange: Exchange) -> Caller:
        """Return who signed a request, and note it in ``$context.identity``.

        Raises
        ------
        GatewayError
            MISSING_AUTHENTICATION_TOKEN or INVALID_SIGNATURE.
        """
        try:
            signature = Signature.read(exchange.request)
            if signature is None:
                raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
            _check_scope(signature, exchange.region)
            verify(exchange.request, signature, self._identities.secret)
        except AWSError as error:
            raise GatewayError("INVALID_SIGNATURE", error.message) from None
        caller = self._identities.caller(signature.access_key_id)
        identifier = self._identities.unique_id(caller)
        exchange.client = caller.name
        exchange.identity |= {
            "accessKey": caller.access_key_id,
            "accountId": self._identities.account_id,
            "caller": identifier,
            "user": identifier,
            "userArn": caller.arn,
        }
        return caller


def _check_scope(signature: Signature, region: str) -> None:
    problems = []
    if signature.region != region:
        problems.append("Credential should be scoped to a valid region. ")
    if signature.service != SERVICE:
        problems.append(f"Credential should be scoped to correct service: '{SERVICE}'. ")
    if problems:
        raise AWSError("SignatureDoesNotMatch", "".join(problems))


def refused(exchange: Exchange, caller: Caller | None, why: str) -> GatewayError:
    """Return AWS's refusal of a caller; it shows only the last digits of the account."""
    account = exchange.account_id
    resource = exchange.method_arn.replace(f":{account}:", f":********{account[-4:]}:", 1)
    who = caller.arn if caller else "anonymous"
    message = f"User: {who} is not authorized to perform: {ACTION} on resource: {resource} {why}"
    return GatewayError("ACCESS_DENIED", message)
