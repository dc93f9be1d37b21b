"""The expressions of templates, and the order of resources, one at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.template import check_references, in_order, read, references
from helpers.dataplane.cloudformation.values import Values, with_defaults

NAMES = some.text("abcdefgh", min_size=1, max_size=3)


def values(template: dict[str, Any] | None = None, **names: Any) -> Values:
    """Return a reader for the expressions of a template, with the parameters ``names``."""
    made = Values(
        {"Resources": {}, **(template or {})}, {"AWS::Region": "us-east-1", **names}, lambda name: f"of {name}"
    )
    made.resources["Queue"] = "url"
    made.attribute = lambda name, attribute: {"Arn": "arn", "Outputs.Url": "nested"}.get(attribute)
    return made


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"Ref": "Queue"}, "url"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn"),
        ({"Fn::GetAtt": "Queue.Outputs.Url"}, "nested"),
        ({"Fn::Sub": "${Queue}/${Queue.Arn}/${AWS::Region}/${!Kept}"}, "url/arn/us-east-1/${Kept}"),
        ({"Fn::Sub": ["${A}-${Queue}", {"A": {"Ref": "AWS::Region"}}]}, "us-east-1-url"),
        ({"Fn::Join": [",", ["a", {"Ref": "Queue"}, 1]]}, "a,url,1"),
        ({"Fn::Select": ["1", {"Fn::Split": ["|", "a|b"]}]}, "b"),
        ({"Fn::ImportValue": {"Fn::Sub": "x-${AWS::Region}"}}, "of x-us-east-1"),
        ({"Fn::ToJsonString": {"a": {"Ref": "Queue"}}}, '{"a": "url"}'),
        ({"Fn::Length": [1, 2]}, 2),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
    ],
)
def test_functions(said: Any, meant: Any) -> None:
    assert values().resolve(said) == meant


def test_a_condition_may_stand_for_another_in_a_condition() -> None:
    both = {"Fn::And": [{"Condition": {"Condition": "Yes"}}, {"Condition": "Yes"}]}  # as the SAM translator writes it
    assert values({"Conditions": {"Yes": {"Fn::Equals": ["a", "a"]}, "Both": both}}).holds("Both")


def test_a_sub_with_a_text_alone_in_a_list_is_refused() -> None:
    with pytest.raises(AWSError, match="Fn::Sub"):
        list(references({"Fn::Sub": ["${Queue}"]}))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"Ref": "Nobody"}, "Unresolved resource dependencies [Nobody]"),
        ({"Fn::GetAtt": ["Queue", "Colour"]}, "does not support attribute type Colour in Fn::GetAtt"),
        ({"Fn::Select": [3, ["a"]]}, "cannot select nonexistent value at index 3"),
        ({"Fn::FindInMap": ["Map", "a", "b"]}, "Unable to get mapping for Map::a::b"),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, "the function Fn::Cidr is not built"),
        ("{{resolve:ssm:name}}", "the dynamic reference {{resolve:ssm:name}} is not built"),
    ],
)
def test_what_means_nothing_is_refused(said: Any, words: str) -> None:
    with pytest.raises(AWSError) as refusal:
        values({"Mappings": {}}).resolve(said)
    assert words in refusal.value.message


def test_conditions_refer_to_each_other() -> None:
    conditions = {
        "Live": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "Test": {"Fn::Not": [{"Condition": "Live"}]},
        "Either": {"Fn::Or": [{"Condition": "Live"}, {"Condition": "Test"}]},
        "Both": {"Fn::And": [{"Condition": "Live"}, {"Condition": "Test"}]},
    }
    resources = {name: {"Type": "AWS::SQS::Queue", "Condition": name} for name in conditions}
    assert values({"Conditions": conditions, "Resources": resources}, Stage="prod").wanted() == ["Live", "Either"]


def test_parameters_have_types() -> None:
    declared = {
        "Number": {"Type": "Number", "Default": 3},
        "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Switch": {"Type": "String", "Default": True, "AllowedValues": [True, False]},
        "Word": {"Type": "String", "AllowedPattern": "[a-z]+"},
    }
    read_ones = with_defaults({"Parameters": declared}, {"Word": "cake"})
    assert read_ones == {"Number": "3", "List": ["a", "b"], "Switch": "true", "Word": "cake"}
    for wrong in ({"Word": "9"}, {"Word": "cake", "Number": "many"}, {"Word": "cake", "Switch": "maybe"}):
        with pytest.raises(AWSError):
            with_defaults({"Parameters": declared}, wrong)


def test_yaml_keeps_dates_and_reads_short_forms() -> None:
    template = read(
        "Resources:\n  R:\n    Type: X\n    Properties:\n      V: 2012-10-17\n      A: !GetAtt B.C.D\n"
        "      S: !Sub ['${x}', {x: !Ref B}]\n      C: !If [Yes1, !Ref B, !Ref 'AWS::NoValue']\n"
    )
    properties = template["Resources"]["R"]["Properties"]
    assert properties["V"] == "2012-10-17" and properties["A"] == {"Fn::GetAtt": ["B", "C.D"]}
    assert set(references(properties)) == {("B", "C.D"), ("B", ""), ("AWS::NoValue", "")}
    with pytest.raises(AWSError, match=r"Unresolved resource dependencies \[B\]"):
        check_references(template)


@given(some.dictionaries(NAMES, some.sets(NAMES, max_size=4), max_size=8))
def test_each_resource_stands_after_those_that_it_needs(needs: dict[str, set[str]]) -> None:
    resources = {name: {"Type": "X", "DependsOn": sorted(those)} for name, those in needs.items()}
    try:
        order = in_order(resources, list(resources))
    except AWSError as error:
        assert "Circular dependency" in error.message
        left = set(error.message.split("[")[1].rstrip("]").split(", "))
        assert all(needs[name] & left for name in left)
    else:
        assert sorted(order) == sorted(resources)
        assert all(order.index(one) < order.index(name) for name in order for one in needs[name] if one in resources)
