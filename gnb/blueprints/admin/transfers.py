"""Transfers: today's and tomorrow's list for dispatchers, a driver's own on a phone, and the import of past trips."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from flask import Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from marshmallow import ValidationError

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import back_url, done, rejected
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.formatting import parse_int
from gnb.messages import localize, localize_fields
from gnb.models import HOME_ZONE, Booking, PastTrip, db, local_day, local_midnight, now
from gnb.services.ai import delay_risk, trips
from gnb.services.ai.trips import InvalidTrips
from gnb.services.bookings import BookingError, BookingNotFound, transfers
from gnb.services.bookings.booking import booking_of_id
from gnb.services.bookings.transfers import STEPS, InvalidTransfer, Transfer, TransferChange

LARGEST_FILE = 1024 * 1024
_LOCAL = "%Y-%m-%dT%H:%M"


@blueprint.get("/transfers", endpoint="transfers")
def transfers_list() -> ResponseReturnValue:
    """Show the transfers of today and tomorrow, or of the requested day; drivers get their own only."""
    user = signed_in_user()
    driver = user if user.role == "driver" else None
    asked = _day()
    today = local_day(now())
    days = [asked] if asked else [today, today + timedelta(days=1)]
    found = {day: transfers.transfers_of(day, driver) for day in days}
    if driver:
        return render_template("admin/transfers/driver.html", live=True, days=found, today=today)
    return render_template(
        "admin/transfers/list.html",
        live=True,
        days={day: [(transfer, _risk(transfer)) for transfer in listed] for day, listed in found.items()},
        today=today,
        asked=asked,
    )


@blueprint.get("/transfers/list.pdf")
def transfers_pdf() -> ResponseReturnValue:
    """Send the drivers' list of a day as a PDF."""
    from gnb.services.exports.pdf_documents import transfers_pdf as render  # WeasyPrint is slow to import

    day = _day() or local_day(now())
    response = Response(render(transfers.transfers_of(day), day, str(get_locale())), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="transfers-{day}.pdf"'
    return response


@blueprint.post("/transfers/<reference>/<step>")
def record_transfer(reference: str, step: str) -> ResponseReturnValue:
    """Record that the guests were picked up or have arrived, just now."""
    if step not in STEPS:
        abort(404)
    user, page = signed_in_user(), back_url(url_for("admin.transfers"))
    try:
        transfers.record_now(transfers.booking_to_record(reference, user), step, user)
    except BookingNotFound as error:
        abort(404, localize(error))
    except InvalidTransfer as error:
        return rejected(_sentence(error), page)
    except BookingError as error:
        return rejected(localize(error), page)
    words = gettext("%(reference)s: picked up.") if step == "picked-up" else gettext("%(reference)s: arrived.")
    return done(words % {"reference": reference}, page)


@blueprint.route("/bookings/<int:booking_id>/transfer", methods=["GET", "POST"])
def edit_transfer(booking_id: int) -> ResponseReturnValue:
    """Record who drives, with which car, and when the guests were picked up and arrived."""
    booking = booking_of_id(booking_id)
    page = back_url(url_for("admin.booking", booking_id=booking.id))
    if request.method == "GET":
        return _form(booking, _values(booking), {}, page)
    sent = {name: request.form.get(name, "").strip() for name in ("driverId", "vehicle", "pickedUpAt", "arrivedAt")}
    try:
        changed = {name: text for name, text in sent.items() if text != str(_values(booking)[name])}
        transfers.record(booking, TransferChange().load(_typed(changed)), signed_in_user())
    except ValidationError as error:
        return _form(booking, sent, localize_fields(error.normalized_messages()), page), 422
    except InvalidTransfer as error:
        return _form(booking, sent, localize_fields(error.errors), page), 422
    except BookingError as error:
        return rejected(localize(error), page)
    return done(gettext("Transfer of %(reference)s recorded.", reference=booking.reference), page)


@blueprint.route("/transfers/import", methods=["GET", "POST"])
@admin_required
def import_trips() -> ResponseReturnValue:
    """Import past trips from a CSV file, or name each of its bad lines."""
    if request.method == "GET":
        return _import_page(None)
    file = request.files.get("file")
    content = file.read(LARGEST_FILE + 1) if file else b""
    if len(content) > LARGEST_FILE:
        abort(413)
    try:
        count = trips.import_trips(content, signed_in_user())
    except InvalidTrips as error:
        return _import_page(error), 422
    words = gettext("%(count)s past trips imported. The delay risk uses them within an hour.", count=count)
    return done(words, url_for("admin.transfers"))


def _import_page(error: InvalidTrips | None) -> str:
    count = db.session.query(PastTrip).count()
    return render_template(
        "admin/transfers/import.html", error=error, count=count, columns=trips.COLUMNS, most=trips.MOST_LINES
    )


def _form(booking: Booking, values: dict[str, Any], errors: dict[str, Any], page: str) -> str:
    return render_template(
        "admin/transfers/form.html",
        booking=booking,
        drivers=transfers.drivers(),
        values=values,
        errors=errors,
        back=page,
        latest=now().astimezone(HOME_ZONE).strftime(_LOCAL),
    )


def _values(booking: Booking) -> dict[str, Any]:
    return {
        "driverId": booking.driver_id or "",
        "vehicle": booking.vehicle or "",
        "pickedUpAt": _typed_time(booking.actual_pickup_at),
        "arrivedAt": _typed_time(booking.actual_arrival_at),
    }


def _typed(sent: dict[str, str]) -> dict[str, Any]:
    """Return the form's texts as the API has them: null for an empty one, times of Istanbul with their zone."""
    typed: dict[str, Any] = {name: text or None for name, text in sent.items()}
    if (driver := parse_int(sent.get("driverId", ""))) is not None:
        typed["driverId"] = driver
    for name in {"pickedUpAt", "arrivedAt"} & set(sent):
        with suppress(ValueError):
            typed[name] = datetime.fromisoformat(sent[name]).replace(tzinfo=HOME_ZONE).isoformat()
    return typed


def _typed_time(moment: datetime | None) -> str:
    return moment.astimezone(HOME_ZONE).strftime(_LOCAL) if moment else ""


def _risk(transfer: Transfer) -> tuple[float, str] | None:
    return delay_risk.level_of(transfer.booking)


def _day() -> date | None:
    """Return the day of the address; None for none or one that cannot be."""
    try:
        day = date.fromisoformat(request.args.get("day", ""))
        local_midnight(day + timedelta(days=1))
    except (ValueError, OverflowError):
        return None
    return day


def _sentence(error: InvalidTransfer) -> str:
    return " ".join(text for texts in localize_fields(error.errors).values() for text in texts)
