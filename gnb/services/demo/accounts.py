"""The accounts of the demo data: staff of every role, drivers, customers."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from gnb.models import ROLES
from gnb.services.demo.people import Person, draw_person

STAFF_DOMAIN = "gnb-transfer.example"
DRIVERS = 40
BOOKINGS_PER_ACCOUNT = 4
_WITHOUT_CAMPAIGNS = 0.03

_STAFF_NAMES = {
    "user": "Deniz Yolcu",
    "driver": "Hakan Sürücü",
    "support": "Selin Destek",
    "manager": "Cem Müdür",
    "admin": "Aylin Yönetici",
    "superadmin": "Burak Sorumlu",
}


def staff(password_hash: str | None, now: datetime) -> list[dict[str, Any]]:
    """One account of each role; without a hash nobody can sign in as them."""
    return [
        {
            "email": f"{role}@{STAFF_DOMAIN}",
            "name": _STAFF_NAMES[role],
            "phone": None,
            "role": role,
            "language": "tr" if role in ("driver", "support") else "en",
            "password_hash": password_hash,
            "created_at": now - timedelta(days=760),
        }
        for role in ROLES
    ]


def drivers(first_id: int, now: datetime, rng: Random) -> list[dict[str, Any]]:
    """The drivers, numbered from `first_id`."""
    return [
        _account(first_id + number, _turkish(first_id + number, rng), "driver", now - timedelta(days=750 - 3 * number))
        for number in range(DRIVERS)
    ]


def customers(first_id: int, count: int, start: datetime, now: datetime, rng: Random) -> list[tuple[Person, datetime]]:
    """Registered customers, those of the lowest id first to have come. The n-th has the id `first_id + n`."""
    span = (now - start).total_seconds()
    # The square root makes more of them come towards the end.
    moments = sorted(start + timedelta(seconds=int(span * rng.random() ** 0.75)) for _ in range(count))
    return [(draw_person(first_id + number, rng), moment) for number, moment in enumerate(moments)]


def customer_rows(first_id: int, people: list[tuple[Person, datetime]]) -> list[dict[str, Any]]:
    """The columns of the customers' accounts."""
    return [_account(first_id + number, person, "user", moment) for number, (person, moment) in enumerate(people)]


def unsubscribed(people: list[tuple[Person, datetime]], now: datetime, rng: Random) -> list[dict[str, Any]]:
    """The wishes of those who want no campaigns."""
    return [
        {"email": person.email, "bookings": True, "campaigns": False, "changed_at": now}
        for person, _ in people
        if rng.random() < _WITHOUT_CAMPAIGNS
    ]


def _account(number: int, person: Person, role: str, created_at: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "email": person.email,
        "name": person.name,
        "phone": person.phone,
        "role": role,
        "language": person.language,
        "password_hash": None,
        "created_at": created_at,
    }


def _turkish(number: int, rng: Random) -> Person:
    while (person := draw_person(number, rng)).nationality != "TR":
        pass
    return person
