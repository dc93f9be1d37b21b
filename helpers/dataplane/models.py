"""AWS's API models, as botocore ships them: one copy of each in this process.

A session of boto3 reads the list of all endpoints, 7 MB, and the model of each service that it talks to: 7 MB for
Lambda, 60 MB for EC2. The learner's session, the services' own clients and moto would each read them again; here they
share one loader.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from copy import copy
from typing import Any

import boto3
import botocore.session
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, create_loader
from moto.core import base_backend, loaders, utils


@functools.cache
def loader() -> Loader:
    """Return the loader that everyone shares."""
    return create_loader()


def session() -> botocore.session.Session:
    """Return a new session of botocore that shares the models with all others."""
    made = botocore.session.Session(event_hooks=copy(_hooks()), include_builtin_handlers=False)
    made.register_component("data_loader", loader())
    return made


@functools.cache
def _hooks() -> HierarchicalEmitter:
    """Return what botocore registers in each new session: some 200 handlers, which are quicker copied."""
    hooks = HierarchicalEmitter()
    botocore.session.Session(event_hooks=hooks)
    return hooks


def share_with_moto() -> None:
    """Let moto take endpoints and models from the shared loader."""
    setattr(base_backend, "Session", lambda: boto3.Session(botocore_session=session()))
    setattr(utils, "_load_service_model", _with_extras)


def _with_extras(service: str, kind: str) -> dict[str, Any]:
    """Return a model with what moto adds to it, such as errors that EC2's model lacks.

    Models that botocore completes for its own clients, and changes in place while they are used (S3's), are not shared.
    """
    version, own = loader().determine_latest_version(service, kind), loaders.create_loader()
    shared = not any(loader()._find_extras(service, kind, version))
    model: dict[str, Any] = (loader() if shared else own).load_service_model(service, kind)
    for extras in own._find_extras(service, kind, version) if shared else ():
        model = _merged(model, extras["merge"])
    return model


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``more`` in it, both as they were: what is not touched is shared."""
    result = dict(base)
    for key, value in more.items():
        inner = isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        result[key] = _merged(base[key], value) if inner else value
    return result
