"""Tables, buckets and secrets: AWS::DynamoDB::*, AWS::S3::* and AWS::SecretsManager::Secret.

AWS: "Amazon DynamoDB resource type reference", "Amazon S3 resource type reference", "AWS Secrets Manager resource type
reference" (CloudFormation Template Reference). Here: the types and properties of the course.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site, Step, shaped
from helpers.dataplane.cloudformation.template import invalid

_TRIES = 60


def table_properties(site: Site, properties: Properties) -> Properties:
    """Return a table's properties as the API names them."""
    ready = dict(properties)
    stream = ready.get("StreamSpecification")
    if stream:
        ready["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}
    encrypted = ready.get("SSESpecification")
    if encrypted and "SSEEnabled" in encrypted:
        rest = {name: value for name, value in encrypted.items() if name != "SSEEnabled"}
        ready["SSESpecification"] = {**rest, "Enabled": encrypted["SSEEnabled"]}
    return ready


def expiry(site: Site, made: Made, new: Any, old: Any) -> None:
    """Switch Time to Live on or off."""
    said = new or {**old, "Enabled": False}
    wanted = {"Enabled": str(said.get("Enabled", False)).lower() == "true", "AttributeName": said.get("AttributeName")}
    if wanted["Enabled"] or old:
        site.client("dynamodb").update_time_to_live(**made.keys, TimeToLiveSpecification=wanted)


def _recovery(site: Site, made: Made, new: Any, old: Any) -> None:
    on = str((new or {}).get("PointInTimeRecoveryEnabled", False)).lower() == "true"
    wanted = {"PointInTimeRecoveryEnabled": on}
    site.client("dynamodb").update_continuous_backups(**made.keys, PointInTimeRecoverySpecification=wanted)


def active(site: Site, made: Made, properties: Properties) -> None:
    """Wait until a table, and all its replicas, are ready."""
    for _ in range(_TRIES):
        if site.client("dynamodb").describe_table(**made.keys)["Table"]["TableStatus"] == "ACTIVE":
            return
        site.context.clock.wait(1)
    raise invalid(f"the table {made.id} did not become active")


class TableKind(Kind):
    """A table takes one kind of change in a call: its indexes are changed one by one."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        client = site.client("dynamodb")
        new, before = table_properties(site, properties), table_properties(site, old)
        shape = client.meta.service_model.operation_model("UpdateTable").input_shape.members
        definitions = {"AttributeDefinitions": new["AttributeDefinitions"]}
        mode: dict[str, Any] = {}
        if any(new.get(name) != before.get(name) for name in ("BillingMode", "ProvisionedThroughput")):
            mode = {"BillingMode": new.get("BillingMode", "PROVISIONED")}
            if new.get("ProvisionedThroughput"):
                mode["ProvisionedThroughput"] = new["ProvisionedThroughput"]
        changes = [mode] if mode else []
        for name, gone in (("StreamSpecification", {"StreamEnabled": False}), ("SSESpecification", {"Enabled": False}),
                           ("DeletionProtectionEnabled", False), ("TableClass", "STANDARD")):  # fmt: skip
            if new.get(name) != before.get(name):
                changes.append({name: new.get(name, gone)})
        changes += [{**definitions, "GlobalSecondaryIndexUpdates": [one]} for one in _index_changes(new, before)]
        for change in changes:
            client.update_table(**made.keys, **{name: shaped(shape[name], one, name) for name, one in change.items()})
            active(site, made, properties)
        after = Made(made.id, dict(made.attributes), made.keys)
        self._complete(site, after, properties, old, {"p": new, "a": {}, "d": {}, "s": {}})
        return after


def _index_changes(new: Properties, old: Properties) -> list[dict[str, Any]]:
    after = {one["IndexName"]: one for one in new.get("GlobalSecondaryIndexes") or []}
    before = {one["IndexName"]: one for one in old.get("GlobalSecondaryIndexes") or []}
    changed = [name for name in after if name in before and after[name] != before[name]]
    found: list[dict[str, Any]] = [{"Delete": {"IndexName": name}} for name in before if name not in after]
    for name in changed:
        units = {"IndexName": name, "ProvisionedThroughput": after[name].get("ProvisionedThroughput")}
        if all(after[name].get(one) == before[name].get(one) for one in ("KeySchema", "Projection")):
            found.append({"Update": units})
        else:
            found += [{"Delete": {"IndexName": name}}, {"Create": after[name]}]
    return found + [{"Create": one} for name, one in after.items() if name not in before]


def _setting(put: str, member: str, delete: str = "", rename: Any = None) -> Step:
    """Return a step that puts one configuration of a bucket."""

    def step(site: Site, made: Made, new: Any, old: Any) -> None:
        client = site.client("s3")
        if new is None:
            if delete:
                getattr(client, delete)(Bucket=made.id)
                return
            new = {"Status": "Suspended"} if member == "VersioningConfiguration" else {}
        operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[put])
        said = shaped(
            operation.input_shape.members[member], rename(new) if rename else new, f"AWS::S3::Bucket {member}"
        )
        getattr(client, put)(Bucket=made.id, **{member: said})

    return step


def _notifications(said: Any) -> dict[str, Any]:
    kinds = {"LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
             "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
             "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn")}  # fmt: skip
    found: dict[str, Any] = {}
    for name, (member, target, arn) in kinds.items():
        for one in said.get(name) or []:
            ready = {"Events": [one["Event"]], arn: one[target]}
            if one.get("Filter"):
                ready["Filter"] = {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}}
            found.setdefault(member, []).append(ready)
    if str((said.get("EventBridgeConfiguration") or {}).get("EventBridgeEnabled", "")).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    return found


def _cors(said: Any) -> dict[str, Any]:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    return {"CORSRules": [{names.get(name, name): value for name, value in rule.items()} for rule in said["CorsRules"]]}


def _encryption(said: Any) -> dict[str, Any]:
    rules = []
    for one in said["ServerSideEncryptionConfiguration"]:
        names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
        rules.append({names.get(name, name): value for name, value in one.items()})
    return {"Rules": rules}


def _website(said: Any) -> dict[str, Any]:
    names = {"IndexDocument": ("IndexDocument", "Suffix"), "ErrorDocument": ("ErrorDocument", "Key")}
    found = {member: {key: said[name]} for name, (member, key) in names.items() if name in said}
    return found | {name: value for name, value in said.items() if name not in names}


def _lifecycle(said: Any) -> dict[str, Any]:
    rules = []
    for one in said["Rules"]:
        rule = {"Status": one["Status"], "Filter": {"Prefix": one.get("Prefix", "")}}
        if "Id" in one:
            rule["ID"] = one["Id"]
        if "ExpirationInDays" in one:
            rule["Expiration"] = {"Days": one["ExpirationInDays"]}
        if "Transitions" in one:
            rule["Transitions"] = [
                {"Days": t["TransitionInDays"], "StorageClass": t["StorageClass"]} for t in one["Transitions"]
            ]
        if "NoncurrentVersionExpirationInDays" in one:
            rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": one["NoncurrentVersionExpirationInDays"]}
        rules.append(rule)
    return {"Rules": rules}


class BucketKind(Kind):
    """A bucket's name is in lower case, and outside us-east-1 it names its Region."""

    def create(self, site: Site, properties: Properties) -> Made:
        name = properties.get("BucketName") or site.name(63).lower()
        client, where = site.client("s3"), {}
        if site.region != "us-east-1":
            where = {"CreateBucketConfiguration": {"LocationConstraint": site.region}}
        try:
            client.head_bucket(Bucket=name)
        except ClientError:
            client.create_bucket(Bucket=name, **where)
        else:
            raise invalid(f"{name} already exists")
        host = f"{name}.s3.amazonaws.com"
        attributes = {
            "Arn": f"arn:aws:s3:::{name}", "DomainName": host,
            "DualStackDomainName": f"{name}.s3.dualstack.{site.region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{site.region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{site.region}.amazonaws.com",
        }  # fmt: skip
        made = Made(name, attributes, {"Bucket": name})
        try:
            self._complete(site, made, properties, {}, {"p": properties, "a": {}, "d": {}, "s": {}})
        except Exception:
            client.delete_bucket(Bucket=name)
            raise
        return made


class SecretKind(Kind):
    """A secret goes with its stack at once."""

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        site.client("secretsmanager").delete_secret(SecretId=made.id, ForceDeleteWithoutRecovery=True)


def _tags(said: Any) -> dict[str, Any]:
    return {"TagSet": said}


def _database(site: Site, properties: Properties) -> Properties:
    return {**properties, "DatabaseInput": {"Name": site.name().lower(), **properties["DatabaseInput"]}}


KINDS = [
    TableKind(
        "AWS::DynamoDB::Table", "dynamodb", "create_table", "p.TableName", {"TableName": "p.TableName"}, "delete_table",
        ("update_table",), read="describe_table", name="TableName", longest=255, prepare=table_properties,
        attributes={"Arn": "d.Table.TableArn", "StreamArn": "d.Table.LatestStreamArn"},
        steps={"TimeToLiveSpecification": expiry, "PointInTimeRecoverySpecification": _recovery}, after=active,
        ignored=("ContributorInsightsSpecification",),
        own=("AttributeDefinitions", "BillingMode", "ProvisionedThroughput", "StreamSpecification", "SSESpecification",
             "DeletionProtectionEnabled", "TableClass", "GlobalSecondaryIndexes"),
    ),
    BucketKind(
        "AWS::S3::Bucket", "s3", "create_bucket", "p.BucketName", {"Bucket": "p.BucketName"}, "delete_bucket",
        name="BucketName",
        steps={
            "VersioningConfiguration": _setting("put_bucket_versioning", "VersioningConfiguration"),
            "NotificationConfiguration": _setting("put_bucket_notification_configuration", "NotificationConfiguration",
                                                  rename=_notifications),
            "CorsConfiguration": _setting("put_bucket_cors", "CORSConfiguration", "delete_bucket_cors", _cors),
            "PublicAccessBlockConfiguration": _setting("put_public_access_block", "PublicAccessBlockConfiguration",
                                                       "delete_public_access_block"),
            "BucketEncryption": _setting("put_bucket_encryption", "ServerSideEncryptionConfiguration",
                                         "delete_bucket_encryption", _encryption),
            "OwnershipControls": _setting("put_bucket_ownership_controls", "OwnershipControls",
                                          "delete_bucket_ownership_controls"),
            "WebsiteConfiguration": _setting("put_bucket_website", "WebsiteConfiguration", "delete_bucket_website",
                                             _website),
            "LifecycleConfiguration": _setting("put_bucket_lifecycle_configuration", "LifecycleConfiguration",
                                               "delete_bucket_lifecycle", _lifecycle),
            "Tags": _setting("put_bucket_tagging", "Tagging", "delete_bucket_tagging", _tags),
        },
    ),
    Kind(
        "AWS::S3::BucketPolicy", "s3", "put_bucket_policy", "p.Bucket", {"Bucket": "p.Bucket"}, "delete_bucket_policy",
        ("put_bucket_policy",), rename={"PolicyDocument": "Policy"},
    ),
    SecretKind(
        "AWS::SecretsManager::Secret", "secretsmanager", "create_secret", "a.ARN", {"SecretId": "a.ARN"},
        update_calls=("update_secret",), name="Name", attributes={"Id": "a.ARN"},
    ),
    Kind(
        "AWS::Glue::Database", "glue", "create_database", "p.DatabaseInput.Name",
        {"Name": "p.DatabaseInput.Name", "CatalogId": "p.CatalogId"}, "delete_database", ("update_database",),
        prepare=_database,
    ),
    Kind(
        "AWS::Glue::Table", "glue", "create_table", "p.TableInput.Name",
        {"DatabaseName": "p.DatabaseName", "Name": "p.TableInput.Name", "CatalogId": "p.CatalogId"}, "delete_table",
        ("update_table",),
    ),
]  # fmt: skip
