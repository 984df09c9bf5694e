"""Our own templates as PDF pages, with dates, money and numbers as the reader's language writes them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import current_app
from flask_babel import force_locale

from gnb.models import DEFAULT_LANGUAGE, HOME_ZONE, TEXT_LANGUAGES, now
from gnb.services.bookings.status import booking_word

if TYPE_CHECKING:
    from weasyprint import Document

# What XML forbids, and what some readers show as an empty box.
_UNPRINTABLE = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])


class Press:
    """Lays out templates in one language."""

    def __init__(self, language: str) -> None:
        from gnb.services.exports.typesetting import Typesetter

        self.language = language if language in TEXT_LANGUAGES else DEFAULT_LANGUAGE
        self._typesetter = Typesetter(Path(current_app.static_folder or "static"))

    def lay_out(self, template: str, **values: Any) -> Document:
        """The template's pages; a value of the name of a word of ours takes its place."""
        with force_locale(self.language):
            page = current_app.jinja_env.get_template(template)
            words = {"day": self.day, "money": self.money, "number": self.number, "word": booking_word}
            html = page.render(**{**words, **values}, language=self.language)
        return self._typesetter.pages(html.translate(_UNPRINTABLE))

    def day(self, value: Any) -> str:
        """A calendar day as the language writes it: `31 Jan 2026`."""
        return format_date(value, "d MMM y", locale=self.language)

    def moment(self) -> str:
        """This moment in Europe/Istanbul: `31 Jan 2026, 09:30`."""
        return format_datetime(now().astimezone(HOME_ZONE), "d MMM y, HH:mm", locale=self.language)

    def money(self, amount: Decimal, currency: str) -> str:
        """An exact amount: `1,234.50 EUR`, `1.234,50 EUR` in Turkish."""
        return f"{format_decimal(amount, '#,##0.00', locale=self.language)} {currency}"

    def number(self, value: int) -> str:
        """A whole number in groups of three."""
        return format_decimal(value, "#,##0", locale=self.language)
