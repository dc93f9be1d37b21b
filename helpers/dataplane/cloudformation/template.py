"""Templates: text to dictionary, what must be in one, and the capabilities that it asks for.

AWS: "Template anatomy", "Intrinsic function reference" and "Transform section" (CloudFormation User Guide);
capabilities: CreateStack (API Reference). Here: the same; a template is checked by its own references, its resources
when they are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from helpers.dataplane.call import AWSError

SAM = "AWS::Serverless-2016-10-31"
SECTIONS = frozenset(
    "AWSTemplateFormatVersion Description Metadata Parameters Rules Mappings Conditions Transform Resources Outputs "
    "Hooks Globals".split()
)
_NAMES_IN_IAM = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}
_IAM = {*_NAMES_IN_IAM, "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey"}


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: dates stay text, and ``!Ref`` and its like are functions."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short_form)


def invalid(message: str) -> AWSError:
    """Return CloudFormation's error for what is wrong with a request or a template."""
    return AWSError("ValidationError", message, 400)


def read(text: str) -> dict[str, Any]:
    """Return a template of JSON or YAML.

    Raises
    ------
    AWSError
        ``ValidationError``: it is neither, has no resources, or a section that AWS does not know.
    """
    try:
        template = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_Loader)
    except ValueError:
        raise invalid("Template format error: JSON not well-formed.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise invalid(f"Template format error: YAML not well-formed.{where}") from None
    if not isinstance(template, dict):
        raise invalid("Template format error: unsupported structure.")
    unknown = [str(name) for name in template if name not in SECTIONS]
    if unknown and not transforms(template):
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    if not template.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    for name, resource in template["Resources"].items():
        if not isinstance(resource, dict) or "Type" not in resource:
            raise invalid(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            )
    return template


def transforms(template: Mapping[str, Any]) -> list[str]:
    """Return the names of a template's transforms."""
    said = template.get("Transform") or []
    return [one if isinstance(one, str) else one["Name"] for one in ([said] if isinstance(said, str | dict) else said)]


def needed_capabilities(template: Mapping[str, Any]) -> list[str]:
    """Return the capability that the template's IAM resources ask for, if any."""
    named = [
        _NAMES_IN_IAM.get(one["Type"], "") in (one.get("Properties") or {})
        for one in template["Resources"].values()
        if one["Type"] in _IAM
    ]
    return ["CAPABILITY_NAMED_IAM"] if any(named) else ["CAPABILITY_IAM"] if named else []


def require(needed: Sequence[str], given: Sequence[str]) -> None:
    """Refuse when a capability is missing; CAPABILITY_NAMED_IAM includes CAPABILITY_IAM."""
    for one in needed:
        if one not in given and not (one == "CAPABILITY_IAM" and "CAPABILITY_NAMED_IAM" in given):
            raise AWSError("InsufficientCapabilitiesException", f"Requires capabilities : [{one}]", 400)


def references(node: Any) -> Iterator[tuple[str, str]]:
    """Yield what a part of a template refers to: the logical id, and the attribute or nothing."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "Ref" and isinstance(value, str):
                yield value, ""
            elif key == "Fn::GetAtt":
                name, attribute = value.split(".", 1) if isinstance(value, str) else (value[0], value[1])
                yield name, attribute if isinstance(attribute, str) else "?"
                yield from references(attribute)
            elif key == "Fn::Sub":
                yield from _in_text(value)
            else:
                yield from references(value)
    elif isinstance(node, list):
        for one in node:
            yield from references(one)


def _in_text(said: Any) -> Iterator[tuple[str, str]]:
    if isinstance(said, list) and len(said) != 2:
        raise invalid("Template error: Fn::Sub takes a text, or a list of a text and a map of values")
    text, given = (said[0], said[1]) if isinstance(said, list) else (said, {})
    yield from references(given)
    for name in names_in(text):
        if name not in given:
            logical, _, attribute = name.partition(".")
            yield logical, attribute


def names_in(text: str) -> list[str]:
    """Return the names between ``${`` and ``}`` of a text for Fn::Sub; ``${!Literal}`` is none."""
    parts = text.split("${")[1:]
    return [part.partition("}")[0].strip() for part in parts if "}" in part and not part.startswith("!")]


def check_references(template: Mapping[str, Any]) -> None:
    """Refuse references to what is neither a resource nor a parameter, before anything is made."""
    known = {*template["Resources"], *(template.get("Parameters") or {})}
    for section in ("Resources", "Outputs"):
        missing = {
            name for name, _ in references(template.get(section) or {}) if name not in known and "::" not in name
        }
        if section == "Resources":
            missing |= {name for one in template["Resources"].values() for name in depends_on(one)} - known
        if missing:
            names = ", ".join(sorted(missing))
            words = f"Unresolved resource dependencies [{names}] in the {section} block of the template"
            raise invalid(f"Template format error: {words}")


def depends_on(resource: Mapping[str, Any]) -> list[str]:
    """Return what a resource names in its DependsOn."""
    said = resource.get("DependsOn") or []
    return [said] if isinstance(said, str) else list(said)


def in_order(resources: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    """Return ``wanted`` so that each resource stands after those that it needs.

    Raises
    ------
    AWSError
        ``ValidationError``: they need each other.
    """
    needs = {name: {one for one, _ in references(body)} | set(depends_on(body)) for name, body in resources.items()}
    done: list[str] = []
    left = list(wanted)
    while left:
        ready = [name for name in left if not needs[name] & set(left) - {name} and name not in needs[name]]
        if not ready:
            raise invalid(f"Circular dependency between resources: [{', '.join(sorted(left))}]")
        done += ready
        left = [name for name in left if name not in ready]
    return done
