"""`/tours/<slug>/book`, the form, and `POST /bookings`, which makes the booking once however often it is pressed."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from gnb.blueprints.access import caller
from gnb.blueprints.api import throttle
from gnb.blueprints.site.booking_form import BookingForm, labels
from gnb.blueprints.site.bookings import address_of_booking
from gnb.blueprints.site.search import asked_for
from gnb.blueprints.site.tours import tour_or_404
from gnb.extensions import limiter
from gnb.models import PASSENGER_KINDS, PAYMENT_METHODS
from gnb.services.bookings.booking import book
from gnb.services.bookings.errors import IdempotencyConflict, InvalidIdempotencyKey, SoldOut
from gnb.services.bookings.request import BookingRequestSchema
from gnb.services.bookings.seats import seats_left

blueprint = Blueprint("book", __name__)

_KEY = "booking"


@blueprint.get("/tours/<slug>/book")
def form(slug: str) -> ResponseReturnValue:
    """The empty form, with what the search and the account know."""
    search = asked_for()
    typed = {name: text for name, text in search.typed.items() if name not in search.errors}
    begun = BookingForm.begin(tour_or_404(slug), typed, caller())
    # Whoever comes back here after booking, by the browser's button, comes with the key of that booking.
    kept_slug, kept_key = session.get(_KEY, ("", ""))
    begun.key = kept_key if kept_slug == slug else _keep_key(slug, begun.key)
    return _page(begun)


@blueprint.post("/tours/<slug>/book")
@limiter.limit("300/minute")
def change(slug: str) -> ResponseReturnValue:
    """The same form with a passenger more or less, and the price of what is chosen now."""
    changed = BookingForm.read(tour_or_404(slug), request.form)
    changed.change(request.form.get("do", ""))
    return _page(changed)


@blueprint.post("/bookings")
def create() -> ResponseReturnValue:
    """The booking, then its page; or the form again, with everything typed and what is wrong with it."""
    throttle.check_booking()
    sent = BookingForm.read(tour_or_404(request.form.get("tour", "")), request.form)
    user = caller()
    try:
        booking = book(BookingRequestSchema().load(sent.data()), user, sent.key)
    except ValidationError as error:
        sent.refuse(error.normalized_messages())
        return _page(sent), 422
    except SoldOut as error:
        sent.refuse({"date": [str(error)]})
        return _page(sent), 409
    except IdempotencyConflict:
        return _again(sent)
    except InvalidIdempotencyKey:
        abort(400, gettext("The form was not sent by its own page. Go back, reload the page and try once more."))
    return redirect(address_of_booking(booking, user, made=True), 303)


def _again(sent: BookingForm) -> ResponseReturnValue:
    """Someone went back after booking, changed the form and pressed again: that would be a second booking."""
    fresh = BookingForm(sent.tour, sent.texts, sent.travellers, sent.extras)
    _keep_key(sent.tour.slug, fresh.key)
    fresh.refuse(
        {
            "form": gettext(
                "This form has made a booking already; its confirmation is in your mail. "
                "Press the button once more if you want a second booking."
            )
        }
    )
    return _page(fresh), 409


def _keep_key(slug: str, key: str) -> str:
    session[_KEY] = [slug, key]
    return key


def _page(shown: BookingForm) -> str:
    day = shown.day
    return render_template(
        "site/book.html",
        form=shown,
        tour=shown.tour,
        quote=shown.quote(),
        seats_left=seats_left(shown.tour, day) if day else None,
        search=asked_for(),
        labels=labels(),
        kinds=PASSENGER_KINDS,
        methods=PAYMENT_METHODS,
        here=url_for("book.form", slug=shown.tour.slug),  # also when the form was sent: there is nothing to get there
    )
