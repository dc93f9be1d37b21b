"""Deployments and distributions: AWS::CodeDeploy::* and AWS::CloudFront::*.

AWS: the resource type references of CodeDeploy and CloudFront (CloudFormation Template Reference). Here: applications
and groups; distributions, origin access controls, public keys and key groups, with the lists that CloudFront's API
writes as Quantity and Items.
"""

from __future__ import annotations

from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site

_APP = {"applicationName": "p.ApplicationName"}


def _referenced(site: Site, properties: Properties) -> Properties:
    config = {"Comment": "", "Enabled": True, **properties["DistributionConfig"]}
    config["Origins"] = [_with_ports(origin) for origin in config.get("Origins", [])]
    return {**properties, "DistributionConfig": {"CallerReference": f"{site.stack_id}/{site.logical}", **config}}


def _with_ports(origin: Properties) -> Properties:
    custom = origin.get("CustomOriginConfig")
    return {**origin, "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, **custom}} if custom else origin


class DistributionKind(Kind):
    """CloudFront changes and deletes only what its caller has just read, and deletes only what is disabled."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        tag = site.client("cloudfront").get_distribution_config(Id=made.id)["ETag"]
        self._call(site, "update_distribution", {"Id": made.id, "IfMatch": tag}, _referenced(site, properties))
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        client, config = site.client("cloudfront"), dict(properties["DistributionConfig"])
        off = {**properties, "DistributionConfig": {**config, "Enabled": False}}
        self.update(site, made, off, properties)
        client.delete_distribution(Id=made.id, IfMatch=client.get_distribution_config(Id=made.id)["ETag"])


class VersionedKind(Kind):
    """An origin access control, a public key or a key group, likewise."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        self._call(site, self.update_calls[0], {"Id": made.id, "IfMatch": self._tag(site, made)}, properties)
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        getattr(site.client(self.service), self.delete_call)(Id=made.id, IfMatch=self._tag(site, made))

    def _tag(self, site: Site, made: Made) -> str:
        get = self.delete_call.replace("delete_", "get_")
        return str(getattr(site.client(self.service), get)(Id=made.id)["ETag"])


KINDS = [
    Kind(
        "AWS::CodeDeploy::Application", "codedeploy", "create_application", "p.ApplicationName", _APP,
        "delete_application",
        name="ApplicationName",
    ),
    Kind(
        "AWS::CodeDeploy::DeploymentGroup", "codedeploy", "create_deployment_group", "p.DeploymentGroupName",
        {**_APP, "currentDeploymentGroupName": "p.DeploymentGroupName", "deploymentGroupName": "p.DeploymentGroupName"},
        "delete_deployment_group", ("update_deployment_group",), name="DeploymentGroupName",
    ),
    DistributionKind(
        "AWS::CloudFront::Distribution", "cloudfront", "create_distribution", "a.Distribution.Id",
        {"Id": "a.Distribution.Id"}, update_calls=("update_distribution",),
        own=("DistributionConfig",), prepare=_referenced,
        attributes={"Id": "a.Distribution.Id", "DomainName": "a.Distribution.DomainName"},
    ),
    VersionedKind(
        "AWS::CloudFront::OriginAccessControl", "cloudfront", "create_origin_access_control",
        "a.OriginAccessControl.Id", {"Id": "a.OriginAccessControl.Id"}, "delete_origin_access_control",
        ("update_origin_access_control",), own=("OriginAccessControlConfig",),
        attributes={"Id": "a.OriginAccessControl.Id"},
    ),
    VersionedKind(
        "AWS::CloudFront::PublicKey", "cloudfront", "create_public_key", "a.PublicKey.Id", {"Id": "a.PublicKey.Id"},
        "delete_public_key", ("update_public_key",), own=("PublicKeyConfig",), attributes={"Id": "a.PublicKey.Id"},
    ),
    VersionedKind(
        "AWS::CloudFront::KeyGroup", "cloudfront", "create_key_group", "a.KeyGroup.Id", {"Id": "a.KeyGroup.Id"},
        "delete_key_group", ("update_key_group",), own=("KeyGroupConfig",), attributes={"Id": "a.KeyGroup.Id"},
    ),
]  # fmt: skip
