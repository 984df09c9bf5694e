"""Labels of the statuses and payment methods of bookings."""

from flask_babel import lazy_gettext as _l

WORDS = {
    "pending": _l("pending"),
    "confirmed": _l("confirmed"),
    "paid": _l("paid"),
    "completed": _l("completed"),
    "cancelled": _l("cancelled"),
    "cash": _l("cash"),
    "credit_card": _l("credit card"),
    "stripe": "Stripe",
    "paytr": "PayTR",
}


def booking_word(code: str) -> str:
    """Return the label of a status or payment method, in the reader's language."""
    return str(WORDS.get(code, code))
