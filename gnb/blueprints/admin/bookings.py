"""Bookings: find them, export those found, read one with all that belongs to it, change its status."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from marshmallow import ValidationError

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, redirect_to, rejected
from gnb.blueprints.admin.schema_forms import filter_fields, other_errors, read_form
from gnb.blueprints.admin.timelines import booking_timeline
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.describe import state_label
from gnb.blueprints.shared.pagination import page_of
from gnb.messages import labels, localize
from gnb.messages.labels import BOOKING_ACTION_EFFECTS, BOOKING_ACTION_LABELS, BOOKING_ACTION_QUESTIONS
from gnb.models import AuditEntry, Booking, Delivery, Extra, db
from gnb.queueing.errors import QueueUnavailable
from gnb.services import audit
from gnb.services.ai.lookups import get_or_enqueue_delay_risk, peek_delay_risk
from gnb.services.audit import AuditFilter
from gnb.services.bookings import InvalidBookingState
from gnb.services.bookings.booking import LONGEST_SEARCH, booking_of_id, find_bookings
from gnb.services.bookings.status import next_statuses, set_status
from gnb.services.exports import InvalidFilters
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
    found, pager = page_of(
        partial(find_bookings, asked.loaded, asked.text, sort=_sort()) if not asked.errors else _nothing
    )
    page = render_template(
        "admin/bookings/list.html",
        bookings=found,
        pager=pager,
        asked=asked,
        fields=filter_fields(_schema(), asked.sent, asked.errors),
        other_errors=other_errors(_schema(), asked.errors),
        export=EXPORT,
        sort=_sort(),
        sort_url=_sort_url,
    )
    return page, 422 if asked.errors else 200


@blueprint.get("/bookings/<int:booking_id>")
def booking(booking_id: int) -> ResponseReturnValue:
    """Show one booking with its passengers, amounts, timeline, mails and delay risk."""
    found = _booking(booking_id)
    risk = peek_delay_risk(found, str(get_locale()))
    return render_template(
        "admin/bookings/booking.html",
        live=bool(risk and risk.job),
        booking=found,
        moments=booking_timeline(found, _entries(found)),
        deliveries=_deliveries(found),
        extras=_titles(found),
        risk=risk,
        next_statuses=next_statuses(found),
        labels=labels,
    )


@blueprint.get("/bookings/<int:booking_id>/status/<status>")
@admin_required
def ask_booking_status(booking_id: int, status: str) -> ResponseReturnValue:
    """Ask whether to change the status, saying what follows from it."""
    found = _booking(booking_id)
    if status not in BOOKING_ACTION_LABELS:
        abort(404)
    return render_template(
        "admin/confirm.html",
        title=BOOKING_ACTION_QUESTIONS[status] % {"reference": found.reference},
        text=BOOKING_ACTION_EFFECTS[status],
        action=url_for("admin.set_booking_status", booking_id=found.id, status=status),
        button=BOOKING_ACTION_LABELS[status],
        danger=status == "cancelled",
        keep=gettext("Keep booking") if status == "cancelled" else None,
        back=url_for("admin.booking", booking_id=found.id),
    )


@blueprint.post("/bookings/<int:booking_id>/status/<status>")
def set_booking_status(booking_id: int, status: str) -> ResponseReturnValue:
    """Change the status, or say why that is not possible."""
    found, page = _booking(booking_id), url_for("admin.booking", booking_id=booking_id)
    try:
        set_status(found, status, signed_in_user())
    except InvalidBookingState as error:
        return rejected(localize(error), page)
    words = gettext("Booking %(reference)s: %(status)s.", reference=found.reference, status=state_label(status, "booking"))  # fmt: skip # noqa: E501
    return done(words, page)


@blueprint.post("/bookings/<int:booking_id>/delay-risk")
def ask_booking_risk(booking_id: int) -> ResponseReturnValue:
    """Compute the delay risk, by a job if it is not cached; the booking's page shows it."""
    found, page = _booking(booking_id), url_for("admin.booking", booking_id=booking_id)
    try:
        get_or_enqueue_delay_risk(found, str(get_locale()))
    except ValidationError:
        return rejected(gettext("The delay risk is unavailable: the places of this tour are unknown."), page)
    except QueueUnavailable:
        return rejected(gettext("The broker is unreachable. Try again later."), page)
    return redirect_to(page)


def _sort() -> str:
    return request.args.get("sort", "")[:20]


def _sort_url(name: str) -> str:
    """Return the address of the list sorted by this; of the other direction where it is sorted by it already."""
    asked = {**request.args.to_dict(flat=False), "sort": f"-{name}" if _sort() == name else name}
    asked.pop("page", None)
    return f"{url_for('admin.bookings')}?{urlencode(asked, doseq=True)}"


def _asked() -> Asked:
    sent = read_form(_schema(), request.args)
    text = request.args.get("q", "").strip()[:LONGEST_SEARCH]
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
    return booking_of_id(booking_id)


def _entries(booking: Booking) -> list[AuditEntry]:
    wanted = AuditFilter(action="booking.", target=f"booking/{booking.id}")
    return audit.entries(wanted, 0, _ENTRIES_SHOWN)[0]


def _deliveries(booking: Booking) -> list[Delivery]:
    query = sa.select(Delivery).where(Delivery.booking_id == booking.id).order_by(Delivery.id)
    return list(db.session.scalars(query))


def _titles(booking: Booking) -> dict[str, str]:
    """Return the titles of the booking's extras."""
    codes = [extra.code for extra in booking.extras]
    found = db.session.scalars(sa.select(Extra).where(Extra.code.in_(codes))) if codes else ()
    return {extra.code: extra.title(str(get_locale())) for extra in found}
