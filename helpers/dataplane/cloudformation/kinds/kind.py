"""A kind of resource: which API calls make, change and delete it.

AWS: each resource type has a schema and handlers that call the service's API ("Resource type schema", CloudFormation
CLI User Guide). Here: the schemas are those that cfn-lint brings along (AWS's own, from its registry): they say which
properties exist and which make a new resource necessary. The handlers are tables; botocore's models say how a
property is written.
Differs: a stack's tags are not passed on to its resources.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jmespath
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.cloudformation.template import invalid
from helpers.dataplane.context import Context

GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist|NotExist")
"""What an error is called when the resource to delete is not there any more."""


@dataclass
class Made:
    """What was made: its physical id (Ref), its attributes (Fn::GetAtt), and what names it in further calls."""

    id: str
    attributes: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    """What was there before, where deleting means putting that back."""


@dataclass(frozen=True)
class Site:
    """Where a resource is made: the account, the stack, its logical id."""

    context: Context
    region: str
    stack: str
    stack_id: str
    logical: str
    type: str
    shifts: Mapping[str, Any] = field(default_factory=dict)
    """The resource's UpdatePolicy, while it is updated and not brought back."""

    def client(self, service: str) -> Any:
        """Return a client with which CloudFormation calls a service."""
        return self.context.client(service, "cloudformation", self.region)

    def name(self, longest: int = 64) -> str:
        """Return a new name, as CloudFormation makes them: stack, logical id, twelve characters."""
        end = self.context.new_id().replace("-", "")[:12].upper()
        return f"{f'{self.stack}-{self.logical}'[: longest - 13]}-{end}"

    def arn(self, service: str, rest: str, everywhere: bool = False) -> str:
        """Return an ARN of this account."""
        return f"arn:aws:{service}:{'' if everywhere else self.region}:{self.context.account_id}:{rest}"


Properties = dict[str, Any]
Expression = str | Callable[[Site, dict[str, Any]], Any]
Step = Callable[[Site, Made, Any, Any], None]
"""Brings one property that has a call of its own from its old value to its new one; None is its absence."""


@dataclass(frozen=True)
class Kind:
    """A table of calls. Expressions are JMESPath over ``p`` (properties), ``a`` (the create call's answer), ``d`` (what
    ``read`` says), ``s`` (region, account, endpoint); or functions of the site and these."""

    type: str
    service: str
    create_call: str
    ref: Expression
    keys: Mapping[str, Expression] = field(default_factory=dict)
    delete_call: str = ""
    update_calls: Sequence[str] = ()
    read: str = ""
    attributes: Mapping[str, Expression] = field(default_factory=dict)
    name: str = ""
    """The property that gets a new name when the template gives none."""
    longest: int = 64
    rename: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a property becomes when an update takes it away."""
    prepare: Callable[[Site, Properties], Properties] = lambda site, properties: dict(properties)
    steps: Mapping[str, Step] = field(default_factory=dict)
    after: Callable[[Site, Made, Properties], None] = lambda site, made, properties: None
    """Is called after each create and update."""
    before_delete: Callable[[Site, Made, Properties], None] = lambda site, made, properties: None
    own: Sequence[str] = ()
    """What the update of a kind with an update of its own brings."""
    ignored: Sequence[str] = ()
    """Properties without a meaning here, such as the name of a group that only AWS's console shows."""

    def check(self, name: str, properties: Properties) -> None:
        """Refuse properties that the type does not have, and miss those that it must have."""
        schema = schema_of(self.type)
        known = schema.get("properties", properties)
        found = [f"#: required key [{one}] not found" for one in schema.get("required", []) if one not in properties]
        found += [f"#: extraneous key [{one}] is not permitted" for one in properties if one not in known]
        if found:
            raise invalid(f"Properties validation failed for resource {name} with message: {' '.join(found)}")

    def changed(self, old: Properties, new: Properties) -> list[str]:
        """Return the names of the properties that differ."""
        return [one for one in {**old, **new} if old.get(one) != new.get(one)]

    def replaces(self, changed: Sequence[str]) -> bool:
        """Return whether a change of these properties needs a new resource."""
        schema = schema_of(self.type)
        fixed = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
        return not (self.update_calls or self.steps) or any(f"/properties/{one}" in fixed for one in changed)

    def can_update(self, changed: Sequence[str]) -> None:
        """Refuse a change that a kind with an update of its own does not bring."""
        rest = [one for one in changed if one not in {*self.own, *self.steps, *self.ignored}]
        if self.own and rest:
            raise not_built(f"an update of {self.type} {', '.join(rest)}")

    def create(self, site: Site, properties: Properties) -> Made:
        """Make the resource; when a later step fails, nothing of it stays."""
        ready = self._ready(site, properties)
        answer = self._call(site, self.create_call, {}, ready)
        scope = {"p": ready, "a": answer, "d": {}, "s": _surroundings(site)}
        made = Made("", keys={name: _found(one, site, scope) for name, one in self.keys.items()})
        made.memory["name"] = ready.get(self.name)
        made.id = str(_found(self.ref, site, scope))
        try:
            self._complete(site, made, properties, {}, scope)
        except (ClientError, AWSError):
            self.delete(site, made, properties)
            raise
        return made

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        """Change the resource where it is."""
        gone = {one: self.defaults[one] for one in old if one not in properties and one in self.defaults}
        ready = self.prepare(site, gone | properties)
        if self.name and self.name not in ready:
            ready[self.name] = made.memory.get("name") or made.id
        changed = {one for one in self.changed(old, properties) if one not in self.steps and one not in self.ignored}
        taken: set[str] = set()
        for call in self.update_calls:
            mine = {one for one in changed if self._member(site, call, one) or one not in ready}
            if mine:
                self._call(site, call, made.keys, ready)
            taken |= mine
        missing = sorted(one for one in changed - taken if one in ready)
        if missing:
            raise not_built(f"an update of {self.type} {', '.join(missing)}")
        after = Made(made.id, dict(made.attributes), dict(made.keys), made.memory)
        self._complete(site, after, properties, old, {"p": ready, "a": {}, "d": {}, "s": _surroundings(site)})
        return after

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """Delete the resource."""
        self.before_delete(site, made, properties)
        if self.delete_call:
            members = _operation(site.client(self.service), self.delete_call).input_shape.members
            keys = {name: value for name, value in made.keys.items() if name in members and value is not None}
            getattr(site.client(self.service), self.delete_call)(**keys)

    def attribute(self, made: Made, name: str) -> Any:
        """Return an attribute; None when the type has no such one."""
        return made.attributes.get(name)

    def _complete(self, site: Site, made: Made, new: Properties, old: Properties, scope: dict[str, Any]) -> None:
        for one, step in self.steps.items():
            if new.get(one) != old.get(one):
                step(site, made, new.get(one), old.get(one))
        self.after(site, made, new)
        if self.read:
            members = _operation(site.client(self.service), self.read).input_shape.members
            keys = {name: value for name, value in made.keys.items() if name in members and value is not None}
            scope["d"] = getattr(site.client(self.service), self.read)(**keys)
        for one, expression in self.attributes.items():
            value = _found(expression, site, scope)
            if value is not None:
                made.attributes[one] = value

    def _ready(self, site: Site, properties: Properties) -> Properties:
        ready = self.prepare(site, properties)
        if self.name and not ready.get(self.name):
            ready[self.name] = site.name(self.longest)
        return ready

    def _member(self, site: Site, call: str, one: str) -> str:
        shape = _operation(site.client(self.service), call).input_shape
        return _like(self.rename.get(one, one), shape.members) if shape else ""

    def _call(self, site: Site, call: str, keys: Mapping[str, Any], properties: Properties) -> Any:
        client = site.client(self.service)
        shape = _operation(client, call).input_shape
        params: dict[str, Any] = {}
        for one, value in properties.items():
            member = self._member(site, call, one)
            if member:
                params[member] = shaped(shape.members[member], value, f"{self.type} {one}")
            elif call == self.create_call and one not in self.steps and one not in self.ignored:
                raise not_built(f"{self.type} {one}")
        params |= {name: value for name, value in keys.items() if name in shape.members and value is not None}
        answer = getattr(client, call)(**params)
        answer.pop("ResponseMetadata", None)
        return answer


def shaped(shape: Shape, value: Any, where: str) -> Any:
    """Return a property's value as an API call takes it: its names, its types.

    Raises
    ------
    AWSError
        ``NotImplementedException``: the call has nothing like it.
    """
    if isinstance(shape, StructureShape):
        members = shape.members
        if isinstance(value, list) and {"Quantity", "Items"} <= set(members):
            enabled = {"Enabled": bool(value)} if "Enabled" in members else {}
            value = {"Quantity": len(value), "Items": value, **enabled}
        if not isinstance(value, Mapping):
            raise invalid(f"{where}: {value!r} is no object")
        found = {}
        for name, one in value.items():
            member = _like(name, members)
            if not member:
                raise not_built(f"{where} {name}")
            found[member] = shaped(members[member], one, f"{where} {name}")
        return found
    if isinstance(shape, ListShape):
        return [shaped(shape.member, one, where) for one in (value if isinstance(value, list) else [value])]
    if isinstance(shape, MapShape):
        if isinstance(value, list):
            value = {one["Key"]: one["Value"] for one in value}
        return {str(name): shaped(shape.value, one, where) for name, one in value.items()}
    return _scalar(shape.type_name, value)


def written(value: Any) -> str:
    """Return a property's value where a call takes text: JSON of objects and lists, ``true`` and not ``True``."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scalar(kind: str, value: Any) -> Any:
    match kind:
        case "string":
            return written(value)
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return str(value).lower() == "true"
        case "blob":
            return value.encode() if isinstance(value, str) else value
    return value


def _like(name: str, members: Mapping[str, Any]) -> str:
    return name if name in members else next((one for one in members if one.lower() == name.lower()), "")


def _found(expression: Expression, site: Site, scope: dict[str, Any]) -> Any:
    return expression(site, scope) if callable(expression) else jmespath.search(expression, scope)


def _surroundings(site: Site) -> dict[str, str]:
    return {"region": site.region, "account": site.context.account_id, "endpoint": site.context.endpoint}


def _operation(client: Any, call: str) -> Any:
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call])


@functools.cache
def _schemas() -> tuple[Path, dict[str, str]]:
    spec = importlib.util.find_spec("cfnlint")
    assert spec and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "data/schemas"
    return folder / "resources", json.loads((folder / "providers/us-east-1.json").read_text())


@functools.cache
def schema_of(type_name: str) -> dict[str, Any]:
    """Return AWS's schema of a resource type; empty when it has none."""
    folder, names = _schemas()
    return json.loads((folder / f"{names[type_name]}.json").read_text()) if type_name in names else {}
