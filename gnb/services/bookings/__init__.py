"""Bookings: request, create, change and find them.

request = BookingRequestSchema().load(sent)          request.py     parsed and validated
booking = book(request, user, once)                  booking.py     seats, booking and mail in one transaction
set_status(booking, "confirmed", actor)              status.py      with the seats and mail that follow
guest_link(booking)                                  access.py      access without an account
find_tours(TourSearch(category="city"))              tours.py       what is on sale
"""

from decimal import Decimal

from gnb.messages import DomainError


class BookingError(DomainError):
    """The base of the errors below."""


class TourNotFound(BookingError):
    """The tour does not exist or is not on sale."""

    code = "tour_not_found"


class BookingNotFound(BookingError):
    """The booking does not exist, or not for this person."""

    code = "booking_not_found"


class SoldOut(BookingError):
    """Fewer seats are left on that day than requested; `left` is their number."""

    code = "sold_out"

    def __init__(self, left: int) -> None:
        self.left = left
        super().__init__("few" if left else "", num=left)


class PriceChanged(BookingError):
    """The price is no longer the one that the customer was shown; `old` is None if none was sent."""

    code = "price_changed"

    def __init__(self, old: Decimal | None, new: Decimal, currency: str) -> None:
        self.old, self.new, self.currency = old, new, currency
        if old is None:
            super().__init__("unconfirmed", new=str(new), currency=currency)
        else:
            super().__init__("", old=str(old), new=str(new), currency=currency)


class IdempotencyConflict(BookingError):
    """The key was used with another booking."""

    code = "idempotency_conflict"


class InvalidIdempotencyKey(BookingError):
    """The key is empty, too long or not printable ASCII."""

    code = "invalid"

    def __init__(self) -> None:
        super().__init__("idempotency_key")


class InvalidBookingState(BookingError):
    """The booking's status does not allow the change."""

    code = "invalid_booking_state"


class CurrencyMismatch(BookingError):
    """An extra is sold in another currency than the tour; amounts in two currencies are never added."""

    code = "invalid"

    def __init__(self, extra: str, currency: str, wanted: str) -> None:
        self.extra = extra
        super().__init__("currency", extra=extra, currency=currency, wanted=wanted)
