"""Bookings as the API shows them. Amounts are text with two decimals, moments epoch ms, days and times Istanbul's."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gnb.blueprints.api.tour_schemas import TEXT, PageQuery, amount
from gnb.models import HOME_ZONE, PASSENGER_KINDS, PAYMENT_METHODS, STATUSES
from gnb.services.bookings import access, changing
from gnb.services.exports.filters import BookingsFilters
from gnb.services.queues.schemas import moment


class BookingsQuery(BookingsFilters, PageQuery):
    """Which bookings: the filters of the export, and a search."""

    q = fields.String(metadata={"description": "a reference, its beginning, or a part of the customer's name"})


class StatusChange(Schema):
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
    paidAt = moment("paid_at", "When it was paid")
    cancelledAt = moment("cancelled_at", "When it was cancelled")
    nextStatuses = fields.Function(
        changing.next_statuses,
        required=True,
        metadata={"type": "array", "items": {"type": "string"}, "description": "What it may become now."},
    )


class MadeBookingSchema(BookingSchema):
    """A booking for the one who made it."""

    link = fields.Function(
        access.guest_link,
        required=True,
        metadata={**TEXT, "description": "Its page, for whoever holds the link."},
    )


class BookingPageSchema(Schema):
    """Some bookings, newest first."""

    bookings = fields.List(fields.Nested(BookingRowSchema), required=True)
    count = fields.Integer(required=True, metadata={"description": "How many are in this answer."})
    total = fields.Integer(required=True)
