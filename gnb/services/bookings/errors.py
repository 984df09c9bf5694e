"""The errors of bookings; each message is for the person who made the request, in their language."""

from flask_babel import gettext, ngettext


class BookingError(Exception):
    """The base of the errors below."""


class TourNotFound(BookingError):
    """The tour does not exist or is not on sale."""

    def __init__(self) -> None:
        super().__init__(gettext("There is no such tour, or it is not sold any more."))


class BookingNotFound(BookingError):
    """The booking does not exist, or not for this person."""

    def __init__(self) -> None:
        super().__init__(gettext("There is no such booking. Look at the link in your confirmation mail."))


class SoldOut(BookingError):
    """Fewer seats are left on that day than requested; `left` is their number."""

    def __init__(self, left: int) -> None:
        self.left = left
        if left:
            words = ngettext("Only %(num)s seat is left on that day.", "Only %(num)s seats are left on that day.", left)
        else:
            words = gettext("That day is sold out.")
        advice = gettext("Choose another day or a smaller party.")
        super().__init__(f"{words} {advice}")


class IdempotencyConflict(BookingError):
    """The key was used with another booking."""

    def __init__(self) -> None:
        super().__init__(gettext("This Idempotency-Key came before with other data; send a new key for a new booking."))


class InvalidIdempotencyKey(BookingError):
    """The key is empty, too long or not printable ASCII."""

    def __init__(self) -> None:
        super().__init__(gettext("An Idempotency-Key has 1 to 80 printable ASCII characters, such as a UUID."))


class InvalidBookingState(BookingError):
    """The booking's status does not allow the change."""


class CurrencyMismatch(BookingError):
    """An extra is sold in another currency than the tour; amounts in two currencies are never added."""

    def __init__(self, code: str, currency: str, wanted: str) -> None:
        self.code = code
        super().__init__(
            gettext(
                "%(extra)s is sold in %(currency)s, this tour in %(wanted)s: it cannot be booked with it.",
                extra=code,
                currency=currency,
                wanted=wanted,
            )
        )
