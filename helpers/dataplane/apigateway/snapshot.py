"""Deployments: a REST API as it was when it was deployed.

AWS: "A deployment is a snapshot of your API resources, methods and integrations"; a change is live only after the API
was deployed again ("Deploy REST APIs in API Gateway", API Gateway Developer Guide). Stages, their settings, API keys
and usage plans are not part of it: they change at once. moto remembers that there was a deployment, not what was in
it: that is here.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from moto.apigateway.models import Authorizer, RestAPI


@dataclass(frozen=True)
class Resource:
    """A path of an API, such as ``/todos/{id}``, and its methods by HTTP method or ``ANY``.

    A method is as GetMethod answers it, ``methodIntegration`` and ``methodResponses`` included.
    """

    id: str
    path: str
    methods: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Snapshot:
    """What a deployment froze. All but ``resources`` are by name or id."""

    resources: tuple[Resource, ...]
    authorizers: dict[str, Authorizer]
    models: dict[str, str]
    """The JSON schema of each model, as text."""
    validators: dict[str, dict[str, Any]]
    gateway_responses: dict[str, dict[str, Any]]
    policy: str
    """The API's resource policy, or an empty string."""
    binary_media_types: tuple[str, ...]
    api_key_source: str


def take(api: RestAPI) -> Snapshot:
    """Return a copy of what is in ``api`` now."""
    return copy.deepcopy(
        Snapshot(
            resources=tuple(
                Resource(one.id, one.get_path(), {name: m.to_json() for name, m in one.resource_methods.items()})
                for one in api.resources.values()
            ),
            authorizers=dict(api.authorizers),
            models={model.name: model.schema or "{}" for model in api.models.values()},
            validators={key: one.to_dict() for key, one in api.request_validators.items()},
            gateway_responses={key: one.to_json() for key, one in api.gateway_responses.items()},
            policy=api.policy or "",
            binary_media_types=tuple(api.binaryMediaTypes),
            api_key_source=api.api_key_source,
        )
    )
