"""Customers, tours and bookings for tests, with as little said as possible."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from gnb.extensions import db
from gnb.models import Booking, Campaign, Extra, Passenger, Tour, User, now

_numbers = itertools.count(1)


def make_user(**fields: Any) -> User:
    """A committed account; a customer writing English unless told otherwise."""
    number = next(_numbers)
    user = User(**{"email": f"user{number}@example.com", "name": f"User {number}", "language": "en", **fields})
    db.session.add(user)
    db.session.commit()
    return user


def make_tour(**fields: Any) -> Tour:
    """A committed tour."""
    number = next(_numbers)
    given = {
        "slug": f"tour-{number}",
        "name": f"Tour {number}",
        "titles": {"en": f"Tour {number}", "tr": f"Tur {number}"},
        "category": "transfer",
        "city": "Istanbul",
        "origin": "Istanbul Airport",
        "destination": "Taksim",
        "duration_minutes": 60,
        "base_price": Decimal("45.00"),
    }
    tour = Tour(**{**given, **fields})
    db.session.add(tour)
    db.session.commit()
    return tour


def new_booking(tour: Tour, **fields: Any) -> Booking:
    """A booking in the session, not committed."""
    number = next(_numbers)
    given = {
        "reference": f"GNB{number:06d}",
        "tour": tour,
        "customer_name": "Ayşe Yılmaz",
        "customer_email": f"guest{number}@example.com",
        "customer_phone": "+905321234567",
        "language": "en",
        "adults": 2,
        "children": 1,
        "pickup_at": datetime(2027, 3, 1, 9, 30, tzinfo=UTC),
        "pickup_place": "Istanbul Airport (IST)",
        "dropoff_place": "Hotel Taksim",
        "flight_number": "TK1",
        "amount": Decimal("90.00"),
        "currency": "EUR",
        "payment_method": "cash",
        "status": "confirmed",
    }
    passengers = [Passenger(position=0, name="Ayşe Yılmaz"), Passenger(position=1, name="Ali Yılmaz")]
    booking = Booking(**{**given, "passengers": passengers, **fields})
    db.session.add(booking)
    return booking


def make_booking(tour: Tour | None = None, **fields: Any) -> Booking:
    """A committed booking."""
    booking = new_booking(tour or make_tour(), **fields)
    db.session.commit()
    return booking


def make_campaign(**fields: Any) -> Campaign:
    """A committed campaign with a mail in both languages."""
    given = {
        "name": "Spring",
        "starts_at": now(),
        "ends_at": now() + timedelta(days=7),
        "discount_percent": 10,
        "subjects": {"en": "Spring offers", "tr": "Bahar fırsatları"},
        "bodies": {"en": "Hello {name}, 10% off.", "tr": "Merhaba {name}, %10 indirim."},
    }
    campaign = Campaign(**{**given, **fields})
    db.session.add(campaign)
    db.session.commit()
    return campaign


def booking_data(tour: Tour, /, **fields: Any) -> dict[str, Any]:
    """What a client sends to book the tour: two adults, a month from now. A field given as `...` is left out."""
    given = {
        "tour": tour.slug,
        "date": (now() + timedelta(days=30)).date().isoformat(),
        "time": "14:30",
        "pickupPlace": "Istanbul Airport, arrivals",
        "dropoffPlace": "Hotel Taksim",
        "passengers": [{"name": "Ayşe Yılmaz", "nationality": "TR"}, {"name": "Ali Yılmaz", "kind": "adult"}],
        "contactName": "Ayşe Yılmaz",
        "contactEmail": "ayse@example.com",
        "contactPhone": "0532 123 45 67",
        "paymentMethod": "cash",
        "language": "en",
    }
    return {name: value for name, value in {**given, **fields}.items() if value is not ...}


def make_extra(code: str = "child-seat", **fields: Any) -> Extra:
    """A committed extra."""
    given = {"titles": {"en": "Child seat", "tr": "Çocuk koltuğu"}, "price": Decimal("5.00"), "max_quantity": 4}
    extra = Extra(code=code, **{**given, **fields})
    db.session.add(extra)
    db.session.commit()
    return extra
