"""The lab of mountain huts: right designs pass, wrong ones get their reason; the chapter's system comes and goes whole.

The chapter's last cells are the test of its architecture: they remove it and show that the account is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching import deployments, web_address
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "21_architecture_microservices"
TASKS = ["bookings", "weather", "kitchen", "ledger", "leftovers"]
PATIENCE_S = 6
"""How long the checks wait here for what never comes."""


class Learner:
    """Somebody who deploys designs, and runs the checks."""

    def __init__(self, modules: dict[str, Any]) -> None:
        self.huts, self.checks, self.lab = modules["huts"], modules["checks"], modules["checks"].lab
        self.parts: list[str] = []
        self.patience: float = self.checks.LONGEST_S

    def solution(self) -> list[str]:
        """Return the parts that the solution deploys at the end, as its answer cells write them."""
        if not self.parts:
            names: dict[str, Any] = {"huts": self}
            for cell in read(FOLDER / "solution.ipynb").cells:
                if "answer" in cell.metadata.get("tags", []):
                    exec(cell.source, names)
        return self.parts

    def deploy(self, *parts: str) -> None:
        """Take what the solution would deploy."""
        self.parts = list(parts)

    def ask(self, *_: Any) -> None:
        """Ask nobody while the solution is read."""

    def ship(self, *parts: str) -> None:
        """Deploy parts for the stack; what AWS has against it fails the test."""
        text = deployments.together(*parts)
        wanted = {"Zone": self.huts.club.zone, "Certificate": self.huts.club.certificate, "Web": web_address()}
        deployments.deploy_text(text, FOLDER, self.huts.STACK, parameters=wanted)

    def changed(self, *changes: tuple[str, str], more: str = "") -> None:
        """Deploy the solution with texts replaced, and with one more part."""
        parts = self.solution()
        for before, after in changes:
            assert any(before in part for part in parts), before
            parts = [part.replace(before, after) for part in parts]
        self.ship(*parts, *([more] if more else []))

    def result(self, task: str) -> Result:
        """Run a check that is not patient."""
        result: Result = self.lab.run(task)
        return result


@pytest.fixture(scope="module")
def learner() -> Iterator[Learner]:
    """One account for all tests of this file: the stack changes from one design to the next."""
    with open_lab(FOLDER, speed=60, enforce_iam=True) as modules:
        modules["huts"].open_club()
        yield Learner(modules)


def test_nothing_is_attempted_in_the_beginning(learner: Learner) -> None:
    assert {name: learner.result(name).state for name in TASKS} == dict.fromkeys(TASKS, "not attempted")


def assert_all_right(lab: Lab) -> None:
    results = [lab.run(name) for name in TASKS]
    assert [result.state for result in results] == ["right"] * len(TASKS), results


def test_the_solution_is_right(learner: Learner) -> None:
    learner.ship(*learner.solution())
    assert_all_right(learner.lab)


def impatient(answer: Callable[[Learner], None]) -> Callable[[Learner], None]:
    """Let the checks wait only a little after a wrong answer."""

    def give(learner: Learner) -> None:
        learner.checks.LONGEST_S = PATIENCE_S
        answer(learner)

    give.__name__ = answer.__name__
    return give


PUBLISH = 'boto3.client("sns").publish(TopicArn=os.environ["TOPIC"], Message=json.dumps(booking))'
DOMAIN = "        DomainName: bookings.huts.example\n"


def no_name(learner: Learner) -> None:
    before = DOMAIN + "        CertificateArn: !Ref Certificate\n        EndpointConfiguration: REGIONAL\n"
    after = before + "        Route53: {HostedZoneId: !Ref Zone}\n"
    learner.changed((f"      Domain:\n{after}", ""))


def other_name(learner: Learner) -> None:
    """The record is right, and API Gateway knows the API by another name."""
    record = """
Resources:
  Name:
    Type: AWS::Route53::RecordSet
    Properties:
      HostedZoneId: !Ref Zone
      Name: bookings.huts.example
      Type: CNAME
      TTL: "60"
      ResourceRecords: [desk.huts.example]
"""
    learner.changed((DOMAIN, DOMAIN.replace("bookings", "desk")), more=record)


def not_kept(learner: Learner) -> None:
    learner.changed(("table.put_item(Item=booking)", "pass"))


def no_fallback(learner: Learner) -> None:
    learner.changed(("except OSError:", "except ValueError:"))


def no_timeout(learner: Learner) -> None:
    learner.changed((", timeout=1)", ")"))


def forgets(learner: Learner) -> None:
    learner.changed(('known = table.get_item(Key={"id": f"weather {hut}"}).get("Item", {})', "known = {}"))


CHAIN = """
Resources:
  Bookings: {Properties: {Environment: {Variables: {KITCHEN: !Sub "${Web}kitchen.huts.example/meals"}}}}
  Cook:
    Properties:
      Events:
        Call: {Type: Api, Properties: {RestApiId: !Ref KitchenApi, Path: /meals, Method: post}}
"""


def chain_of_calls(learner: Learner) -> None:
    """A whole design: bookings calls the kitchen, and waits."""
    call = 'urllib.request.urlopen(os.environ["KITCHEN"], json.dumps(booking).encode()).close()'
    learner.changed((PUBLISH, call), more=CHAIN)


def overrun(learner: Learner) -> None:
    """A whole design: the topic calls the cook, as often at once as guests come."""
    queue = "{Queue: !GetAtt ToCook.Arn, BatchSize: 1, ScalingConfig: {MaximumConcurrency: 2}}"
    before = f"        Booked:\n          Type: SQS\n          Properties: {queue}\n"
    after = "        Heard: {Type: SNS, Properties: {Topic: !Ref Booked}}\n"
    learner.changed((before, after), ("      ReservedConcurrentExecutions: 2\n", ""))


def one_queue(learner: Learner) -> None:
    """A whole design: kitchen and ledger read the same queue."""
    event = "{Booked: {Type: SNS, Properties: {Topic: !Ref Booked}}}"
    learner.changed((event, "{Heard: {Type: SQS, Properties: {Queue: !GetAtt ToCook.Arn, BatchSize: 1}}}"))


def nobody_listens(learner: Learner) -> None:
    learner.changed(("      Events: {Booked: {Type: SNS, Properties: {Topic: !Ref Booked}}}\n", ""))


def arn(learner: Learner) -> None:
    learner.changed(("Leftovers: {Value: !Ref Spoilt}", "Leftovers: {Value: !GetAtt Spoilt.Arn}"))


def tries_for_ever(learner: Learner) -> None:
    redrive = "RedrivePolicy: {deadLetterTargetArn: !GetAtt Spoilt.Arn, maxReceiveCount: 3}"
    learner.changed((redrive, "ReceiveMessageWaitTimeSeconds: 1"))


def keeps_all(learner: Learner) -> None:
    everything = """
Resources:
  SpoiltToo:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Booked, Protocol: sqs, Endpoint: !GetAtt Spoilt.Arn}
  ToCookTakesBookings:
    Properties:
      Queues: [!Ref ToCook, !Ref Spoilt]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage, Resource: "*"}]
"""
    learner.changed(more=everything)


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("bookings", no_name, "`bookings.huts.example` has no record", ""),
    ("bookings", other_name, "leads to API Gateway, which does not know that name", "Forbidden"),
    ("bookings", not_kept, "answers 404, not 200", "no such booking"),
    ("weather", no_fallback, "While the rescue's server is down, `bookings` answers 502", "Internal server error"),
    ("weather", no_timeout, "While the rescue's server is slow, a guest waits for more than 4 seconds", ""),
    ("weather", forgets, "does not tell the last weather that was heard", "None"),
    ("kitchen", chain_of_calls, "`bookings` answers when the meal is cooked", ""),
    ("kitchen", overrun, "The kitchen has 2 stoves, and had to cook", ""),
    ("ledger", one_queue, "Two readers of one queue share its messages", ""),
    ("ledger", nobody_listens, "The ledger has heard of none of 6 bookings", ""),
    ("leftovers", arn, "is not the address (URL) of a queue", "arn:aws:sqs"),
    ("leftovers", tries_for_ever, "the booking that cannot be cooked to come into the queue `Leftovers`", ""),
    ("leftovers", keeps_all, "A booking that was cooked is among the leftovers", ""),
]
WRONG = [(task, impatient(answer), message, said) for task, answer, message, said in WRONG]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_the_chapters_template_will_not_do(learner: Learner) -> None:
    names = {"Domain": "huts.example", "Zone": learner.huts.club.zone, "Certificate": learner.huts.club.certificate}
    deployments.deploy(FOLDER / "template.yaml", "huts", parameters={**names, "Web": web_address()})
    assert "`bookings.huts.example` has no record" in learner.result("bookings").message


EVENT_BUS = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Zone: {Type: String}, Certificate: {Type: String}, Web: {Type: String}}
Globals:
  Function:
    Runtime: python3.13
    MemorySize: 256
    Timeout: 10
    CodeUri: functions/huts
    Environment: {Variables: {TABLE: !Ref Everything}}
Resources:
  Everything: {Type: AWS::Serverless::SimpleTable}
  Desk:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Environment: {Variables: {WEATHER: !Sub "${Web}weather.huts.example"}}
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Everything}
        - EventBridgePutEventsPolicy: {EventBusName: default}
      Events: {All: {Type: HttpApi, Properties: {ApiId: !Ref DeskApi, Path: "/{proxy+}", Method: any}}}
      InlineCode: |
        import json, os, urllib.request
        import boto3
        table = boto3.resource("dynamodb").Table(os.environ["TABLE"])

        def handler(event, context):
            if event["requestContext"]["http"]["method"] == "GET":
                name = event["rawPath"].split("/")[-1]
                kept = table.get_item(Key={"id": f"desk {name}"}).get("Item")
                return {"statusCode": 200 if kept else 404, "body": kept["said"] if kept else "{}"}
            booking = json.loads(event["body"])
            booking |= weather(booking["hut"])
            said = json.dumps(booking)
            table.put_item(Item={"id": f"desk {booking['id']}", "said": said})
            entry = {"Source": "huts", "DetailType": "Booked", "Detail": said}
            boto3.client("events").put_events(Entries=[entry])
            return {"statusCode": 201, "body": said}

        def weather(hut):
            try:
                with urllib.request.urlopen(f"{os.environ['WEATHER']}/{hut}", timeout=1.5) as page:
                    said = json.load(page)["weather"]
            except OSError:
                kept = table.get_item(Key={"id": f"weather {hut}"}).get("Item") or {}
                return {"weather": kept.get("said"), "old": True}
            table.put_item(Item={"id": f"weather {hut}", "said": said})
            return {"weather": said, "old": False}
  Cook:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.cook
      ReservedConcurrentExecutions: 2
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Everything}
        - SQSSendMessagePolicy: {QueueName: !GetAtt Left.QueueName}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Left.Arn}}
      Events: {Booked: {Type: EventBridgeRule, Properties: {Pattern: {source: [huts]}}}}
  Note:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.note
      Environment: {Variables: {TABLE: !Ref Ledger}}
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Ledger}}]
      Events: {Booked: {Type: EventBridgeRule, Properties: {Pattern: {source: [huts]}}}}
  Ledger: {Type: AWS::Serverless::SimpleTable}
  Left: {Type: AWS::SQS::Queue}
  Meals:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.meals
      Policies: [{DynamoDBReadPolicy: {TableName: !Ref Everything}}]
      Events: {Ask: {Type: HttpApi, Properties: {ApiId: !Ref KitchenApi, Path: "/meals/{id}", Method: get}}}
  Nights:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.nights
      Environment: {Variables: {TABLE: !Ref Ledger}}
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Ledger}}]
      Events: {Ask: {Type: HttpApi, Properties: {ApiId: !Ref LedgerApi, Path: "/nights/{hut}", Method: get}}}
Outputs:
  Leftovers: {Value: !Ref Left}
"""
HTTP_API = """
Resources:
  %sApi:
    Type: AWS::Serverless::HttpApi
    Properties:
      Domain:
        DomainName: %s.huts.example
        CertificateArn: !Ref Certificate
        Route53: {HostedZoneId: !Ref Zone}
"""
SERVICES = {"Desk": "bookings", "Kitchen": "kitchen", "Ledger": "ledger"}


def test_a_truly_different_design_is_right(learner: Learner) -> None:
    """HTTP APIs, an event bus and no queue before the kitchen, a destination for what fails, one table for two."""
    learner.checks.LONGEST_S = learner.patience
    deployments.remove(learner.huts.STACK)
    learner.ship(EVENT_BUS, *[HTTP_API % names for names in SERVICES.items()])
    assert_all_right(learner.lab)


def test_everything_can_be_removed(learner: Learner) -> None:
    """What is left is what the huts had before: their domain, its certificate, and the weather's load balancer."""
    deployments.remove(learner.huts.STACK)
    assert deployments.left() == ["acm *.huts.example", "elbv2 weather", "route53 huts.example."]
    assert learner.huts.names() == {"weather"}


def test_the_solution_passes_cfn_lint(learner: Learner) -> None:
    from cfnlint.api import lint  # slow to import, and only this test needs it

    found = lint(deployments.together(*learner.solution()), regions=["us-east-1"])
    assert [str(one) for one in found] == []


def test_the_weather_service_answers_by_its_name(learner: Learner) -> None:
    learner.huts.weather("fine", "fog")
    assert learner.huts.ask("weather", "/eagle") == (200, {"weather": "fog"})
    learner.huts.weather("down")
    assert learner.huts.ask("weather", "/eagle")[0] == 503
    with pytest.raises(ValueError, match="'fine', 'slow' or 'down'"):
        learner.huts.weather("sleepy")
    assert boto3.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerName"] == "weather"
