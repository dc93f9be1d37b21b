"""Who may call, and what: access keys, assumed roles, and the policies that allow or deny.

AWS: a call is made by an identity (the account's root, an IAM user, the session of an assumed role); without a policy
that allows it, it is denied; an explicit deny wins ("Policy evaluation logic", IAM User Guide). Here: users, roles,
policies and sessions are moto's; what the policies say is read in ``policies.py``. Policies of resources count where a
service delivers to them, where an API is called and for buckets, not yet for other calls.
"""

from __future__ import annotations

import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import moto.iam.models
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, iam_backends
from moto.sts.models import sts_backends

from helpers.dataplane.call import AWSError, Call, Caller
from helpers.dataplane.policies import Asked, Known, Verdict, decide, together
from helpers.dataplane.resources import needs_of
from helpers.dataplane.signature import Secret

# moto draws the secrets of access keys from its seeded source: whoever knows the seed could compute them.
setattr(moto.iam.models, "random_alphanumeric", lambda length: secrets.token_urlsafe(length)[:length])


class ResourcePolicies(Protocol):
    """The policies of a service's resources, which decide about calls beside those of the caller."""

    def values(self, call: Call) -> Known:
        """Return what is known of a call, for conditions."""

    def verdict(self, asked: Asked) -> Verdict:
        """Return what the policy of the resource says."""


Claims = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class _Key:
    secret: Secret
    caller: Caller


class Identities:
    """The access keys of one local account, and what their owners may do.

    Parameters
    ----------
    enforce:
        Whether the policies of roles and users decide. The account's own key may do everything in any case.
    now:
        Returns the time in seconds since the epoch: temporary credentials end by it.
    """

    def __init__(self, account_id: str, enforce: bool = False, now: Callable[[], float] = time.time) -> None:
        self.account_id, self.enforce, self._now = account_id, enforce, now
        self._keys: dict[str, _Key] = {}
        self._services: dict[str, tuple[str, str]] = {}
        self.resource_policies: dict[str, ResourcePolicies] = {}
        self._lock = threading.Lock()
        self.access_key_id, self.secret_access_key = self._issue("you", f"arn:aws:iam::{account_id}:root")

    def of_service(self, name: str) -> tuple[str, str]:
        """Return the key with which the AWS service ``name`` calls other services on its own behalf."""
        with self._lock:
            if name not in self._services:
                self._services[name] = self._issue(name, f"arn:aws:iam::{self.account_id}:root")
            return self._services[name]

    def _issue(self, name: str, arn: str) -> tuple[str, str]:
        access_key, secret = "AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)
        self._keys[access_key] = _Key(Secret(secret), Caller(name, arn, access_key))
        return access_key, secret

    def assume(
        self,
        role_arn: str,
        session_name: str,
        name: str,
        hours: int = 12,
        claims: Claims | None = None,
        expires_at: float = math.inf,
    ) -> dict[str, str]:
        """Return credentials of a role's new session, as the environment variables that an SDK reads.

        ``name`` is the caller's name in the record, such as ``function hello``; ``claims`` are what policies may say of
        the session; at ``expires_at``, in seconds since the epoch by the cloud's clock, the credentials end.
        """
        session = sts_backends[self.account_id]["aws"].assume_role(
            region_name="us-east-1",
            role_session_name=session_name[:64],
            role_arn=role_arn,
            policy="",
            duration=hours * 3600,
            external_id="",
        )
        role = role_arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{self.account_id}:assumed-role/{role}/{session_name[:64]}"
        secret = Secret(session.secret_access_key, session.session_token, expires_at)
        caller = Caller(name, arn, session.access_key_id, role=role, claims=claims or {})
        with self._lock:
            self._keys[session.access_key_id] = _Key(secret, caller)
        return {
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
        }

    def secret(self, access_key_id: str) -> Secret | None:
        """Return the secret behind an access key, or None when nobody has that key.

        Raises
        ------
        AWSError
            ``ExpiredToken``: the key was a temporary one, and its time is over.
        """
        key = self._find(access_key_id)
        if key and self._now() >= key.secret.expires_at:
            raise AWSError("ExpiredToken", "The security token included in the request is expired", 403)
        return key.secret if key else None

    def caller(self, access_key_id: str) -> Caller:
        """Return who owns an access key that ``secret`` knows."""
        key = self._find(access_key_id)
        assert key is not None
        return key.caller

    def _find(self, access_key_id: str) -> _Key | None:
        if access_key_id in self._keys:
            return self._keys[access_key_id]
        for session in sts_backends[self.account_id]["aws"].assumed_roles:
            if session.access_key_id == access_key_id:
                role = session.role_arn.rpartition("/")[2]
                arn = f"arn:aws:sts::{self.account_id}:assumed-role/{role}/{session.session_name}"
                secret = Secret(session.secret_access_key, session.session_token)
                return _Key(secret, Caller(f"role {role}", arn, access_key_id, role=role))
        for user in self._iam.users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key_id and key.status == "Active":
                    caller = Caller(f"user {user.name}", user.arn, access_key_id, user=user.name)
                    return _Key(Secret(key.secret_access_key), caller)
        return None

    @property
    def _iam(self) -> IAMBackend:
        return iam_backends[self.account_id]["aws"]

    def role(self, arn: str) -> Role | None:
        """Return moto's role of that ARN, or None."""
        try:
            return self._iam.get_role_by_arn(arn)
        except NotFoundException:
            return None

    def lets_assume(self, arn: str, service: str) -> bool:
        """Return whether there is a role of that ARN which an AWS service, such as ``lambda``, may assume.

        Raises
        ------
        AWSError
            ``NotImplementedException``: the role's trust policy uses what is not built.
        """
        values = {"aws:sourceaccount": self.account_id}
        return self._trusted(Asked("sts:AssumeRole", arn, service=service, values=values))

    def trusts(self, arn: str, provider: str, claims: Claims) -> bool:
        """Return whether there is a role of that ARN for those of whom an identity provider says this.

        Raises
        ------
        AWSError
            ``NotImplementedException``: the role's trust policy uses what is not built.
        """
        return self._trusted(Asked("sts:AssumeRoleWithWebIdentity", arn, provider=provider, values=claims))

    def _trusted(self, asked: Asked) -> bool:
        """Return whether the trust policy of the role that is asked for allows it; no role allows nothing."""
        role = self.role(asked.resource)
        if role is None:
            return False
        return decide([_read(role.assume_role_policy_document)], asked, of_resource=True) is Verdict.ALLOW

    def role_id(self, name: str) -> str:
        """Return the unique id of a role, ``AROA...``."""
        return str(self._iam.get_role(name).id)

    def unique_id(self, caller: Caller) -> str:
        """Return AWS's unique id of who calls: ``AROA...:session``, ``AIDA...``, or the account for its root."""
        if caller.role:
            return f"{self.role_id(caller.role)}:{caller.arn.rpartition('/')[2]}"
        return self.user_id(caller.user) if caller.user else self.account_id

    def user_id(self, name: str) -> str:
        """Return the unique id of an IAM user, ``AIDA...``."""
        return str(self._iam.users[name].id)

    def authorize(self, call: Call) -> None:
        """Check that policies allow the call: the caller's if ``enforce`` is on, a bucket's in any case.

        Raises
        ------
        AWSError
            AWS's access-denied error, in the words that AWS uses.
        """
        policies = self.resource_policies.get(call.service)
        if call.name == "GetCallerIdentity" or not (self.enforce or policies) or self._is_service(call.caller):
            return
        stranger = policies is not None and not call.caller.arn
        for action, resource in needs_of(call):
            values = policies.values(call) if policies else {}
            asked = Asked(action, resource, None if stranger else call.caller, values=values)
            own = Verdict.SILENT if stranger else self.verdict(asked) if self.enforce else Verdict.ALLOW
            of_resource = policies.verdict(asked) if policies else Verdict.SILENT
            match together(own, of_resource):
                case Verdict.DENY:
                    kind = "an identity" if own is Verdict.DENY else "a resource"
                    raise denied(call, action, resource, f"with an explicit deny in {kind}-based policy")
                case Verdict.SILENT:
                    raise denied(call, action, resource, f"because no identity-based policy allows the {action} action")

    def _is_service(self, caller: Caller) -> bool:
        return self._services.get(caller.name, ("",))[0] == caller.access_key_id != ""

    def verdict(self, asked: Asked) -> Verdict:
        """Return what the policies of the caller say; the account's own key may do everything.

        Raises
        ------
        AWSError
            ``NotImplementedException``: a policy denies on grounds that are not built.
        """
        caller = asked.caller
        assert caller is not None
        return decide(self._documents(caller), asked) if caller.role or caller.user else Verdict.ALLOW

    def may(self, caller: Caller, action: str, resource: str) -> bool:
        """Return whether the caller's policies allow an action on an ARN; always, unless ``enforce`` is on."""
        return not self.enforce or self.verdict(Asked(action, resource, caller)) is Verdict.ALLOW

    def role_may(self, arn: str, action: str, resource: str) -> bool:
        """Return the same of a service that acts with a role."""
        return self.may(Caller("", arn, "", role=arn.rpartition("/")[2]), action, resource)

    def _documents(self, caller: Caller) -> list[dict[str, Any]]:
        iam = self._iam
        holders: list[Any] = [iam.get_role(caller.role)] if caller.role else [iam.get_user(caller.user)]
        holders += iam.get_groups_for_user(caller.user) if caller.user else []
        inline = [text for holder in holders for text in holder.policies.values()]
        attached = [policy for holder in holders for policy in holder.managed_policies.values()]
        current = [version.document for policy in attached for version in policy.versions if version.is_default]
        return [_read(document) for document in inline + current]


def _read(document: str | dict[str, Any]) -> dict[str, Any]:
    """Return a policy, of which moto keeps the text, or what a CloudFormation template says."""
    return document if isinstance(document, dict) else dict(json.loads(document))


def denied(call: Call, action: str, resource: str, why: str) -> AWSError:
    """Return the access-denied error with the code that the call's protocol uses; a stranger is told no more."""
    codes = {"ec2": "UnauthorizedOperation", "query": "AccessDenied", "rest-xml": "AccessDenied"}
    message = f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {resource} {why}"
    message = message if call.caller.arn else "Access Denied"
    json_status = 403 if call.protocol == "rest-json" else 400
    code = codes.get(call.protocol, "AccessDeniedException")
    return AWSError(code, message, 403 if call.protocol in codes else json_status)
