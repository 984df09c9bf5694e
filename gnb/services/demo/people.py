"""The people of the demo data, drawn at random."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from gnb.services.demo.names import AWKWARD_NAMES, LANGUAGE, NAMES, NATIONALITY_WEIGHT, PHONE_PREFIX

_NATIONALITIES = list(NATIONALITY_WEIGHT)
_WEIGHTS = list(accumulate(NATIONALITY_WEIGHT.values()))
_AWKWARD_EVERY = 40
_DOMAINS = ("example.com", "example.org", "example.net")
_TURKISH = str.maketrans("ıİ", "iI")


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
    """A person whose e-mail address is unlike that of any other `number`."""
    nationality = rng.choices(_NATIONALITIES, cum_weights=_WEIGHTS)[0]
    given, families = NAMES[nationality]
    first, family = rng.choice(given), rng.choice(families)
    name = f"{first} {family}"
    turn, rest = divmod(number, _AWKWARD_EVERY)
    return Person(
        name=name if rest else AWKWARD_NAMES[turn % len(AWKWARD_NAMES)],
        family=family,
        email=f"{_mailbox(first)}.{number}@{_DOMAINS[number % 3]}",
        phone=_phone(nationality, rng),
        nationality=nationality,
        language=LANGUAGE[nationality],
    )


def draw_companion(person: Person, rng: Random) -> str:
    """The name of somebody who travels along: mostly of the same family."""
    given, families = NAMES[person.nationality]
    return f"{rng.choice(given)} {person.family if rng.random() < 0.8 else rng.choice(families)}"


def _phone(nationality: str, rng: Random) -> str:
    prefix, digits = PHONE_PREFIX[nationality]
    return f"{prefix}{rng.randrange(10**digits):0{digits}d}"


def _mailbox(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_TURKISH)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", "", plain.lower()) or "guest"
