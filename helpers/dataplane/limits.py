"""What is too big, too small, off the pattern or not in the enum: AWS's own API models decide.

AWS: the front end of a service checks each request against its model (Smithy's constraint traits length, range,
pattern, enum: https://smithy.io/2.0/spec/constraint-traits.html) before the service sees it, and answers ``1
validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or
equal to 900``. Here: the same, from botocore's copy of the models. S3, EC2, IAM's older relatives and SQS check by
hand on AWS; for those moto's own checks stand.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

from helpers.dataplane.call import AWSError, Call

_BY_HAND = frozenset({"s3", "ec2", "sqs"})

_CODES = {
    "logs": "InvalidParameterException",
    "cognito-idp": "InvalidParameterException",
    "xray": "InvalidRequestException",
}
"""Services that name the error in their own way; all others say ``ValidationException``."""

_BY_THE_SERVICE = frozenset({("lambda", "runtime")})
"""Members that the service itself checks, in its own words."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "list": list, "map": Mapping, "structure": Mapping,
    "integer": (int, float), "long": (int, float), "float": (int, float), "double": (int, float),
}  # fmt: skip
"""What a parameter is in Python; boto3 checks it before it sends, other programs may not."""

_TIGHTER: dict[tuple[str, str], int] = {
    # The model's 5400 s and 32768 MB are for Lambda Managed Instances only ("Lambda quotas", Lambda Developer Guide).
    ("lambda", "Timeout"): 900,
    ("lambda", "EphemeralStorageSize"): 10_240,
}


def check(call: Call) -> None:
    """Check a call's parameters against the service's model.

    Raises
    ------
    AWSError
        ``ValidationException`` (``ValidationError`` in the query protocol, or the service's own name for it) that lists
        what is wrong; ``SerializationException`` for a text where a number belongs and the like.
    """
    shape = call.operation.input_shape
    if shape is None or call.service in _BY_HAND:
        return
    problems = list(_problems(call.service, shape, call.params, ""))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        usual = "ValidationError" if call.protocol == "query" else "ValidationException"
        code = _CODES.get(call.service, usual)
        raise AWSError(code, f"{len(problems)} validation {noun} detected: {'; '.join(problems)}", 400)


def _problems(service: str, shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        yield from _structure(service, shape, value, path)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from _constraints(service, shape, value, path)
        for number, item in enumerate(value, 1):
            yield from _problems(service, shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        yield from _constraints(service, shape, value, path)
        for key, item in value.items():
            yield from _problems(service, shape.key, key, f"{path}.{key}.key")
            yield from _problems(service, shape.value, item, f"{path}.{key}.member")
    else:
        _check_type(shape, value, path)
        yield from _constraints(service, shape, value, path)


def _check_type(shape: Shape, value: Any, path: str) -> None:
    wanted = _TYPES.get(shape.type_name)
    if wanted is not None and not isinstance(value, wanted):
        message = f"{path}: {type(value).__name__} cannot be converted to {shape.type_name}"
        raise AWSError("SerializationException", message, 400)


def _structure(service: str, shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        inner = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
        given = value.get(name)
        if given is not None:
            yield from _problems(service, member, given, inner)
        elif name in shape.required_members:
            yield f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"


def _constraints(service: str, shape: Shape, value: Any, path: str) -> Iterator[str]:
    if (service, path) in _BY_THE_SERVICE:
        return
    for text in _unmet(service, shape, value):
        yield f"Value '{_shown(shape, value)}' at '{path}' failed to satisfy constraint: Member must {text}"


def _unmet(service: str, shape: Shape, value: Any) -> Iterator[str]:
    traits = shape.metadata
    most = _TIGHTER.get((service, shape.name), traits.get("max"))
    least = traits.get("min")
    if shape.type_name in ("string", "blob", "list", "map"):
        kind, size = "length", len(value)
    elif shape.type_name in ("integer", "long", "float", "double"):
        kind, size = "value", value
    else:
        return
    if most is not None and size > most:
        yield f"have {kind} less than or equal to {most}"
    if least is not None and size < least:
        yield f"have {kind} greater than or equal to {least}"
    if shape.type_name == "string":
        if traits.get("enum") and value not in traits["enum"]:
            yield f"satisfy enum value set: [{', '.join(traits['enum'])}]"
        elif traits.get("pattern") and not _pattern(traits["pattern"]).fullmatch(value):
            yield f"satisfy regular expression pattern: {traits['pattern']}"


@functools.cache
def _pattern(text: str) -> regex.Pattern[str]:
    r"""Compile a pattern of Java's, whose ``\w``, ``\d`` and ``\s`` are ASCII; what Python lacks is not checked.

    The library's flag for that also narrows ``\p{L}``, so patterns with classes of Unicode go without it.
    """
    beyond_16_bits = text.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    try:
        return regex.compile(beyond_16_bits, regex.DOTALL if r"\p" in text else regex.DOTALL | regex.ASCII)
    except regex.error:
        return regex.compile(".*", regex.DOTALL)


def _shown(shape: Shape, value: Any) -> str:
    if shape.metadata.get("sensitive"):
        return "***Sensitive Data Redacted***"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return str(value)
