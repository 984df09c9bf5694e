"""The people of the demo data: customers and their companions by Faker, staff, drivers, registered accounts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from gnb.models import ROLES

STAFF_DOMAIN = "gnb-transfer.example"
DRIVERS = 40
BOOKINGS_PER_ACCOUNT = 4
_WITHOUT_CAMPAIGNS = 0.03
_STAFF_NAMES = ("Deniz Yolcu", "Hakan Sürücü", "Selin Destek", "Cem Müdür", "Aylin Yönetici", "Burak Sorumlu")
"""In the order of `ROLES`."""


class _Country(NamedTuple):
    share: int
    locale: str
    language: str
    phone: str
    """The start of a number in E.164: a range for fiction where the country has one, an unassigned one elsewhere."""
    digits: int
    """How many digits follow."""


_COUNTRIES = {
    "TR": _Country(34, "tr_TR", "tr", "+90500", 7),
    "GB": _Country(17, "en_GB", "en", "+447700900", 3),
    "DE": _Country(17, "de_DE", "de", "+491520", 7),
    "RU": _Country(13, "ru_RU", "ru", "+790000", 5),
    "SA": _Country(8, "ar_SA", "ar", "+9665000", 5),
    "FR": _Country(6, "fr_FR", "fr", "+3363998", 4),
    "US": _Country(5, "en_US", "en", "+1202555", 4),
}
_NATIONALITIES = list(_COUNTRIES)
_SHARES = list(accumulate(country.share for country in _COUNTRIES.values()))
_NAMES_EACH = 500
_AWKWARD_EVERY = 40
_DOMAINS = ("example.com", "example.org", "example.net")

AWKWARD_NAMES = (
    "Öztürk, Dr. Şule",
    'Robert "Bob" O\'Neil',
    'Anne-Marie "Annie" d\'Arc, Comtesse',
    "Smith, John, Jr.",
    "Ayşe Yılmaz\nFırat Yılmaz",
    "Weiß & Söhne GmbH\r\nReiseabteilung",
    '=HYPERLINK("https://example.com","Smith")',
    "=1+2",
    "+Ali Demir",
    "-Deniz Ünal",
    "@Selin",
    "\tÇağla Işık",
    "محمد، العتيبي",
    "Müller; Jürgen | \\ /",
    "İıŞşĞğÜüÖöÇç",
    "<b>Zoë</b> Núñez",
    " Sophie  Wright ",
    "李小龙",
    "Ελένη Παπαδοπούλου 🏖️",
)
"""Commas, quotes, line breaks, formulas, markup: the name of every fortieth person."""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer. `nationality` is an ISO 3166-1 code."""

    name: str
    family: str
    email: str
    phone: str
    nationality: str
    language: str


def draw_person(number: int, rng: Random) -> Person:
    """Draw a person; two different numbers never have the same e-mail address."""
    nationality = rng.choices(_NATIONALITIES, cum_weights=_SHARES)[0]
    country = _COUNTRIES[nationality]
    given, family = _draw_name(nationality, rng)
    turn, rest = divmod(number, _AWKWARD_EVERY)
    return Person(
        name=f"{given} {family}" if rest else AWKWARD_NAMES[turn % len(AWKWARD_NAMES)],
        family=family,
        email=f"{_mailbox(given)}.{number}@{_DOMAINS[number % 3]}",
        phone=f"{country.phone}{rng.randrange(10**country.digits):0{country.digits}d}",
        nationality=nationality,
        language=country.language,
    )


def draw_companion(person: Person, rng: Random) -> str:
    """Draw the name of a fellow traveller, mostly of the same family."""
    given, family = _draw_name(person.nationality, rng)
    return f"{given} {person.family if rng.random() < 0.8 else family}"


def _draw_name(nationality: str, rng: Random) -> tuple[str, str]:
    names = _names(nationality)
    index = rng.randrange(_NAMES_EACH)
    # Female names have even places, male names odd ones: some languages inflect the family name.
    return names[index][0], names[rng.randrange(_NAMES_EACH // 2) * 2 + index % 2][1]


@cache
def _names(nationality: str) -> list[tuple[str, str]]:
    """Return given and family names of the nationality, the same ones each time."""
    from faker import Faker  # slow to load, and needed by the demo data only

    faker = Faker(_COUNTRIES[nationality].locale, use_weighting=False)
    faker.seed_instance(0)
    names = []
    for _ in range(_NAMES_EACH // 2):
        names.append((faker.first_name_female(), faker.last_name_female()))
        names.append((faker.first_name_male(), faker.last_name_male()))
    return names


@cache
def _mailbox(name: str) -> str:
    turkish = name.translate(str.maketrans("ıİ", "iI"))
    plain = unicodedata.normalize("NFKD", turkish).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", "", plain.lower()) or "guest"


def staff(password_hash: str | None, now: datetime) -> list[dict[str, Any]]:
    """Return an account of each role; without a hash they cannot sign in."""
    return [
        {
            "email": f"{role}@{STAFF_DOMAIN}",
            "name": name,
            "phone": None,
            "role": role,
            "language": "tr" if role in ("driver", "support") else "en",
            "password_hash": password_hash,
            "created_at": now - timedelta(days=760),
        }
        for role, name in zip(ROLES, _STAFF_NAMES, strict=True)
    ]


def drivers(first_id: int, now: datetime, rng: Random) -> list[dict[str, Any]]:
    """Return the drivers, numbered from `first_id`."""
    return [
        _account(first_id + number, _turkish(first_id + number, rng), "driver", now - timedelta(days=750 - 3 * number))
        for number in range(DRIVERS)
    ]


def customers(first_id: int, count: int, start: datetime, now: datetime, rng: Random) -> list[tuple[Person, datetime]]:
    """Return customers and when they registered, in that order. The n-th has the id `first_id + n`."""
    span = (now - start).total_seconds()
    # The exponent makes registrations more frequent towards the end.
    moments = sorted(start + timedelta(seconds=int(span * rng.random() ** 0.75)) for _ in range(count))
    return [(draw_person(first_id + number, rng), moment) for number, moment in enumerate(moments)]


def customer_rows(first_id: int, people: list[tuple[Person, datetime]]) -> list[dict[str, Any]]:
    """Return the columns of the customers' accounts."""
    return [_account(first_id + number, person, "user", moment) for number, (person, moment) in enumerate(people)]


def unsubscribed(people: list[tuple[Person, datetime]], now: datetime, rng: Random) -> list[dict[str, Any]]:
    """Return the notification settings of those who have unsubscribed from campaigns."""
    return [
        {"email": person.email, "campaigns": False, "changed_at": now}
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
