"""What X-Ray promises about groups of traces."""

from __future__ import annotations

import time
from typing import Any

from tests.contract.subjects import Subject, promise, refused
from tests.contract.traces import found, put, shop

GROUPS = "AWS X-Ray Developer Guide, Configuring groups in the X-Ray console"
CALLS = "AWS X-Ray Developer Guide, Configuring sampling, groups, and encryption settings with the AWS X-Ray API"
EXPRESSIONS = "AWS X-Ray Developer Guide, Use filter expressions"


def created(aws: Subject, name: str = "broken", expression: str = "fault") -> dict[str, Any]:
    """Create a group and return it."""
    return dict(aws.client("xray").create_group(GroupName=name, FilterExpression=expression)["Group"])


@promise(CALLS, "a group has a name, an ARN and an expression, and is found by either")
def test_create(aws: Subject) -> None:
    xray, group = aws.client("xray"), created(aws)
    assert (group["GroupName"], group["FilterExpression"]) == ("broken", "fault")
    assert group["GroupARN"].startswith("arn:aws:xray:us-east-1:123456789012:group/broken/")
    assert xray.get_group(GroupName="broken")["Group"] == group == xray.get_group(GroupARN=group["GroupARN"])["Group"]
    assert group in xray.get_groups()["Groups"]


@promise(CALLS, "a group's expression is updated, the group is deleted")
def test_change(aws: Subject) -> None:
    xray, group = aws.client("xray"), created(aws)
    changed = xray.update_group(GroupName="broken", FilterExpression="fault OR error")["Group"]
    assert changed == {**group, "FilterExpression": "fault OR error"}
    xray.delete_group(GroupARN=group["GroupARN"])
    assert group["GroupName"] not in [one["GroupName"] for one in xray.get_groups()["Groups"]]


@promise(EXPRESSIONS, "group.name and group.arn stand for a group's expression in another")
def test_in_expressions(aws: Subject) -> None:
    group = created(aws)
    fine, broken = put(aws, *shop(user="alice")), put(aws, *shop(broken=True, user="alice"))
    assert found(aws, 'group.name = "broken" AND user = "alice"') == {broken}
    assert found(aws, f'group.arn = "{group["GroupARN"]}"') == {broken}
    assert found(aws, 'group.name != "broken"') == {fine}


@promise(GROUPS, "a group gives a service graph of its own")
def test_graph(aws: Subject) -> None:
    xray, frame = aws.client("xray"), {"StartTime": time.time() - 60, "EndTime": time.time() + 60}
    created(aws)
    put(aws, *shop())
    assert xray.get_service_graph(**frame)["Services"]
    assert xray.get_service_graph(**frame, GroupName="broken")["Services"] == []
    put(aws, *shop(broken=True))
    services = xray.get_service_graph(**frame, GroupName="broken")["Services"]
    assert {service["SummaryStatistics"]["TotalCount"] for service in services if service.get("Root")} == {1}


@promise(GROUPS, "names of groups tell capitals from small letters")
def test_capitals(aws: Subject) -> None:
    created(aws, "slow", "ok")
    created(aws, "Slow", "fault")
    assert aws.client("xray").get_group(GroupName="Slow")["Group"]["FilterExpression"] == "fault"


@promise("AWS X-Ray API Reference, CreateGroup", "a wrong expression or an unknown group is an InvalidRequestException")
def test_refused(aws: Subject) -> None:
    xray = aws.client("xray")
    with refused("InvalidRequestException", "at character"):
        created(aws, "wrong", "fault AND")
    assert [one for one in xray.get_groups()["Groups"] if one["GroupName"] == "wrong"] == []
    for call in (xray.get_group, xray.update_group, xray.delete_group):
        with refused("InvalidRequestException"):
            call(GroupName="wrong")


@promise("AWS X-Ray API Reference, CreateGroup", "a name of more than 32 characters is an InvalidRequestException")
def test_long_name(aws: Subject) -> None:
    created(aws, "a" * 32)
    with refused("InvalidRequestException"):
        created(aws, "a" * 33)


def test_what_is_not_built_of_groups_says_so(aws: Subject) -> None:
    for more in ({"InsightsConfiguration": {"InsightsEnabled": True}}, {"Tags": [{"Key": "a", "Value": "b"}]}):
        with refused("NotImplementedException", status=501):
            aws.client("xray").create_group(GroupName="g", **more)
