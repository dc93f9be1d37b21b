"""Filter expressions: AWS's examples, what is wrong with wrong ones, and what random ones say about random traces."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.dataplane.call import AWSError
from helpers.dataplane.xray.documents import Reading, read
from helpers.dataplane.xray.filters import compiled
from helpers.dataplane.xray.store import Trace
from tests.contract.traces import part, segment

EXAMPLES = """
responsetime > 5
duration >= 5 AND duration <= 8
ok
!ok
ok = false
service("data-plane") {root = true and fault = true}
http.status != 200
ok !partial duration <3
http.url CONTAINS "/api/game/"
user CONTAINS ""
service("api.example.com") { fault }
service() { fault }
edge("api.example.com", "backend.example.com") { error }
http.url BEGINSWITH "http://api.example.com/" AND http.url CONTAINS "/v2/" AND !service("api.example.com")
http.url AND responseTime > 2
annotation.gameid = "817DL6VO"
annotation.age
!annotation.age
annotation.age > 29
group.name = "high_response_time" AND user = "alice"
service("random-name") { error }
service(id(name: "random-name", type: "AWS::Lambda::Function")) { error }
service(id(type: "AWS::Lambda::Function")) { error }
edge(id(name: "service-one", type:"service::type"), id(name: "service-two", type:"service::type")) { fault }
fault = true AND http.url CONTAINS "example/game" AND responsetime >= 5
service("api.example.com") { fault = true OR responsetime >= 5 }
service("example.com") {fault OR error}
"""
"""Of "Using filter expressions", "Configuring groups" and "Configuring sampling, groups, and encryption settings"; the
word ``filter`` in a block stands for any filter, here for ``fault``."""
ROOT_CAUSES = """
rootcause.fault.entity { last and name = "deserialize" }
rootcause.responsetime.entity { remote and coverage > 0.7 and name = "traces" }
rootcause.fault.service { inferred and name = traces and type = "AWS::DynamoDB" }
rootcause.fault.service { index > 5 }
rootcause.responsetime.entity { last and coverage > 0.8 }
rootcause.fault.service { name = "Auth" }
rootcause.responsetime.service { last and type = "AWS::DynamoDB" }
rootcause.fault.exception { last and message = "Access Denied for account_id: 1234567890" }
rootcause.json = #[{ "Services": [ { "Name": "GetWeatherData", "EntityPath": [{ "Name": "GetWeatherData" }] } ] }]
"""
GROUPS = {"high_response_time": "responseTime > 3"}
WRONG = {
    "ok AND": 7,
    "ok OR": 6,
    "(ok": 4,
    "ok)": 3,
    "foo = 3": 1,
    "ok AND foo": 8,
    "NOT ok": 1,
    'responsetime > "5"': 16,
    "responsetime CONTAINS 3": 14,
    "user > 3": 8,
    'user > "a"': 6,
    "user = alice": 8,
    "ok = 1": 6,
    "ok > true": 4,
    'service("a") { fault': 21,
    'service("a" "b")': 13,
    'service("a") { service("b") }': 16,
    'service("a") { annotation.b = 1 }': 16,
    'edge("a")': 9,
    'http.url = "a': 12,
    '"a" = user': 1,
    'group.name = "none"': 14,
    "annotation.a ~ 3": 14,
}
"""Wrong expressions, and at which character."""


@pytest.mark.parametrize("example", EXAMPLES.strip().splitlines())
def test_every_example_of_aws_is_read_and_answered(example: str) -> None:
    assert compiled(example, GROUPS)(Reading("1-00000000-000000000000000000000000")) in (True, False)


@pytest.mark.parametrize("example", ROOT_CAUSES.strip().splitlines())
def test_examples_with_root_causes_are_read_and_said_to_be_missing(example: str) -> None:
    with pytest.raises(AWSError, match=r"keyword rootcause\.\S+ at character 1 of this filter .* is not built"):
        compiled(example)


@pytest.mark.parametrize("expression", WRONG)
def test_a_wrong_expression_is_refused_with_the_place(expression: str) -> None:
    with pytest.raises(AWSError, match=rf"wrong at character {WRONG[expression]}:") as refused:
        compiled(expression)
    assert refused.value.code == "InvalidRequestException"


@pytest.mark.parametrize(
    "keyword", ["first", "last", "index > 1", "coverage > 1", "remote", 'message = "a"', 'name = "a"']
)
def test_keywords_of_root_causes_are_said_to_be_missing(keyword: str) -> None:
    with pytest.raises(AWSError, match="is not built"):
        compiled(keyword)


def test_nesting_has_an_end() -> None:
    assert compiled("(" * 50 + "ok" + ")" * 50)(Reading(""))
    with pytest.raises(AWSError, match="nested too deeply"):
        compiled("!" * 5000 + "ok")


def test_a_group_does_not_contain_itself() -> None:
    groups = {"a": 'group.name = "b"', "b": 'group.name = "a"'}
    with pytest.raises(AWSError, match="no group contains itself"):
        compiled('group.name = "a"', groups)


# A trace by its facts: the root's status, its seconds and so on; the expression tree is evaluated on these alone.
NAMES, TEXTS = ("orders", "carts", "other"), ("", "a", "ab", 'b"\\')
NUMBERS = (-1, 0.5, 1, 200, 429, 500)
STATUS = st.sampled_from([200, 404, 429, 500])
VALUES = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans())
FACTS = st.fixed_dictionaries(
    {
        "status": STATUS,
        "seconds": st.sampled_from([0.5, 1, 2]),
        "url": st.none() | st.sampled_from(TEXTS),
        "user": st.none() | st.sampled_from(TEXTS),
        "annotations": st.dictionaries(st.sampled_from(["a", "b"]), VALUES),
        "calls": st.lists(st.tuples(st.sampled_from(NAMES), STATUS, st.booleans()), max_size=3),
    }
)
NUMERIC = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTUAL = {"=": operator.eq, "!=": operator.ne, "CONTAINS": operator.contains, "BEGINSWITH": str.startswith,
           "ENDSWITH": str.endswith}  # fmt: skip
FLAGS = st.sampled_from(["ok", "error", "throttle", "fault"])
TREES = st.recursive(
    st.one_of(
        st.tuples(st.just("flag"), FLAGS),
        st.tuples(st.just("set"), st.sampled_from(["user", "http.url", "annotation.a", "annotation[b]"])),
        st.tuples(st.just("number"), st.sampled_from(["http.status", "responsetime", "duration"]),
                  st.sampled_from([*NUMERIC]), st.sampled_from(NUMBERS)),
        st.tuples(st.just("text"), st.sampled_from(["user", "http.url"]), st.sampled_from([*TEXTUAL]),
                  st.sampled_from(TEXTS)),
        st.tuples(st.just("annotation"), st.sampled_from(["a", "b"]), st.sampled_from(["=", "!="]), VALUES),
        st.tuples(st.just("service"), st.none() | st.sampled_from(NAMES), st.none() | FLAGS),
        st.tuples(st.just("edge"), st.sampled_from(NAMES), st.none() | FLAGS),
    ),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["AND", "OR", "and", ""]), inner, inner),
    ),
    max_leaves=8,
)  # fmt: skip


def literal(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower()


def text(tree: Any) -> str:
    """Return the expression that says what a tree means."""
    kind = tree[0]
    if kind in ("flag", "set"):
        return str(tree[1])
    if kind in ("number", "text"):
        return f"{tree[1]} {tree[2]} {literal(tree[3])}"
    if kind == "annotation":
        return f"annotation.{tree[1]}{tree[2]}{literal(tree[3])}"
    if kind in ("service", "edge"):
        names = ["shop"] if kind == "edge" else []
        named = ", ".join(literal(name) for name in [*names, tree[1]] if name is not None)
        return f"{kind}({named})" + (f" {{ {tree[2]} }}" if tree[2] else "")
    if kind == "not":
        return f"!({text(tree[1])})"
    return f"({text(tree[1])}) {kind} ({text(tree[2])})"


def flag(name: str, status: int) -> bool:
    return {"ok": status < 400, "error": 400 <= status < 500, "throttle": status == 429, "fault": status >= 500}[name]


def value_of(facts: Any, name: str) -> Any:
    if name.startswith("annotation"):
        return facts["annotations"].get(name.rstrip("]")[-1])
    fields = {"http.url": "url", "http.status": "status", "responsetime": "seconds", "duration": "seconds"}
    return facts[fields.get(name, name)]


def means(tree: Any, facts: Any) -> bool:
    """Return what a tree says about a trace, from its facts."""
    kind = tree[0]
    calls = [("shop", facts["status"], False), *facts["calls"]]
    if kind == "flag":
        return (
            any(flag("throttle", call[1]) for call in calls)
            if tree[1] == "throttle"
            else flag(tree[1], facts["status"])
        )
    if kind == "set":
        there = value_of(facts, tree[1])
        return there is not None and there is not False
    if kind == "number":
        return bool(NUMERIC[tree[2]](value_of(facts, tree[1]), tree[3]))
    if kind == "text":
        there = value_of(facts, tree[1])
        return there is not None and bool(TEXTUAL[tree[2]](there, tree[3]))
    if kind == "annotation":
        there = facts["annotations"].get(tree[1])
        alike = isinstance(there, str) == isinstance(tree[3], str) and isinstance(there, bool) == isinstance(
            tree[3], bool
        )
        return there is not None and alike and bool(NUMERIC[tree[2]](there, tree[3]))
    if kind in ("service", "edge"):
        asked = calls if kind == "service" else facts["calls"]
        return any(tree[1] in (None, name) and (not tree[2] or flag(tree[2], status)) for name, status, _ in asked)
    if kind == "not":
        return not means(tree[1], facts)
    both = [means(tree[1], facts), means(tree[2], facts)]
    return any(both) if kind == "OR" else all(both)


def reading_of(facts: Any) -> Reading:
    """Return the trace that has these facts; a call's third fact is whether the service sent a segment."""
    trace = "1-00000064-000000000000000000000000"
    parts = [part(name, 100, 0.1, namespace="remote", status=status) for name, status, _ in facts["calls"]]
    answers = [
        segment(trace, name, 100, 0.1, parent_id=call["id"], status=status)
        for call, (name, status, sends) in zip(parts, facts["calls"], strict=True)
        if sends
    ]
    root = segment(
        trace, "shop", 100, facts["seconds"], *parts, status=facts["status"], annotations=facts["annotations"]
    )
    root |= {} if facts["user"] is None else {"user": facts["user"]}
    root["http"]["request"] = {} if facts["url"] is None else {"url": facts["url"]}
    return read(Trace(trace, [root, *answers]))


@given(TREES, FACTS)
@settings(max_examples=200, deadline=None)
def test_an_expression_means_what_its_tree_says(tree: Any, facts: Any) -> None:
    assert compiled(text(tree))(reading_of(facts)) is means(tree, facts)


@given(st.text('ok!&=<>"(){}[]#,.: andORservicedg', max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(expression: str) -> None:
    try:
        compiled(expression)
    except AWSError as refused:
        assert refused.code in ("InvalidRequestException", "NotImplementedException")
