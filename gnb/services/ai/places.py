"""Turkish airports, provinces and towns by name, with their positions.

    find("IST"), find("İstanbul Havalimanı"), find("ankara"), find("Kemer, Antalya")

Names are compared without case, accents and the words for airport. `data/places.csv` names its sources.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from gnb.errors import ConfigError

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
        """Its name as one reads it, with what tells it apart."""
        if self.code:
            return f"{self.name} ({self.code})"
        return f"{self.name}, {self.province}" if self.province and self.province != self.name else self.name

    @property
    def position(self) -> tuple[float, float]:
        return self.latitude, self.longitude


class UnknownPlace(Exception):
    """There is no such place in the table; `nearest` are the names most like it."""

    def __init__(self, name: str, nearest: tuple[str, ...]):
        self.name = name
        self.nearest = nearest
        advice = f"did you mean: {', '.join(nearest)}?" if nearest else "name a Turkish airport, province or town"
        super().__init__(f"there is no place {name[:60]!r}; {advice}")


def find(name: str) -> Place:
    """The place of that name, the largest where several bear it. Raises UnknownPlace with the nearest names."""
    index = _index()
    key = plain(name[:LONGEST_NAME])
    town, _, province = (part.strip() for part in key.partition(","))
    candidates = index.get(key) or index.get(town) or _airports_named(key)
    if province:
        candidates = [place for place in candidates if plain(place.province) == province] or candidates
    if not candidates:
        raise UnknownPlace(name, nearest_names(name))
    return max(candidates, key=lambda place: (-_KINDS.index(place.kind), place.population))


def by_code(code: str) -> Place | None:
    """The airport of that IATA code."""
    return next((place for place in _index().get(plain(code), ()) if place.code == code), None)


def nearest_names(name: str, most: int = 3) -> tuple[str, ...]:
    """Names of the table that are spelled most like this one, best first."""
    index = _index()
    found = get_close_matches(plain(name[:LONGEST_NAME]), index, n=most * 2, cutoff=0.6)
    labels = dict.fromkeys(max(index[key], key=lambda place: place.population).label for key in found)
    return tuple(labels)[:most]


def plain(text: str) -> str:
    """The text without case, accents, brackets and double blanks; Turkish dotless i is an i."""
    text = text.translate(str.maketrans("ıİ", "iI"))
    letters = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w,]+", " ", letters).replace(" ,", ",").split())


@cache
def all_places() -> tuple[Place, ...]:
    """Every place of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(place for place, _ in _rows(csv.DictReader(file)))


@cache
def _index() -> dict[str, list[Place]]:
    """Places by each of their plain names; every process reads the table once."""
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
        raise ConfigError(f"{TABLE.name} is damaged; write it anew: python -m gnb.services.ai.place_table") from error


def _keys(place: Place, other_names: list[str]) -> set[str]:
    keys = {plain(name) for name in (place.name, *other_names)}
    if place.kind != "airport":
        return keys
    # "Istanbul" alone is the city; "Sabiha Gokcen" alone can only be the airport.
    keys |= {_AIRPORT_WORDS.sub("", key).strip() for key in keys if plain(place.province) not in key}
    return (keys | {plain(place.code)}) - {""}


def _airports_named(key: str) -> list[Place]:
    """The airports whose name, or else name and province, have every word of a key that says it means an airport."""
    words = set(_AIRPORT_WORDS.sub("", key).replace(",", " ").split())
    if not words or not _AIRPORT_WORDS.search(key):
        return []
    airports = [place for place in all_places() if place.code]
    by_name = [place for place in airports if words <= set(plain(place.name).split())]
    return by_name or [place for place in airports if words <= set(plain(f"{place.name} {place.province}").split())]
