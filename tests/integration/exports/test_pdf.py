"""The documents: their text is read back by pypdf and compared with the database."""

import io
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from pypdf import PdfReader

from gnb.config import ROOT
from gnb.extensions import db
from gnb.models import REVENUE_STATUSES, Booking
from gnb.services import export_service
from gnb.services.exports import NoFonts, pdf_documents
from gnb.services.exports.pdf_renderer import PdfRenderer
from tests.business import make_booking, make_tour, new_booking
from tests.integration.doctor.test_command import no_fonts
from tests.servers import on_sqlite

pytestmark = on_sqlite


def texts(pdf: bytes) -> list[str]:
    """Each page's text."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf), strict=True).pages]


@pytest.fixture
def many(app: Flask) -> list[Booking]:
    """A hundred bookings, some pages' worth."""
    tour = make_tour(name="Airport → Taksim")
    start = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
    made = [
        new_booking(tour, passengers=[], pickup_at=start + timedelta(hours=n), amount=Decimal(n) + Decimal("0.05"))
        for n in range(100)
    ]
    db.session.commit()
    return made


def test_every_booking_stands_in_the_document_once_and_in_order(
    many: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_documents, "SLICE", 40)
    whole = "\n".join(texts(export_service.generate_bookings_pdf()))
    assert re.findall(r"guest\d+@example.com", whole) == [booking.customer_email for booking in many]
    for booking in many:
        assert f"{booking.amount:,.2f} EUR" in whole


def test_pages_are_numbered_through_with_the_true_total(many: list[Booking], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_documents, "SLICE", 40)
    pages = texts(export_service.generate_bookings_pdf())
    assert len(pages) > 3
    for number, text in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in text


def test_the_heads_of_the_columns_stand_on_every_page(many: list[Booking], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_documents, "SLICE", 40)
    for text in texts(export_service.generate_bookings_pdf()):
        assert "Customer" in text
        assert "Guests" in text


def test_slices_give_the_pages_that_the_whole_would_have(many: list[Booking], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_documents, "SLICE", 1000)
    whole = texts(export_service.generate_bookings_pdf())
    monkeypatch.setattr(pdf_documents, "SLICE", 37)
    assert [_numbers(text) for text in texts(export_service.generate_bookings_pdf())] == [
        _numbers(text) for text in whole
    ]


def test_a_document_of_no_booking_says_so(app: Flask) -> None:
    (text,) = texts(export_service.generate_bookings_pdf())
    assert "No bookings match." in text
    assert "1 / 1" in text


def test_letters_of_many_scripts_and_unprintable_ones_do_no_harm(app: Flask) -> None:
    make_booking(customer_name="Ğüşİ <b>&amp; \x0b\x07 Жанна")
    text = "\n".join(texts(export_service.generate_bookings_pdf()))
    assert "Ğüşİ <b>&amp; " in text
    assert "Жанна" in text


def test_a_document_fetches_nothing_from_outside_the_static_folder(app: Flask) -> None:
    files = PdfRenderer("en").files
    for address in ("https://example.com/x.png", "file:///etc/passwd", "static:/../gnb/config.py", "static:/none"):
        with pytest.raises(ValueError, match="static folder only"):
            files.fetch(address)
    assert files.fetch("static:/icon.svg").read().startswith(b"<svg")


def test_documents_are_made_side_by_side(app: Flask) -> None:
    def made(number: int) -> str:
        with app.app_context():
            pages = PdfRenderer("en").render_html(f"<h1>Şişli {number}</h1>" + "<p>Жанна, ₺ 12,50" * 99)
        return "".join(texts(pages.write_pdf()))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(made, range(24)))
    for number, text in enumerate(found):
        assert text.startswith(f"Şişli {number}") and text.count("Жанна, ₺ 12,50") == 99


@pytest.mark.usefixtures("app")
def test_without_a_font_a_document_fails_and_its_process_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import gnb.services.exports.pdf_renderer"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "FONTCONFIG_FILE": str(no_fonts(tmp_path))},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.splitlines()[-1].partition(":")[0]) == (1, f"{NoFonts.__module__}.NoFonts")


def test_the_report_has_the_database_s_totals(bookings: list[Booking]) -> None:
    earning = [booking for booking in bookings if booking.status in REVENUE_STATUSES]
    text = "\n".join(texts(export_service.generate_revenue_pdf()))
    assert f"{sum(booking.amount for booking in earning):,.2f} EUR" in text
    for name in {booking.tour.name for booking in earning}:
        amounts = [booking.amount for booking in earning if booking.tour.name == name]
        line = f"{len(amounts)} {sum(amounts):,.2f} EUR"
        assert line in " ".join(text.split()), (name, line)


def test_the_report_of_some_days_counts_these_days_alone(bookings: list[Booking]) -> None:
    days = (date(2026, 2, 1), date(2026, 2, 28))
    total = sum(
        booking.amount
        for booking in bookings
        if booking.status in REVENUE_STATUSES and days[0] <= booking.travel_date <= days[1]
    )
    filters = {"startDate": str(days[0]), "endDate": str(days[1])}
    text = "\n".join(texts(export_service.generate_revenue_pdf(filters)))
    assert f"{total:,.2f} EUR" in text
    assert "1 Feb 2026 – 28 Feb 2026" in text


def test_the_report_keeps_currencies_apart(app: Flask) -> None:
    make_booking(amount=Decimal("10.10"), currency="EUR")
    make_booking(amount=Decimal("20.20"), currency="USD")
    text = "\n".join(texts(export_service.generate_revenue_pdf()))
    assert "10.10 EUR" in text
    assert "20.20 USD" in text
    assert "30.30" not in text


def test_a_report_without_revenue_says_so(app: Flask) -> None:
    assert "counts as revenue" in texts(export_service.generate_revenue_pdf())[0]


def test_amounts_are_written_the_turkish_way_in_turkish(app: Flask) -> None:
    make_booking(amount=Decimal("1234.50"))
    assert "1.234,50 EUR" in "\n".join(texts(export_service.generate_revenue_pdf(language="tr")))


def test_statuses_and_payments_are_said_in_turkish_in_turkish(app: Flask) -> None:
    make_booking(status="confirmed", payment_method="credit_card")
    text = "\n".join(texts(export_service.generate_bookings_pdf({"status": ["confirmed"]}, language="tr")))
    assert text.count("onaylandı") == 2  # the filter above the list, and the row
    assert "kredi kartı" in text.replace("\n", " ")


def _numbers(text: str) -> list[str]:
    return re.findall(r"guest\d+@", text)
