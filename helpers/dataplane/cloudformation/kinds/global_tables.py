"""AWS::DynamoDB::GlobalTable: one table with replicas in several Regions.

AWS: a global table belongs to one stack; its replicas must include the stack's own Region, more than one replica needs
a StreamSpecification, and all replicas go with the stack ("AWS::DynamoDB::GlobalTable", CloudFormation Template
Reference; the first refusal's words as aws-cloudformation/rain quotes them). Here: a replica has no settings but its
Region, and capacity is on demand. Not sourced: the words of the second refusal.
"""

from __future__ import annotations

from typing import Any

from helpers.dataplane.call import not_built
from helpers.dataplane.cloudformation.kinds.kind import Made, Properties, Site
from helpers.dataplane.cloudformation.kinds.stores import TableKind, active, expiry, table_properties
from helpers.dataplane.cloudformation.template import invalid


def _properties(site: Site, properties: Properties) -> Properties:
    regions = [one["Region"] for one in properties["Replicas"]]
    if site.region not in regions:
        raise invalid("The Replicas section must contain an entry for the current region")
    if len(regions) > 1 and "StreamSpecification" not in properties:
        raise invalid("StreamSpecification is required for a global table with more than one replica")
    own = sorted({name for one in properties["Replicas"] for name in one} - {"Region"})
    if own:
        raise not_built(f"AWS::DynamoDB::GlobalTable Replicas {', '.join(own)}")
    return table_properties(site, properties)


def _replicas(site: Site, made: Made, new: Any, old: Any) -> None:
    """Add and remove replicas in other Regions than the stack's, and wait until that is done."""
    wanted, there = ([one["Region"] for one in said or [] if one["Region"] != site.region] for said in (new, old))
    changes = [{"Create": {"RegionName": one}} for one in wanted if one not in there]
    changes += [{"Delete": {"RegionName": one}} for one in there if one not in wanted]
    if changes:
        active(site, made, {})
        site.client("dynamodb").update_table(**made.keys, ReplicaUpdates=changes)
        active(site, made, {})


KINDS = [
    TableKind(
        "AWS::DynamoDB::GlobalTable", "dynamodb", "create_table", "p.TableName", {"TableName": "p.TableName"},
        "delete_table", ("update_table",), read="describe_table", name="TableName", longest=255, prepare=_properties,
        attributes={"Arn": "d.Table.TableArn", "StreamArn": "d.Table.LatestStreamArn", "TableId": "d.Table.TableId"},
        steps={"TimeToLiveSpecification": expiry, "Replicas": _replicas}, after=active,
        before_delete=lambda site, made, properties: _replicas(site, made, [], properties["Replicas"]),
        own=("AttributeDefinitions", "BillingMode", "StreamSpecification"),
    ),
]  # fmt: skip
