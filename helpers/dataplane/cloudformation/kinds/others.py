"""Types without a table here: moto makes them, as far as it knows them.

Such resources are made inside moto, without calls through the front door: their data planes hear of them at their
first use. A nested stack is refused: moto would make all that is in it behind their backs.
"""

from __future__ import annotations

import warnings
from typing import Any

from helpers.dataplane.call import not_built
from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site
from helpers.dataplane.cloudformation.stacks import STACK


class MotoKind(Kind):
    """One of moto's own models of CloudFormation's types."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "", "", "")

    def create(self, site: Site, properties: Properties) -> Made:
        model, place = self._model(), (site.context.account_id, site.region)
        named = model.cloudformation_name_type()
        name = str(properties.get(named) or site.name()) if named else site.name()
        said = {"Type": self.type, "Properties": {**({named: name} if named else {}), **properties}}
        ids = {"LogicalId": site.logical, "StackId": site.stack_id, "ResourceType": self.type}
        resource = model.create_from_cloudformation_json(name, said, *place, **ids)
        return Made(str(resource.physical_resource_id), memory={"resource": resource})

    def replaces(self, changed: Any) -> bool:
        return False

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        said = {"Type": self.type, "Properties": properties}
        place = {"account_id": site.context.account_id, "region_name": site.region}
        try:
            resource = self._model().update_from_cloudformation_json(
                original_resource=made.memory["resource"], new_resource_name=made.id, cloudformation_json=said, **place
            )
        except NotImplementedError:
            raise not_built(f"an update of {self.type}") from None
        return Made(str(resource.physical_resource_id), memory={"resource": resource})

    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        place, resource = (site.context.account_id, site.region), made.memory["resource"]
        try:
            resource.delete(*place)
        except (TypeError, AttributeError):
            said = {"Type": self.type, "Properties": properties}
            self._model().delete_from_cloudformation_json(made.id, said, *place)

    def attribute(self, made: Made, name: str) -> Any:
        try:
            return made.memory["resource"].get_cfn_attribute(name)
        except Exception:  # each of moto's models has its own way to say that it has no such attribute
            return None

    def _model(self) -> Any:
        if self.type == STACK:
            raise not_built(f"the resource type {self.type}")
        from moto.cloudformation import parsing  # most of moto: 100 MB

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = parsing.resource_class_from_type(self.type)
        if model is None:
            raise not_built(f"the resource type {self.type}")
        return model
