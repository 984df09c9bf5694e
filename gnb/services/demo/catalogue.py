"""What the demo business sells: transfers both ways on every route, tours, and extras."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gnb.services.places import AIRPORT_NAMES


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


# code, English title, Turkish title, price, at most
_EXTRAS = (
    ("child-seat", "Child seat", "Çocuk koltuğu", "5.00", 4),
    ("baby-seat", "Baby seat", "Bebek koltuğu", "5.00", 4),
    ("meet-and-greet", "Meet and greet with a name sign", "İsim levhasıyla karşılama", "12.50", 1),
    ("vip-lounge", "VIP lounge, per person", "VIP salonu, kişi başı", "39.90", 10),
)

# slug, category, city, town, minutes, largest party, seats a day, price, English title, Turkish title, descriptions
_TOURS: tuple[tuple[Any, ...], ...] = (
    ("istanbul-old-city", "city", "Istanbul", "Fatih", 480, 16, 60, "89.00",
     "Istanbul’s Old City on foot", "Yürüyerek İstanbul’un Tarihî Yarımadası",
     "Hagia Sophia, the Blue Mosque, the Basilica Cistern and the Grand Bazaar with a licensed guide; lunch included.",
     "Ayasofya, Sultanahmet Camii, Yerebatan Sarnıcı ve Kapalıçarşı; ruhsatlı rehber ve öğle yemeği dâhil."),
    ("bosphorus-evening", "tour", "Istanbul", "Şişli", 210, 40, 120, "64.50",
     "Bosphorus by boat, with dinner", "Akşam yemekli Boğaz turu",
     "From Kabataş along palaces and wooden houses to the second bridge and back, dinner and music on board.",
     "Kabataş’tan saraylar ve yalılar boyunca ikinci köprüye; gemide akşam yemeği ve müzik."),
    ("istanbul-two-continents", "city", "Istanbul", "Üsküdar", 420, 16, 48, "79.00",
     "Two continents in one day", "Bir günde iki kıta",
     "Çamlıca hill, Üsküdar, the ferry to Eminönü and the Spice Bazaar.",
     "Çamlıca Tepesi, Üsküdar, Eminönü vapuru ve Mısır Çarşısı."),
    ("pamukkale-day", "excursion", "Antalya", "Denizli", 840, 24, 48, "72.00",
     "Pamukkale and Hierapolis from Antalya", "Antalya’dan Pamukkale ve Hierapolis",
     "White terraces, the antique pool and the theatre of Hierapolis; breakfast and lunch on the way.",
     "Travertenler, antik havuz ve Hierapolis tiyatrosu; yolda kahvaltı ve öğle yemeği."),
    ("antalya-waterfalls", "city", "Antalya", "Muratpaşa", 360, 24, 72, "38.00",
     "Antalya: old town and waterfalls", "Antalya: Kaleiçi ve şelaleler",
     "Kaleiçi, Hadrian’s Gate, the Düden falls and an hour by boat.",
     "Kaleiçi, Hadrian Kapısı, Düden Şelalesi ve bir saatlik tekne gezisi."),
    ("ephesus-from-kusadasi", "excursion", "Izmir", "Selçuk", 420, 24, 60, "68.00",
     "Ephesus and the House of Mary", "Efes ve Meryem Ana Evi",
     "The Library of Celsus, the terrace houses and Şirince, picked up in Kuşadası or at the port.",
     "Celsus Kütüphanesi, yamaç evler ve Şirince; Kuşadası’ndan veya limandan alınır."),
    ("bodrum-islands", "tour", "Bodrum", "Bodrum", 450, 30, 90, "45.00",
     "Bodrum’s bays by boat", "Bodrum koyları tekne turu",
     "Five bays, swimming stops and lunch from the grill.",
     "Beş koy, yüzme molaları ve ızgara öğle yemeği."),
    ("cappadocia-red", "excursion", "Nevşehir", "Ürgüp", 480, 16, 64, "55.00",
     "Cappadocia: the red tour", "Kapadokya: kırmızı tur",
     "Göreme open-air museum, Paşabağ, Avanos and its potters.",
     "Göreme Açık Hava Müzesi, Paşabağ, Avanos ve çömlekçileri."),
    ("cappadocia-balloon", "excursion", "Nevşehir", "Ürgüp", 240, 20, 40, "189.00",
     "Cappadocia at sunrise, by balloon", "Gün doğumunda Kapadokya balon turu",
     "An hour above the valleys, with transfer from the hotel and breakfast.",
     "Vadilerin üzerinde bir saat; otelden transfer ve kahvaltı dâhil."),
    ("sumela-uzungol", "excursion", "Trabzon", "Trabzon", 600, 16, 32, "59.00",
     "Sumela Monastery and Uzungöl", "Sümela Manastırı ve Uzungöl",
     "The monastery in the cliff, tea gardens and the lake.",
     "Kayalıktaki manastır, çay bahçeleri ve göl."),
    ("istanbul-three-days", "package", "Istanbul", "Fatih", 4320, 8, None, "449.00",
     "Three days in Istanbul", "İstanbul’da üç gün",
     "Both transfers, two nights in the old city, one guided day.",
     "İki transfer, tarihî yarımadada iki gece, bir rehberli gün."),
    ("cappadocia-two-days", "package", "Nevşehir", "Ürgüp", 2880, 8, None, "379.00",
     "Two days in Cappadocia", "Kapadokya’da iki gün",
     "A night in a cave hotel, the red tour and both transfers.",
     "Mağara otelde bir gece, kırmızı tur ve iki transfer."),
)  # fmt: skip

_VIP_ROUTES = (("IST", "Fatih"), ("IST", "Şişli"), ("AYT", "Belek"), ("BJV", "Bodrum"))


def extras() -> list[dict[str, Any]]:
    """Return the columns of everything that can be added to a booking."""
    return [
        {
            "code": code,
            "titles": {"en": english, "tr": turkish},
            "price": Decimal(price),
            "max_quantity": most,
            "position": position,
        }
        for position, (code, english, turkish, price, most) in enumerate(_EXTRAS)
    ]


def tours() -> list[dict[str, Any]]:
    """Return the columns of every product, in a fixed order."""
    rows = []
    for route in ROUTES:
        rows += [_transfer(route, outward) for outward in (True, False)]
    for route in ROUTES:
        if (route.airport, route.town) in _VIP_ROUTES:
            rows.append(_vip(route))
    rows += [_tour(*columns) for columns in _TOURS]
    rows[-3]["active"] = False
    return rows


def slug_of(*words: str) -> str:
    """Return the text as part of an address: plain letters, digits and hyphens."""
    text = "-".join(words).translate(str.maketrans("ıİ", "iI"))
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _transfer(route: Route, outward: bool) -> dict[str, Any]:
    english, turkish = AIRPORT_NAMES[route.airport]
    ends = (route.airport, route.town) if outward else (route.town, route.airport)
    titles = {
        "en": f"{english} to {route.town}" if outward else f"{route.town} to {english}",
        "tr": f"{turkish} – {route.town}" if outward else f"{route.town} – {turkish}",
    }
    descriptions = {
        "en": f"A car of your own: {route.kilometres} km, about {route.minutes} minutes. Waiting and tolls included.",
        "tr": f"Özel araç: {route.kilometres} km, yaklaşık {route.minutes} dakika. Bekleme ve geçiş ücretleri dâhil.",
    }
    price = Decimal(18) + Decimal(route.kilometres) * Decimal("0.62")
    category = "airport" if outward else "transfer"
    return _row(slug_of(*ends), category, route, ends, titles, descriptions, price, max_passengers=8)


def _vip(route: Route) -> dict[str, Any]:
    english, turkish = AIRPORT_NAMES[route.airport]
    titles = {"en": f"VIP: {english} to {route.town}", "tr": f"VIP: {turkish} – {route.town}"}
    descriptions = {
        "en": "A Mercedes V-Class with driver in a suit, cold drinks, Wi-Fi and an hour of waiting.",
        "tr": "Takım elbiseli sürücüyle Mercedes V-Class, soğuk içecekler, Wi-Fi ve bir saat bekleme.",
    }
    price = Decimal(55) + Decimal(route.kilometres) * Decimal("1.15")
    ends = (route.airport, route.town)
    return _row(slug_of("vip", *ends), "vip", route, ends, titles, descriptions, price, max_passengers=6)


def _row(
    slug: str,
    category: str,
    route: Route,
    ends: tuple[str, str],
    titles: dict[str, str],
    descriptions: dict[str, str],
    price: Decimal,
    max_passengers: int,
) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": titles["en"],
        "titles": titles,
        "descriptions": descriptions,
        "category": category,
        "city": route.city,
        "airport": route.airport,
        "origin": ends[0],
        "destination": ends[1],
        "distance_km": route.kilometres,
        "duration_minutes": route.minutes,
        "max_passengers": max_passengers,
        "daily_seats": None,
        "base_price": price.quantize(Decimal("0.01")),
        "active": True,
    }


def _tour(
    slug: str, category: str, city: str, town: str, minutes: int, party: int, seats: int | None, price: str, *texts: str
) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": texts[0],
        "titles": {"en": texts[0], "tr": texts[1]},
        "descriptions": {"en": texts[2], "tr": texts[3]},
        "category": category,
        "city": city,
        "airport": None,
        "origin": town,
        "destination": town,
        "distance_km": None,
        "duration_minutes": minutes,
        "max_passengers": party,
        "daily_seats": seats,
        "base_price": Decimal(price),
        "active": True,
    }
