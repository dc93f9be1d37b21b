"""CodeCommit: a push that tells a function or a topic.

AWS: a trigger of a repository names branches, kinds of changes (``updateReference``, ``createReference``,
``deleteReference`` or ``all``) and a Lambda function or an SNS topic, which must let CodeCommit in ("Manage triggers
for a repository" and "Using AWS Lambda with AWS CodeCommit"). PutFile commits one file and moves a branch; the first
one makes the branch of an empty repository. Repositories are moto's; files, branches and triggers are kept here.

Differs: no Git. PutFile is the one way to push, and only the ids of files are Git's. Not sourced: the errors' words.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.codecommit.models import codecommit_backends

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, as_json, iso, service_of
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse

_TARGETS = ("lambda", "sns")


@dataclass
class _Repository:
    """What a repository holds: the files of each branch's newest commit, and who is told of changes."""

    tips: dict[str, str] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    """By commit: the id of each file's content, by path."""
    triggers: list[dict[str, Any]] = field(default_factory=list)
    configuration_id: str = ""


class CodeCommitPlane:
    """The part of CodeCommit that moto leaves out: commits and triggers."""

    service = "codecommit"

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post
        self._repositories: dict[str, _Repository] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "PutFile": self._put_file,
            "GetBranch": self._get_branch,
            "PutRepositoryTriggers": self._put_triggers,
            "GetRepositoryTriggers": self._get_triggers,
            "DeleteRepository": self._delete,
        }

    def addresses(self) -> Mapping[str, Address]:
        """CodeCommit has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _repository(self, call: Call) -> tuple[_Repository, str]:
        """Return a repository and its ARN."""
        name = call.params["repositoryName"]
        known = codecommit_backends[self._context.account_id][call.region].repositories.get(name)
        if known is None:
            raise AWSError("RepositoryDoesNotExistException", f"{name} does not exist", 400)
        arn = str(known.repository_metadata["Arn"])
        return self._repositories.setdefault(arn, _Repository()), arn

    def _put_file(self, call: Call) -> HttpResponse:
        repository, arn = self._repository(call)
        branch, path = call.params["branchName"], call.params["filePath"]
        parent = _checked_parent(repository, branch, call.params.get("parentCommitId"))
        content: bytes = call.params["fileContent"]
        blob = hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()
        files = dict(repository.files.get(parent, {}))
        if files.get(path) == blob:
            raise AWSError("SameFileContentException", f"{path} has this content already", 400)
        files[path] = blob
        tree = hashlib.sha1(json.dumps(files, sort_keys=True).encode()).hexdigest()
        commit = hashlib.sha1(f"{tree} {parent} {self._context.new_id()}".encode()).hexdigest()
        repository.tips[branch], repository.files[commit] = commit, files
        self._tell(call, repository, arn, {"commit": commit, "ref": f"refs/heads/{branch}"}, created=not parent)
        return call.reply({"commitId": commit, "blobId": blob, "treeId": tree})

    def _tell(self, call: Call, repository: _Repository, arn: str, reference: dict[str, Any], created: bool) -> None:
        """Send the event to the triggers that want it; what may not be delivered is in the record only."""
        happened = "createReference" if created else "updateReference"
        if created:
            reference["created"] = True
        for trigger in repository.triggers:
            branches, events = trigger.get("branches") or [], trigger["events"]
            if branches and reference["ref"].removeprefix("refs/heads/") not in branches:
                continue
            if "all" not in events and happened not in events:
                continue
            event = self._event(call, repository, arn, trigger, reference)
            name = call.params["repositoryName"]
            delivery = Delivery("codecommit", arn, trigger["destinationArn"], as_json(event), happened, name)
            try:
                self._post.send(delivery)
            except AWSError:
                continue

    def _event(
        self, call: Call, repository: _Repository, arn: str, trigger: dict[str, Any], reference: dict[str, Any]
    ) -> dict[str, Any]:
        moment = iso(time.time(), 3).replace("Z", "+0000")
        return {
            "Records": [
                {
                    "awsRegion": call.region,
                    "codecommit": {"references": [reference]},
                    "customData": trigger.get("customData"),
                    "eventId": self._context.new_id(),
                    "eventName": "ReferenceChanges",
                    "eventPartNumber": 1,
                    "eventSource": "aws:codecommit",
                    "eventSourceARN": arn,
                    "eventTime": moment,
                    "eventTotalParts": 1,
                    "eventTriggerConfigId": repository.configuration_id,
                    "eventTriggerName": trigger["name"],
                    "eventVersion": "1.0",
                    "userIdentityARN": call.caller.arn,
                }
            ]
        }

    def _get_branch(self, call: Call) -> HttpResponse:
        repository, _ = self._repository(call)
        name = call.params["branchName"]
        if name not in repository.tips:
            raise AWSError("BranchDoesNotExistException", f"the branch {name} does not exist", 400)
        return call.reply({"branch": {"branchName": name, "commitId": repository.tips[name]}})

    def _put_triggers(self, call: Call) -> HttpResponse:
        repository, _ = self._repository(call)
        for trigger in call.params["triggers"]:
            if service_of(trigger["destinationArn"]) not in _TARGETS:
                message = "the target of a trigger is a Lambda function or an SNS topic"
                raise AWSError("InvalidRepositoryTriggerDestinationArnException", message, 400)
            if trigger["destinationArn"].split(":")[3] != call.region:
                message = "the target of a trigger is in the repository's Region"
                raise AWSError("InvalidRepositoryTriggerRegionException", message, 400)
            if "all" in trigger["events"] and len(trigger["events"]) > 1:
                message = "all cannot be used with other events"
                raise AWSError("InvalidRepositoryTriggerEventsException", message, 400)
        repository.triggers, repository.configuration_id = call.params["triggers"], self._context.new_id()
        return call.reply({"configurationId": repository.configuration_id})

    def _get_triggers(self, call: Call) -> HttpResponse:
        repository, _ = self._repository(call)
        return call.reply({"configurationId": repository.configuration_id, "triggers": repository.triggers})

    def _delete(self, call: Call) -> HttpResponse:
        response = forward(call)
        if response.status < 400:
            name = call.params["repositoryName"]
            self._repositories.pop(f"arn:aws:codecommit:{call.region}:{call.account_id}:{name}", None)
        return response


def _checked_parent(repository: _Repository, branch: str, parent: str | None) -> str:
    """Return the commit on which a new one is made; an empty text for the first one of a repository."""
    if branch not in repository.tips:
        if repository.tips:
            raise AWSError("BranchDoesNotExistException", f"the branch {branch} does not exist", 400)
        return ""
    tip = repository.tips[branch]
    if not parent:
        raise AWSError("ParentCommitIdRequiredException", "a parent commit id is required", 400)
    if parent != tip:
        raise AWSError("ParentCommitIdOutdatedException", f"{parent} is not the tip of {branch}: {tip} is", 400)
    return tip
