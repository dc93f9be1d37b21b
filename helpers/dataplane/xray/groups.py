"""Groups: filter expressions with a name, for service graphs and in other expressions (``group.name = "slow"``).

AWS: "Configuring groups in the X-Ray console" and "Configuring sampling, groups, and encryption settings with the AWS
X-Ray API" (X-Ray Developer Guide). A group has a name, which never changes and tells capitals from small letters, an
ARN, and an expression.

Differs: AWS compares traces with a group's expression as they come in, so that a changed expression is for later traces
only; here they are compared when somebody asks. The group Default, insights, tags and a group's metrics in CloudWatch
are not built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse
from helpers.dataplane.xray import filters

Group = dict[str, Any]
_NO_INSIGHTS = {"InsightsEnabled": False, "NotificationsEnabled": False}


class Groups:
    """The groups of one account."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._groups: dict[str, Group] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {
            "CreateGroup": self._create,
            "GetGroup": lambda call: call.reply({"Group": self.named(call.params)}),
            "GetGroups": lambda call: call.reply({"Groups": list(self._groups.values())}),
            "UpdateGroup": self._update,
            "DeleteGroup": self._delete,
        }

    def expressions(self) -> dict[str, str]:
        """Return each group's expression by its name and by its ARN."""
        groups = list(self._groups.values())
        return {group[key]: group.get("FilterExpression", "") for group in groups for key in ("GroupName", "GroupARN")}

    def named(self, given: Mapping[str, Any]) -> Group:
        """Return the group that a call's GroupName or GroupARN names.

        Raises
        ------
        AWSError
            ``InvalidRequestException``: there is none.
        """
        for group in self._groups.values():
            if given.get("GroupName") == group["GroupName"] or given.get("GroupARN") == group["GroupARN"]:
                return group
        raise AWSError("InvalidRequestException", "Group not found", 400)

    def _create(self, call: Call) -> HttpResponse:
        name = call.params["GroupName"]
        if name in self._groups:
            raise AWSError("InvalidRequestException", f"There is a group {name} already", 400)
        if call.params.get("Tags"):
            raise not_built("Tags of groups")
        changes = self._changes(call)
        unique = self._context.new_id().replace("-", "").upper()
        arn = f"arn:aws:xray:{call.region}:{call.account_id}:group/{name}/{unique}"
        self._groups[name] = {
            "GroupName": name, "GroupARN": arn, "InsightsConfiguration": dict(_NO_INSIGHTS), **changes
        }  # fmt: skip
        return call.reply({"Group": self._groups[name]})

    def _update(self, call: Call) -> HttpResponse:
        group = self.named(call.params)
        group.update(self._changes(call))
        return call.reply({"Group": group})

    def _delete(self, call: Call) -> HttpResponse:
        del self._groups[self.named(call.params)["GroupName"]]
        return call.reply()

    def _changes(self, call: Call) -> dict[str, str]:
        """Return what a call sets of a group; a wrong expression is refused."""
        if any((call.params.get("InsightsConfiguration") or {}).values()):
            raise not_built("Insights")
        expression = call.params.get("FilterExpression")
        if expression is None:
            return {}
        filters.compiled(expression, self.expressions())
        return {"FilterExpression": expression}
