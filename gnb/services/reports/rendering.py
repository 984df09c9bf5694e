"""The weekly report as a mail and as a PDF, in Turkish or English."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from flask_babel import force_locale

from gnb.messages.formats import money, percent
from gnb.messages.labels import BOOKING_LABELS, JOB_STATE_LABELS
from gnb.models import DEFAULT_LANGUAGE
from gnb.services.exports.pdf_renderer import PdfRenderer, bars_by_name, bars_over_time
from gnb.services.mail.message import render


def report_message(report: dict[str, Any], language: str, **letterhead: Any) -> tuple[str, str, str]:
    """Return subject, HTML and text of the mail."""
    start, end = date.fromisoformat(report["start"]), date.fromisoformat(report["end"])
    return render(
        "weekly-report",
        language,
        **letterhead,
        report=report,
        days=bookings_by_day(report, language),
        top=top_bars(report, language),
        span=f"{_day(start, language)} – {_day(end, language)}",
        money=lambda text, currency: money(Decimal(text), currency, language),
        number=lambda value: format_decimal(value, locale=language),
        change=lambda percent: percent_change(percent, language),
        word=lambda status: status_word(status, language),
    )


def file_name(report: dict[str, Any]) -> str:
    """Return the file name of the attached PDF."""
    return f"weekly-report-{report['week']}.pdf"


def _day(value: date, language: str) -> str:
    return format_date(value, "d MMM y", locale=language)


TEMPLATE = "reports/weekly.html"


def report_pdf(report: dict[str, Any], language: str) -> bytes:
    """Return the PDF, in Turkish or English."""
    renderer = PdfRenderer(language)
    document = renderer.render(
        TEMPLATE,
        report=report,
        start=date.fromisoformat(report["start"]),
        end=date.fromisoformat(report["end"]),
        made=renderer.moment(),
        bars=bookings_by_day(report, renderer.language),
        revenue=[_over_time(report, row) for row in report["revenue"]],
        top=bars_by_name([(row["tour"], Decimal(row["bookings"])) for row in top_tours(report, renderer.language)]),
        amount=lambda text, currency: renderer.money(Decimal(text), currency),
        change=lambda percent: percent_change(percent, renderer.language),
        word=lambda status: status_word(status, renderer.language),
    )
    pdf: bytes = document.write_pdf()
    return pdf


def _over_time(report: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return a currency's row with its revenue per day as bars."""
    currency = row["currency"]
    days = [(date.fromisoformat(day["day"]), Decimal(day["revenue"].get(currency, "0"))) for day in report["days"]]
    return {**row, "plot": bars_over_time(days)}


@dataclass(frozen=True)
class DayBar:
    """The bookings of a day; `percent` of the busiest day's, at least 1 if there are any."""

    label: str
    bookings: int
    percent: int


def bookings_by_day(report: dict[str, Any], language: str) -> list[DayBar]:
    """Return seven bars, Monday first, with localized labels."""
    most = max((day["bookings"] for day in report["days"]), default=0)
    return [
        DayBar(
            format_date(date.fromisoformat(day["day"]), "EEE d MMM", locale=language),
            day["bookings"],
            max(round(100 * day["bookings"] / most), 1) if day["bookings"] else 0,
        )
        for day in report["days"]
    ]


def top_tours(report: dict[str, Any], language: str) -> list[dict[str, Any]]:
    """Return the top tours by their names in the language; English lists have the name that staff have chosen."""
    titles = [{} if language == DEFAULT_LANGUAGE else row.get("titles") or {} for row in report["top"]]
    return [{**row, "tour": own.get(language) or row["tour"]} for row, own in zip(report["top"], titles, strict=True)]


def top_bars(report: dict[str, Any], language: str) -> list[tuple[dict[str, Any], int]]:
    """Return the top tours, each with its percentage of the best one's bookings."""
    most = max((row["bookings"] for row in report["top"]), default=0)
    return [(row, max(round(100 * row["bookings"] / most), 1)) for row in top_tours(report, language)]


def status_word(status: str, language: str) -> str:
    """Return the label of a booking's or an export's status."""
    with force_locale(language):
        return str(BOOKING_LABELS.get(status) or JOB_STATE_LABELS.get(status, status))


def percent_change(value: float | None, language: str) -> str:
    """Format a change such as +12.5%; – if there is nothing to compare with."""
    return "–" if value is None else f"{'+' if value >= 0 else '−'}{percent(abs(value), language)}"
