"""The airports served, by their IATA codes."""

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


def place_name(place: str, language: str) -> str:
    """A place of a tour as people call it: the code of an airport becomes its name, anything else stays."""
    if place in AIRPORT_NAMES:
        return f"{AIRPORT_NAMES[place][language == 'tr']} ({place})"
    airport = places.by_code(place) if len(place) == len("IST") and place.isupper() else None
    return airport.label if airport else place
