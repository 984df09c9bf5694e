"""What the shop refuses, as HTTP says it."""

from flask import Flask

from gnb.blueprints.errors.answers import answer
from gnb.services.bookings.errors import (
    BookingNotFound,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBookingState,
    InvalidIdempotencyKey,
    SoldOut,
    TourNotFound,
)


def register(app: Flask) -> None:
    """Answer 404 for what is not there, 409 for what is not possible any more, 422 for bad input."""
    app.register_error_handler(TourNotFound, lambda error: answer(404, "tour_not_found", str(error)))
    app.register_error_handler(BookingNotFound, lambda error: answer(404, "booking_not_found", str(error)))
    app.register_error_handler(SoldOut, lambda error: answer(409, "sold_out", str(error), {"seatsLeft": error.left}))
    app.register_error_handler(IdempotencyConflict, lambda error: answer(409, "idempotency_conflict", str(error)))
    app.register_error_handler(InvalidBookingState, lambda error: answer(409, "invalid_booking_state", str(error)))
    app.register_error_handler(
        InvalidIdempotencyKey, lambda error: answer(422, "invalid", str(error), {"Idempotency-Key": [str(error)]})
    )
    app.register_error_handler(
        CurrencyMismatch, lambda error: answer(422, "invalid", str(error), {"extras": {error.code: [str(error)]}})
    )
