"""`/api/v1/bookings`: everyone may book; staff read, admins change."""

from __future__ import annotations

from typing import Any

from flask import abort, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import Schema, fields, validate

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.api.tours import TEXT_TYPE, PageQuery, amount, page_bounds
from gnb.blueprints.shared.access import caller, signed_in_user
from gnb.blueprints.shared.rate_limits import count_booking, count_booking_for
from gnb.messages import LocalizedSchema
from gnb.models import HOME_ZONE, PASSENGER_KINDS, PAYMENT_METHODS, STATUSES, TRANSFER_ROLES, Booking
from gnb.services.bookings import access, transfers
from gnb.services.bookings.booking import (
    LONGEST_KEY,
    book,
    booking_of_id,
    find_bookings,
    idempotency,
    previous_booking,
)
from gnb.services.bookings.request import BookingRequest, BookingRequestSchema
from gnb.services.bookings.status import next_statuses, set_status
from gnb.services.bookings.transfers import TransferChange
from gnb.services.exports.filters import BookingsFilters
from gnb.services.queues.schemas import moment


class BookingsQuery(BookingsFilters, PageQuery):
    """Which bookings: the filters of the export, and a search."""

    q = fields.String(
        metadata={"description": "a reference or e-mail address, its beginning, or a part of the customer's name"}
    )


class StatusChange(LocalizedSchema):
    """What a booking becomes."""

    status = fields.String(required=True, validate=validate.OneOf(STATUSES))


class PassengerRowSchema(Schema):
    """One traveller."""

    name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(PASSENGER_KINDS))
    nationality = fields.String(required=True, allow_none=True)


class ExtraRowSchema(Schema):
    """Something added, at the price it had."""

    code = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unitPrice = amount(attribute="unit_price")
    total = amount()


class BookingRowSchema(Schema):
    """A booking as it stands in a list."""

    id = fields.Integer(required=True)
    reference = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    tour = fields.String(attribute="tour.slug", required=True)
    date = fields.Date(attribute="travel_date", required=True)
    time = fields.Function(
        lambda booking: booking.pickup_at.astimezone(HOME_ZONE).strftime("%H:%M"),
        required=True,
        metadata={"type": "string", "description": "in Europe/Istanbul"},
    )
    pickupAt = moment("pickup_at", "When the pickup is")
    contactName = fields.String(attribute="customer_name", required=True)
    adults = fields.Integer(required=True)
    children = fields.Integer(required=True)
    infants = fields.Integer(required=True)
    amount = amount()
    currency = fields.String(required=True)
    paymentMethod = fields.String(attribute="payment_method", required=True, validate=validate.OneOf(PAYMENT_METHODS))
    createdAt = moment("created_at", "When it was made")


class BookingSchema(BookingRowSchema):
    """A whole booking."""

    contactEmail = fields.String(attribute="customer_email", required=True)
    contactPhone = fields.String(attribute="customer_phone", required=True)
    language = fields.String(required=True)
    pickupPlace = fields.String(attribute="pickup_place", required=True)
    dropoffPlace = fields.String(attribute="dropoff_place", required=True, allow_none=True)
    flightNumber = fields.String(attribute="flight_number", required=True, allow_none=True)
    notes = fields.String(required=True, allow_none=True)
    passengers = fields.List(fields.Nested(PassengerRowSchema), required=True)
    extras = fields.List(fields.Nested(ExtraRowSchema), required=True)
    heldUntil = moment("held_until", "Until when it holds its seats while it is pending; null: until it is cancelled")
    paidAt = moment("paid_at", "When it was paid")
    cancelledAt = moment("cancelled_at", "When it was cancelled")
    nextStatuses = fields.Function(
        next_statuses,
        required=True,
        metadata={"type": "array", "items": {"type": "string"}, "description": "What it may become now."},
    )


class MadeBookingSchema(BookingSchema):
    """A booking for the one who made it."""

    link = fields.Function(
        access.guest_link,
        required=True,
        metadata={**TEXT_TYPE, "description": "The address of its page, which gives access to it."},
    )


class BookingPageSchema(Schema):
    """Some bookings, newest first."""

    bookings = fields.List(fields.Nested(BookingRowSchema), required=True)
    count = fields.Integer(required=True, metadata={"description": "How many are in this answer."})
    total = fields.Integer(required=True)


class TransferSchema(Schema):
    """The transfer of a booking for who drives or dispatches it."""

    reference = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    pickupAt = moment("pickup_at", "When the pickup is")
    pickupPlace = fields.String(attribute="pickup_place", required=True)
    dropoffPlace = fields.String(attribute="dropoff_place", required=True, allow_none=True)
    flightNumber = fields.String(attribute="flight_number", required=True, allow_none=True)
    contactName = fields.String(attribute="customer_name", required=True)
    contactPhone = fields.String(attribute="customer_phone", required=True)
    guests = fields.Integer(required=True)
    driverId = fields.Integer(attribute="driver_id", required=True, allow_none=True)
    driver = fields.String(attribute="driver.name", dump_default=None, required=True, allow_none=True)
    vehicle = fields.String(required=True, allow_none=True)
    pickedUpAt = moment("actual_pickup_at", "When the guests were picked up")
    arrivedAt = moment("actual_arrival_at", "When they arrived")
    minutesLate = fields.Function(
        transfers.minutes_late, required=True, metadata={"type": "integer", "description": "0 if on time."}
    )


KEY = "Idempotency-Key"

public_bookings = ApiBlueprint(
    "public-bookings-api",
    __name__,
    url_prefix="/api/v1/bookings",
    description="Where bookings are made, by everyone",
    read=None,
    change=None,
)
blueprint = ApiBlueprint("bookings-api", __name__, url_prefix="/api/v1/bookings", description="Bookings, for staff")
public_bookings.before_request(count_booking)
_KEY_PARAMETER = {
    "in": "header",
    "name": KEY,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "Any text of your own, such as a UUID: sending the same booking again with it makes no second one.",
}


@public_bookings.endpoint(
    "POST",
    "",
    MadeBookingSchema,
    status=201,
    body=BookingRequestSchema,
    errors=(401, 409),
    message="Booking created.",
)
@public_bookings.doc(parameters=[_KEY_PARAMETER])
def make_booking(wanted: BookingRequest) -> Booking:
    """Book a tour, with an account (by its token) or without. 409 when its seats are gone, or when the price is not
    `expectedTotal`."""
    count_booking_for(wanted.contact_email)
    return book(wanted, caller(), g.get("idempotency"))


@public_bookings.before_request
def replay_booking() -> ResponseReturnValue | None:
    """Answer a repeated request with its booking before anything is validated: what was possible then may not be now.

    Raises IdempotencyConflict and InvalidIdempotencyKey.
    """
    try:
        body = request.get_json(silent=True)
    except (RecursionError, ValueError):
        return None  # the parser of the endpoint answers that
    if not isinstance(body, dict):
        return None
    g.idempotency = idempotency(request.headers.get(KEY), caller(), str(body.get("contactEmail")), body)
    known = previous_booking(g.idempotency)
    data = known and MadeBookingSchema().dump(known)
    return ({"success": True, "data": data, "message": "Booking created."}, 201) if known else None


@blueprint.endpoint("GET", "", BookingPageSchema, query=BookingsQuery, message="The newest bookings.")
def list_bookings(wanted: dict[str, Any]) -> dict[str, Any]:
    """The bookings that match, newest first."""
    found, total = find_bookings(wanted, wanted.get("q"), *page_bounds(wanted))
    return {"bookings": found, "count": len(found), "total": total}


@blueprint.endpoint("GET", "/<int:booking_id>", BookingSchema, errors=(404,), message="The booking.")
def get_booking(booking_id: int) -> Booking:
    """One booking with its passengers and extras."""
    return booking_of_id(booking_id)


@blueprint.endpoint(
    "PATCH", "/<int:booking_id>", BookingSchema, body=StatusChange, errors=(404, 409), message="Status changed."
)
def change_status(change: dict[str, Any], booking_id: int) -> Booking:
    """Confirm a booking, mark it as paid or completed, or cancel it; its customer gets the mail for that, if any."""
    booking = booking_of_id(booking_id)
    set_status(booking, change["status"], signed_in_user())
    return booking


transfers_blueprint = ApiBlueprint(
    "transfers-api",
    __name__,
    url_prefix="/api/v1/bookings",
    description="Transfers, for staff and for who drives them",
    read=TRANSFER_ROLES,
    change=TRANSFER_ROLES,
)


@transfers_blueprint.endpoint(
    "PATCH",
    "/<string:reference>/transfer",
    TransferSchema,
    body=TransferChange,
    errors=(404, 409),
    message="Transfer recorded.",
)
def record_transfer(change: dict[str, Any], reference: str) -> Booking:
    """Record driver, vehicle, pickup and arrival. Drivers record the times of their own transfers only."""
    user = signed_in_user()
    if user.role == "driver" and {"driver_id", "vehicle"} & set(change):
        abort(403, gettext("Drivers may record times only."))
    booking = transfers.booking_to_record(reference, user)
    transfers.record(booking, change, user)
    return booking
