"""Bookings of guests and customers: the form that makes one, its page, and the link that finds it again.

`/bookings/<reference>` shows a booking to its guest, by the link of the mails, or to the account that made it.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from gnb.blueprints.auth.forms import AddressForm
from gnb.blueprints.shared.access import ask_to_sign_in, caller
from gnb.blueprints.shared.extensions import limiter
from gnb.blueprints.shared.preferences import page_language
from gnb.blueprints.shared.rate_limits import count_booking, count_booking_for, limit_account_mail
from gnb.blueprints.site.booking_form import BookingForm, labels
from gnb.blueprints.site.tours import requested_search, tour_or_404
from gnb.extensions import settings
from gnb.messages import localize
from gnb.messages.formats import money
from gnb.models import PASSENGER_KINDS, PAYMENT_METHODS, Booking, User, now
from gnb.services.bookings import (
    BookingNotFound,
    IdempotencyConflict,
    InvalidBookingState,
    InvalidIdempotencyKey,
    PriceChanged,
    SoldOut,
    access,
)
from gnb.services.bookings.booking import Idempotency, book, idempotency, previous_booking, request_link
from gnb.services.bookings.request import BookingRequestSchema
from gnb.services.bookings.seats import seats_left
from gnb.services.bookings.status import cancel_by_customer, may_cancel
from gnb.services.mail.contents import booking_facts, pickup_calendar
from gnb.services.mail.message import sender_domain

blueprint = Blueprint("bookings", __name__, url_prefix="/bookings/<reference>")


@blueprint.get("")
def page(reference: str) -> ResponseReturnValue:
    """Show what was booked, and what can be done with it."""
    booking = _booking(reference)
    return render_template(
        "site/booking.html",
        booking=booking,
        facts=booking_facts(booking, page_language()),
        fare=booking.amount - sum(extra.total for extra in booking.extras),
        just_made="made" in request.args,
        may_cancel=may_cancel(booking),
        token=request.args.get("token"),
    )


@blueprint.get("/pickup.ics")
def calendar(reference: str) -> ResponseReturnValue:
    """Send the pickup as a calendar file."""
    booking = _booking(reference)
    domain = sender_domain(settings().email_from)
    file = pickup_calendar(booking, booking_facts(booking, page_language()), page_language(), domain, now())
    answer = Response(file, mimetype="text/calendar")
    answer.headers["Content-Disposition"] = f'attachment; filename="{booking.reference}.ics"'
    return answer


@blueprint.get("/cancel")
def ask(reference: str) -> ResponseReturnValue:
    """Ask whether to cancel the booking."""
    booking = _booking(reference)
    return render_template(
        "site/cancel.html",
        booking=booking,
        facts=booking_facts(booking, page_language()),
        may_cancel=may_cancel(booking),
        token=request.args.get("token"),
    )


@blueprint.post("/cancel")
@limiter.limit("30/minute")
def cancel(reference: str) -> ResponseReturnValue:
    """Cancel the booking if its customer may still do so."""
    booking, user = _booking(reference), caller()
    try:
        cancel_by_customer(booking, user)
        flash(gettext("Booking cancelled. We have sent you a confirmation by email."), "info")
    except InvalidBookingState as error:
        flash(localize(error), "error")
    return redirect(address_of_booking(booking, user), 303)


def address_of_booking(booking: Booking, user: User | None, made: bool = False) -> str:
    """Return where the caller sees the booking: through their account if it is theirs, else by its guest's link."""
    own = user is not None and booking.user_id == user.id
    token = None if own else access.guest_token(booking.reference)
    return url_for("bookings.page", reference=booking.reference, token=token, made=1 if made else None)


def _booking(reference: str) -> Booking:
    """Return the booking for those who may see it; for all others answer 404, whether it exists or not."""
    token, user = request.args.get("token"), caller()
    try:
        if token is not None:
            return access.booking_of_guest_token(reference, token)
        if user is None:
            ask_to_sign_in()
        return access.booking_of_user(reference, user)
    except BookingNotFound as error:
        abort(404, localize(error))


booking_blueprint = Blueprint("book", __name__)

_KEY = "booking"


@booking_blueprint.get("/tours/<slug>/book")
def form(slug: str) -> ResponseReturnValue:
    """Show the empty form, filled in from the search and the account."""
    search = requested_search()
    typed = {name: text for name, text in search.typed.items() if name not in search.errors}
    begun = BookingForm.begin(tour_or_404(slug), typed, caller())
    # Whoever comes back here after booking, by the browser's button, comes with the key of that booking.
    kept_slug, kept_key = session.get(_KEY, ("", ""))
    begun.key = kept_key if kept_slug == slug else _keep_key(slug, begun.key)
    return _form_page(begun)


@booking_blueprint.post("/tours/<slug>/book")
@limiter.limit("300/minute")
def change(slug: str) -> ResponseReturnValue:
    """Show the same form with a passenger more or less, and the price of the current choice."""
    changed = BookingForm.read(tour_or_404(slug), request.form)
    changed.change(request.form.get("do", ""))
    return _form_page(changed)


@booking_blueprint.post("/bookings")
def create() -> ResponseReturnValue:
    """Book and redirect to the booking's page, or show the form again with its errors."""
    count_booking()
    user = caller()
    try:
        once = _idempotency(user)
        booking = previous_booking(once) or _book(user, once)
    except IdempotencyConflict:
        return _again(_sent())
    except InvalidIdempotencyKey:
        abort(400, gettext("The form is invalid. Go back, reload the page and try again."))
    if not isinstance(booking, Booking):
        return booking
    return redirect(address_of_booking(booking, user, made=True), 303)


class FindForm(AddressForm):
    """What a guest knows of a booking."""

    reference = StringField(
        _l("Booking reference"),
        [InputRequired(_l("Enter the booking reference.")), Length(max=30)],
        render_kw={"placeholder": "GNB-7K3M9-Q2XTD", "autocapitalize": "characters", "spellcheck": "false"},
    )


@booking_blueprint.route("/find-booking", methods=["GET", "POST"])
@limit_account_mail
def find() -> ResponseReturnValue:
    """Mail the link of a booking to its customer; the answer is the same whether there is one or not."""
    form = FindForm()
    if not form.is_submitted():
        return render_template("site/find_booking.html", form=form)
    if not form.validate():
        return render_template("site/find_booking.html", form=form), 422
    request_link(form.reference.data, form.email.data, page_language())
    return render_template("site/find_booking.html", form=None)


def _idempotency(user: User | None) -> Idempotency | None:
    body = {name: texts for name, texts in request.form.lists() if name not in ("csrf_token", "expectedTotal")}
    return idempotency(request.form.get("key", ""), user, request.form.get("contactEmail", ""), body)


def _sent() -> BookingForm:
    return BookingForm.read(tour_or_404(request.form.get("tour", "")), request.form)


def _book(user: User | None, once: Idempotency | None) -> Booking | ResponseReturnValue:
    """Return the new booking, or the form with its errors."""
    sent = _sent()
    try:
        wanted = BookingRequestSchema().load(sent.data())
        count_booking_for(wanted.contact_email)
        if sent.expected_total is None:
            raise PriceChanged(old=None, new=sent.quote().total, currency=sent.tour.currency)
        return book(wanted, user, once)
    except ValidationError as error:
        sent.refuse(error.normalized_messages())
        return _form_page(sent), 422
    except SoldOut as error:
        sent.refuse({"date": [error.message]})
    except PriceChanged as error:
        sent.refuse({"form": _price_message(error)})
    return _form_page(sent), 409


def _price_message(error: PriceChanged) -> str:
    new = money(error.new, error.currency, page_language())
    if error.old is None:
        return gettext("The price is %(new)s. Press the button again to book at this price.", new=new)
    old = money(error.old, error.currency, page_language())
    return gettext(
        "The price has changed from %(old)s to %(new)s. Press the button again to book at the new price.",
        old=old,
        new=new,
    )


def _again(sent: BookingForm) -> ResponseReturnValue:
    """Show the form with a new key: it was changed and sent again after booking, which would make a second one."""
    fresh = BookingForm(sent.tour, sent.texts, sent.travellers, sent.extras)
    _keep_key(sent.tour.slug, fresh.key)
    fresh.refuse(
        {
            "form": gettext(
                "This form has already been used for a booking; its confirmation is in your email. "
                "Press the button again to make a second booking."
            )
        }
    )
    return _form_page(fresh), 409


def _keep_key(slug: str, key: str) -> str:
    session[_KEY] = [slug, key]
    return key


def _form_page(shown: BookingForm) -> str:
    day = shown.day
    return render_template(
        "site/book.html",
        form=shown,
        tour=shown.tour,
        quote=shown.quote(),
        seats_left=seats_left(shown.tour, day) if day else None,
        search=requested_search(),
        labels=labels(),
        kinds=PASSENGER_KINDS,
        methods=PAYMENT_METHODS,
        here=url_for("book.form", slug=shown.tour.slug),  # also when the form was sent: there is nothing to get there
    )
