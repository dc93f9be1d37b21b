"""What CloudFormation promises about custom resources."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.pushed import first, kept
from tests.contract.subjects import Subject, promise

GUIDE = "CloudFormation User Guide, Create custom provisioning logic with custom resources"
ANSWER = """
import json, urllib.request
def handler(event, context):
    print("event", json.dumps(event))
    answer = {
        "Status": STATUS, "Reason": "no flour", "PhysicalResourceId": "loaf-1", "StackId": event["StackId"],
        "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"], "Data": {"Name": "bread"},
    }
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).close()
"""


def stack(aws: Subject, status: str) -> Any:
    """Create a stack with a custom resource whose function answers with ``status``; return the stack."""
    source = ANSWER.replace("STATUS", repr(status))
    function = aws.function(source, Timeout=10).get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    template = {
        "Resources": {
            "Loaf": {"Type": "Custom::Loaf", "Properties": {"ServiceToken": function, "Grain": "rye"}},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": ["Loaf", "Name"]}}},
        },
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Loaf", "Name"]}}, "Id": {"Value": {"Ref": "Loaf"}}},
    }
    client = aws.client("cloudformation")
    client.create_stack(StackName="shop", TemplateBody=json.dumps(template))
    return client.describe_stacks(StackName="shop")["Stacks"][0]


@promise(GUIDE, "the function gets a Create request, and its answer gives the resource its id and its attributes")
def test_create(aws: Subject) -> None:
    made = stack(aws, "SUCCESS")
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]} == {"Name": "bread", "Id": "loaf-1"}
    assert aws.client("sns").list_topics()["Topics"][0]["TopicArn"].endswith(":bread")
    event = first(aws)
    assert (event["RequestType"], event["ResourceType"]) == ("Create", "Custom::Loaf")
    assert (event["LogicalResourceId"], event["StackId"]) == ("Loaf", made["StackId"])
    assert event["ResourceProperties"]["Grain"] == "rye" and event["RequestId"]


@promise(GUIDE, "a function that answers FAILED fails the stack, and its reason stands in the events")
def test_failed(aws: Subject) -> None:
    assert stack(aws, "FAILED")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = aws.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    (failed,) = [one for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["LogicalResourceId"] == "Loaf" and "no flour" in failed["ResourceStatusReason"]


@promise(GUIDE, "the function gets Update with the old properties, and Delete with the id that it gave")
def test_update_and_delete(aws: Subject) -> None:
    stack(aws, "SUCCESS")
    client = aws.client("cloudformation")
    template = client.get_template(StackName="shop")["TemplateBody"]
    template["Resources"]["Loaf"]["Properties"]["Grain"] = "spelt"
    client.update_stack(StackName="shop", TemplateBody=json.dumps(template))
    client.delete_stack(StackName="shop")
    events = aws.wait(lambda: (found := kept(aws)) and len(found) == 3 and found)
    assert [one["RequestType"] for one in events] == ["Create", "Update", "Delete"]
    assert events[1]["OldResourceProperties"]["Grain"] == "rye" and events[1]["ResourceProperties"]["Grain"] == "spelt"
    assert [one.get("PhysicalResourceId") for one in events] == [None, "loaf-1", "loaf-1"]
