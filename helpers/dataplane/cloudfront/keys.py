"""Public keys and key groups: whose signatures a behaviour takes, and how one key follows another.

AWS: a key group names public keys, each of which may sign; a key is rotated by adding the new one, signing with it, and
then taking the old one out ("Specify signers that can create signed URLs and signed cookies", "Rotate key pairs",
CloudFront Developer Guide). UpdateKeyGroup and both deletions want the current ETag; a key that is in a group, and a
group that a behaviour names, cannot be deleted (CloudFront API Reference). moto has no change of a key group, and
ignores the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudfront.models import random_id

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.cloudfront import distribution as distributions
from helpers.dataplane.cloudfront.distribution import Distribution, items
from helpers.dataplane.cloudfront.private_content import read_key
from helpers.dataplane.cloudfront.request_policies import check_version
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse


class Keys:
    """The public keys and key groups of one account."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {
            "CreatePublicKey": self._create,
            "GetPublicKey": self._there("public_keys", "NoSuchPublicKey", forward),
            "DeletePublicKey": self._there("public_keys", "NoSuchPublicKey", self._delete),
            "CreateKeyGroup": self._create_group,
            "GetKeyGroup": self._there("key_groups", "NoSuchResource", forward),
            "UpdateKeyGroup": self._there("key_groups", "NoSuchResource", self._update_group),
            "DeleteKeyGroup": self._there("key_groups", "NoSuchResource", self._delete_group),
        }

    @property
    def _kept(self) -> Any:
        return distributions.backend(self._account_id)

    def _there(self, kind: str, error: str, operation: Operation) -> Callable[[Call], HttpResponse]:
        def checked(call: Call) -> HttpResponse:
            if call.params["Id"] not in getattr(self._kept, kind):
                raise AWSError(error, "The specified resource does not exist.", 404)
            return operation(call)

        return checked

    def _create(self, call: Call) -> HttpResponse:
        read_key(call.params["PublicKeyConfig"]["EncodedKey"])
        return forward(call)

    def _delete(self, call: Call) -> HttpResponse:
        identifier = call.params["Id"]
        check_version(call.params.get("IfMatch"), self._kept.public_keys[identifier].etag)
        if any(identifier in group.items for group in self._kept.key_groups.values()):
            raise AWSError("PublicKeyInUse", "The specified public key is in use.", 409)
        return forward(call)

    def _create_group(self, call: Call) -> HttpResponse:
        self._check_items(call)
        return forward(call)

    def _check_items(self, call: Call) -> None:
        for identifier in call.params["KeyGroupConfig"]["Items"]:
            if identifier not in self._kept.public_keys:
                raise AWSError("InvalidArgument", f"The public key {identifier} does not exist.", 400)

    def _update_group(self, call: Call) -> HttpResponse:
        group, config = self._kept.key_groups[call.params["Id"]], call.params["KeyGroupConfig"]
        check_version(call.params.get("IfMatch"), group.etag)
        self._check_items(call)
        group.name, group.items, group.etag = config["Name"], list(config["Items"]), random_id(length=14)
        return call.reply({"KeyGroup": {"Id": group.id, "KeyGroupConfig": config}, "ETag": group.etag})

    def _delete_group(self, call: Call) -> HttpResponse:
        identifier = call.params["Id"]
        check_version(call.params.get("IfMatch"), self._kept.key_groups[identifier].etag)
        for kept in self._kept.distributions.values():
            for behavior in Distribution(kept).behaviors():
                if identifier in items(behavior.get("TrustedKeyGroups")):
                    raise AWSError("ResourceInUse", "The specified key group is in use by a cache behavior.", 409)
        del self._kept.key_groups[identifier]
        return call.reply({}, 204)
