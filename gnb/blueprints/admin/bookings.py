"""Bookings: find them, export those found, read one with all that belongs to it, change its status."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from marshmallow import ValidationError

from gnb.blueprints.access import signed_in_user
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import done, go, refused
from gnb.blueprints.admin.filter_fields import filter_fields
from gnb.blueprints.admin.guard import for_admins
from gnb.blueprints.admin.presenters import booking_words, mail_words, schema_forms
from gnb.blueprints.admin.presenters.badges import state_word
from gnb.blueprints.admin.presenters.pages import page_of
from gnb.models import AuditEntry, Booking, Delivery, Extra, db
from gnb.queueing.errors import QueueUnavailable
from gnb.services import audit
from gnb.services.audit import AuditFilter
from gnb.services.bookings import changing, reading
from gnb.services.bookings.errors import InvalidBookingState
from gnb.services.bookings.risk import ask_risk, known_risk
from gnb.services.exports.errors import InvalidFilters
from gnb.services.exports.filters import dump_filters, filters_schema, load_filters

EXPORT = "bookings-csv"
_ENTRIES_SHOWN = 50


@dataclass(frozen=True)
class Asked:
    """Which bookings are asked for: the export's filters as sent and as loaded, and the search."""

    sent: dict[str, Any]
    loaded: Mapping[str, Any]
    text: str
    errors: Mapping[str, Any]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The filters as the fields of a form."""
        dumped = dump_filters(EXPORT, self.loaded)
        return [(name, str(one)) for name, value in dumped.items() for one in _listed(value)]


@blueprint.get("/bookings")
def bookings() -> ResponseReturnValue:
    """Show the bookings that match, newest first."""
    asked = _asked()
    found, pager = page_of(partial(reading.find_bookings, asked.loaded, asked.text) if not asked.errors else _nothing)
    page = render_template(
        "admin/bookings/list.html",
        bookings=found,
        pager=pager,
        asked=asked,
        fields=filter_fields(_schema(), asked.sent, asked.errors),
        other_errors=schema_forms.other_errors(_schema(), asked.errors),
        export=EXPORT,
    )
    return page, 422 if asked.errors else 200


@blueprint.get("/bookings/<int:booking_id>")
def booking(booking_id: int) -> ResponseReturnValue:
    """Show one booking with its passengers, its money, its life, its mails and their jobs."""
    found = _booking(booking_id)
    risk = known_risk(found, str(get_locale()))
    return render_template(
        "admin/bookings/booking.html",
        live=bool(risk and risk.job),
        booking=found,
        moments=booking_words.life(found, _entries(found)),
        deliveries=_deliveries(found),
        extras=_titles(found),
        risk=risk,
        next_statuses=changing.next_statuses(found),
        words=booking_words,
        mail_words=mail_words,
    )


@blueprint.get("/bookings/<int:booking_id>/status/<status>")
@for_admins
def ask_booking_status(booking_id: int, status: str) -> ResponseReturnValue:
    """Ask whether to change the status, saying what follows from it."""
    found = _booking(booking_id)
    if status not in booking_words.MOVES:
        abort(404)
    return render_template(
        "admin/confirm.html",
        title=booking_words.QUESTIONS[status] % {"reference": found.reference},
        text=booking_words.FOLLOWS[status],
        action=url_for("admin.set_booking_status", booking_id=found.id, status=status),
        button=booking_words.MOVES[status],
        danger=status == "cancelled",
        back=url_for("admin.booking", booking_id=found.id),
    )


@blueprint.post("/bookings/<int:booking_id>/status/<status>")
def set_booking_status(booking_id: int, status: str) -> ResponseReturnValue:
    """Change the status, or say why that is not possible."""
    found, page = _booking(booking_id), url_for("admin.booking", booking_id=booking_id)
    try:
        changing.set_status(found, status, signed_in_user())
    except InvalidBookingState as error:
        return refused(str(error), page)
    words = gettext("Booking %(reference)s: %(status)s.", reference=found.reference, status=state_word(status, "booking"))  # fmt: skip # noqa: E501
    return done(words, page)


@blueprint.post("/bookings/<int:booking_id>/delay-risk")
def ask_booking_risk(booking_id: int) -> ResponseReturnValue:
    """Have the risk of a delay found out; the booking's page shows it."""
    found, page = _booking(booking_id), url_for("admin.booking", booking_id=booking_id)
    try:
        ask_risk(found, str(get_locale()))
    except ValidationError:
        return refused(gettext("The places of this tour are not known well enough to judge its road."), page)
    except QueueUnavailable:
        return refused(gettext("The broker does not answer; ask again when it is back."), page)
    return go(page)


def _asked() -> Asked:
    sent = schema_forms.read_form(_schema(), request.args)
    text = request.args.get("q", "").strip()[: reading.LONGEST_SEARCH]
    try:
        return Asked(sent, load_filters(EXPORT, sent), text, {})
    except InvalidFilters as error:
        return Asked(sent, {}, text, error.errors)


def _schema() -> Any:
    return filters_schema(EXPORT)


def _nothing(_start: int, _end: int) -> tuple[list[Booking], int]:
    return [], 0


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _booking(booking_id: int) -> Booking:
    return reading.booking_of_id(booking_id)


def _entries(booking: Booking) -> list[AuditEntry]:
    wanted = AuditFilter(action="booking.", target=f"booking/{booking.id}")
    return audit.entries(wanted, 0, _ENTRIES_SHOWN)[0]


def _deliveries(booking: Booking) -> list[Delivery]:
    query = sa.select(Delivery).where(Delivery.booking_id == booking.id).order_by(Delivery.id)
    return list(db.session.scalars(query))


def _titles(booking: Booking) -> dict[str, str]:
    """What the booking's extras are called."""
    codes = [extra.code for extra in booking.extras]
    found = db.session.scalars(sa.select(Extra).where(Extra.code.in_(codes))) if codes else ()
    return {extra.code: extra.title(str(get_locale())) for extra in found}
