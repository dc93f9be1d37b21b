"""Deployments and distributions: AWS::CodeDeploy::* and AWS::CloudFront::*.

AWS: the resource type references of CodeDeploy and CloudFront (CloudFormation Template Reference). Here: applications
and groups; distributions and origin access controls, with the lists that CloudFront's API writes as Quantity and Items.
"""

from __future__ import annotations

from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site

_APP = {"applicationName": "p.ApplicationName"}


def _referenced(site: Site, properties: Properties) -> Properties:
    config = {"Comment": "", "Enabled": True, **properties["DistributionConfig"]}
    return {**properties, "DistributionConfig": {"CallerReference": f"{site.stack_id}/{site.logical}", **config}}


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


class AccessControlKind(Kind):
    """An origin access control, likewise."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        tag = site.client("cloudfront").get_origin_access_control(Id=made.id)["ETag"]
        self._call(site, "update_origin_access_control", {"Id": made.id, "IfMatch": tag}, properties)
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        client = site.client("cloudfront")
        tag = client.get_origin_access_control(Id=made.id)["ETag"]
        client.delete_origin_access_control(Id=made.id, IfMatch=tag)


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
    AccessControlKind(
        "AWS::CloudFront::OriginAccessControl", "cloudfront", "create_origin_access_control",
        "a.OriginAccessControl.Id",
        {"Id": "a.OriginAccessControl.Id"}, update_calls=("update_origin_access_control",),
        own=("OriginAccessControlConfig",),
        attributes={"Id": "a.OriginAccessControl.Id"},
    ),
]  # fmt: skip
