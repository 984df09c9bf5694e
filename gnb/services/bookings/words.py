"""What a booking's statuses and the ways to pay are called, in the reader's language."""

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
    """The word for a status or a way to pay; the code itself where there is none."""
    return str(WORDS.get(code, code))
