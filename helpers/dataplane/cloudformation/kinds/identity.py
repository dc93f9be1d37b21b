"""Who may do what: AWS::IAM::* and AWS::Cognito::*.

AWS: "AWS Identity and Access Management resource type reference", "Amazon Cognito resource type reference"
(CloudFormation Template Reference). Here: the types and properties of the course.
Differs: a policy without a Version, as SAM's policy templates write them, gets 2012-10-17, because moto takes no
other.
"""

from __future__ import annotations

import json
from typing import Any

from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site


def _inline(site: Site, made: Made, new: Any, old: Any) -> None:
    client, wanted = site.client("iam"), {one["PolicyName"]: one["PolicyDocument"] for one in new or []}
    for name, document in wanted.items():
        client.put_role_policy(RoleName=made.keys["RoleName"], PolicyName=name, PolicyDocument=_text(document))
    for one in old or []:
        if one["PolicyName"] not in wanted:
            client.delete_role_policy(RoleName=made.keys["RoleName"], PolicyName=one["PolicyName"])


def _attached(site: Site, made: Made, new: Any, old: Any) -> None:
    client, name = site.client("iam"), made.keys["RoleName"]
    for arn in new or []:
        if arn not in (old or []):
            client.attach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in old or []:
        if arn not in (new or []):
            client.detach_role_policy(RoleName=name, PolicyArn=arn)


def _trusted(site: Site, made: Made, new: Any, old: Any) -> None:
    if made.attributes:
        site.client("iam").update_assume_role_policy(RoleName=made.keys["RoleName"], PolicyDocument=_text(new))


def _bare(site: Site, made: Made, properties: Properties) -> None:
    """Take everything off a role: IAM deletes no other."""
    client, name = site.client("iam"), made.keys["RoleName"]
    for one in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=name, PolicyArn=one["PolicyArn"])
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps({"Version": "2012-10-17", **document})


class PolicyKind(Kind):
    """An inline policy of several roles, users and groups."""

    def create(self, site: Site, properties: Properties) -> Made:
        client, document = site.client("iam"), _text(properties["PolicyDocument"])
        for kind in ("Role", "User", "Group"):
            for name in properties.get(f"{kind}s") or []:
                where = {f"{kind}Name": name, "PolicyName": properties["PolicyName"], "PolicyDocument": document}
                getattr(client, f"put_{kind.lower()}_policy")(**where)
        made = Made(site.name(), memory={"PolicyName": properties["PolicyName"]})
        made.attributes["Id"] = made.id
        return made

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        self.create(site, properties)
        same_name = properties["PolicyName"] == old["PolicyName"]
        gone = {
            kind: [one for one in old.get(kind) or [] if not same_name or one not in (properties.get(kind) or [])]
            for kind in ("Roles", "Users", "Groups")
        }
        self.delete(site, made, {"PolicyName": old["PolicyName"], **gone})
        return made

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        client = site.client("iam")
        for kind in ("Role", "User", "Group"):
            for name in properties.get(f"{kind}s") or []:
                where = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
                getattr(client, f"delete_{kind.lower()}_policy")(**where)


def _members(kind: str) -> Any:
    """Return the step that attaches a managed policy to what its property names."""

    def step(site: Site, made: Made, new: Any, old: Any) -> None:
        client = site.client("iam")
        for verb, names, others in (("attach", new, old), ("detach", old, new)):
            for name in names or []:
                if name not in (others or []):
                    getattr(client, f"{verb}_{kind.lower()}_policy")(**{f"{kind}Name": name, "PolicyArn": made.id})

    return step


def _detached(site: Site, made: Made, properties: Properties) -> None:
    for kind in ("Role", "User", "Group"):
        _members(kind)(site, made, None, properties.get(f"{kind}s"))
    client = site.client("iam")
    for one in client.list_policy_versions(PolicyArn=made.id)["Versions"]:
        if not one["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=made.id, VersionId=one["VersionId"])


def _document(site: Site, made: Made, new: Any, old: Any) -> None:
    if made.attributes:
        client = site.client("iam")
        client.create_policy_version(PolicyArn=made.id, PolicyDocument=_text(new), SetAsDefault=True)
        for one in client.list_policy_versions(PolicyArn=made.id)["Versions"]:
            if not one["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=made.id, VersionId=one["VersionId"])


def _roles(site: Site, properties: Properties) -> Properties:
    return {**properties, "Roles": properties.get("Roles") or {}}


def _provider(start: str) -> Any:
    """Return what makes a pool's issuer of the answer that created it."""

    def issuer(site: Site, scope: dict[str, Any]) -> str | None:
        pool = (scope["a"] or {}).get("UserPool")
        return f"{start}cognito-idp.{site.region}.amazonaws.com/{pool['Id']}" if pool else None

    return issuer


KINDS = [
    Kind(
        "AWS::IAM::Role", "iam", "create_role", "p.RoleName", {"RoleName": "p.RoleName"}, "delete_role",
        ("update_role",), read="get_role", attributes={"Arn": "d.Role.Arn", "RoleId": "d.Role.RoleId"}, name="RoleName",
        steps={"AssumeRolePolicyDocument": _trusted, "Policies": _inline, "ManagedPolicyArns": _attached},
        before_delete=_bare,
    ),
    PolicyKind("AWS::IAM::Policy", "iam", "put_role_policy", "", update_calls=("put_role_policy",)),
    Kind(
        "AWS::IAM::ManagedPolicy", "iam", "create_policy", "a.Policy.Arn", {"PolicyArn": "a.Policy.Arn"},
        "delete_policy",
        attributes={"PolicyArn": "a.Policy.Arn", "PolicyId": "a.Policy.PolicyId"}, name="ManagedPolicyName",
        rename={"ManagedPolicyName": "PolicyName"}, before_delete=_detached,
        steps={
            "Roles": _members("Role"), "Users": _members("User"), "Groups": _members("Group"),
            "PolicyDocument": _document,
        },
    ),
    Kind(
        "AWS::Cognito::UserPool", "cognito-idp", "create_user_pool", "a.UserPool.Id", {"UserPoolId": "a.UserPool.Id"},
        "delete_user_pool", ("update_user_pool",), name="UserPoolName", rename={"UserPoolName": "PoolName"},
        attributes={
            "UserPoolId": "a.UserPool.Id", "Arn": "a.UserPool.Arn",
            "ProviderName": _provider(""), "ProviderURL": _provider("https://"),
        },
    ),
    Kind(
        "AWS::Cognito::UserPoolClient", "cognito-idp", "create_user_pool_client", "a.UserPoolClient.ClientId",
        {"UserPoolId": "p.UserPoolId", "ClientId": "a.UserPoolClient.ClientId"}, "delete_user_pool_client",
        ("update_user_pool_client",), name="ClientName",
        attributes={"ClientId": "a.UserPoolClient.ClientId", "ClientSecret": "a.UserPoolClient.ClientSecret",
                    "Name": "a.UserPoolClient.ClientName"},
    ),
    Kind(
        "AWS::Cognito::UserPoolGroup", "cognito-idp", "create_group", "p.GroupName",
        {"UserPoolId": "p.UserPoolId", "GroupName": "p.GroupName"}, "delete_group", ("update_group",), name="GroupName",
    ),
    Kind(
        "AWS::Cognito::UserPoolDomain", "cognito-idp", "create_user_pool_domain", "p.Domain",
        {"UserPoolId": "p.UserPoolId", "Domain": "p.Domain"}, "delete_user_pool_domain",
    ),
    Kind(
        "AWS::Cognito::IdentityPool", "cognito-identity", "create_identity_pool", "a.IdentityPoolId",
        {"IdentityPoolId": "a.IdentityPoolId"}, "delete_identity_pool", ("update_identity_pool",),
        name="IdentityPoolName",
        attributes={"Name": "p.IdentityPoolName"},
    ),
    Kind(
        "AWS::Cognito::IdentityPoolRoleAttachment", "cognito-identity", "set_identity_pool_roles", "p.IdentityPoolId",
        {"IdentityPoolId": "p.IdentityPoolId"}, update_calls=("set_identity_pool_roles",), prepare=_roles,
    ),
]  # fmt: skip
