"""Where the demo data drives: real airports and towns, and the kilometres of the usual road between them, rounded."""

from __future__ import annotations

from dataclasses import dataclass


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
