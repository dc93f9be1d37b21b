"""The lab architecture_crud: two right designs pass, wrong ones get their reasons, and nothing is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from helpers.teaching import deployments
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "19_architecture_crud"
TASKS = ["notes", "hall", "photos", "walk", "gone"]
ALL = ["basis", "api", "rights", "hall", "photos", "role", "policy"]
OUTPUTS = """
Outputs:
  Api: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/prod"}
  Users: {Value: !Ref UserPool}
  Identities: {Value: !Ref Identities}
  Photos: {Value: !Ref Files}
  App: {Value: !Ref App}
"""
"""What the template of chapter 19 needs to be found by the checks."""
EVERYTHING = (
    "ResourcePath: /counts, HttpMethod: GET, CachingEnabled: true, CacheTtlInSeconds: 30",
    'ResourcePath: /*, HttpMethod: "*", CachingEnabled: true',
)
"""A cache for all methods, in the place of one for the counts."""
EDGE = """
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Members
        Authorizers:
          Members:
            IdentitySource: $request.header.Authorization
            JwtConfiguration:
              audience: [!Ref App]
              issuer: !Sub "https://cognito-idp.${AWS::Region}.amazonaws.com/${Users}"
  Notes:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      Timeout: 10
      CodeUri: functions/notes
      Environment: {Variables: {NOTES: !Ref Table}}
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Table}}]
      Events:
        Look: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /sightings, Method: get}}
        Note: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /sightings, Method: post}}
  Counts:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      Timeout: 10
      CodeUri: functions/notes
      Environment: {Variables: {NOTES: !Ref Table}}
      Policies: [{DynamoDBReadPolicy: {TableName: !Ref Table}}]
      Events:
        Show:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: /counts, Method: get, Auth: {Authorizer: NONE}}
  Site:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Origins:
          - Id: api
            DomainName: !Sub "${Api}.execute-api.${AWS::Region}.amazonaws.com"
            CustomOriginConfig: {OriginProtocolPolicy: https-only}
        DefaultCacheBehavior:
          TargetOriginId: api
          ViewerProtocolPolicy: https-only
          AllowedMethods: [GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE]
          CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad
          OriginRequestPolicyId: b689b0a8-53d0-40ab-baf2-68738e2966ac
        CacheBehaviors:
          - PathPattern: /counts
            TargetOriginId: api
            ViewerProtocolPolicy: https-only
            CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6
Outputs:
  Api: {Value: !Sub "https://${Site.DomainName}"}
"""
"""Another right design: an HTTP API, one function for each concern, and CloudFront in the place of the API's cache."""


def parts() -> dict[str, str]:
    """Return the parts of the solution's template, as its answer cells write them."""
    found: dict[str, Any] = {}
    for cell in read(FOLDER / "solution.ipynb").cells:
        if "answer" in cell.metadata.get("tags", []) and '= """' in cell.source:
            exec(cell.source.partition("\nclub.deploy")[0], found)
    return {name: text for name, text in found.items() if isinstance(text, str)}


PARTS = parts()


class Learner:
    """Somebody who deploys templates: what a learner's cells would do, and the checks."""

    def __init__(self, club: Any, lab: Lab, scratch: Path) -> None:
        self.club, self.lab, self.scratch = club, lab, scratch

    def deploy(self, *names: str, **changed: tuple[str, str]) -> None:
        """Deploy parts of the solution by their names, each with a text in it replaced."""
        texts = []
        for name in names or ALL:
            before, after = changed.get(name, ("", ""))
            assert before in PARTS[name]
            texts.append(PARTS[name].replace(before, after) if before else PARTS[name])
        self.club.deploy(*texts)

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    with open_lab(FOLDER, speed=60, enforce_iam=True) as modules:
        yield Learner(modules["club"], modules["checks"].lab, tmp_path_factory.mktemp("club"))


def no_output(learner: Learner) -> None:
    learner.deploy("basis", "api", "rights", basis=("  App: {Value: !Ref App}", ""))


def no_flow(learner: Learner) -> None:
    learner.deploy("basis", "api", "rights", basis=("ALLOW_USER_PASSWORD_AUTH, ", ""))


def open_door(learner: Learner) -> None:
    learner.deploy("basis", "api", "rights", api=("DefaultAuthorizer: Members, ", ""))


def no_policy(learner: Learner) -> None:
    learner.deploy("basis", "api", "rights", rights=("dynamodb:PutItem, ", ""))


def all_cached(learner: Learner) -> None:
    learner.deploy(hall=EVERYTHING)


def cached_by_token(learner: Learner) -> None:
    token = "Method: get, RequestParameters: [method.request.header.Authorization: {Required: true, Caching: true}]}"
    learner.deploy(
        hall=EVERYTHING,
        rights=("Method: get}", token),
    )


def chapter_19(learner: Learner) -> None:
    learner.club.deploy((FOLDER / "template.yaml").read_text(), OUTPUTS)


def locked_hall(learner: Learner) -> None:
    learner.deploy(hall=(", Auth: {Authorizer: NONE}", ""))


def no_cache(learner: Learner) -> None:
    learner.deploy(hall=("CachingEnabled: true", "CachingEnabled: false"))


def an_hour(learner: Learner) -> None:
    learner.deploy(hall=("CacheTtlInSeconds: 30", "CacheTtlInSeconds: 3600"))


def own_folder_only(learner: Learner) -> None:
    learner.deploy(policy=('"${Photos.Arn}/*"', '"${Photos.Arn}/${!cognito-identity.amazonaws.com:sub}/*"'))


def all_folders(learner: Learner) -> None:
    learner.deploy(policy=("/${!cognito-identity.amazonaws.com:sub}/*", "/us-east-1:*"))


def no_delete(learner: Learner) -> None:
    learner.deploy(policy=("[s3:PutObject, s3:DeleteObject]", "s3:PutObject"))


def other_pool(learner: Learner) -> None:
    learner.deploy(role=('aud": !Ref Identities', 'aud": !Ref Users'))


def public_photos(learner: Learner) -> None:
    everybody = """
Resources:
  Photos:
    Properties: {PublicAccessBlockConfiguration: {BlockPublicPolicy: false, RestrictPublicBuckets: false}}
  Everybody:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Photos
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: "*", Action: s3:GetObject, Resource: !Sub "${Photos.Arn}/*"}]
"""
    learner.club.deploy(*[PARTS[name] for name in ALL], everybody)


def one_at_a_time(learner: Learner) -> None:
    learner.deploy(api=("MemorySize: 256", "MemorySize: 256, ReservedConcurrentExecutions: 1"))


def read_then_write(learner: Learner) -> None:
    shutil.copytree(FOLDER / "functions", learner.scratch / "functions", dirs_exist_ok=True)
    path = learner.scratch / "functions" / "notes" / "app.py"
    atomic = '    table.update_item(Key={"member": ALL, "id": bird}, **added)\n'
    source = path.read_text()
    assert atomic in source
    path.write_text(source.replace(atomic, """
    before = sum(int(row["seen"]) for row in rows(ALL) if row["id"] == bird)
    __import__("time").sleep(0.05)
    table.put_item(Item={"member": ALL, "id": bird, "seen": before + count})
"""))  # fmt: skip
    learner.club.deploy(*[PARTS[name] for name in ALL], folder=learner.scratch)


def only_stack(learner: Learner) -> None:
    learner.deploy()
    bucket = learner.club.outputs()["Photos"]
    boto3.client("s3").put_object(Bucket=bucket, Key="wren.jpg", Body=b"wren")
    boto3.client("cloudformation").delete_stack(StackName="club")


def packages_left(learner: Learner) -> None:
    deployments.remove("club")
    boto3.client("s3").create_bucket(Bucket="club-packages-us-east-1")


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("notes", no_output, "The stack has no output `App`", ""),
    ("notes", no_flow, "A new member cannot sign in", "USER_PASSWORD_AUTH"),
    ("notes", open_door, "Somebody without a token asks for notes, and the API answers 502", ""),
    ("notes", no_policy, "A member notes a wren, and the API answers 502", ""),
    ("notes", all_cached, "Tom, who has noted nothing, finds the notes of somebody else", ""),
    ("notes", cached_by_token, "Mara notes a second bird and looks at once", ""),
    ("notes", chapter_19, "Somebody without a token asks for notes, and the API answers 403", ""),
    ("hall", locked_hall, "The screen in the hall, which cannot sign in, asks for the counts and gets 401", ""),
    ("hall", no_cache, "a function ran 20 times", ""),
    ("hall", an_hour, "the screen in the hall still does not know them", ""),
    ("photos", own_folder_only, "Tom looks at Mara's photo: refused", "s3:GetObject"),
    ("photos", all_folders, "Tom puts another photo in the place of Mara's: nothing stops him", ""),
    ("photos", no_delete, "Mara deletes her photo of an owl: refused", "s3:DeleteObject"),
    ("photos", other_pool, "A member gets no temporary credentials", "Check assigned IAM roles"),
    ("photos", public_photos, "Somebody without any key looks at Mara's photo", ""),
    ("walk", one_at_a_time, "not all got through", "5"),
    ("walk", read_then_write, "What happens when two writers read the same number", ""),
    ("gone", only_stack, "The stack could not be deleted", "not empty"),
    ("gone", packages_left, "the account still holds `s3 club-packages-us-east-1`", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_after_each_task_the_next_is_not_attempted_and_what_is_right_stays_right(learner: Learner) -> None:
    deployments.remove("club")
    learner.club.open_club()
    assert learner.result("notes").state == "not attempted"
    for task, names in (("notes", ALL[:3]), ("hall", ALL[:4]), ("photos", ALL), ("walk", ALL)):
        learner.deploy(*names)
        assert learner.result(task).state == "right", learner.result(task)
        assert learner.result("gone").state == "not attempted"
    deployments.remove("club")
    assert deployments.left() == []
    assert {result.state for result in learner.lab.results().values()} == {"right"}


def test_another_right_design_passes_and_leaves_nothing(learner: Learner) -> None:
    deployments.remove("club")
    learner.club.open_club()
    learner.club.deploy(*[PARTS[name] for name in ("basis", "photos", "role", "policy")], EDGE)
    for task in TASKS[:-1]:
        assert learner.result(task).state == "right", learner.result(task)
    deployments.remove("club")
    assert learner.result("gone").state == "right", learner.result("gone")


def test_the_templates_pass_cfn_lint() -> None:
    from cfnlint.api import lint  # slow to import, and only this test needs it

    for text in (deployments.together(*[PARTS[name] for name in ALL]), (FOLDER / "template.yaml").read_text()):
        assert [str(found) for found in lint(text, regions=["us-east-1"])] == []
