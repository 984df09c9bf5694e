"""The weekly report as a mail."""

from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal

from gnb.services.mail.rendering import render
from gnb.services.mail.words import money
from gnb.services.reports.plots import bookings_by_day, top_bars
from gnb.services.reports.words import change, status_word


def report_message(report: dict[str, Any], language: str, **letterhead: Any) -> tuple[str, str, str]:
    """Subject, HTML and text of the mail with those figures."""
    start, end = date.fromisoformat(report["start"]), date.fromisoformat(report["end"])
    return render(
        "weekly-report",
        language,
        **letterhead,
        report=report,
        days=bookings_by_day(report, language),
        top=top_bars(report),
        span=f"{_day(start, language)} – {_day(end, language)}",
        money=lambda text, currency: money(Decimal(text), currency, language),
        number=lambda value: format_decimal(value, locale=language),
        change=lambda percent: change(percent, language),
        word=lambda status: status_word(status, language),
    )


def file_name(report: dict[str, Any]) -> str:
    """What the attached document is called."""
    return f"weekly-report-{report['week']}.pdf"


def _day(value: date, language: str) -> str:
    return format_date(value, "d MMM y", locale=language)
