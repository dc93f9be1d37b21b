"""The simulation of edge locations, against distances that are known and against geometry."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.teaching.edges import (
    EARTH_RADIUS_KM,
    EDGES,
    REGION,
    VIEWERS,
    Place,
    bars,
    kilometres,
    round_trip_ms,
    trips,
)
from helpers.teaching.plots import png

PLACES = st.builds(Place, st.just("somewhere"), st.floats(-90, 90), st.floats(-180, 180))


def test_known_distances() -> None:
    """London and New York, as airline tables have them; a quarter of the equator."""
    london, new_york = Place("London", 51.51, -0.13), Place("New York", 40.71, -74.01)
    assert kilometres(london, new_york) == pytest.approx(5570, rel=0.005)
    quarter = kilometres(Place("a", 0, 0), Place("b", 0, 90))
    assert quarter == pytest.approx(math.pi / 2 * EARTH_RADIUS_KM)
    assert round_trip_ms(london, new_york, 0) == pytest.approx(55.7, rel=0.005)


@given(PLACES, PLACES, PLACES)
def test_distances_are_distances(one: Place, other: Place, third: Place) -> None:
    there = kilometres(one, other)
    assert 0 <= there <= math.pi * EARTH_RADIUS_KM + 1e-6
    assert there == pytest.approx(kilometres(other, one), abs=1e-6)
    assert there <= kilometres(one, third) + kilometres(third, other) + 1e-3


def test_every_viewer_goes_to_the_nearest_edge() -> None:
    for trip in trips():
        assert trip.to_edge_ms == min(round_trip_ms(trip.viewer, edge) for edge in EDGES)
        assert trip.to_region_ms == round_trip_ms(trip.viewer, REGION)


def test_an_edge_saves_time_when_it_has_the_answer_and_only_then() -> None:
    for trip in trips():
        assert trip.average_ms(1) == trip.to_edge_ms <= trip.to_region_ms + 1e-9
        assert trip.average_ms(0) == pytest.approx(trip.to_edge_ms + trip.edge_to_region_ms)
        assert trip.average_ms(0) >= trip.to_region_ms
        assert trip.average_ms(0.9) < trip.average_ms(0.5)


def test_a_share_is_from_0_to_1() -> None:
    with pytest.raises(ValueError, match=r"the hit ratio is 90: it must be from 0 to 1"):
        trips()[0].average_ms(90)


def test_the_figure_compares_all_viewers() -> None:
    figure = bars(trips())
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [viewer.name for viewer in VIEWERS]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["to the Region", "to the edge"]
    assert len(axes.patches) == 2 * len(VIEWERS) and png(figure).startswith(b"\x89PNG")
