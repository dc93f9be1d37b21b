"""How many bytes an item has.

AWS: an item's size is the sum of its attribute names (UTF-8) and values; a number takes about one byte for two
significant digits and one more, a list or map three bytes and one for each element, null and Boolean one ("DynamoDB
item sizes and formats", DynamoDB Developer Guide). The guide calls the size of numbers approximate, and it does not
speak of sets: here a set has the size of its elements.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item

LARGEST_ITEM = 400 * 1024
"""In bytes, attribute names included."""


def item_size(item: Item | Mapping[str, Any] | None) -> int:
    """Return the bytes of an item, given as moto keeps it or as the API writes it; nothing has none."""
    if item is None:
        return 0
    attributes = item.attrs if isinstance(item, Item) else item
    return sum(_length(name) + _attribute(value) for name, value in attributes.items())


def _attribute(attribute: DynamoType | Mapping[str, Any]) -> int:
    if isinstance(attribute, DynamoType):
        return _value(attribute.type, attribute.value)
    kind, value = next(iter(attribute.items()))
    return _value(kind, value)


def _value(kind: str, value: Any) -> int:
    match kind:
        case "S":
            return _length(value)
        case "N":
            return _number(str(value))
        case "B":
            return len(value if isinstance(value, bytes) else base64.b64decode(value))
        case "M":
            return 3 + sum(1 + _length(name) + _attribute(inner) for name, inner in value.items())
        case "L":
            return 3 + sum(1 + _attribute(inner) for inner in value)
        case "SS" | "NS" | "BS":
            return sum(_value(kind[0], element) for element in value)
    return 1


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number(text: str) -> int:
    digits = text.lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")
    return 1 + (len(digits) + 1) // 2
