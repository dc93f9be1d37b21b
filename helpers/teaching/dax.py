"""A simulation of DAX, the cache before DynamoDB: ``from helpers.teaching import dax``.

AWS (DynamoDB Developer Guide, "DAX: How it works", "DAX and DynamoDB consistency models", "Configuring your DAX
cluster"): DAX is a cluster of nodes in a VPC with a client of its own. The *item cache* keeps what GetItem returned, by
key, also that there was nothing; writes go through it to the table and into it. The *query cache* keeps what Query
returned, by its parameters, and no write changes it. Both keep an answer for five minutes, unless told otherwise; when
they are full, they drop what was not used for longest. A strongly consistent read goes to the table and is not kept.

This is no cluster, no network and no AWS service: it is two dictionaries in this notebook, before a boto3 ``Table``.
Differs: one node; its size is counted in answers, not in bytes; of the parameters of GetItem and UpdateItem it knows
those that the course uses. Not for several threads.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from boto3.dynamodb.conditions import AttributeBase, ConditionBase
from cachetools import TTLCache

from helpers import cloud
from helpers.teaching import plots

TTL_SECONDS = 300
HIT_MS = 0.5
MISS_MS = 5.0
"""Assumed times of a read from DAX and from the table. AWS names the orders only: "from single-digit milliseconds to
microseconds" ("In-memory acceleration with DynamoDB Accelerator (DAX)", DynamoDB Developer Guide)."""


class Dax:
    """A cache with the methods of a boto3 ``Table``.

    Parameters
    ----------
    table:
        The ``boto3.resource("dynamodb").Table`` behind it.
    size:
        How many answers each of the two caches keeps.
    ttl_seconds:
        How long it keeps them, in AWS's seconds.
    timer:
        Returns the time in seconds; by default the running cloud's clock.
    """

    def __init__(
        self, table: Any, size: int = 1000, ttl_seconds: float = TTL_SECONDS, timer: Callable[[], float] | None = None
    ) -> None:
        self._table = table
        timer = timer or cloud.current().time
        self._items: TTLCache[Any, dict[str, Any]] = TTLCache(size, ttl_seconds, timer)
        self._queries: TTLCache[Any, dict[str, Any]] = TTLCache(size, ttl_seconds, timer)
        self._names = [key["AttributeName"] for key in table.key_schema]
        self.reads: Counter[str] = Counter()
        """How many reads were a ``hit``, a ``miss`` (kept since) or ``strong`` (passed on)."""

    @property
    def hit_ratio(self) -> float:
        """The share of all reads that the table did not see, 0 to 1."""
        return self.reads["hit"] / max(1, self.reads.total())

    def get_item(self, **asked: Any) -> dict[str, Any]:
        """Read an item, from the item cache if it is there."""
        _check(asked, {"Key", "ConsistentRead"})
        return self._read(self._items, self._key(asked["Key"]), self._table.get_item, asked)

    def query(self, **asked: Any) -> dict[str, Any]:
        """Ask for items, from the query cache if the same was asked before."""
        return self._read(self._queries, _frozen(asked), self._table.query, asked)

    def put_item(self, **asked: Any) -> dict[str, Any]:
        """Write an item into the table, then into the item cache."""
        answer: dict[str, Any] = self._table.put_item(**asked)
        self._items[self._key(asked["Item"])] = {"Item": copy.deepcopy(asked["Item"])}
        return answer

    def update_item(self, **asked: Any) -> dict[str, Any]:
        """Change an item in the table, then keep what it is now."""
        _check({"ReturnValues": asked.get("ReturnValues", "ALL_NEW")}.items(), {("ReturnValues", "ALL_NEW")})
        answer: dict[str, Any] = self._table.update_item(**{**asked, "ReturnValues": "ALL_NEW"})
        self._items[self._key(asked["Key"])] = {"Item": copy.deepcopy(answer["Attributes"])}
        return answer

    def delete_item(self, **asked: Any) -> dict[str, Any]:
        """Delete an item from the table, then keep that there is none."""
        answer: dict[str, Any] = self._table.delete_item(**asked)
        self._items[self._key(asked["Key"])] = {}
        return answer

    def _read(
        self, cache: TTLCache[Any, dict[str, Any]], key: Any, read: Callable[..., Any], asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        if asked.get("ConsistentRead"):
            self.reads["strong"] += 1
            return dict(read(**asked))
        kept = cache.get(key)
        self.reads["miss" if kept is None else "hit"] += 1
        if kept is None:
            kept = cache[key] = dict(read(**asked))
        return copy.deepcopy(kept)

    def _key(self, item: Mapping[str, Any]) -> Any:
        return tuple(_frozen(item[name]) for name in self._names)


def mean_read_ms(hit_ratio: float) -> float:
    """Return the mean time of a read, in milliseconds, when this share of the reads (0 to 1) are hits: a model."""
    return hit_ratio * HIT_MS + (1 - hit_ratio) * (HIT_MS + MISS_MS)


def draw(hit_ratios: Mapping[int, float]) -> None:
    """Draw hit ratios by the size of the cache, in items, and the mean time of a read that the model gives for them."""
    sizes, ratios = list(hit_ratios), list(hit_ratios.values())
    means = [mean_read_ms(ratio) for ratio in ratios]
    figure, axes = plots.new(
        "A larger cache: more hits, faster reads", x="Size of the cache (items)", y="Hit ratio (%)"
    )
    right = axes.twinx()
    axes.plot(sizes, [100 * ratio for ratio in ratios], **plots.line(0, "hit ratio (measured here)", points=True))
    right.plot(sizes, means, **plots.line(1, "mean read (model)", points=True))
    axes.set_ylim(0, 100)
    right.set_ylim(0, HIT_MS + MISS_MS)
    right.set_ylabel("Mean time of a read (ms)")
    right.grid(False)
    figure.legend(loc="outside lower center", ncols=2)
    first, last = sizes[0], sizes[-1]
    plots.draw(
        figure,
        f"From {first} to {last} items the hit ratio rises from {ratios[0]:.0%} to {ratios[-1]:.0%}; the model's mean "
        f"read falls from {means[0]:.1f} to {means[-1]:.1f} ms (a hit {HIT_MS} ms, a miss {HIT_MS + MISS_MS} ms).",
    )


def _check(given: Any, known: set[Any]) -> None:
    """Refuse what the simulation does not know.

    Raises
    ------
    NotImplementedError
        It names what that is.
    """
    unknown = set(given) - known
    if unknown:
        raise NotImplementedError(f"this simulation of DAX knows {sorted(known)}, not {sorted(unknown)}")


def _frozen(value: Any) -> Any:
    """Return parameters of a call as a key of a dictionary."""
    if isinstance(value, Mapping):
        return frozenset((name, _frozen(member)) for name, member in value.items())
    if isinstance(value, ConditionBase):
        expression = value.get_expression()
        return expression["operator"], tuple(_frozen(each) for each in expression["values"])
    if isinstance(value, AttributeBase):
        return type(value).__name__, value.name
    if isinstance(value, list | set | tuple):
        return tuple(_frozen(each) for each in value)
    return value
