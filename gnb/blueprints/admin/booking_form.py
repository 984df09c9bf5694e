"""The form in which an administrator makes or changes a booking."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from marshmallow import ValidationError

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.admin.schema_forms import FormField, messages_of
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.formatting import parse_int
from gnb.messages import localize
from gnb.messages.labels import LANGUAGE_NAMES, PAYMENT_LABELS
from gnb.models import HOME_ZONE, Booking, Extra, Tour, db, now
from gnb.services.bookings import InvalidBookingState, SoldOut
from gnb.services.bookings.booking import book_for_customer, booking_of_id, change_booking
from gnb.services.bookings.request import NOTICE, BookingRequestSchema

_TEXTS = ("date", "time", "pickupPlace", "dropoffPlace", "flightNumber", "contactName", "contactEmail", "contactPhone",
          "paymentMethod", "language", "notes")  # fmt: skip


@blueprint.route("/bookings/new", methods=["GET", "POST"])
@admin_required
def new_booking() -> ResponseReturnValue:
    """Make a booking for a customer."""
    if request.method == "GET":
        return _page(None, {"tour": request.args.get("tour", ""), "language": str(get_locale())}, {})
    sent = request.form.to_dict()
    data = {**_data(sent), "tour": sent.get("tour", ""), "extras": _extras(sent)}
    try:
        booking = book_for_customer(BookingRequestSchema().load(data), signed_in_user())
    except ValidationError as error:
        return _page(None, sent, error.normalized_messages()), 422
    except SoldOut as error:
        return _page(None, sent, {"date": [error.message]}), 409
    words = gettext("Booking %(reference)s is made and confirmed.", reference=booking.reference)
    return done(words, url_for("admin.booking", booking_id=booking.id))


@blueprint.route("/bookings/<int:booking_id>/edit", methods=["GET", "POST"])
@admin_required
def edit_booking(booking_id: int) -> ResponseReturnValue:
    """Change a booking that is to come; the customer gets no mail of it."""
    booking = booking_of_id(booking_id)
    page = url_for("admin.booking", booking_id=booking_id)
    if request.method == "GET":
        return _page(booking, _values(booking), {})
    sent = request.form.to_dict()
    # The pickup as it stands is allowed, however near or past it is.
    schema = BookingRequestSchema(at=min(now(), booking.pickup_at - NOTICE))
    try:
        wanted = schema.load({**_data(sent), "tour": booking.tour})
        change_booking(booking, wanted, _amount(sent.get("amount", "")), signed_in_user())
    except ValidationError as error:
        return _page(booking, sent, error.normalized_messages()), 422
    except SoldOut as error:
        db.session.rollback()
        return _page(booking, sent, {"date": [error.message]}), 409
    except InvalidBookingState as error:
        return rejected(localize(error), page)
    return done(gettext("Booking %(reference)s is changed.", reference=booking.reference), page)


def _page(booking: Booking | None, values: Mapping[str, Any], errors: Mapping[str, Any]) -> str:
    fields = _fields(booking, values, errors)
    known = {field.name for field in fields}
    loose = [text for name, found in errors.items() if name not in known for text in messages_of(found)]
    return render_template("admin/bookings/form.html", booking=booking, fields=fields, other_errors=loose)


def _fields(booking: Booking | None, values: Mapping[str, Any], errors: Mapping[str, Any]) -> list[FormField]:
    def one(name: str, label: str, **more: Any) -> FormField:
        return FormField(name, label, value=values.get(name, ""), errors=messages_of(errors.get(name)), **more)

    hint = gettext("One per line: name; adult, child or infant; country, like “Ali Demir; child; TR”.")
    fields = [
        one("date", gettext("Day"), kind="date", required=True),
        one("time", gettext("Pickup time"), kind="time", required=True, hint=gettext("Time in Istanbul")),
        one("pickupPlace", gettext("Pickup from"), required=True),
        one("dropoffPlace", gettext("Destination")),
        one("flightNumber", gettext("Flight number")),
        one("contactName", gettext("Name of the customer"), required=True),
        one("contactEmail", gettext("E-mail"), kind="email", required=True),
        one("contactPhone", gettext("Mobile phone"), kind="tel", required=True),
        one("paymentMethod", gettext("Payment"), kind="select", required=True, choices=tuple(PAYMENT_LABELS.items())),
        one("language", gettext("Language"), kind="select", required=True, choices=tuple(LANGUAGE_NAMES.items())),
        one("passengers", gettext("Passengers"), kind="textarea", required=True, hint=hint),
        one("notes", gettext("Notes for the driver"), kind="textarea"),
    ]
    if booking:
        label = gettext("Amount, %(currency)s", currency=booking.currency)
        return [*fields, one("amount", label, kind="number", step="0.01", min=0, required=True)]
    tours = db.session.scalars(sa.select(Tour).where(Tour.active).order_by(Tour.name))
    choices = tuple((tour.slug, tour.listed(str(get_locale()))) for tour in tours)
    tour = one("tour", gettext("Tour"), kind="select", required=True, choices=choices)
    wrong = errors.get("extras", {})
    extras = [
        FormField(
            f"extras-{extra.code}",
            extra.title(str(get_locale())),
            kind="number",
            value=values.get(f"extras-{extra.code}", ""),
            min=0,
            max=extra.max_quantity,
            errors=messages_of(wrong.get(extra.code)) if isinstance(wrong, Mapping) else (),
        )
        for extra in db.session.scalars(sa.select(Extra).where(Extra.active).order_by(Extra.position))
    ]
    return [tour, *fields, *extras]


def _values(booking: Booking) -> dict[str, Any]:
    pickup = booking.pickup_at.astimezone(HOME_ZONE)
    lines = ("; ".join(filter(None, (one.name, one.kind, one.nationality))) for one in booking.passengers)
    return {
        "date": pickup.date().isoformat(),
        "time": pickup.strftime("%H:%M"),
        "pickupPlace": booking.pickup_place,
        "dropoffPlace": booking.dropoff_place or "",
        "flightNumber": booking.flight_number or "",
        "contactName": booking.customer_name,
        "contactEmail": booking.customer_email,
        "contactPhone": booking.customer_phone,
        "paymentMethod": booking.payment_method,
        "language": booking.language,
        "passengers": "\n".join(lines),
        "notes": booking.notes or "",
        "amount": str(booking.amount),
    }


def _data(sent: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as the API has it."""
    passengers = []
    for line in filter(str.strip, sent.get("passengers", "").splitlines()):
        name, kind, nationality = (*(part.strip() for part in line.split(";", 2)), "", "")[:3]
        passengers.append({"name": name, "kind": kind or "adult", "nationality": nationality or None})
    return {**{name: sent.get(name, "") for name in _TEXTS}, "passengers": passengers}


def _extras(sent: Mapping[str, str]) -> dict[str, Any]:
    typed = {name.removeprefix("extras-"): text for name, text in sent.items() if name.startswith("extras-") and text}
    return {code: text if (count := parse_int(text, 4)) is None else count for code, text in typed.items()}


def _amount(text: str) -> Decimal:
    """Return the amount. Raises ValidationError."""
    try:
        amount = Decimal(text)
        if amount.is_finite() and 0 <= amount <= 1_000_000 and amount == round(amount, 2):
            return amount
    except InvalidOperation:
        pass
    raise ValidationError(gettext("An amount is from 0 to 1,000,000, with at most two decimals."), "amount")
