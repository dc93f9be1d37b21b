"""What other services promise about calling functions: here only that the function really ran.

Whatever in the cloud calls a function, moto's control plane included, has to reach the same runtime as Invoke.
"""

from __future__ import annotations

import json
import time
from typing import Any

from tests.contract.subjects import Subject, promise

RAN = "def handler(event, context):\n    print('ran')\n    return {'sold': 3}\n"
STATES = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EMPTY = {"AWSTemplateFormatVersion": "2010-09-09"}


def function(aws: Subject, source: str = RAN, principal: str = "") -> str:
    """Create the function ``f``, which the service ``principal`` may invoke; return its ARN."""
    client = aws.function(source)
    if principal:
        permission = {"Action": "lambda:InvokeFunction", "Principal": f"{principal}.amazonaws.com"}
        client.add_permission(FunctionName="f", StatementId="service", **permission)
    return str(client.get_function(FunctionName="f")["Configuration"]["FunctionArn"])


def ran(aws: Subject, times: int = 1, seconds: float = 20) -> bool:
    """Wait until the function has printed ``ran`` as often as that."""
    return bool(aws.wait(lambda: aws.logged().count("ran\n") >= times, seconds))


@promise(
    "Amazon SNS Developer Guide, Fanout to Lambda functions", "a message of a topic invokes a function that subscribed"
)
def test_sns(aws: Subject) -> None:
    arn, sns = function(aws, principal="sns"), aws.client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="bread")
    assert ran(aws)


@promise(
    "CloudWatch Logs User Guide, Log group-level subscription filters",
    "a log event invokes the function of a subscription filter",
)
def test_logs_subscription(aws: Subject) -> None:
    arn, logs = function(aws, principal="logs"), aws.client("logs")
    logs.create_log_group(logGroupName="till")
    logs.create_log_stream(logGroupName="till", logStreamName="1")
    logs.put_subscription_filter(logGroupName="till", filterName="all", filterPattern="", destinationArn=arn)
    event = {"timestamp": int(time.time() * 1000), "message": "sold"}
    logs.put_log_events(logGroupName="till", logStreamName="1", logEvents=[event])
    assert ran(aws)


@promise(
    "Secrets Manager User Guide, Rotation by Lambda function",
    "a rotation invokes the function once for each of its four steps",
)
def test_rotation(aws: Subject) -> None:
    steps = "def handler(event, context): print(event['Step'])"
    arn, secrets = function(aws, steps, "secretsmanager"), aws.client("secretsmanager")
    secrets.create_secret(Name="till", SecretString="1234")
    secrets.rotate_secret(SecretId="till", RotationLambdaARN=arn, RotationRules={"AutomaticallyAfterDays": 30})
    wanted = [f"{step}Secret\n" for step in ("create", "set", "test", "finish")]
    assert aws.wait(lambda: [line for line in aws.logged() if line in wanted] == wanted)


@promise(
    "CloudFormation User Guide, Lambda-backed custom resources",
    "a custom resource invokes its function, and the function's answer completes the stack",
)
def test_custom_resource(aws: Subject) -> None:
    arn = function(
        aws,
        """
        import json, urllib.request
        def handler(event, context):
            body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
            body |= {"Status": "SUCCESS", "PhysicalResourceId": "oven", "Data": {"Heat": "220"}}
            request = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT")
            urllib.request.urlopen(request, timeout=20).close()
            print("ran")
        """,
    )
    formation = aws.client("cloudformation")
    resource = {"Type": "Custom::Oven", "Properties": {"ServiceToken": arn}}
    heat = {"Value": {"Fn::GetAtt": ["Oven", "Heat"]}}
    template = {**EMPTY, "Resources": {"Oven": resource}, "Outputs": {"Heat": heat}}
    formation.create_stack(StackName="shop", TemplateBody=json.dumps(template))
    assert ran(aws)
    aws.wait(lambda: formation.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")


@promise("CloudFormation User Guide, AWS::Lambda::Function", "a function that a stack creates runs")
def test_stack(aws: Subject) -> None:
    code = {"ZipFile": "def handler(event, context): return event"}
    properties = {"Runtime": "python3.13", "Handler": "index.handler", "Code": code, "Role": aws.role()}
    resource = {"Type": "AWS::Lambda::Function", "Properties": {**properties, "FunctionName": "f"}}
    template = {**EMPTY, "Resources": {"F": resource}}
    aws.client("cloudformation").create_stack(StackName="shop", TemplateBody=json.dumps(template))
    assert aws.call([1]).payload == [1]


def run_machine(aws: Subject, task: dict[str, Any]) -> Any:
    """Run a state machine of one task; return its output."""
    states = aws.client("stepfunctions")
    role = aws.client("iam").create_role(RoleName="states", AssumeRolePolicyDocument=json.dumps(STATES))["Role"]["Arn"]
    definition = json.dumps({"StartAt": "Sell", "States": {"Sell": {"Type": "Task", "End": True, **task}}})
    machine = states.create_state_machine(name="shop", definition=definition, roleArn=role)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input='{"cake": "rye"}')["executionArn"]
    done = aws.wait(
        lambda: (
            (now := states.describe_execution(executionArn=execution))["status"] not in ("RUNNING", "PENDING_REDRIVE")
            and now
        ),
        seconds=20,
    )
    assert done["status"] == "SUCCEEDED", done
    return json.loads(done["output"])


@promise(
    "Step Functions Developer Guide, Invoke an AWS Lambda function", "a task whose resource is a function's ARN runs it"
)
def test_step_functions_arn(aws: Subject) -> None:
    arn = function(aws)
    assert run_machine(aws, {"Resource": arn}) == {"sold": 3}
    assert ran(aws)


@promise("Step Functions Developer Guide, Invoke an AWS Lambda function", "a task lambda:invoke runs the function")
def test_step_functions_invoke(aws: Subject) -> None:
    arn = function(aws)
    task = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": arn, "Payload.$": "$"}}
    assert run_machine(aws, task)["Payload"] == {"sold": 3}
    assert ran(aws)


@promise(
    "EventBridge User Guide, Amazon EventBridge targets", "an event that a rule matches invokes the rule's function"
)
def test_event_bridge(aws: Subject) -> None:
    arn, events = function(aws, principal="events"), aws.client("events")
    events.put_rule(Name="orders", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="orders", Targets=[{"Id": "f", "Arn": arn}])
    entry = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert ran(aws)


@promise(
    "Amazon S3 User Guide, Amazon S3 Event Notifications",
    "a new object invokes the function of the bucket's notification",
)
def test_s3(aws: Subject) -> None:
    arn, s3 = function(aws, principal="s3"), aws.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_notification_configuration(
        Bucket="shop",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket="shop", Key="bread", Body=b"3")
    assert ran(aws)


@promise(
    "Lambda Developer Guide, Using Lambda with Amazon SQS", "a message of a queue invokes the function and is then gone"
)
def test_sqs(aws: Subject) -> None:
    arn, (url, queue) = function(aws), aws.queue("orders")
    aws.client("lambda").create_event_source_mapping(FunctionName=arn, EventSourceArn=queue)
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="bread")
    assert ran(aws)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    aws.wait(lambda: set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"})


@promise(
    "Lambda Developer Guide, Using AWS Lambda with Amazon DynamoDB", "a change in a table's stream invokes the function"
)
def test_dynamodb_stream(aws: Subject) -> None:
    arn, dynamodb = function(aws), aws.client("dynamodb")
    table = dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    aws.client("lambda").create_event_source_mapping(
        FunctionName=arn, EventSourceArn=table["LatestStreamArn"], StartingPosition="TRIM_HORIZON"
    )
    dynamodb.put_item(TableName="orders", Item={"id": {"S": "1"}})
    assert ran(aws)


@promise("Lambda Developer Guide, Using Lambda with Kinesis Data Streams", "a record of a stream invokes the function")
def test_kinesis(aws: Subject) -> None:
    arn, kinesis = function(aws), aws.client("kinesis")
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    stream = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
    aws.client("lambda").create_event_source_mapping(
        FunctionName=arn, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )
    kinesis.put_record(StreamName="orders", Data=b"bread", PartitionKey="1")
    assert ran(aws)
