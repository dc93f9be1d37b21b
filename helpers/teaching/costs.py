"""What a cost is: parts with a quantity, a unit, a price and an amount; how bills write them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

Number = int | float | Decimal


@dataclass(frozen=True)
class Part:
    """One line of a bill: ``quantity`` units, of which the price list says ``each``, make ``usd``."""

    name: str
    quantity: Decimal
    unit: str
    each: str
    usd: Decimal


@dataclass(frozen=True, repr=False)
class Cost:
    """A bill: its parts, its ``total`` in USD, and ``cost["compute"]`` for one part's USD (0 if there is none)."""

    parts: tuple[Part, ...]

    @property
    def total(self) -> Decimal:
        """Return the sum of the parts in USD, not rounded."""
        return sum((part.usd for part in self.parts), Decimal(0))

    def __getitem__(self, name: str) -> Decimal:
        return sum((part.usd for part in self.parts if part.name == name), Decimal(0))

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.parts + other.parts)

    def __repr__(self) -> str:
        rows = [(p.name, f"{quantity(p.quantity)} {p.unit}", p.each, usd(p.usd)) for p in self.parts]
        rows = [("Part", "Quantity", "Price", "Cost"), *rows, ("total", "", "", usd(self.total))]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows
        ]
        return "\n".join(lines)


def usd(amount: Number) -> str:
    """Return an amount with its unit, ``12.40 USD``; small amounts keep three significant digits."""
    value = Decimal(str(amount))
    if value == 0 or abs(value) >= Decimal("0.1"):
        return f"{value:,.2f} USD"
    return f"{value:.{2 - value.adjusted()}f} USD"


def quantity(value: Decimal) -> str:
    """Return a number as a bill has it: whole, or with four digits."""
    if value == value.to_integral_value() or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.4g}" if value.adjusted() > -5 else f"{value:.{1 - value.adjusted()}f}"
