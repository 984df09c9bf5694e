"""The bookings of the demo data: customer, tour, passengers, extras, and the course of the trip."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Any

from gnb.models import local_midnight
from gnb.services.demo import delays
from gnb.services.demo.people import Person, draw_companion, draw_person
from gnb.services.pricing.quotes import PER_VEHICLE, Party, fares

CENT = Decimal("0.01")
_PARTY = ((1, 0, 0), (2, 0, 0), (2, 1, 0), (2, 2, 0), (2, 1, 1), (3, 0, 0), (4, 0, 0), (2, 0, 1), (6, 0, 0), (4, 3, 1))
_PARTY_WEIGHT = list(accumulate((22, 34, 10, 9, 4, 6, 7, 4, 3, 1)))
_PAYMENT = ("cash", "credit_card", "stripe", "paytr")
_PAYMENT_WEIGHT = {True: list(accumulate((28, 27, 5, 40))), False: list(accumulate((30, 36, 32, 2)))}
_PAST = ("completed", "cancelled", "paid", "confirmed"), list(accumulate((87, 9, 3, 1)))
_COMING = ("confirmed", "paid", "pending", "cancelled"), list(accumulate((44, 34, 15, 7)))
_PRICE_LEVELS = tuple(Decimal(level) for level in ("1", "1", "1", "0.9", "0.95", "1.05", "1.1", "0.85"))
_AIRLINES = ("TK", "PC", "XQ", "VF", "BA", "LH", "SU", "SV", "AF", "U2")
_PLATES = {"Istanbul": 34, "Antalya": 7, "Izmir": 35, "Ankara": 6, "Trabzon": 61, "Nevşehir": 50, "Kayseri": 38}
_REFERENCE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NOTES = (
    "Please bring a sign with the name.",
    "Two suitcases, one pushchair, 1 surfboard (2.1 m).",
    "Uçağımız rötar yapabilir,\nlütfen bekleyin.",
    'Allergic to "strong perfume", please.\nWe are on the second floor; ring twice.',
    "=NOW()",
    "Bitte nicht anrufen,\r\nnur WhatsApp.",
    "الرجاء الانتظار عند باب الخروج رقم ٢",
    "Рейс может задержаться. Спасибо!",
    "Rendez-vous devant l'hôtel, côté mer.",
)
_HOTELS = (
    "Hotel Deniz",
    'Otel "Güneş"',
    "Grand Bazaar Suites, Kat 3",
    "Pera Konağı",
    "Çınar Butik Otel",
    "Marina Résidence",
    "Ağaoğlu Villa, No: 7/B",
    "Şehir Oteli,\n2. giriş",
    "Sea & Sun Apartments",
    "Kapadokya Mağara Evi",
)
_ACCOUNT_SHARE = 0.65


@dataclass(frozen=True, slots=True)
class Product:
    """What a booking needs to know of a tour."""

    id: int
    category: str
    city: str
    airport: str | None
    town: str
    outward: bool
    kilometres: int
    minutes: int
    max_passengers: int
    price: Decimal
    weight: float


@dataclass(slots=True)
class Drawn:
    """The rows of one booking."""

    booking: dict[str, Any]
    passengers: list[dict[str, Any]]
    extras: list[dict[str, Any]]


@dataclass(frozen=True)
class Business:
    """What bookings are drawn from. Customers are in the order of registration, with ids from `first_customer`."""

    products: list[Product]
    extras: dict[str, Decimal]
    customers: list[tuple[Person, datetime]]
    first_customer: int
    drivers: list[int]
    first_booking: int
    until: date


def draw_bookings(business: Business, count: int, rng: Random) -> Iterator[Drawn]:
    """Yield `count` bookings in the order they were made, numbered from `first_booking`."""
    came = [moment for _, moment in business.customers]
    weights = list(accumulate(product.weight for product in business.products))
    end = local_midnight(business.until)
    for number, (made, day) in enumerate(delays.pickups(count, business.until, rng), business.first_booking):
        product = rng.choices(business.products, cum_weights=weights)[0]
        known = bisect_right(came, made)
        if known and rng.random() < _ACCOUNT_SHARE:
            index = int(known * rng.random() ** 1.4)  # older accounts have more bookings
            user_id, person = business.first_customer + index, business.customers[index][0]
        else:
            user_id, person = None, draw_person(10_000_000 + number, rng)
        yield _draw(number, business, product, user_id, person, made, day, end, rng)


def reference_of(number: int) -> str:
    """Return the reference of the n-th booking: unique below 2^30, and not predictable from another."""
    scattered = number * 387_420_489 % 2**30
    return "GNB-" + "".join(_REFERENCE_LETTERS[scattered >> shift & 31] for shift in range(25, -1, -5))


def _draw(
    number: int,
    business: Business,
    product: Product,
    user_id: int | None,
    person: Person,
    made: datetime,
    day: date,
    end: datetime,
    rng: Random,
) -> Drawn:
    driven = product.category in PER_VEHICLE
    pickup = delays.pickup_time(day, not driven, rng)
    if pickup <= made:
        made = pickup - timedelta(hours=3)
    words, weights = _PAST if pickup + timedelta(hours=12) < end else _COMING
    status = rng.choices(words, cum_weights=weights)[0]
    party = _draw_party(product, rng)
    extras = _draw_extras(number, party, business.extras, driven, rng)
    amount = (product.price * rng.choice(_PRICE_LEVELS)).quantize(CENT) * fares(product.category, Party(*party))
    amount += sum(extra["unit_price"] * extra["quantity"] for extra in extras)
    booking = {
        "id": number,
        "reference": reference_of(number),
        "user_id": user_id,
        "tour_id": product.id,
        "customer_name": person.name,
        "customer_email": person.email,
        "customer_phone": person.phone,
        "language": person.language,
        "adults": party[0],
        "children": party[1],
        "infants": party[2],
        "pickup_at": pickup,
        "travel_date": day,
        "arrival_at": pickup + timedelta(minutes=product.minutes) if driven else None,
        "amount": amount,
        "currency": "EUR",
        "payment_method": rng.choices(_PAYMENT, cum_weights=_PAYMENT_WEIGHT[person.nationality == "TR"])[0],
        "status": status,
        "created_at": made,
        **_places(product, driven, rng),
        **_course(business, product, driven, status, made, pickup, end, rng),
    }
    return Drawn(booking, _passengers(number, person, party, rng), extras)


def _draw_party(product: Product, rng: Random) -> tuple[int, int, int]:
    adults, children, infants = rng.choices(_PARTY, cum_weights=_PARTY_WEIGHT)[0]
    return (adults, children, infants) if adults + children + infants <= product.max_passengers else (2, 0, 0)


def _draw_extras(
    number: int, party: tuple[int, int, int], prices: dict[str, Decimal], driven: bool, rng: Random
) -> list[dict[str, Any]]:
    wanted = {}
    if driven and party[1] and rng.random() < 0.6:
        wanted["child-seat"] = min(party[1], 2)
    if driven and party[2] and rng.random() < 0.8:
        wanted["baby-seat"] = 1
    if driven and rng.random() < 0.15:
        wanted["meet-and-greet"] = 1
    if driven and rng.random() < 0.03:
        wanted["vip-lounge"] = party[0]
    return [
        {"booking_id": number, "code": code, "quantity": quantity, "unit_price": prices[code]}
        for code, quantity in wanted.items()
        if code in prices
    ]


def _places(product: Product, driven: bool, rng: Random) -> dict[str, Any]:
    hotel = f"{rng.choice(_HOTELS)}, {product.town}"
    flight = f"{rng.choice(_AIRLINES)}{rng.randrange(100, 3000)}" if driven else None
    airport = f"{product.airport}, {'arrivals' if product.outward else 'departures'}"
    return {
        "pickup_place": airport if driven and product.outward else hotel,
        "dropoff_place": (hotel if product.outward else airport) if driven else None,
        "flight_number": flight,
        "notes": rng.choice(_NOTES) if rng.random() < 0.06 else None,
    }


def _course(
    business: Business,
    product: Product,
    driven: bool,
    status: str,
    made: datetime,
    pickup: datetime,
    end: datetime,
    rng: Random,
) -> dict[str, Any]:
    """Return payment, driver and times; the same columns for every status, as bulk inserts require."""
    course: dict[str, Any] = dict.fromkeys(
        ("paid_at", "cancelled_at", "driver_id", "vehicle", "actual_pickup_at", "actual_arrival_at")
    )
    course["updated_at"] = made
    if status in ("paid", "completed"):
        course["paid_at"] = made + timedelta(minutes=rng.randrange(1, 120))
    if status == "cancelled":
        course["cancelled_at"] = made + (min(pickup, end) - made) * rng.random()
        course["updated_at"] = course["cancelled_at"]
    near = pickup - end < timedelta(days=2)
    if status in ("completed", "paid", "confirmed") and near and driven:
        course["driver_id"] = rng.choice(business.drivers)
        plate = f"{_PLATES.get(product.city, 48):02d} GNB {rng.randrange(100, 1000)}"
        course["vehicle"] = f"Mercedes-Benz {'V-Class' if product.category == 'vip' else 'Vito'}, {plate}"
    if status == "completed":
        course["updated_at"] = pickup + timedelta(minutes=product.minutes)
        if driven and product.airport:
            trip = delays.Trip(product.city, product.airport, product.town, product.kilometres, pickup)
            before, late = delays.draw(trip, rng)
            course["actual_pickup_at"] = pickup + before
            course["actual_arrival_at"] = pickup + timedelta(minutes=product.minutes) + late
            course["updated_at"] = course["actual_arrival_at"]
    return course


def _passengers(number: int, person: Person, party: tuple[int, int, int], rng: Random) -> list[dict[str, Any]]:
    kinds = ["adult"] * party[0] + ["child"] * party[1] + ["infant"] * party[2]
    return [
        {
            "booking_id": number,
            "position": position,
            "name": person.name if position == 1 else draw_companion(person, rng),
            "kind": kind,
            "nationality": person.nationality,
        }
        for position, kind in enumerate(kinds, 1)
    ]
