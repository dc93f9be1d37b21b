"""A distribution as the edge reads it: which behaviour is for which path, and where its origin is.

AWS: behaviours are tried in their order, the default comes last; a path pattern knows ``*`` and ``?``, minds case and
ignores the query string ("Cache behavior settings", CloudFront Developer Guide). moto keeps a part of the
configuration only, so the whole is kept with moto's distribution, as it was given.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from moto.cloudfront.models import CloudFrontBackend, cloudfront_backends
from moto.cloudfront.models import Distribution as Kept

from helpers.dataplane.policies import like

_NONE = {"Quantity": 0}
_DEFAULTS: dict[str, Any] = {
    "Aliases": _NONE,
    "DefaultRootObject": "",
    "OriginGroups": _NONE,
    "CacheBehaviors": _NONE,
    "CustomErrorResponses": _NONE,
    "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
    "PriceClass": "PriceClass_All",
    "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "WebACLId": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": True,
    "Staging": False,
}
"""What AWS fills in."""


class Distribution:
    """One distribution; ``kept`` is moto's."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.config: Mapping[str, Any] = vars(kept)["as_given"]
        self.id: str = kept.distribution_id
        self.arn: str = kept.arn
        self.domain: str = kept.domain_name

    @staticmethod
    def keep(kept: Kept, config: Mapping[str, Any]) -> Distribution:
        """Keep a configuration with moto's distribution."""
        vars(kept)["as_given"] = _DEFAULTS | copy.deepcopy(dict(config))
        return Distribution(kept)

    def behaviors(self) -> Iterator[Mapping[str, Any]]:
        """Return the behaviours in the order in which they are tried."""
        yield from items(self.config["CacheBehaviors"])
        yield self.config["DefaultCacheBehavior"]

    def behavior(self, uri: str) -> Mapping[str, Any]:
        """Return the behaviour for a path."""
        for behavior in items(self.config["CacheBehaviors"]):
            pattern = behavior["PathPattern"]
            if like(uri, pattern) or like(uri, f"/{pattern}"):
                return behavior
        default: Mapping[str, Any] = self.config["DefaultCacheBehavior"]
        return default

    def origin(self, behavior: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the origin of a behaviour, the primary one of an origin group."""
        group = self._group(behavior)
        return self._origin(items(group["Members"])[0]["OriginId"] if group else behavior["TargetOriginId"])

    def second_origin(self, behavior: Mapping[str, Any], status: int) -> Mapping[str, Any] | None:
        """Return the secondary origin of a behaviour's group, if the group fails over at this status."""
        group = self._group(behavior)
        if group is None or status not in items(group["FailoverCriteria"]["StatusCodes"]):
            return None
        return self._origin(items(group["Members"])[1]["OriginId"])

    def _origin(self, identifier: str) -> Mapping[str, Any]:
        return next(each for each in items(self.config["Origins"]) if each["Id"] == identifier)

    def _group(self, behavior: Mapping[str, Any]) -> Mapping[str, Any] | None:
        groups = items(self.config["OriginGroups"])
        return next((each for each in groups if each["Id"] == behavior["TargetOriginId"]), None)

    def error_response(self, status: int) -> Mapping[str, Any]:
        """Return what is configured for an error of the origin."""
        found = [each for each in items(self.config["CustomErrorResponses"]) if int(each["ErrorCode"]) == status]
        return found[0] if found else {}

    def described(self, status: str) -> dict[str, Any]:
        """Return the API's ``Distribution``."""
        groups = [one for behavior in self.behaviors() for one in items(behavior.get("TrustedKeyGroups"))]
        return {
            "Id": self.id,
            "ARN": self.arn,
            "Status": status,
            "LastModifiedTime": self.kept.last_modified_time,
            "InProgressInvalidationBatches": 0,
            "DomainName": self.domain,
            "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
            "ActiveTrustedKeyGroups": {"Enabled": bool(groups), "Quantity": len(set(groups))},
            "DistributionConfig": self.config,
        }

    def summary(self) -> dict[str, Any]:
        """Return the API's ``DistributionSummary``."""
        described = self.described("Deployed")
        return {**self.config, **{name: described[name] for name in ("Id", "ARN", "Status", "LastModifiedTime")}} | {
            "DomainName": self.domain
        }


def items(given: Mapping[str, Any] | None) -> list[Any]:
    """Return the items of one of the API's lists."""
    return list((given or {}).get("Items") or [])


def backend(account_id: str) -> CloudFrontBackend:
    """Return what moto keeps of an account's CloudFront."""
    return cloudfront_backends[account_id]["aws"]


def find(account_id: str, identifier: str) -> Distribution | None:
    """Return the distribution of that id."""
    kept = backend(account_id).distributions.get(identifier)
    return Distribution(kept) if kept is not None else None
