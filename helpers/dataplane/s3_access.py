"""Who may do what with a bucket: its policy, beside those of users and roles, and Block Public Access.

AWS: a bucket's policy allows and denies beside the caller's own policies, presigned URLs included: they ask in the name
of whoever signed them; a request without a signature needs a policy that lets in everybody ("Policies and permissions
in Amazon S3", Amazon S3 User Guide). New buckets have all four settings of Block Public Access: PutBucketPolicy refuses
a public policy, and one that is there already lets in nobody but the account ("Blocking public access to your Amazon
S3 storage": the meaning of "public"). The account's root can always change a policy (PutBucketPolicy, API Reference).
``s3:authType`` tells a presigned URL ("Amazon S3 Signature Version 4 Authentication Specific Policy Keys").

Here: the settings of a bucket, not the account's; of the requests without a signature only GET and HEAD; a
DeleteObjects with one object that may not be deleted is refused as a whole (AWS deletes the others); no access control
lists, which are off for new buckets. AWS services are asked where they act for somebody (CloudFront's origin), and
their own calls pass. What comes from this machine stands for a request with TLS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, PublicAccessBlock, s3_backends

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.identities import denied
from helpers.dataplane.policies import Asked, Known, Verdict, decide
from helpers.dataplane.seams import Seams
from helpers.dataplane.web import HttpResponse

ADDRESS = "127.0.0.1"
"""Where all requests come from: this cloud answers to nobody else."""
_NEVER_LOCKED = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
_NARROWING = frozenset(
    f"aws:{name}" for name in ("sourceip", "sourcearn", "sourcevpc", "sourcevpce", "sourceowner", "sourceaccount")
)
"""The keys whose fixed values make a statement for everybody not public."""
_MALFORMED = "Policies must be valid JSON and the first byte must be '{'"
_PREVENTED = "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."


class BucketAccess:
    """What the policies of one account's buckets say."""

    def __init__(self, context: Context, seams: Seams) -> None:
        self._context = context
        context.identities.resource_policies["s3"] = self
        seams.put(FakeBucket, "get_permission", lambda *_: PermissionResult.PERMITTED)  # who gets there, may

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {"CreateBucket": self._create, "PutBucketPolicy": self._put_policy}

    def values(self, call: Call) -> Known:
        """Return what is known of a request, for conditions."""
        signed = known("REST-QUERY-STRING" if "X-Amz-Signature=" in call.request.query else "REST-HEADER")
        return signed | {"s3:prefix": call.params.get("Prefix")}

    def verdict(self, asked: Asked) -> Verdict:
        """Return what the policy of a bucket says.

        Raises
        ------
        AWSError
            ``NotImplementedException``: it uses what is not built.
        """
        bucket = self._bucket(asked.resource.removeprefix("arn:aws:s3:::").partition("/")[0])
        caller = asked.caller
        root = caller is not None and not (caller.role or caller.user)
        if bucket is None or bucket.policy is None or (root and asked.action in _NEVER_LOCKED):
            return Verdict.SILENT
        document, block = json.loads(bucket.policy), bucket.public_access_block
        if caller is None and not asked.service and block and block.restrict_public_buckets and _public(document):
            return Verdict.SILENT
        return decide([document], asked, of_resource=True)

    def _bucket(self, name: str) -> FakeBucket | None:
        return s3_backends[self._context.account_id]["aws"].buckets.get(name)

    def _create(self, call: Call) -> HttpResponse:
        before = self._bucket(call.params["Bucket"])
        response = forward(call)
        made = self._bucket(call.params["Bucket"])
        if made is not None and made is not before:
            made.public_access_block = PublicAccessBlock(True, True, True, True)
        return response

    def _put_policy(self, call: Call) -> HttpResponse:
        bucket, document = self._bucket(call.params["Bucket"]), _read(call.params["Policy"])
        block = bucket.public_access_block if bucket else None
        if bucket and block and block.block_public_policy and _public(document):
            raise denied(call, "s3:PutBucketPolicy", bucket.arn, _PREVENTED)
        return forward(call)


def known(auth_type: str | None, service: str | None = None, source: str | None = None) -> dict[str, str | None]:
    """Return what conditions may be about: how a request was signed, or which service asks, and for what."""
    return {
        "aws:securetransport": "true",
        "aws:sourceip": ADDRESS,
        "aws:sourcearn": source,
        "aws:sourceaccount": source.split(":")[4] if source else None,
        "aws:principalisawsservice": "true" if service else "false",
        "aws:principalservicename": service,
        "s3:authtype": auth_type,
    }


def _read(text: str) -> dict[str, Any]:
    """Return a policy that can be evaluated, or refuse it as S3 does."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AWSError("MalformedPolicy", _MALFORMED, 400)
    for statement in _statements(document):
        for name in ("Effect", "Principal", "Action", "Resource"):
            if not (isinstance(statement, dict) and {name, f"Not{name}"} & statement.keys()):
                raise AWSError("MalformedPolicy", f"Missing required field {name}", 400)
    return document


def _statements(document: Mapping[str, Any]) -> list[Any]:
    statements = document.get("Statement") or []
    return statements if isinstance(statements, list) else [statements]


def _public(document: Mapping[str, Any]) -> bool:
    return any(_for_everybody(one) for one in _statements(document))


def _for_everybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    everybody = "NotPrincipal" in statement or "*" in (named if isinstance(named, list) else [named])
    return statement.get("Effect") == "Allow" and everybody and not _narrowed(statement.get("Condition") or {})


def _narrowed(conditions: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a condition holds for fixed values of one of the keys only."""
    return any(
        key.lower() in _NARROWING and "*" not in str(values) and "${" not in str(values)
        for operator, pairs in conditions.items()
        if "Not" not in operator and "IfExists" not in operator
        for key, values in pairs.items()
    )
