"""The words and figures of the public pages, as template filters."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from gnb.services.mail import words as mail_words
from gnb.services.pricing.quotes import is_per_person

CATEGORY_WORDS = {
    "airport": _l("From the airport"),
    "transfer": _l("To the airport"),
    "vip": _l("VIP transfers"),
    "city": _l("City tours"),
    "tour": _l("Boat and evening tours"),
    "excursion": _l("Day trips"),
    "package": _l("Several days"),
}
"""In the order in which the front page shows them."""

KIND_WORDS = {"adult": _l("Adult"), "child": _l("Child (2–11)"), "infant": _l("Infant (under 2)")}
PAYMENT_WORDS = {
    "cash": _l("Cash"),
    "credit_card": _l("Credit card"),
    "stripe": _l("Card by Stripe"),
    "paytr": _l("Card by PayTR"),
}
STATUS_WORDS = {
    "pending": _l("Waiting for confirmation"),
    "confirmed": _l("Confirmed"),
    "paid": _l("Paid"),
    "completed": _l("Travelled"),
    "cancelled": _l("Cancelled"),
}
STATUS_TONES = {"pending": "warn", "confirmed": "ok", "paid": "ok", "completed": "", "cancelled": "bad"}


def add_filters(blueprint: Blueprint) -> None:
    """Register the filters for every template of the application."""
    filters: dict[str, Any] = {
        "money": money,
        "local_day": day,
        "local_time": lambda moment: mail_words.clock(moment, language()),
        "per_person": is_per_person,
        "category_word": lambda category: str(CATEGORY_WORDS.get(category, category)),
        "kind_word": lambda kind: str(KIND_WORDS.get(kind, kind)),
        "payment_word": lambda method: str(PAYMENT_WORDS.get(method, method)),
        "booking_status_word": lambda status: str(STATUS_WORDS.get(status, status)),
        "booking_status_tone": lambda status: STATUS_TONES.get(status, ""),
    }
    for name, function in filters.items():
        blueprint.add_app_template_filter(function, name)


def language() -> str:
    """The language of the page."""
    return mail_words.text_language(str(get_locale() or ""))


def money(amount: Decimal, currency: str) -> str:
    """Such as `€45.00`, or `€45,00` in Turkish."""
    return mail_words.money(amount, currency, language())


def day(moment: datetime) -> str:
    """Such as `Tuesday, 24 November 2026`, where the pickup is."""
    return mail_words.day(moment, language())
