"""What the expressions of a template mean: parameters, conditions, intrinsic functions.

AWS: "Intrinsic function reference", "Parameters" and "Pseudo parameters reference" (CloudFormation User Guide). Here:
all of them but Fn::Cidr, Fn::Transform, Fn::ForEach and dynamic references (``{{resolve:...}}``), which are refused
by name.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from helpers.dataplane.call import not_built
from helpers.dataplane.cloudformation.template import invalid

NO_VALUE = object()
Attribute = Callable[[str, str], Any]


def with_defaults(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each parameter, the given one or the default, read by its type.

    Raises
    ------
    AWSError
        ``ValidationError``: one is missing, unknown, or not what the template allows.
    """
    declared = template.get("Parameters") or {}
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, one in declared.items() if name not in given and "Default" not in one]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: _parameter(name, one, given.get(name, one.get("Default"))) for name, one in declared.items()}


def _parameter(name: str, declared: Mapping[str, Any], said: Any) -> Any:
    kind, text = declared.get("Type", "String"), _text(said)
    if kind.startswith("AWS::SSM::"):
        raise not_built(f"the parameter type {kind}")
    many = kind == "CommaDelimitedList" or kind.startswith("List<")
    each = [part.strip() for part in text.split(",")] if many else [text]
    for one in each:
        if "AllowedValues" in declared and one not in map(_text, declared["AllowedValues"]):
            raise invalid(f"Parameter '{name}' must be one of AllowedValues")
        if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], one):
            raise invalid(f"Parameter '{name}' must match pattern {declared['AllowedPattern']}")
        if "Number" in kind and not re.fullmatch(r"-?\d+(\.\d+)?", one):
            raise invalid(f"Parameter '{name}' must be a number")
    return each if many else text


@dataclass
class Values:
    """Reads the expressions of one template.

    ``resources`` has the physical id of what is made, ``attribute`` gives its attributes; ``imported`` gives what
    another stack exports.
    """

    template: Mapping[str, Any]
    names: Mapping[str, Any]
    """Parameters and pseudo parameters."""
    imported: Callable[[str], str]
    resources: dict[str, str] = field(default_factory=dict)
    attribute: Attribute = lambda name, attribute: None

    def holds(self, name: str) -> bool:
        """Return whether a condition of the template is met."""
        conditions = self.template.get("Conditions") or {}
        if name not in conditions:
            raise invalid(f"Template format error: Unresolved condition {name}")
        return self._test(conditions[name])

    def _test(self, said: Any) -> bool:
        if isinstance(said, bool | str):
            return str(said).lower() == "true"
        ((operator, given),) = said.items()
        match operator:
            case "Condition":
                return self._test(given) if isinstance(given, Mapping) else self.holds(given)
            case "Fn::Equals":
                left, right = (_text(self.resolve(one)) for one in given)
                return left == right
            case "Fn::Not":
                return not self._test(given[0])
            case "Fn::And":
                return all(self._test(one) for one in given)
            case "Fn::Or":
                return any(self._test(one) for one in given)
        raise invalid(f"Template error: {operator} is not a condition")

    def wanted(self) -> list[str]:
        """Return the names of the resources whose conditions are met."""
        resources = self.template["Resources"].items()
        return [name for name, one in resources if "Condition" not in one or self.holds(one["Condition"])]

    def resolve(self, node: Any) -> Any:
        """Return what a part of the template means now; ``AWS::NoValue`` takes its key away."""
        if isinstance(node, Mapping):
            if len(node) == 1:
                ((name, given),) = node.items()
                if name == "Ref":
                    return self._ref(given)
                if name.startswith("Fn::"):
                    return self._function(name, given)
            found = {key: self.resolve(value) for key, value in node.items()}
            return {key: value for key, value in found.items() if value is not NO_VALUE}
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not NO_VALUE]
        if isinstance(node, str) and "{{resolve:" in node:
            raise not_built(f"the dynamic reference {node}")
        return node

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.names:
            return self.names[name]
        if name in self.resources:
            return self.resources[name]
        raise invalid(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    def _function(self, name: str, given: Any) -> Any:
        if name == "Fn::If":
            return self.resolve(given[1] if self.holds(given[0]) else given[2])
        if name == "Fn::Sub":
            return self._sub(given)
        if name == "Fn::GetAtt" and isinstance(given, str):
            given = given.split(".", 1)
        read = self.resolve(given)
        match name:
            case "Fn::GetAtt":
                return self._get_att(read[0], ".".join(read[1:]))
            case "Fn::Join":
                return str(read[0]).join(_text(one) for one in read[1])
            case "Fn::Split":
                return str(read[1]).split(read[0])
            case "Fn::Select":
                return self._select(int(read[0]), read[1])
            case "Fn::FindInMap":
                return self._find(*read[:3])
            case "Fn::ImportValue":
                return self.imported(read)
            case "Fn::GetAZs":
                return [f"{read or self.names['AWS::Region']}{letter}" for letter in "abcdef"]
            case "Fn::Base64":
                return base64.b64encode(str(read).encode()).decode()
            case "Fn::ToJsonString":
                return json.dumps(read)
            case "Fn::Length":
                return len(read)
        raise not_built(f"the function {name}")

    def _get_att(self, name: str, attribute: str) -> Any:
        if name not in self.resources:
            raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        value = self.attribute(name, attribute)
        if value is None:
            raise invalid(f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt")
        return value

    def _select(self, index: int, values: list[Any]) -> Any:
        if not 0 <= index < len(values):
            raise invalid(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return values[index]

    def _find(self, name: str, first: str, second: str) -> Any:
        try:
            return self.template["Mappings"][name][str(first)][str(second)]
        except KeyError:
            raise invalid(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None

    def _sub(self, said: Any) -> str:
        text, given = (said[0], self.resolve(said[1])) if isinstance(said, list) else (said, {})

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in given:
                return _text(given[name])
            logical, _, attribute = name.partition(".")
            return _text(self._get_att(logical, attribute) if attribute else self._ref(name))

        return re.sub(r"\$\{([^}]*)\}", value, text)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
