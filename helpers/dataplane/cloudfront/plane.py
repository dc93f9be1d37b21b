"""CloudFront's plane: how its parts are joined, and what it completes in moto's control plane.

AWS: a change of a distribution is InProgress until every edge location has it; UpdateDistribution and
DeleteDistribution want the current ETag as IfMatch, and only a disabled distribution goes (CloudFront API Reference).
moto ignores IfMatch, and keeps what it knows of a configuration; here the whole is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from moto.cloudfront.models import random_id

from helpers.dataplane.awslambda.plane import LambdaPlane
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.cloudfront import distribution as distributions
from helpers.dataplane.cloudfront.cache import EdgeCache
from helpers.dataplane.cloudfront.distribution import Distribution, items
from helpers.dataplane.cloudfront.edge_functions import EdgeFunctions
from helpers.dataplane.cloudfront.functions import CloudFrontFunctions
from helpers.dataplane.cloudfront.keys import Keys
from helpers.dataplane.cloudfront.origins import Ask, Origins
from helpers.dataplane.cloudfront.request_policies import RequestPolicies, check_version
from helpers.dataplane.cloudfront.rules import Rules
from helpers.dataplane.cloudfront.viewer_requests import ViewerRequests
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse


class CloudFrontPlane:
    """The data plane of one account's CloudFront; ``ask`` hands a request to the front door."""

    service = "cloudfront"

    def __init__(self, context: Context, lambdas: LambdaPlane, ask: Ask) -> None:
        self._context = context
        self._policies, self._cache, self._functions = (
            RequestPolicies(context),
            EdgeCache(),
            CloudFrontFunctions(context),
        )
        self._rules = Rules(context, self._policies, self._functions, lambdas)
        self._viewers = ViewerRequests(
            context, self._policies, self._cache, Origins(context, ask), EdgeFunctions(lambdas, self._functions)
        )

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            **self._policies.operations(),
            **self._functions.operations(),
            "CreateDistribution": self._create,
            "CreateDistributionWithTags": self._create,
            "GetDistribution": self._get,
            "GetDistributionConfig": self._get_config,
            "UpdateDistribution": self._update,
            "DeleteDistribution": self._delete,
            "ListDistributions": self._list,
            "CreateInvalidation": self._invalidate,
            "CreateOriginAccessControl": self._create_control,
            **Keys(self._context.account_id).operations(),
        }

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below which address."""
        return {"cloudfront": self._viewers.answer}

    def stop(self) -> None:
        """Nothing runs."""

    @property
    def _kept(self) -> Any:
        return distributions.backend(self._context.account_id)

    def _find(self, call: Call) -> Distribution:
        found = distributions.find(self._context.account_id, call.params["Id"])
        if found is None:
            raise AWSError("NoSuchDistribution", "The specified distribution does not exist.", 404)
        return found

    def _create(self, call: Call) -> HttpResponse:
        given = call.params.get("DistributionConfigWithTags") or call.params
        config = given["DistributionConfig"]
        self._rules.check(config)
        response = forward(_without_groups(call, config))
        if response.status >= 400:
            return response
        made = Distribution.keep(list(self._kept.distributions.values())[-1], config)
        return self._described(call, made, "InProgress", 201)

    def _get(self, call: Call) -> HttpResponse:
        return self._described(call, self._find(call), "Deployed", 200)

    def _described(self, call: Call, found: Distribution, status: str, code: int) -> HttpResponse:
        result = {"Distribution": found.described(status), "ETag": found.kept.etag, "Location": found.kept.location}
        return call.reply(result, code)

    def _get_config(self, call: Call) -> HttpResponse:
        found = self._find(call)
        return call.reply({"DistributionConfig": found.config, "ETag": found.kept.etag})

    def _update(self, call: Call) -> HttpResponse:
        found, config = self._find(call), call.params["DistributionConfig"]
        check_version(call.params.get("IfMatch"), found.kept.etag)
        self._rules.check(config)
        response = forward(_without_groups(call, config))
        if response.status >= 400:
            return response
        found.kept.etag = random_id()
        return self._described(call, Distribution.keep(found.kept, config), "InProgress", 200)

    def _delete(self, call: Call) -> HttpResponse:
        found = self._find(call)
        check_version(call.params.get("IfMatch"), found.kept.etag)
        if found.config["Enabled"]:
            message = "The distribution you are trying to delete has not been disabled."
            raise AWSError("DistributionNotDisabled", message, 409)
        self._cache.invalidate(found.id, ["/*"])
        return forward(call)

    def _list(self, call: Call) -> HttpResponse:
        found = [Distribution(kept).summary() for kept in self._kept.distributions.values()]
        listed = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(found), "Items": found}
        return call.reply({"DistributionList": listed})

    def _invalidate(self, call: Call) -> HttpResponse:
        response = forward(call)
        identifier = call.params["DistributionId"]
        if response.status < 400:
            made = self._kept.invalidations[identifier][-1]
            made.status = "Completed"
            told = {"Id": made.id, "CreateTime": made.create_time, "InvalidationBatch": made.invalidation_batch}
            response = call.reply({"Invalidation": {**told, "Status": "InProgress"}, "Location": made.location}, 201)
            self._cache.invalidate(identifier, made.paths)
        return response

    def _create_control(self, call: Call) -> HttpResponse:
        config = call.params["OriginAccessControlConfig"]
        if config["OriginAccessControlOriginType"] != "s3" or config["SigningBehavior"] == "no-override":
            raise not_built("an origin access control for anything but S3, or with SigningBehavior no-override")
        return forward(call)


def _without_groups(call: Call, config: Mapping[str, Any]) -> Call:
    """Return the call as moto understands it, which knows no origin groups: with the first origin of each."""
    for group in items(config.get("OriginGroups")):
        first = items(group["Members"])[0]["OriginId"]
        before, after = (f"<TargetOriginId>{escape(one)}</TargetOriginId>".encode() for one in (group["Id"], first))
        call.request.body = call.request.body.replace(before, after)
    return call
