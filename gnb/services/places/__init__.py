"""Turkish airports, provinces and towns by name, their positions, and the roads between them.

    places.find("IST"), places.find("İstanbul Havalimanı"), places.find("ankara"), places.find("Kemer, Antalya")

Names are compared without case, accents and the words for airport. docs/delay-risk.md names the sources of
`data/places.csv`.

Roads are longer than the straight line: 1.36 times over the routes of this business (the median; docs/delay-risk.md
says how far single routes are from it). The first and last kilometres lead through towns, the middle over motorways.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

from gnb.environment import ConfigError
from gnb.messages import DomainError

TABLE = Path(__file__).with_name("data") / "places.csv"
LONGEST_NAME = 120
_AIRPORT_WORDS = re.compile(r"\b(international|uluslararasi|airport|havalimani|havaalani)\b")
_KINDS = ("airport", "province", "town")


@dataclass(frozen=True)
class Place:
    """An airport (with its IATA code), a province (which stands where its capital is) or a town."""

    kind: str
    name: str
    code: str
    province: str
    latitude: float
    longitude: float
    population: int

    @property
    def label(self) -> str:
        """The name with its airport code or its province."""
        if self.code:
            return f"{self.name} ({self.code})"
        return f"{self.name}, {self.province}" if self.province and self.province != self.name else self.name

    @property
    def position(self) -> tuple[float, float]:
        return self.latitude, self.longitude


class UnknownPlace(DomainError):
    """No place has this name; `nearest` lists the most similar names."""

    code = "unknown_place"

    def __init__(self, name: str, nearest: tuple[str, ...]):
        self.name = name
        self.nearest = nearest
        super().__init__("similar" if nearest else "name", value=repr(name[:60]), choices=list(nearest))


def find(name: str) -> Place:
    """Return the place with this name, the largest if several have it.

    Raises:
        UnknownPlace: No place has it; the error lists similar names.
    """
    place = lookup(name)
    if place is None:
        raise UnknownPlace(name, nearest_names(name))
    return place


def lookup(name: str) -> Place | None:
    """Return the place with this name, the largest if several have it, or None; looks for no similar names."""
    index = _index()
    key = plain(name[:LONGEST_NAME])
    town, _, province = (part.strip() for part in key.partition(","))
    candidates = index.get(key) or index.get(town) or _airports_named(key)
    if province:
        candidates = [place for place in candidates if plain(place.province) == province] or candidates
    return max(candidates, key=lambda place: (-_KINDS.index(place.kind), place.population), default=None)


# Quarters that visitors name, and the district whose name the catalogue has.
_QUARTERS = {
    **dict.fromkeys(("sultanahmet", "eminonu", "sirkeci", "laleli", "beyazit", "old city"), "Fatih"),
    **dict.fromkeys(("taksim", "galata", "karakoy", "istiklal", "cihangir"), "Beyoğlu"),
    **dict.fromkeys(("nisantasi", "mecidiyekoy", "osmanbey"), "Şişli"),
    **dict.fromkeys(("lara", "kaleici"), "Antalya"),
    **dict.fromkeys(("gumbet", "yalikavak", "turgutreis", "bitez"), "Bodrum"),
    **dict.fromkeys(("oludeniz", "calis"), "Fethiye"),
}


def district_of(name: str) -> str | None:
    """Return the district, or the town, that a quarter such as Sultanahmet belongs to; None for an unknown one."""
    return _QUARTERS.get(plain(name[:LONGEST_NAME]))


def by_code(code: str) -> Place | None:
    """Return the airport with this IATA code, or None."""
    return next((place for place in _index().get(plain(code), ()) if place.code == code), None)


def nearest_names(name: str, most: int = 3) -> tuple[str, ...]:
    """Return the names that are spelled most like this one, best first."""
    index = _index()
    found = get_close_matches(plain(name[:LONGEST_NAME]), index, n=most * 2, cutoff=0.6)
    labels = dict.fromkeys(max(index[key], key=lambda place: place.population).label for key in found)
    return tuple(labels)[:most]


def plain(text: str) -> str:
    """Normalize a text for comparison: no case, accents, punctuation or double spaces, and dotless i is i."""
    text = text.translate(str.maketrans("ıİ", "iI"))
    letters = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w,]+", " ", letters).replace(" ,", ",").split())


@cache
def all_places() -> tuple[Place, ...]:
    """Return every place of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(place for place, _ in _rows(csv.DictReader(file)))


@cache
def _index() -> dict[str, list[Place]]:
    """Return the places by each of their normalized names; each process reads the table once."""
    index: dict[str, list[Place]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for place, names in _rows(csv.DictReader(file)):
            for key in _keys(place, names):
                index.setdefault(key, []).append(place)
    return index


def _rows(rows: Iterable[dict[str, str]]) -> Iterable[tuple[Place, list[str]]]:
    try:
        for row in rows:
            place = Place(
                row["kind"],
                row["name"],
                row["code"],
                row["province"],
                float(row["latitude"]),
                float(row["longitude"]),
                int(row["population"]),
            )
            yield place, row["other_names"].split("|") if row["other_names"] else []
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{TABLE.name} is damaged; rebuild it: bin/places") from error


def _keys(place: Place, other_names: list[str]) -> set[str]:
    keys = {plain(name) for name in (place.name, *other_names)}
    if place.kind != "airport":
        return keys
    # "Istanbul" alone is the city; "Sabiha Gokcen" alone can only be the airport.
    keys |= {_AIRPORT_WORDS.sub("", key).strip() for key in keys if plain(place.province) not in key}
    return (keys | {plain(place.code)}) - {""}


def _airports_named(key: str) -> list[Place]:
    """Return the airports whose name, or else name and province, contain every word of a key that names an airport."""
    words = set(_AIRPORT_WORDS.sub("", key).replace(",", " ").split())
    if not words or not _AIRPORT_WORDS.search(key):
        return []
    airports = [place for place in all_places() if place.code]
    by_name = [place for place in airports if words <= set(plain(place.name).split())]
    return by_name or [place for place in airports if words <= set(plain(f"{place.name} {place.province}").split())]


AIRPORT_NAMES = {
    "IST": ("Istanbul Airport", "İstanbul Havalimanı"),
    "SAW": ("Sabiha Gökçen Airport", "Sabiha Gökçen Havalimanı"),
    "AYT": ("Antalya Airport", "Antalya Havalimanı"),
    "GZP": ("Gazipaşa Airport", "Gazipaşa Havalimanı"),
    "ADB": ("Izmir Adnan Menderes Airport", "İzmir Adnan Menderes Havalimanı"),
    "BJV": ("Milas–Bodrum Airport", "Milas–Bodrum Havalimanı"),
    "DLM": ("Dalaman Airport", "Dalaman Havalimanı"),
    "NAV": ("Kapadokya Airport", "Kapadokya Havalimanı"),
    "ASR": ("Kayseri Airport", "Kayseri Havalimanı"),
    "TZX": ("Trabzon Airport", "Trabzon Havalimanı"),
    "ESB": ("Ankara Esenboğa Airport", "Ankara Esenboğa Havalimanı"),
}
"""By IATA code the English and the Turkish name."""

_TURKISH = {"Istanbul": "İstanbul", "Izmir": "İzmir"}


def place_name(place: str, language: str) -> str:
    """Return the display name of a place.

    The code of an airport becomes its name, a city is spelled as in the language, anything else stays unchanged.
    """
    if language == "tr":
        place = ", ".join(_TURKISH.get(part, part) for part in place.split(", "))
    if place in AIRPORT_NAMES:
        return f"{AIRPORT_NAMES[place][language == 'tr']} ({place})"
    airport = by_code(place) if len(place) == len("IST") and place.isupper() else None
    return airport.label if airport else place


EARTH_RADIUS = 6371.0
WINDING = 1.36
_STAGES = ((20.0, 42.0), (80.0, 80.0), (float("inf"), 92.0))
"""Kilometres of each stage of a road, and the speed on it in km/h."""

Position = tuple[float, float]


def straight_kilometres(one: Position, other: Position) -> float:
    """Return the great-circle distance between two positions, by the haversine formula."""
    (lat1, lon1), (lat2, lon2) = ((radians(a), radians(b)) for a, b in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(half))


def road_kilometres(one: Position, other: Position) -> float:
    """Estimate the length of the road between two positions."""
    return WINDING * straight_kilometres(one, other)


def free_flow_minutes(kilometres: float) -> float:
    """Estimate how long a road of this length takes without traffic."""
    minutes, left = 0.0, kilometres
    for length, speed in _STAGES:
        part = min(left, length)
        minutes += part / speed * 60
        left -= part
    return minutes
