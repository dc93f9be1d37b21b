"""Sampling: which requests are traced. The decision falls once, where a trace begins, and travels in the header.

AWS: rules by ascending priority; the first that matches decides. Its reservoir records so many requests each second,
its fixed rate a share of the others; the default rule has a reservoir of 1 and 5 %. Wildcards are ``*`` and ``?``; what
a service does not know of a request (its host, its path) matches. API Gateway gives the names ``API/STAGE`` and
``AWS::ApiGateway::Stage``, and its headers as attributes; the URL path it does not support ("Configuring sampling
rules", X-Ray Developer Guide). Lambda has the default's numbers, and no rule changes them ("Visualize Lambda function
invocations using AWS X-Ray", Lambda Developer Guide). SDKs fetch the rules, decide by themselves, report every ten
seconds, and get their share of the reservoir for five minutes ("Using sampling rules with the X-Ray API").

Differs: a quota is the reservoir divided by the clients that reported in the last minute; AWS does not say how it
divides. Reservoirs of this cloud's services count by its clock, an SDK's by its own. Boosts (SamplingRateBoost) are not
built. Unsourced: the words of the refusals.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.policies import like
from helpers.dataplane.web import HttpResponse

DEFAULT = "Default"
WINDOW_SECONDS = 10
QUOTA_SECONDS = 300
CLIENT_SECONDS = 60
_FIELDS = {"ServiceName": "name", "ServiceType": "kind", "Host": "host", "HTTPMethod": "method", "URLPath": "path"}
_ANY = {name: "*" for name in (*_FIELDS, "ResourceARN")}
_NUMBERS = {"Priority": 10_000, "FixedRate": 0.05, "ReservoirSize": 1, "Version": 1}


@dataclass(frozen=True)
class Asked:
    """What is known of a request when its sampling is decided; what is empty matches every rule."""

    name: str = ""
    kind: str = ""
    host: str = ""
    method: str = ""
    path: str = ""
    arn: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Rule:
    """A sampling rule; ``settings`` are the members of the API's SamplingRule."""

    settings: dict[str, Any]
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    second: int = -1
    """The second in which ``taken`` of the reservoir were recorded."""
    taken: int = 0

    def matches(self, asked: Asked) -> bool:
        """Return whether the rule is for a request."""
        given = {name: getattr(asked, attribute) for name, attribute in _FIELDS.items()} | {"ResourceARN": asked.arn}
        if not all(not value or _like(self.settings[name], value) for name, value in given.items()):
            return False
        wanted = self.settings["Attributes"]
        return all(_like(pattern, asked.attributes.get(name, "")) for name, pattern in wanted.items())

    def told(self) -> dict[str, Any]:
        """Return the rule as a SamplingRuleRecord."""
        return {"SamplingRule": self.settings, "CreatedAt": _date(self.created), "ModifiedAt": _date(self.modified)}


class Sampling:
    """The rules of one account, and the decisions of this cloud's services.

    Parameters
    ----------
    now:
        Returns AWS's seconds, such as ``Clock.now``.
    chance:
        Draws whether the fixed rate hits.
    """

    def __init__(self, now: Callable[[], float], chance: random.Random) -> None:
        self._now, self._chance = now, chance
        self._lock = threading.RLock()
        default = {"RuleName": DEFAULT, "RuleARN": "", **_ANY, **_NUMBERS, "Attributes": {}}
        self._rules, self._lambda = {DEFAULT: Rule(default)}, Rule(default)
        self._counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self._clients: dict[tuple[str, str], float] = {}

    def decide(self, asked: Asked) -> tuple[bool, str]:
        """Decide whether to record a request; return that and the rule's name."""
        with self._lock:
            rule = next(rule for rule in self._in_order() if rule.matches(asked))
            sampled = self._drawn(rule)
            self._count(rule.settings["RuleName"], RequestCount=1, SampledCount=int(sampled))
            return sampled, str(rule.settings["RuleName"])

    def decide_for_lambda(self) -> bool:
        """Decide whether to record an invocation that came without a decision."""
        with self._lock:
            return self._drawn(self._lambda)

    def _drawn(self, rule: Rule) -> bool:
        second = int(self._now())
        if rule.second != second:
            rule.second, rule.taken = second, 0
        reserved = rule.taken < rule.settings["ReservoirSize"]
        rule.taken += reserved
        return bool(reserved or self._chance.random() < rule.settings["FixedRate"])

    def _count(self, name: str, **numbers: int) -> None:
        self._counts[name, int(time.time()) // WINDOW_SECONDS * WINDOW_SECONDS].update(numbers)

    def _in_order(self) -> list[Rule]:
        return sorted(list(self._rules.values()), key=lambda rule: int(rule.settings["Priority"]))

    def operations(self) -> dict[str, Callable[[Call], HttpResponse]]:
        """Return the operations of the API, by name."""
        return {
            "CreateSamplingRule": self._create,
            "UpdateSamplingRule": self._update,
            "DeleteSamplingRule": self._delete,
            "GetSamplingRules": lambda call: call.reply({"SamplingRuleRecords": [r.told() for r in self._in_order()]}),
            "GetSamplingTargets": self._targets,
            "GetSamplingStatisticSummaries": self._summaries,
        }

    def _create(self, call: Call) -> HttpResponse:
        given = {**_ANY, **_NUMBERS, "Attributes": {}, **call.params["SamplingRule"]}
        name = given.get("RuleName") or ""
        _check(given)
        with self._lock:
            if not name or name in self._rules:
                raise _invalid(f"A sampling rule needs a name of its own, not {name!r}")
            given["RuleARN"] = f"arn:aws:xray:{call.region}:{call.account_id}:sampling-rule/{name}"
            self._rules[name] = Rule(given)
        return call.reply({"SamplingRuleRecord": self._rules[name].told()})

    def _update(self, call: Call) -> HttpResponse:
        changes = dict(call.params["SamplingRuleUpdate"])
        rule = self._named(changes)
        _check(changes)
        known = {"FixedRate", "ReservoirSize"} if rule.settings["RuleName"] == DEFAULT else set(rule.settings)
        changes = {name: value for name, value in changes.items() if name not in ("RuleName", "RuleARN")}
        if set(changes) - known:
            raise _invalid("Of the default rule only FixedRate and ReservoirSize can be changed")
        with self._lock:
            rule.settings |= changes
            rule.modified = time.time()
        return call.reply({"SamplingRuleRecord": rule.told()})

    def _delete(self, call: Call) -> HttpResponse:
        rule = self._named(call.params)
        if rule.settings["RuleName"] == DEFAULT:
            raise _invalid("The default rule cannot be deleted")
        with self._lock:
            self._rules.pop(rule.settings["RuleName"], None)
        return call.reply({"SamplingRuleRecord": rule.told()})

    def _named(self, given: Mapping[str, Any]) -> Rule:
        name = given.get("RuleName") or str(given.get("RuleARN") or "").rpartition("/")[2]
        if name not in self._rules:
            raise _invalid(f"There is no sampling rule named {name!r}")
        return self._rules[name]

    def _targets(self, call: Call) -> HttpResponse:
        """Take what SDKs counted, and give each its share of the reservoirs."""
        targets, unprocessed, now = [], [], time.time()
        for document in call.params["SamplingStatisticsDocuments"]:
            name = document["RuleName"]
            if name not in self._rules:
                told = {"RuleName": name, "ErrorCode": "400", "Message": "There is no such rule"}
                unprocessed.append(told)
                continue
            with self._lock:
                self._clients[name, document["ClientID"]] = now
                self._count(name, **{key: int(document.get(key) or 0) for key in _COUNTS})
                clients = sum(now - seen < CLIENT_SECONDS for (rule, _), seen in self._clients.items() if rule == name)
            settings = self._rules[name].settings
            quota = -(-settings["ReservoirSize"] // clients)
            until = {"ReservoirQuota": quota, "ReservoirQuotaTTL": _date(now + QUOTA_SECONDS)}
            rate = {"RuleName": name, "FixedRate": settings["FixedRate"], "Interval": WINDOW_SECONDS}
            targets.append(rate | until)
        newest = max(rule.modified for rule in self._in_order())
        told = {"SamplingTargetDocuments": targets, "LastRuleModification": _date(newest)}
        return call.reply({**told, "UnprocessedStatistics": unprocessed})

    def _summaries(self, call: Call) -> HttpResponse:
        with self._lock:
            counted = [(key, dict(numbers)) for key, numbers in self._counts.items()]
        summaries = [
            {"RuleName": name, "Timestamp": _date(window), **dict.fromkeys(_COUNTS, 0), **numbers}
            for (name, window), numbers in counted
        ]
        return call.reply({"SamplingStatisticSummaries": summaries})


_COUNTS = ("RequestCount", "SampledCount", "BorrowCount")


def _like(pattern: str, text: str) -> bool:
    """Return whether a text is like a pattern with ``*`` and ``?``; X-Ray's SDKs compare without regard to case."""
    return like(text.lower(), pattern.lower())


def _check(given: Mapping[str, Any]) -> None:
    if given.get("SamplingRateBoost"):
        raise not_built("SamplingRateBoost")
    if not 0 <= given.get("FixedRate", 0) <= 1 or given.get("ReservoirSize", 0) < 0:
        raise _invalid("FixedRate must be between 0 and 1, ReservoirSize at least 0")


def _invalid(message: str) -> AWSError:
    return AWSError("InvalidRequestException", message, 400)


def _date(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
