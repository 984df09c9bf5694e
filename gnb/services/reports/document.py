"""The weekly report as a PDF."""

from datetime import date
from decimal import Decimal
from typing import Any

from gnb.services.exports import plots
from gnb.services.exports.pdf_renderer import PdfRenderer
from gnb.services.reports.plots import bookings_by_day
from gnb.services.reports.words import change, status_word

TEMPLATE = "reports/weekly.html"


def report_pdf(report: dict[str, Any], language: str) -> bytes:
    """The document of those figures, in Turkish or English."""
    renderer = PdfRenderer(language)
    document = renderer.render(
        TEMPLATE,
        report=report,
        start=date.fromisoformat(report["start"]),
        end=date.fromisoformat(report["end"]),
        made=renderer.moment(),
        bars=bookings_by_day(report, renderer.language),
        revenue=[_over_time(report, row) for row in report["revenue"]],
        top=plots.by_name([(row["tour"], Decimal(row["bookings"])) for row in report["top"]]),
        amount=lambda text, currency: renderer.money(Decimal(text), currency),
        change=lambda percent: change(percent, renderer.language),
        word=lambda status: status_word(status, renderer.language),
    )
    pdf: bytes = document.write_pdf()
    return pdf


def _over_time(report: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A currency's line with the revenue of each day as bars."""
    currency = row["currency"]
    days = [(date.fromisoformat(day["day"]), Decimal(day["revenue"].get(currency, "0"))) for day in report["days"]]
    return {**row, "plot": plots.over_time(days)}
