"""`/bookings/<reference>`: one booking for its guest, by the link of the mails, or for the account that made it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.access import ask_to_sign_in, caller
from gnb.blueprints.site.words import language
from gnb.extensions import limiter, settings
from gnb.models import Booking, User, now
from gnb.services.bookings import access, changing
from gnb.services.bookings.errors import BookingNotFound, InvalidBookingState
from gnb.services.mail.booking_facts import booking_facts, pickup_calendar
from gnb.services.mail.message import sender_domain

blueprint = Blueprint("bookings", __name__, url_prefix="/bookings/<reference>")


@blueprint.get("")
def page(reference: str) -> ResponseReturnValue:
    """What was booked, and what can be done with it."""
    booking = _booking(reference)
    return render_template(
        "site/booking.html",
        booking=booking,
        facts=booking_facts(booking, language()),
        fare=booking.amount - sum(extra.total for extra in booking.extras),
        just_made="made" in request.args,
        may_cancel=changing.may_cancel(booking),
        token=request.args.get("token"),
    )


@blueprint.get("/pickup.ics")
def calendar(reference: str) -> ResponseReturnValue:
    """The pickup as a calendar file."""
    booking = _booking(reference)
    domain = sender_domain(settings().email_from)
    file = pickup_calendar(booking, booking_facts(booking, language()), language(), domain, now())
    answer = Response(file, mimetype="text/calendar")
    answer.headers["Content-Disposition"] = f'attachment; filename="{booking.reference}.ics"'
    return answer


@blueprint.get("/cancel")
def ask(reference: str) -> ResponseReturnValue:
    """Ask before anything is cancelled."""
    booking = _booking(reference)
    return render_template(
        "site/cancel.html",
        booking=booking,
        facts=booking_facts(booking, language()),
        may_cancel=changing.may_cancel(booking),
        token=request.args.get("token"),
    )


@blueprint.post("/cancel")
@limiter.limit("30/minute")
def cancel(reference: str) -> ResponseReturnValue:
    """Cancel it, by the rules of the house."""
    booking, user = _booking(reference), caller()
    try:
        changing.cancel_by_customer(booking, user)
        flash(gettext("The booking is cancelled. A mail confirms it."), "info")
    except InvalidBookingState as error:
        flash(str(error), "error")
    return redirect(address_of_booking(booking, user), 303)


def address_of_booking(booking: Booking, user: User | None, made: bool = False) -> str:
    """Where the caller sees the booking: by their account if it is theirs, else by the link of its guest."""
    own = user is not None and booking.user_id == user.id
    token = None if own else access.guest_token(booking.reference)
    return url_for("bookings.page", reference=booking.reference, token=token, made=1 if made else None)


def _booking(reference: str) -> Booking:
    """The booking, for those who may see it; for all others there is none, whether it exists or not."""
    token, user = request.args.get("token"), caller()
    try:
        if token is not None:
            return access.booking_of_guest_token(reference, token)
        if user is None:
            ask_to_sign_in()
        return access.booking_of_user(reference, user)
    except BookingNotFound as error:
        abort(404, str(error))
