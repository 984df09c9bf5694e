"""`/api/v1/bookings`: everyone may book; staff read, admins change."""

from __future__ import annotations

from typing import Any

from flask import request

from gnb.blueprints.access import caller, signed_in_user
from gnb.blueprints.api import throttle
from gnb.blueprints.api.booking_schemas import (
    BookingPageSchema,
    BookingSchema,
    BookingsQuery,
    MadeBookingSchema,
    StatusChange,
)
from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.api.tour_schemas import part_of
from gnb.models import Booking
from gnb.services.bookings.booking import LONGEST_KEY, book, booking_of_id, find_bookings
from gnb.services.bookings.request import BookingRequest, BookingRequestSchema
from gnb.services.bookings.status import set_status

KEY = "Idempotency-Key"

counter = ApiBlueprint(
    "booking-counter-api",
    __name__,
    url_prefix="/api/v1/bookings",
    description="Where bookings are made, by everyone",
    read=None,
    change=None,
)
blueprint = ApiBlueprint("bookings-api", __name__, url_prefix="/api/v1/bookings", description="Bookings, for staff")
_KEY_PARAMETER = {
    "in": "header",
    "name": KEY,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "Any text of your own, such as a UUID: sending the same booking again with it makes no second one.",
}


@counter.endpoint(
    "POST",
    "",
    MadeBookingSchema,
    status=201,
    body=BookingRequestSchema,
    errors=(401, 409),
    message="The booking is made.",
)
@counter.doc(parameters=[_KEY_PARAMETER])
def make_booking(wanted: BookingRequest) -> Booking:
    """Book a tour, with an account (by its token) or without. 409 when its seats are gone."""
    throttle.check_booking()
    return book(wanted, caller(), request.headers.get(KEY))


@blueprint.endpoint("GET", "", BookingPageSchema, query=BookingsQuery, message="The newest bookings.")
def list_bookings(wanted: dict[str, Any]) -> dict[str, Any]:
    """The bookings that match, newest first."""
    found, total = find_bookings(wanted, wanted.get("q"), *part_of(wanted))
    return {"bookings": found, "count": len(found), "total": total}


@blueprint.endpoint("GET", "/<int:booking_id>", BookingSchema, errors=(404,), message="The booking.")
def get_booking(booking_id: int) -> Booking:
    """One booking with its passengers and extras."""
    return booking_of_id(booking_id)


@blueprint.endpoint(
    "PATCH", "/<int:booking_id>", BookingSchema, body=StatusChange, errors=(404, 409), message="The status is changed."
)
def change_status(change: dict[str, Any], booking_id: int) -> Booking:
    """Confirm, settle, complete or cancel a booking; its customer gets the mail that belongs to it."""
    booking = booking_of_id(booking_id)
    set_status(booking, change["status"], signed_in_user())
    return booking
