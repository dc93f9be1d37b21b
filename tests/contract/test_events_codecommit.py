"""What CodeCommit promises about the triggers of a repository."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.contract.pushed import first, keeper, kept, open_queue, open_topic
from tests.contract.subjects import Subject, promise, refused

GUIDE = "AWS CodeCommit User Guide, Manage triggers for a repository"
EVENT = "AWS Lambda Developer Guide, Using AWS Lambda with AWS CodeCommit"
API = "AWS CodeCommit API Reference"
ARN = "arn:aws:codecommit:us-east-1:123456789012:shop"


def repository(
    aws: Subject, target: str = "", *, branches: tuple[str, ...] = (), events: tuple[str, ...] = ("all",)
) -> Any:
    """Create a repository, with a trigger if a target is named; return the client."""
    client = aws.client("codecommit")
    client.create_repository(repositoryName="shop")
    if target:
        trigger = {"name": "tell", "destinationArn": target, "branches": list(branches), "events": list(events)}
        client.put_repository_triggers(repositoryName="shop", triggers=[{**trigger, "customData": "deploy"}])
    return client


def push(client: Any, text: str, branch: str = "main", **parent: str) -> str:
    """Commit one file; return the commit's id."""
    found = client.put_file(
        repositoryName="shop", branchName=branch, filePath="price.txt", fileContent=text.encode(), **parent
    )
    return str(found["commitId"])


@promise(EVENT, "a push invokes the function with the references that changed, the trigger's name and its custom data")
def test_event(aws: Subject) -> None:
    client = repository(aws, keeper(aws, "codecommit", ARN))
    commit = push(client, "9.50")
    (record,) = first(aws)["Records"]
    assert record["codecommit"]["references"] == [{"commit": commit, "created": True, "ref": "refs/heads/main"}]
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:codecommit", ARN)
    assert (record["eventName"], record["eventTriggerName"]) == ("ReferenceChanges", "tell")
    assert record["customData"] == "deploy"
    assert record["userIdentityARN"].startswith("arn:aws:")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", record["eventTime"])


@promise(GUIDE, "a trigger tells of the branches and the kinds of changes that it names, of no others")
def test_chosen(aws: Subject) -> None:
    client = repository(aws, keeper(aws, "codecommit", ARN), branches=("main",), events=("updateReference",))
    before = push(client, "9.50")
    after = push(client, "9.90", parentCommitId=before)
    (record,) = first(aws)["Records"]
    assert record["codecommit"]["references"] == [{"commit": after, "ref": "refs/heads/main"}]
    assert client.get_branch(repositoryName="shop", branchName="main")["branch"]["commitId"] == after


@promise(GUIDE, "without permission for codecommit.amazonaws.com a push reaches no function")
def test_permission(aws: Subject) -> None:
    stranger, topic = keeper(aws), open_topic(aws, "codecommit")
    url, queue = open_queue(aws, "sns", name="told")
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    client = repository(aws)
    triggers = [
        {"name": name, "destinationArn": arn, "branches": [], "events": ["all"]}
        for name, arn in (("function", stranger), ("topic", topic))
    ]
    client.put_repository_triggers(repositoryName="shop", triggers=triggers)
    commit = push(client, "9.50")
    message = json.loads(aws.message(url)["Body"])
    assert json.loads(message["Message"])["Records"][0]["codecommit"]["references"][0]["commit"] == commit
    assert kept(aws) == []


@promise(API, "PutFile names the tip of its branch as the parent; PutRepositoryTriggers takes functions and topics")
def test_refused(aws: Subject) -> None:
    client = repository(aws)
    before = push(client, "9.50")
    with refused("ParentCommitIdRequiredException"):
        push(client, "9.90")
    push(client, "9.90", parentCommitId=before)
    with refused("ParentCommitIdOutdatedException"):
        push(client, "9.95", parentCommitId=before)
    with refused("BranchDoesNotExistException"):
        push(client, "9.95", "other")
    with refused("RepositoryDoesNotExistException"):
        client.put_repository_triggers(repositoryName="other", triggers=[])
    trigger = {"name": "tell", "destinationArn": "arn:aws:sqs:us-east-1:123456789012:q", "branches": []}
    with refused("InvalidRepositoryTriggerDestinationArnException"):
        client.put_repository_triggers(repositoryName="shop", triggers=[{**trigger, "events": ["all"]}])
