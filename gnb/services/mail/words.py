"""Dates, amounts and short words in the language of a message."""

from datetime import datetime
from decimal import Decimal

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_percent

from gnb.models import DEFAULT_LANGUAGE, HOME_ZONE, TEXT_LANGUAGES, local_day

_PAYMENT_METHODS = {
    "en": {"cash": "cash", "credit_card": "credit card", "stripe": "card (Stripe)", "paytr": "card (PayTR)"},
    "tr": {"cash": "nakit", "credit_card": "kredi kartı", "stripe": "kart (Stripe)", "paytr": "kart (PayTR)"},
}
_GUESTS = {
    "en": (("adult", "adults"), ("child", "children"), ("infant", "infants")),
    "tr": (("yetişkin", "yetişkin"), ("çocuk", "çocuk"), ("bebek", "bebek")),
}


def text_language(language: str | None) -> str:
    """The language that the texts of a message are in: the one asked for, or English where there are none in it."""
    return language if language in TEXT_LANGUAGES else DEFAULT_LANGUAGE


def day(moment: datetime, language: str) -> str:
    """Such as `Tuesday, 24 November 2026`, where the pickup is."""
    pattern = "EEEE, d MMMM y" if language == "en" else "d MMMM y EEEE"
    return format_date(local_day(moment), pattern, locale=language)


def clock(moment: datetime, language: str) -> str:
    """Such as `14:30`, where the pickup is."""
    return format_time(moment.astimezone(HOME_ZONE).time(), "HH:mm", locale=language)


def money(amount: Decimal, currency: str, language: str) -> str:
    """Such as `€45.00`, or `€45,00` in Turkish."""
    return format_currency(amount, currency, locale=language)


def percent(value: float, language: str) -> str:
    """Such as `12.5%`, or `%12,5` in Turkish."""
    return format_percent(Decimal(str(value)) / 100, locale=language, decimal_quantization=False)


def payment_method(method: str, language: str) -> str:
    """How it is paid, in words."""
    return _PAYMENT_METHODS[language].get(method, method.replace("_", " "))


def guests(adults: int, children: int, infants: int, language: str) -> str:
    """Such as `2 adults, 1 child`."""
    counted = zip((adults, children, infants), _GUESTS[language], strict=True)
    return ", ".join(f"{count} {one if count == 1 else many}" for count, (one, many) in counted if count)
