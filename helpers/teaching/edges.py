"""A simulation of edge locations: how long a round trip takes to the Region, and how long to the nearest edge
location.

No AWS is involved, and nothing is measured. A round trip is the great circle between two places there and back, at
the speed of light in fibre (about 200,000 km/s, two thirds of that in a vacuum), plus a fixed cost for routers and
servers, which is invented. Real cables make detours, so real times are longer. The places are some large cities;
where AWS has its edge locations stands in "Amazon CloudFront Key Features".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.teaching import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EARTH_RADIUS_KM = 6371.0
FIBRE_KM_PER_MS = 200.0
FIXED_MS = 5.0


@dataclass(frozen=True)
class Place:
    """A place on the map, in degrees: north and east are positive."""

    name: str
    latitude: float
    longitude: float


REGION = Place("us-east-1 (Ashburn)", 39.04, -77.49)
EDGES = (
    Place("Ashburn", 39.04, -77.49),
    Place("San Francisco", 37.77, -122.42),
    Place("São Paulo", -23.55, -46.63),
    Place("London", 51.51, -0.13),
    Place("Frankfurt", 50.11, 8.68),
    Place("Johannesburg", -26.20, 28.05),
    Place("Mumbai", 19.08, 72.88),
    Place("Singapore", 1.35, 103.82),
    Place("Tokyo", 35.68, 139.69),
    Place("Sydney", -33.87, 151.21),
)
VIEWERS = (
    Place("New York", 40.71, -74.01),
    Place("Los Angeles", 34.05, -118.24),
    Place("Rio de Janeiro", -22.91, -43.17),
    Place("Dublin", 53.35, -6.26),
    Place("Berlin", 52.52, 13.41),
    Place("Cape Town", -33.92, 18.42),
    Place("Bengaluru", 12.97, 77.59),
    Place("Jakarta", -6.21, 106.85),
    Place("Osaka", 34.69, 135.50),
    Place("Auckland", -36.85, 174.76),
)


@dataclass(frozen=True)
class Trip:
    """Round trips of a viewer, in milliseconds."""

    viewer: Place
    edge: Place
    to_region_ms: float
    to_edge_ms: float
    edge_to_region_ms: float

    def average_ms(self, hit_ratio: float) -> float:
        """Return the average through the edge when that share of the answers, from 0 to 1, is in its cache.

        Raises
        ------
        ValueError
            The share is not from 0 to 1.
        """
        if not 0 <= hit_ratio <= 1:
            raise ValueError(f"the hit ratio is {hit_ratio}: it must be from 0 to 1")
        return self.to_edge_ms + (1 - hit_ratio) * self.edge_to_region_ms


def kilometres(one: Place, other: Place) -> float:
    """Return the length of the great circle between two places (the haversine formula)."""
    north, east = math.radians(other.latitude - one.latitude), math.radians(other.longitude - one.longitude)
    parallels = math.cos(math.radians(one.latitude)) * math.cos(math.radians(other.latitude))
    half = math.sin(north / 2) ** 2 + parallels * math.sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


def round_trip_ms(one: Place, other: Place, fixed_ms: float = FIXED_MS) -> float:
    """Return how long there and back takes, with ``fixed_ms`` for everything that is not distance."""
    return 2 * kilometres(one, other) / FIBRE_KM_PER_MS + fixed_ms


def trips(
    viewers: Iterable[Place] = VIEWERS,
    edges: Sequence[Place] = EDGES,
    region: Place = REGION,
    fixed_ms: float = FIXED_MS,
) -> list[Trip]:
    """Return the round trips of each viewer: to the Region, and to the nearest of the edge locations."""
    found = []
    for viewer in viewers:
        edge = min(edges, key=lambda each: kilometres(viewer, each))
        pairs = ((viewer, region), (viewer, edge), (edge, region))
        found.append(Trip(viewer, edge, *(round_trip_ms(one, other, fixed_ms) for one, other in pairs)))
    return found


def bars(found: Sequence[Trip]) -> Figure:
    """Return a figure that compares, for each viewer, the two round trips."""
    title = "Simulated round trips: to the Region, and to the nearest edge location"
    figure, axes = plots.new(title, x="Round trip (ms)", y="", height=0.5 * len(found) + 1.5)
    rows = range(len(found))
    axes.barh(
        [row - 0.2 for row in rows], [trip.to_region_ms for trip in found], 0.38, **plots.fill(0, "to the Region")
    )
    axes.barh([row + 0.2 for row in rows], [trip.to_edge_ms for trip in found], 0.38, **plots.fill(1, "to the edge"))
    axes.set_yticks(list(rows), [trip.viewer.name for trip in found])
    axes.invert_yaxis()
    axes.legend()
    return figure
