"""Names: DomainName, BasePathMapping and ApiMapping of API Gateway's two versions, RecordSet(Group) of Route 53.

AWS: "Amazon API Gateway resource type reference" and "Amazon Route 53 resource type reference" (CloudFormation Template
Reference). SAM's property ``Domain`` of an API becomes these.
"""

from __future__ import annotations

from typing import Any

from helpers.dataplane.call import not_built
from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site

_KEYS = {"domainName": "p.DomainName"}
_CHANGE = "change_resource_record_sets"


class RecordKind(Kind):
    """Records of a hosted zone: each change is one batch of Route 53."""

    def create(self, site: Site, properties: Properties) -> Made:
        self._change(site, "CREATE", properties)
        return Made(site.logical if "RecordSets" in properties else str(properties["Name"]))

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        names = {(one["Name"], one["Type"]) for one in _records(properties)}
        gone = [one for one in _records(old) if (one["Name"], one["Type"]) not in names]
        self._change(site, "DELETE", {"HostedZoneId": old["HostedZoneId"], "RecordSets": gone})
        self._change(site, "UPSERT", properties)
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        self._change(site, "DELETE", properties)

    def _change(self, site: Site, action: str, properties: Properties) -> None:
        if "HostedZoneId" not in properties:
            raise not_built(f"{self.type} without HostedZoneId")
        changes = [{"Action": action, "ResourceRecordSet": _as_told(one)} for one in _records(properties)]
        if changes:
            client = site.client("route53")
            client.change_resource_record_sets(
                HostedZoneId=properties["HostedZoneId"], ChangeBatch={"Changes": changes}
            )


def _records(properties: Properties) -> list[dict[str, Any]]:
    if "RecordSets" in properties:
        return list(properties["RecordSets"])
    return [{name: value for name, value in properties.items() if name != "HostedZoneId"}]


def _as_told(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as ChangeResourceRecordSets takes it."""
    ready = dict(record)
    if "AliasTarget" in ready:
        ready["AliasTarget"] = {"EvaluateTargetHealth": False, **ready["AliasTarget"]}
    if "ResourceRecords" in ready:
        ready["ResourceRecords"] = [{"Value": one} for one in ready["ResourceRecords"]]
    if "TTL" in ready:
        ready["TTL"] = int(ready["TTL"])
    return ready


KINDS = [
    Kind(
        "AWS::ApiGateway::DomainName", "apigateway", "create_domain_name", "p.DomainName", _KEYS, "delete_domain_name",
        attributes={
            "RegionalDomainName": "a.regionalDomainName", "RegionalHostedZoneId": "a.regionalHostedZoneId",
            "DistributionDomainName": "a.distributionDomainName",
            "DistributionHostedZoneId": "a.distributionHostedZoneId",
        },
    ),
    Kind(
        "AWS::ApiGateway::BasePathMapping", "apigateway", "create_base_path_mapping",
        lambda site, scope: f"{scope['p']['DomainName']}|{scope['p'].get('BasePath') or '(none)'}",
        {**_KEYS, "basePath": "p.BasePath || '(none)'"}, "delete_base_path_mapping",
    ),
    Kind(
        "AWS::ApiGatewayV2::DomainName", "apigatewayv2", "create_domain_name", "p.DomainName",
        {"DomainName": "p.DomainName"}, "delete_domain_name",
        attributes={
            "RegionalDomainName": "a.DomainNameConfigurations[0].ApiGatewayDomainName",
            "RegionalHostedZoneId": "a.DomainNameConfigurations[0].HostedZoneId",
        },
    ),
    Kind(
        "AWS::ApiGatewayV2::ApiMapping", "apigatewayv2", "create_api_mapping", "a.ApiMappingId",
        {"DomainName": "p.DomainName", "ApiMappingId": "a.ApiMappingId"}, "delete_api_mapping",
        attributes={"ApiMappingId": "a.ApiMappingId"},
    ),
    *[
        RecordKind(f"AWS::Route53::{name}", "route53", _CHANGE, "", update_calls=(_CHANGE,))
        for name in ("RecordSet", "RecordSetGroup")
    ],
]  # fmt: skip
