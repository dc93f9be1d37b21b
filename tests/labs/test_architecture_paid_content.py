"""The lab architecture_paid_content: two right designs pass, wrong ones fail with their reason, and nothing stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from helpers.teaching import deployments
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "22_architecture_paid_content"
TASKS = ["doors", "signed_in", "course", "bounds", "ended"]
PARTS = ["basis", "bucket", "site", "behaviors", "gate", "functions", "rights"]


def answers() -> dict[str, str]:
    """Return the texts of the solution, as its answer cells write them."""
    found: dict[str, Any] = {}
    for cell in read(FOLDER / "solution.ipynb").cells:
        if "answer" in cell.metadata.get("tags", []):
            exec(cell.source.partition("\nschool.deploy")[0], found)
    return {name: text for name, text in found.items() if isinstance(text, str)}


TEXTS = answers()
CODE = TEXTS["setup"] + TEXTS["handler"]
Change = tuple[str, str]


class Learner:
    """Somebody who deploys designs: what a learner's cells would do, and the checks."""

    def __init__(self, school: Any, lab: Lab) -> None:
        self.school, self.lab = school, lab

    def deploy(self, *changes: Change, **code: str) -> None:
        """Deploy the solution with texts replaced, in the template or in the function."""
        parts, course = dict(TEXTS), code.pop("course", CODE)
        for before, after in changes:
            places = [name for name in PARTS if before in parts[name]]
            assert len(places) + (before in course) == 1, (before, places)
            if places:
                parts[places[0]] = parts[places[0]].replace(before, after)
            course = course.replace(before, after)
        self.school.deploy(*(parts[name] for name in PARTS), course=course, **code)

    def result(self, task: str) -> Result:
        return self.lab.run(task)

    def states(self) -> dict[str, Result]:
        return self.lab.results()


@pytest.fixture(scope="module")
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, enforce_iam=True) as modules:
        modules["school"].open_school()
        yield Learner(modules["school"], modules["checks"].lab)


def design(*changes: Change, name: str, **code: str) -> Callable[[Learner], None]:
    """Return an answer: the solution with something else in it."""

    def answer(learner: Learner) -> None:
        learner.deploy(*changes, **code)

    answer.__name__ = name
    return answer


DENY = TEXTS["bucket"][TEXTS["bucket"].index("          - {Effect: Deny") :]
SAMPLES = TEXTS["behaviors"][TEXTS["behaviors"].index("        CacheBehaviors:") :]
AUTH = TEXTS["gate"][TEXTS["gate"].index("      Auth: ") : TEXTS["gate"].index("Outputs:")]
SIGNED = "generate_presigned_url(SITE, policy=policy)"
ONE = """generate_presigned_url(
        f"{SITE}/courses/{course}/1.mp3", date_less_than=__import__("datetime").datetime.fromtimestamp(
            time.time() + 90, __import__("datetime").UTC))"""
ITEM = 'bought.get_item(Key={"id": f"{user}/{course}"}, ConsistentRead=True).get("Item", {})'
ANY = 'next((one for one in bought.scan()["Items"] if one["id"].startswith(user)), {})'
UNPAID = 'if item.get("until", 0) <= time.time():'
RULE = 'f"{SITE}/courses/{course}/*"'
WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("doors", design((DENY, ""), name="no_deny"), "past CloudFront, presigned by the school itself", ""),
    ("doors", design((SAMPLES, ""), name="one_behavior"), "asks the site for the sample of Spanish, and gets 403", ""),
    ("doors", design((", TrustedKeyGroups: [!Ref Signers]", ""), name="no_key_group"), "has no signature", ""),
    ("doors", design(("  Audio: {Value: !Ref Audio}\n", ""), name="no_output"), "The stack has no output `Audio`", ""),
    (
        "signed_in", design((AUTH, ""), name="no_authorizer"),
        "without a token, the API answers 502, not 401", "KeyError: 'authorizer'",
    ),
    (
        "signed_in", design(("      Layers: [!Ref Library]\n", ""), name="no_layer"),
        "has paid nothing: the API answers 502, not 403", "No module named 'cryptography'",
    ),
    ("signed_in", design((UNPAID, "if False:"), name="for_all"), "has paid nothing gets a course", ""),
    ("signed_in", design(('"statusCode": 403', '"statusCode": 402'), name="payment"), "answers 402, not 403", ""),
    ("course", design((SIGNED, ONE), name="canned"), "opens lesson 1, but not lesson 2", "Access denied"),
    ("course", design((RULE, '"https://school.example/*"'), name="other_site"), "the site answers 403", "denied"),
    (
        "course", design(("KEYS: !Ref Keys, ", ""), name="no_key"),
        "bought the course `spanish`, and the API answers 502", "KeyError: 'KEYS'",
    ),
    ("course", design(('"query":', '"url":'), name="no_query"), "its JSON has no `query`", "url"),
    (
        "course",
        design(("CodeUri: functions/office\n      Environment: {Variables: {BOUGHT: !Ref Bought}}",
                "CodeUri: functions/office"), name="office_blind"),
        "The function `Office` failed", "BOUGHT",
    ),
    ("bounds", design((RULE, 'f"{SITE}/courses/*"'), name="all_courses"), "and the query opens Swahili", ""),
    ("bounds", design(("SECONDS = os.environ[\"SITE\"], os.environ[\"KEY_ID\"], 90",
                       "SECONDS = os.environ[\"SITE\"], os.environ[\"KEY_ID\"], 86400"), name="a_day"),
     "lives for 1440 minutes", ""),
    ("bounds", design(("os.environ[\"KEY_ID\"], 90", "os.environ[\"KEY_ID\"], 9"), name="too_short"),
     "dead before the next lesson", ""),
    ("bounds", design((ITEM, ANY), name="any_course"), "for the course `swahili`: the API answers 200", ""),
    ("ended", design((UNPAID, "if not item:"), name="for_ever"), "was refunded a minute ago", ""),
    (
        "ended",
        design((UNPAID, 'if item and item["until"] <= time.time(): return {"statusCode": 404}\n    if not item:'),
               name="not_found"),
        "was refunded: the API answers 404, not 403", "",
    ),
]  # fmt: skip


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_the_solution_passes(learner: Learner) -> None:
    learner.deploy()
    assert {task: result.state for task, result in learner.states().items()} == dict.fromkeys(TASKS, "right")


PRESIGNED = """
import json, os, time, boto3
bought = boto3.resource("dynamodb").Table(os.environ["BOUGHT"])

def handler(event, context):
    user = event["requestContext"]["authorizer"]["claims"]["sub"]
    course = event["pathParameters"]["course"]
    if bought.get_item(Key={"id": f"{user}/{course}"}).get("Item", {}).get("until", 0) <= time.time():
        return {"statusCode": 403, "body": "{}"}
    given = {"Bucket": os.environ["KEYS"], "Key": f"courses/{course}/1.mp3"}
    url = boto3.client("s3").generate_presigned_url("get_object", given, 90)
    return {"statusCode": 200, "body": json.dumps({"query": url.partition("?")[2]})}
"""


def test_presigned_s3_urls_are_no_design(learner: Learner) -> None:
    learner.deploy(("KEYS: !Ref Keys", "KEYS: !Ref Audio"), (DENY, ""), course=PRESIGNED)
    results = learner.states()
    assert "presigned by the school itself" in results["doors"].message
    assert "plays lesson 1 with your query, and the site answers 403" in results["course"].message
    assert results["signed_in"].state == "right"


def test_a_public_bucket_is_no_design(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.deploy(
        ("{Effect: Deny, ", "{Effect: Allow, "), ('Condition: {StringNotEquals: {"AWS:SourceArn": *site}}}', "}")
    )
    assert "BlockPublicPolicy" in capsys.readouterr().out


HTTP_API = """
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt:
            IdentitySource: $request.header.Authorization
            JwtConfiguration:
              issuer: !Sub "https://cognito-idp.${AWS::Region}.amazonaws.com/${Users}"
              audience: [!Ref App]
  Course:
    Properties:
      Events: {Ask: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/courses/{course}", Method: get}}}
Outputs:
  Api: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com"}
"""
OTHER_DOORS = """
Resources:
  Site:
    Properties:
      DistributionConfig:
        DefaultCacheBehavior: {TargetOriginId: audio, ViewerProtocolPolicy: https-only,
                               CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad}
        CacheBehaviors:
          - {PathPattern: "courses/*", TargetOriginId: audio, ViewerProtocolPolicy: https-only,
             CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad, TrustedKeyGroups: [!Ref Signers]}
"""


def test_another_right_design_passes(learner: Learner) -> None:
    """An HTTP API with its JWT authorizer, samples as the default, services told by name, a policy for any host."""
    learner.school.deployments.remove("school")
    gate = (
        TEXTS["gate"][: TEXTS["gate"].index("  Api:")]
        + "Outputs:\n  Users: {Value: !Ref Users}\n  App: {Value: !Ref App}\n"
    )
    rights = TEXTS["rights"].replace(TEXTS["rights"].partition("      Events:")[2].partition("\n")[0], " {}")
    lock = TEXTS["bucket"].replace('Condition: {StringNotEquals: {"AWS:SourceArn": *site}}',
                                  "Condition: {Bool: {'aws:PrincipalIsAWSService': 'false'}}")  # fmt: skip
    behaviors = TEXTS["behaviors"].partition("        DefaultCacheBehavior:")[0]
    code = CODE.replace('["authorizer"]["claims"]', '["authorizer"]["jwt"]["claims"]').replace(
        RULE, 'f"http*://*/courses/{course}/*"'
    )
    parts = [TEXTS["basis"], lock, TEXTS["site"], behaviors, OTHER_DOORS, gate, TEXTS["functions"], rights, HTTP_API]
    learner.school.deploy(*parts, course=code)
    results = learner.states()
    assert {task: result.state for task, result in results.items()} == dict.fromkeys(TASKS, "right"), results


def test_the_chapter_s_template_does_not_pass_and_everything_can_be_removed(learner: Learner) -> None:
    learner.school.deployments.remove("school")
    learner.school.deploy((FOLDER / "template.yaml").read_text())
    results = learner.states()
    assert "right" not in {result.state for result in results.values()}
    assert "The stack has no output `Audio`" in results["doors"].message
    learner.school.close()
    assert deployments.left() == []


def test_the_template_of_the_solution_passes_cfn_lint() -> None:
    from cfnlint.api import lint  # slow to import, and only this test needs it

    text = deployments.together(*(TEXTS[part] for part in PARTS))
    assert [str(found) for found in lint(text, regions=["us-east-1"])] == []
