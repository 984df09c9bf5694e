"""Road distance and driving time in calm traffic, estimated from two positions.

Roads wind: over the business's own routes they are 1.36 times the straight line (the median; docs/delay-risk.md says
how far off single ones are). The first and last kilometres go through towns, the long middle over motorways.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS = 6371.0
WINDING = 1.36
_STAGES = ((20.0, 42.0), (80.0, 80.0), (float("inf"), 92.0))
"""Kilometres of each stage of a road, and the speed on it in km/h."""

Position = tuple[float, float]


def straight_kilometres(one: Position, other: Position) -> float:
    """The great-circle distance between two positions, by the haversine formula."""
    (lat1, lon1), (lat2, lon2) = ((radians(a), radians(b)) for a, b in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(half))


def road_kilometres(one: Position, other: Position) -> float:
    """The road's length between them."""
    return WINDING * straight_kilometres(one, other)


def free_flow_minutes(kilometres: float) -> float:
    """How long such a road takes in calm traffic."""
    minutes, left = 0.0, kilometres
    for length, speed in _STAGES:
        part = min(left, length)
        minutes += part / speed * 60
        left -= part
    return minutes
