"""The airports served, by their IATA codes, and places as people call them."""

from gnb.services.ai import places

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
"""English and Turkish names."""

_TURKISH = {"Istanbul": "İstanbul", "Izmir": "İzmir"}


def place_name(place: str, language: str) -> str:
    """A place as people call it: the code of an airport becomes its name, a city is spelled as the language does, and
    anything else stays."""
    if language == "tr":
        place = ", ".join(_TURKISH.get(part, part) for part in place.split(", "))
    if place in AIRPORT_NAMES:
        return f"{AIRPORT_NAMES[place][language == 'tr']} ({place})"
    airport = places.by_code(place) if len(place) == len("IST") and place.isupper() else None
    return airport.label if airport else place
