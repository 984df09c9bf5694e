"""Dates, amounts and labels in the language of a message."""

from datetime import datetime
from decimal import Decimal

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_percent
from flask_babel import force_locale, ngettext

from gnb.messages.labels import booking_label
from gnb.models import DEFAULT_LANGUAGE, HOME_ZONE, TEXT_LANGUAGES, local_day


def text_language(language: str | None) -> str:
    """Return the language if texts exist in it, English otherwise."""
    return language if language in TEXT_LANGUAGES else DEFAULT_LANGUAGE


def day(moment: datetime, language: str) -> str:
    """Format the calendar day of the pickup: `Tuesday, 24 November 2026`."""
    pattern = "EEEE, d MMMM y" if language == "en" else "d MMMM y EEEE"
    return format_date(local_day(moment), pattern, locale=language)


def clock(moment: datetime, language: str) -> str:
    """Format the local time of the pickup: `14:30`."""
    return format_time(moment.astimezone(HOME_ZONE).time(), "HH:mm", locale=language)


def money(amount: Decimal, currency: str, language: str) -> str:
    """Format an amount: `€45.00`, `€45,00` in Turkish."""
    return format_currency(amount, currency, locale=language)


def percent(value: float, language: str) -> str:
    """Format a percentage: `12.5%`, `%12,5` in Turkish."""
    return format_percent(Decimal(str(value)) / 100, locale=language, decimal_quantization=False)


def payment_method(method: str, language: str) -> str:
    """Return the name of a payment method."""
    with force_locale(language):
        return booking_label(method)


def guests(adults: int, children: int, infants: int, language: str) -> str:
    """Return the size of a party, such as `2 adults, 1 child`."""
    with force_locale(language):
        parts = []
        if adults:
            parts.append(ngettext("%(num)d adult", "%(num)d adults", adults))
        if children:
            parts.append(ngettext("%(num)d child", "%(num)d children", children))
        if infants:
            parts.append(ngettext("%(num)d infant", "%(num)d infants", infants))
        return ", ".join(parts)
