"""What CloudFront refuses in a distribution's configuration, and what this cloud has not built.

AWS: the errors are those of CreateDistribution (CloudFront API Reference); the restrictions on functions are those of
"Restrictions on all edge functions" (CloudFront Developer Guide). AWS publishes the errors' names and not all of
their words; those about an origin group's methods are quoted in aws/aws-cdk#32450.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers.dataplane.awslambda.plane import LambdaPlane
from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.cloudfront import lambda_edge
from helpers.dataplane.cloudfront.distribution import backend, items
from helpers.dataplane.cloudfront.functions import CloudFrontFunctions
from helpers.dataplane.cloudfront.origins import check_origin
from helpers.dataplane.cloudfront.request_policies import RequestPolicies
from helpers.dataplane.context import Context

_METHODS = (
    {"GET", "HEAD"},
    {"GET", "HEAD", "OPTIONS"},
    {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"},
)
_READS_ONLY = (
    "The parameter AllowedMethods cannot include POST, PUT, PATCH, or DELETE for a cached behavior associated with an "
    "origin group."
)
_NOT_BUILT = {
    "WebACLId": "a web ACL",
    "Staging": "a staging distribution",
    "ContinuousDeploymentPolicyId": "continuous deployment",
    "AnycastIpListId": "an anycast IP list",
}
_NOT_BUILT_IN_A_BEHAVIOR = {
    "SmoothStreaming": "smooth streaming",
    "FieldLevelEncryptionId": "field-level encryption",
    "RealtimeLogConfigArn": "a real-time log",
    "ResponseHeadersPolicyId": "a response headers policy",
}


class Rules:
    """Checks configurations for one account."""

    def __init__(
        self, context: Context, policies: RequestPolicies, functions: CloudFrontFunctions, lambdas: LambdaPlane
    ) -> None:
        self._context, self._policies, self._functions, self._lambdas = context, policies, functions, lambdas

    def check(self, config: Mapping[str, Any]) -> None:
        """Check a distribution's configuration.

        Raises
        ------
        AWSError
            AWS's error, or ``NotImplementedException`` with what is not built.
        """
        _check_built(config)
        origins = items(config["Origins"])
        for origin in origins:
            self._check_origin(origin)
        names = {origin["Id"] for origin in origins}
        groups = {group["Id"]: group for group in items(config.get("OriginGroups"))}
        for behavior in [config["DefaultCacheBehavior"], *items(config.get("CacheBehaviors"))]:
            target = behavior["TargetOriginId"]
            members = [one["OriginId"] for one in items(groups.get(target, {}).get("Members"))]
            if not {*(members or [target])} <= names:
                raise AWSError("NoSuchOrigin", "One or more of your origins or origin groups do not exist.", 404)
            if members and "POST" in items(behavior.get("AllowedMethods")):
                raise AWSError("InvalidArgument", _READS_ONLY, 400)
            self._check_behavior(behavior)

    def _check_origin(self, origin: Mapping[str, Any]) -> None:
        if "S3OriginConfig" not in origin and "CustomOriginConfig" not in origin:
            message = "An origin must have exactly one of CustomOriginConfig, VpcOriginConfig and S3OriginConfig."
            raise AWSError("InvalidArgument", message, 400)
        check_origin(origin)
        control = origin.get("OriginAccessControlId")
        if control and control not in backend(self._context.account_id).origin_access_controls:
            raise AWSError("InvalidOriginAccessControl", "The origin access control is not valid.", 400)

    def _check_behavior(self, behavior: Mapping[str, Any]) -> None:
        for name, what in _NOT_BUILT_IN_A_BEHAVIOR.items():
            if behavior.get(name):
                raise not_built(what)
        if (behavior.get("TrustedSigners") or {}).get("Quantity"):
            raise not_built("trusted signers by account (legacy, use key groups)")
        methods = set(items(behavior.get("AllowedMethods"))) or _METHODS[0]
        cached = set(items((behavior.get("AllowedMethods") or {}).get("CachedMethods"))) or _METHODS[0]
        if methods not in _METHODS:
            raise AWSError("InvalidArgument", "The parameter AllowedMethods is not one of the sets allowed.", 400)
        if cached != _METHODS[0]:
            raise not_built("caching of OPTIONS")
        if not behavior.get("CachePolicyId") and "ForwardedValues" not in behavior:
            raise AWSError("InvalidArgument", "The parameter ForwardedValues is required.", 400)
        self._policies.cache_policy(behavior)
        self._policies.origin_policy(behavior)
        for group in items(behavior.get("TrustedKeyGroups")):
            if group not in backend(self._context.account_id).key_groups:
                raise AWSError("TrustedKeyGroupDoesNotExist", "The specified key group does not exist.", 400)
        self._check_functions(behavior)

    def _check_functions(self, behavior: Mapping[str, Any]) -> None:
        lambdas = items(behavior.get("LambdaFunctionAssociations"))
        scripts = items(behavior.get("FunctionAssociations"))
        for one in lambdas:
            lambda_edge.check(one, self._lambdas, self._context)
        for one in scripts:
            if not one["EventType"].startswith("viewer"):
                message = "A CloudFront function can only be associated with viewer-request and viewer-response."
                raise AWSError("InvalidFunctionAssociation", message, 400)
            self._functions.live_code(one["FunctionARN"])
        for error, found in (("InvalidLambdaFunctionAssociation", lambdas), ("InvalidFunctionAssociation", scripts)):
            if len({one["EventType"] for one in found}) < len(found):
                raise AWSError(error, "Each event type can have only one function association.", 400)
        if scripts and any(one["EventType"].startswith("viewer") for one in lambdas):
            message = "CloudFront Functions and Lambda@Edge cannot be combined in viewer events."
            raise AWSError("InvalidLambdaFunctionAssociation", message, 400)


def _check_built(config: Mapping[str, Any]) -> None:
    for name, what in _NOT_BUILT.items():
        if config.get(name):
            raise not_built(what)
    certificate = config.get("ViewerCertificate") or {}
    if items(config.get("Aliases")) or any(certificate.get(name) for name in ("ACMCertificateArn", "IAMCertificateId")):
        raise not_built("a domain name and a certificate of one's own for a distribution")
    if any(group.get("SelectionCriteria", "default") != "default" for group in items(config.get("OriginGroups"))):
        raise not_built("the choice of an origin by media quality")
    if (config.get("Logging") or {}).get("Enabled"):
        raise not_built("access logs of a distribution")
    restriction = (config.get("Restrictions") or {}).get("GeoRestriction") or {}
    if restriction.get("RestrictionType", "none") != "none":
        raise not_built("a geographic restriction")
