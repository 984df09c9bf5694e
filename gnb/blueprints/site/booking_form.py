"""The booking's form: what was typed, kept as it was typed, and as the data that the request's schema checks.

Without JavaScript the same form comes back for every passenger more or less and for every new price, so it is read
leniently here; only what is finally sent is checked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from flask_babel import gettext

from gnb.blueprints.shared.formatting import parse_int
from gnb.blueprints.shared.preferences import page_language
from gnb.blueprints.site.tours import place_label
from gnb.messages import localize
from gnb.models import PASSENGER_KINDS, Extra, Tour, User
from gnb.services.bookings.request import MOST_PASSENGERS
from gnb.services.pricing.quotes import Party, Quote, extras_on_sale, is_per_person, quote

TEXTS = (
    "date", "time", "pickupPlace", "dropoffPlace", "flightNumber",
    "contactName", "contactEmail", "contactPhone", "paymentMethod", "notes",
)  # fmt: skip
_ROW = re.compile(r"passengers-(\d{1,3})-name")


@dataclass
class Traveller:
    """One row of the passengers."""

    name: str = ""
    kind: str = "adult"


@dataclass
class BookingForm:
    """What the page shows: every value as typed, errors by the name of their field."""

    tour: Tour
    texts: dict[str, str] = field(default_factory=dict)
    travellers: list[Traveller] = field(default_factory=lambda: [Traveller()])
    extras: dict[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: str(uuid4()))
    expected_total: Decimal | None = None
    """The price that the page had shown."""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, tour: Tour, typed: Mapping[str, str], user: User | None) -> BookingForm:
        """Return a new form with the day and party of the search and the account's data."""
        form = cls(tour, {"date": typed.get("date", ""), "paymentMethod": "cash"})
        if tour.airport:
            end = "pickupPlace" if tour.origin == tour.airport else "dropoffPlace"
            form.texts[end] = place_label(tour.airport)
        if user:
            form.texts |= {"contactName": user.name, "contactEmail": user.email, "contactPhone": user.phone or ""}
        party = min(int(typed.get("passengers", "1")), tour.max_passengers)
        form.travellers = [Traveller(user.name if user and not row else "") for row in range(party)]
        return form

    @classmethod
    def read(cls, tour: Tour, sent: Mapping[str, str]) -> BookingForm:
        """Return the form as it was sent; everything typed is kept."""
        rows = sorted({int(found[1]) for name in sent if (found := _ROW.fullmatch(name))})[: MOST_PASSENGERS + 1]
        travellers = [
            Traveller(sent.get(f"passengers-{row}-name", ""), sent.get(f"passengers-{row}-kind", "adult"))
            for row in rows
        ]
        return cls(
            tour,
            {name: sent.get(name, "") for name in TEXTS},
            travellers or [Traveller()],
            {extra.code: sent.get(f"extras-{extra.code}", "") for extra in extras_on_sale(tour)},
            sent.get("key", ""),
            _amount(sent.get("expectedTotal", "")),
        )

    def change(self, action: str) -> None:
        """Carry out a button of the form: `add` a passenger or `remove-3`; any other changes nothing."""
        verb, _, row = action.partition("-")
        if action == "add" and len(self.travellers) < self.most_passengers:
            self.travellers.append(Traveller())
        if verb == "remove" and len(self.travellers) > 1 and row in map(str, range(len(self.travellers))):
            del self.travellers[int(row)]

    @property
    def day(self) -> date | None:
        """The day that was typed, if it is one."""
        try:
            return date.fromisoformat(self.texts.get("date", ""))
        except ValueError:
            return None

    @property
    def most_passengers(self) -> int:
        return min(MOST_PASSENGERS, self.tour.max_passengers)

    @property
    def per_person(self) -> bool:
        return is_per_person(self.tour.category)

    @property
    def extras_on_sale(self) -> list[Extra]:
        return extras_on_sale(self.tour)

    def quote(self) -> Quote:
        """Return the price of what has been chosen so far, without what cannot be chosen."""
        kinds = Counter(each.kind for each in self.travellers)
        party = Party(*(kinds[kind] for kind in PASSENGER_KINDS))
        most = {extra.code: extra.max_quantity for extra in self.extras_on_sale}
        chosen = {code: _count(text) for code, text in self.extras.items()}
        wanted = {code: n for code, n in chosen.items() if isinstance(n, int) and 0 <= n <= most.get(code, 0)}
        return quote(self.tour, party, wanted)

    def data(self) -> dict[str, Any]:
        """Return the input of the booking request's schema."""
        return {
            "tour": self.tour,
            **{name: text for name, text in self.texts.items() if text.strip()},
            "passengers": [{"name": each.name, "kind": each.kind} for each in self.travellers],
            "extras": {code: _count(text) for code, text in self.extras.items() if text.strip()},
            "language": page_language(),
            "expectedTotal": self.expected_total,
        }

    def refuse(self, messages: Mapping[str, Any]) -> None:
        """Put the schema's messages beside their fields."""
        self.errors = dict(_flat(messages))

    def summary(self) -> list[tuple[str, str, str]]:
        """Return for each error the field's id, its label and the message, in the order of the page."""
        order = [*TEXTS[:5], "passengers", "extras", *TEXTS[5:]]
        named = sorted(self.errors.items(), key=lambda item: _place(item[0], order))
        return [(f"f-{name}", self._label(name), message) for name, message in named]

    def _label(self, name: str) -> str:
        if name.startswith("passengers-"):
            return gettext("Passenger %(number)s", number=int(name.split("-")[1]) + 1)
        for extra in self.extras_on_sale:
            if name == f"extras-{extra.code}":
                return extra.title(page_language())
        return labels().get(name, gettext("Booking"))


def labels() -> dict[str, str]:
    """Return the label of each field."""
    return {
        "date": gettext("Day"),
        "time": gettext("Pickup time"),
        "pickupPlace": gettext("Pickup from"),
        "dropoffPlace": gettext("Destination"),
        "flightNumber": gettext("Flight number"),
        "passengers": gettext("Passengers"),
        "extras": gettext("Extras"),
        "contactName": gettext("Your name"),
        "contactEmail": gettext("E-mail"),
        "contactPhone": gettext("Mobile phone"),
        "paymentMethod": gettext("Payment"),
        "notes": gettext("Notes for the driver"),
    }


def _count(text: str) -> int | str:
    """Return the number that was typed; anything else unchanged, for the schema to reject."""
    number = parse_int(text.strip(), 4)
    return text.strip() if number is None else number


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"\d{1,9}\.\d\d", text, re.ASCII) else None


def _flat(messages: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return marshmallow's nested messages by the form's field names: `passengers-0-name`, `extras-child-seat`."""
    found: list[tuple[str, str]] = []
    for key, value in messages.items():
        name = prefix.rstrip("-") if key in ("_schema", "value", "key") else f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += _flat(value, f"{name}-")
        else:
            found.append((name, " ".join(map(localize, value)) if isinstance(value, list) else localize(value)))
    return found


def _place(name: str, order: list[str]) -> tuple[int, str]:
    head = name.partition("-")[0]
    return (order.index(head) if head in order else len(order), name)
