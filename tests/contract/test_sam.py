"""What SAM promises: the transform, and that what a template makes works."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from helpers.teaching import package
from tests.contract.stacks import ALL, Stacks
from tests.contract.subjects import Subject, promise, refused

GUIDE = "SAM Developer Guide, AWS::Serverless::Function"
HEAD = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, Handler: app.handler, Timeout: 10, Environment: {Variables: {SHOP: bakery}}}
Resources:
"""
HELLO = """
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: |
        import json, os
        def handler(event, context):
            print("event", json.dumps(event))
            return {"statusCode": 200, "body": os.environ["SHOP"] + " 1"}
"""


@pytest.fixture
def shop(aws: Subject) -> Stacks:
    """An account without stacks."""
    return Stacks(aws)


def page(shop: Stacks, api: str, path: str) -> tuple[int, str]:
    """Ask an API of the stack; return the status and the body."""
    found = shop.aws.http(f"{shop.aws.endpoint}/_aws/execute-api/{shop.resource(api)}/{path}")
    return found.status, found.body.decode()


@promise("CloudFormation User Guide, AWS::Serverless transform", "GetTemplate shows the template before and after")
def test_processed(shop: Stacks) -> None:
    template = HEAD + HELLO
    shop.create(template)
    assert shop.client.get_template(StackName="shop")["TemplateBody"] == template
    processed = shop.client.get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    kinds = {name: one["Type"] for name, one in processed["Resources"].items()}
    assert kinds == {"Hello": "AWS::Lambda::Function", "HelloRole": "AWS::IAM::Role"} and "Transform" not in processed
    assert processed["Resources"]["Hello"]["Properties"]["Environment"] == {"Variables": {"SHOP": "bakery"}}
    assert shop.aws.call(name=shop.resource("Hello")).payload["body"] == "bakery 1"


@promise("CloudFormation API Reference, CreateStack", "a template with a transform needs CAPABILITY_AUTO_EXPAND")
def test_capability(shop: Stacks) -> None:
    with refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"):
        shop.create(HEAD + HELLO, Capabilities=["CAPABILITY_IAM"])
    with refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"):
        shop.create(HEAD + HELLO, Capabilities=["CAPABILITY_AUTO_EXPAND"])


@promise("SAM Developer Guide, Troubleshooting", "a wrong template fails its change set with the translator's findings")
def test_wrong_template(shop: Stacks) -> None:
    template = HEAD + "  Hello: {Type: AWS::Serverless::Function, Properties: {Events: {}}}"
    words = (
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
        "Number of errors found: 1. Resource with id [Hello] is invalid."
    )
    named = {"StackName": "shop", "ChangeSetName": "first"}
    shop.client.create_change_set(**named, ChangeSetType="CREATE", TemplateBody=template, Capabilities=ALL)
    told = shop.client.describe_change_set(**named)
    assert (told["Status"], told["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE") and words in told["StatusReason"]


@promise(
    "SAM Developer Guide, Deploying serverless applications", "a change set creates and then updates the application"
)
def test_change_sets(shop: Stacks) -> None:
    for kind, body, changed in (("CREATE", HELLO, {"Add"}), ("UPDATE", HELLO.replace(" 1", " 2"), {"Modify"})):
        named = {"StackName": "shop", "ChangeSetName": f"deploy-{kind.lower()}"}
        shop.client.create_change_set(**named, ChangeSetType=kind, TemplateBody=HEAD + body, Capabilities=ALL)
        told = shop.client.describe_change_set(**named)
        assert {one["ResourceChange"]["Action"] for one in told["Changes"]} == changed
        shop.client.execute_change_set(**named)
        shop.id = told["StackId"]
        assert shop.settled()["StackStatus"] == f"{kind}_COMPLETE"
    assert shop.aws.call(name=shop.resource("Hello")).payload["body"] == "bakery 2"


@promise(GUIDE, "CodeUri and ContentUri name packages in a bucket; the function imports its layer")
def test_packages(shop: Stacks) -> None:
    s3 = shop.aws.client("s3")
    s3.create_bucket(Bucket="code")
    source = "import flour\ndef handler(event, context): return flour.KIND"
    s3.put_object(Bucket="code", Key="app.zip", Body=package({"app.py": source}))
    s3.put_object(Bucket="code", Key="layer.zip", Body=package({"python/flour.py": "KIND = 'rye'"}))
    resources = """
  Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://code/app.zip, Layers: [!Ref Flour]}}
  Flour: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: s3://code/layer.zip}}
"""
    assert shop.create(HEAD + resources)["StackStatus"] == "CREATE_COMPLETE"
    assert shop.aws.call(name=shop.resource("Hello")).payload == "rye"


@promise("SAM Developer Guide, EventSource", "Api and HttpApi events make APIs that call the function")
def test_apis(shop: Stacks) -> None:
    events = """
      Events:
        Rest: {Type: Api, Properties: {Path: /cakes, Method: get}}
        Http: {Type: HttpApi, Properties: {Path: /cakes, Method: get}}
"""
    assert shop.create(HEAD + HELLO + events)["StackStatus"] == "CREATE_COMPLETE"
    assert page(shop, "ServerlessRestApi", "Prod/cakes") == (200, "bakery 1")
    assert page(shop, "ServerlessHttpApi", "cakes") == (200, "bakery 1")
    changed = HEAD + HELLO + events.replace("/cakes", "/breads")
    assert shop.update(changed)["StackStatus"] == "UPDATE_COMPLETE"
    assert page(shop, "ServerlessRestApi", "Prod/breads") == (200, "bakery 1")
    assert page(shop, "ServerlessHttpApi", "breads") == (200, "bakery 1")
    assert page(shop, "ServerlessRestApi", "Prod/cakes")[0] == 403
    assert page(shop, "ServerlessHttpApi", "cakes")[0] == 404


@promise(
    "SAM Developer Guide, EventSource",
    "queues, topics, buckets, tables, streams, buses call; a deletion leaves nothing",
)
def test_events(shop: Stacks) -> None:
    events = """
      Events:
        Q: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn, BatchSize: 1}}
        T: {Type: SNS, Properties: {Topic: !Ref News}}
        B: {Type: S3, Properties: {Bucket: !Ref Photos, Events: "s3:ObjectCreated:*"}}
        D: {Type: DynamoDB, Properties: {Stream: !GetAtt Cakes.StreamArn, StartingPosition: TRIM_HORIZON}}
        K: {Type: Kinesis, Properties: {Stream: !GetAtt Clicks.Arn, StartingPosition: TRIM_HORIZON}}
        E: {Type: EventBridgeRule, Properties: {Pattern: {source: [bakery]}}}
        S: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
        V: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}
        L: {Type: CloudWatchLogs, Properties: {LogGroupName: !Ref Lines, FilterPattern: ERROR}}
      EventInvokeConfig: {MaximumRetryAttempts: 1}
  Orders: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  News: {Type: AWS::SNS::Topic}
  Photos: {Type: AWS::S3::Bucket}
  Lines: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}
  Clicks: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 1}}
  Cakes:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""
    made = shop.create(HEAD + HELLO + events)
    assert made["StackStatus"] == "CREATE_COMPLETE", shop.reasons("CREATE_FAILED")
    aws, name, photos = shop.aws, shop.resource("Hello"), shop.resource("Photos")
    aws.client("sqs").send_message(QueueUrl=shop.resource("Orders"), MessageBody="x")
    aws.client("sns").publish(TopicArn=shop.resource("News"), Message="x")
    aws.client("s3").put_object(Bucket=photos, Key="x", Body=b"x")
    aws.client("dynamodb").put_item(TableName=shop.resource("Cakes"), Item={"id": {"S": "x"}})
    aws.client("kinesis").put_record(StreamName=shop.resource("Clicks"), Data=b"x", PartitionKey="x")
    aws.client("events").put_events(Entries=[{"Source": "bakery", "DetailType": "x", "Detail": "{}"}])
    wanted = {"aws:sqs", "aws:sns", "aws:s3", "aws:dynamodb", "aws:kinesis", "bakery"}
    aws.wait(lambda: sources(aws, name) >= wanted, 20)
    aws.client("s3").delete_object(Bucket=photos, Key="x")
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE"
    left = {
        "lambda": ("list_functions", "Functions"), "iam": ("list_roles", "Roles"), "sns": ("list_topics", "Topics"),
        "s3": ("list_buckets", "Buckets"), "dynamodb": ("list_tables", "TableNames"), "events": ("list_rules", "Rules"),
        "scheduler": ("list_schedules", "Schedules"), "kinesis": ("list_streams", "StreamNames"),
    }  # fmt: skip
    assert {service: getattr(aws.client(service), call)()[key] for service, (call, key) in left.items()} == {
        service: [] for service in left
    }
    assert aws.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []


def sources(aws: Subject, name: str) -> set[str]:
    """Return where the events came from that a function has written down."""
    events = [json.loads(line.removeprefix("event ")) for line in aws.logged(name) if line.startswith("event ")]
    records = [one for event in events for one in event.get("Records", [event])]
    return {str(one.get("eventSource") or one.get("EventSource") or one.get("source")) for one in records}


@promise(GUIDE, "AutoPublishAlias publishes a version when the code changes, and moves the alias to it")
def test_alias(shop: Stacks) -> None:
    live = "      AutoPublishAlias: live\n"
    shop.create(HEAD + HELLO + live)
    name, client = shop.resource("Hello"), shop.aws.client("lambda")
    assert client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    assert shop.update(HEAD + HELLO.replace(" 1", " 2") + live)["StackStatus"] == "UPDATE_COMPLETE"
    assert client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "2"
    assert shop.aws.call(name=name, Qualifier="live").payload["body"] == "bakery 2"
    assert shop.aws.call(name=name, Qualifier="1").payload["body"] == "bakery 1"


def output(shop: Stacks) -> str:
    """Run the stack's state machine and return its output."""
    client = shop.aws.client("stepfunctions")
    run = client.start_execution(stateMachineArn=shop.resource("Flow"))["executionArn"]
    return str(shop.aws.wait(lambda: client.describe_execution(executionArn=run).get("output"), 20))


@promise("SAM Developer Guide, AWS::Serverless::StateMachine", "substitutions are filled in, policies let it call")
def test_state_machine(shop: Stacks) -> None:
    definition: dict[str, Any] = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${Fn}", "End": True}}}
    s3 = shop.aws.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="flow.asl.json", Body=json.dumps(definition).encode())
    for given in (f"Definition: {json.dumps(definition)}", "DefinitionUri: s3://code/flow.asl.json"):
        flow = f"""
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      {given}
      DefinitionSubstitutions: {{Fn: !GetAtt Hello.Arn}}
      Policies: [{{LambdaInvokePolicy: {{FunctionName: !Ref Hello}}}}]
"""
        assert shop.create(HEAD + HELLO + flow)["StackStatus"] == "CREATE_COMPLETE", shop.reasons("CREATE_FAILED")
        assert json.loads(output(shop))["body"] == "bakery 1"
        shop.delete()


@promise(
    "SAM Developer Guide, AWS::Serverless::SimpleTable", "a simple table takes items, with a policy template for it"
)
def test_simple_table(shop: Stacks) -> None:
    table = """
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Cakes}}]
  Cakes: {Type: AWS::Serverless::SimpleTable}
"""
    shop.create(HEAD + HELLO + table)
    client = shop.aws.client("dynamodb")
    client.put_item(TableName=shop.resource("Cakes"), Item={"id": {"S": "rye"}})
    assert client.describe_table(TableName=shop.resource("Cakes"))["Table"]["TableName"] == shop.resource("Cakes")
    policy = shop.aws.client("iam").list_role_policies(RoleName=shop.resource("HelloRole"))["PolicyNames"]
    assert policy == ["HelloRolePolicy0"]


@promise("SAM Developer Guide, Deploying serverless applications gradually", "CodeDeploy moves the alias of an update")
def test_gradual_deployment(shop: Stacks) -> None:
    gradual = "      AutoPublishAlias: live\n      DeploymentPreference: {Type: Canary10Percent5Minutes}\n"
    assert shop.create(HEAD + HELLO + gradual)["StackStatus"] == "CREATE_COMPLETE", shop.reasons("CREATE_FAILED")
    shop.client.update_stack(
        StackName="shop", TemplateBody=HEAD + HELLO.replace(" 1", " 2") + gradual, Capabilities=ALL
    )
    assert shop.settled()["StackStatus"] == "UPDATE_COMPLETE"
    alias = shop.aws.client("lambda").get_alias(FunctionName=shop.resource("Hello"), Name="live")
    assert alias["FunctionVersion"] == "2" and not alias["RoutingConfig"]["AdditionalVersionWeights"]
    application = shop.resource("ServerlessDeploymentApplication")
    deployments = shop.aws.client("codedeploy").list_deployments(
        applicationName=application, deploymentGroupName=shop.resource("HelloDeploymentGroup")
    )["deployments"]
    assert len(deployments) == 1


@contextmanager
def visitors(shop: Stacks, name: str) -> Iterator[None]:
    """Call a function's alias all the time."""
    gone = threading.Event()

    def come() -> None:
        while not gone.wait(0.01):
            shop.aws.call(name=name, Qualifier="live")

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        gone.set()
        thread.join()


@promise(
    "SAM Developer Guide, Deploying serverless applications gradually",
    "errors of the new version raise an alarm, which takes alias, function and stack back",
)
def test_gradual_deployment_goes_back(shop: Stacks) -> None:
    gradual = """
      AutoPublishAlias: live
      DeploymentPreference: {Type: Canary10Percent5Minutes, Alarms: [!Ref Broken]}
  Broken:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions: [{Name: FunctionName, Value: !Ref Hello}, {Name: Resource, Value: !Sub "${Hello}:live"}]
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
"""
    assert shop.create(HEAD + HELLO + gradual)["StackStatus"] == "CREATE_COMPLETE", shop.reasons("CREATE_FAILED")
    bad = HEAD + HELLO.replace('+ " 1"', "+ 2") + gradual
    name = shop.resource("Hello")
    with visitors(shop, name):
        assert shop.update(bad)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Activated alarms" in shop.reasons("UPDATE_FAILED")[0]
    alias = shop.aws.client("lambda").get_alias(FunctionName=name, Name="live")
    assert alias["FunctionVersion"] == "1" and not alias["RoutingConfig"]["AdditionalVersionWeights"]
    assert shop.aws.call(name=name).payload["body"] == shop.aws.call(name=name, Qualifier="live").payload["body"]


@promise(
    "CodeDeploy User Guide, AppSpec 'hooks' section for an AWS Lambda deployment",
    "a hook that says Failed lets no visitor meet the new version, and the stack goes back",
)
def test_gradual_deployment_refused_by_its_hook(shop: Stacks) -> None:
    gradual = """
      AutoPublishAlias: live
      DeploymentPreference: {Type: Canary10Percent5Minutes, Hooks: {PreTraffic: !Ref Tryout}}
  Tryout:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: CodeDeployHook_tryout
      Handler: index.handler
      DeploymentPreference: {Enabled: false}
      InlineCode: |
        import boto3
        def handler(event, context):
            boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
                deploymentId=event["DeploymentId"], status="Failed",
                lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"])
"""
    assert shop.create(HEAD + HELLO + gradual)["StackStatus"] == "CREATE_COMPLETE", shop.reasons("CREATE_FAILED")
    assert shop.update(HEAD + HELLO.replace(" 1", " 2") + gradual)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    name = shop.resource("Hello")
    assert shop.aws.call(name=name, Qualifier="live").payload["body"] == "bakery 1"
    assert shop.aws.metric("Invocations", name="CodeDeployHook_tryout") == 1
