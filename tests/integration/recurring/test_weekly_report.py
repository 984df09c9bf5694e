"""The weekly report: its figures, and the mail with the PDF."""

import email
import email.policy
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from pypdf import PdfReader

from gnb.extensions import db, engine
from gnb.models import Delivery, Export
from gnb.services.ai import insights
from gnb.services.exports import revenue
from gnb.services.mail.sending import source_of
from gnb.services.queue_service import add_scheduled_job
from gnb.services.reports.week import PARTS, Week, figures, growth
from gnb.services.reports.weekly_report import enqueue_weekly_report, send_weekly_report
from tests.business import make_booking, make_tour, make_user
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)  # Monday, 09:00 in Istanbul
WEEK = Week(date(2026, 11, 16))
INSIDE = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.fixture
def business(app: Flask) -> None:
    """Bookings in the last week and the one before."""
    tour, other = (
        make_tour(name="Airport <VIP>", titles={"tr": "Havalimanı <VIP>"}),
        make_tour(name="Boğaz turu", titles={}),
    )
    last = WEEK.end - timedelta(seconds=1)
    make_booking(tour, created_at=WEEK.start, pickup_at=INSIDE, amount=Decimal("10.10"), status="paid")
    make_booking(tour, created_at=INSIDE, pickup_at=last, amount=Decimal("20.20"))
    make_booking(other, created_at=last, pickup_at=WEEK.start, amount=Decimal("30.00"), currency="TRY")
    make_booking(other, created_at=INSIDE, pickup_at=INSIDE, status="cancelled")
    make_booking(other, created_at=WEEK.end, pickup_at=WEEK.end)
    before = WEEK.start - timedelta(seconds=1)
    make_booking(other, created_at=before, pickup_at=before, amount=Decimal("15.15"))


def test_the_last_whole_week_is_that_before_this_monday() -> None:
    assert Week.before(NOW) == WEEK
    assert Week.before(NOW + timedelta(days=6)) == WEEK
    assert (WEEK.name, Week.named("2026-W47")) == ("2026-W47", WEEK)
    assert WEEK.start == datetime(2026, 11, 15, 21, tzinfo=UTC)


def test_the_figures_are_exact_and_of_that_week_alone(business: None) -> None:
    make_user(created_at=INSIDE)
    found = figures(WEEK)
    assert found["bookings"] == {"count": 4, "before": 1, "growth": 300.0}
    assert found["users"] == {"count": 1, "before": 0, "growth": None}
    euro, lira = found["revenue"]
    assert (euro["currency"], euro["bookings"], euro["revenue"], euro["average"]) == ("EUR", 2, "30.30", "15.15")
    assert (euro["before"], euro["growth"]) == ("15.15", 100.0)
    assert (lira["currency"], lira["revenue"], lira["growth"]) == ("TRY", "30.00", None)
    assert found["statuses"] == {"confirmed": 2, "cancelled": 1, "paid": 1}
    assert [row["tour"] for row in found["top"]] == ["Airport <VIP>", "Boğaz turu"]
    assert [day["bookings"] for day in found["days"]] == [1, 0, 2, 0, 0, 0, 1]
    assert found["failedJobs"] == {"export": 0, "email": 0, "ai": 0, "scheduled": 0}


def test_the_report_the_export_and_the_insights_have_the_same_revenue_to_the_cent(app: Flask) -> None:
    tour = make_tour()
    for number, status in enumerate(("confirmed", "paid", "completed", "pending", "cancelled")):
        for day in range(-1, 8):
            made = {
                "created_at": WEEK.start - timedelta(days=20),
                "pickup_at": WEEK.start + timedelta(days=day, hours=1),
            }
            make_booking(tour, **made, status=status, amount=Decimal(number * 100 + day + 3) / 100)
    filters = WEEK.filters
    exported = sum(row.revenue for row in db.session.execute(revenue.by_day_and_tour(filters)))
    assert exported == sum(Decimal(number * 100 + day + 3) / 100 for number in range(3) for day in range(7))
    found = figures(WEEK)
    assert [row["revenue"] for row in found["revenue"]] == [str(exported)] == [found["top"][0]["revenue"]]
    assert sum(Decimal(day["revenue"]["EUR"]) for day in found["days"]) == exported
    known = {one.key: one.value for one in insights.figures(db.session.connection(), filters, "en")}
    assert known["revenue:EUR"] == exported
    cancelled = insights.figures(db.session.connection(), {**filters, "status": ["cancelled"]}, "en")
    assert "revenue" not in {one.code for one in cancelled}


def test_growth_from_nothing_is_not_a_number() -> None:
    assert growth(5, 0) is None
    assert growth(5, 4) == 25.0


def test_admins_and_managers_get_it_once_each(business: None) -> None:
    readers = [make_user(role=role) for role in ("admin", "superadmin", "manager")]
    for role in ("user", "driver", "support"):
        make_user(role=role)
    make_user(role="admin", active=False)
    assert send_weekly_report(NOW).planned == 3
    again = send_weekly_report(NOW + timedelta(days=2))
    assert (again.planned, again.readers) == (0, 3)
    rows = db.session.scalars(db.select(Delivery).filter_by(kind="weekly-report")).all()
    assert {row.user_id for row in rows} == {user.id for user in readers}
    late = make_user(role="manager")
    assert send_weekly_report(NOW).planned == 1
    assert db.session.query(Delivery).filter_by(user_id=late.id).count() == 1


@pytest.mark.parametrize(
    ("language", "title", "tour", "total", "growth_in_words", "state"),
    [
        ("en", "Weekly report 2026-W47", "Airport &lt;VIP&gt;", "€30.30", "+300%", "failed"),
        ("tr", "Haftalık rapor 2026-W47", "Havalimanı &lt;VIP&gt;", "€30,30", "+%300", "başarısız"),
    ],
)
def test_the_mail_is_in_the_readers_language_with_plots_and_a_pdf(
    business: None, language: str, title: str, tour: str, total: str, growth_in_words: str, state: str
) -> None:
    db.session.add(Export(id="a", type="bookings-csv", state="failed", created_at=INSIDE))
    make_user(role="admin", language=language)
    send_weekly_report(NOW)
    row = db.session.scalars(db.select(Delivery).filter_by(kind="weekly-report")).one()
    message = email.message_from_bytes(source_of(row), policy=email.policy.default)
    assert message["Subject"] == title
    html = message.get_body(("html",))
    text = message.get_body(("plain",))
    assert html
    assert text
    assert tour in html.get_content()
    assert "bgcolor" in html.get_content()
    for word in (total, growth_in_words, state):
        assert word in text.get_content()
    (pdf,) = list(message.iter_attachments())
    assert (pdf.get_content_type(), pdf.get_filename()) == ("application/pdf", "weekly-report-2026-W47.pdf")
    pages = PdfReader(io.BytesIO(pdf.get_content())).pages
    assert "2026-W47" in pages[0].extract_text()
    printed = "".join(page.extract_text() for page in pages)
    for word in ("Boğaz turu", growth_in_words, state):
        assert word in printed


def test_a_week_without_a_single_booking_has_a_report_too(app: Flask) -> None:
    make_user(role="admin")
    send_weekly_report(NOW)
    row = db.session.scalars(db.select(Delivery).filter_by(kind="weekly-report")).one()
    assert b"weekly-report-2026-W47.pdf" in source_of(row)


def run_scheduled() -> None:
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), queues=("scheduled",), burst=True).wait() == 0


@on_sqlite
def test_its_jobs_compute_the_parts_and_send_what_they_make_together(business: None) -> None:
    make_user(role="admin")
    expected = figures(WEEK)
    root = add_scheduled_job("generate-weekly-report", {"week": WEEK.name})
    run_scheduled()
    queue = engine().queue("scheduled")
    report = queue.job(queue.job(root.id).return_value["report"])
    assert (report.state, report.return_value) == ("completed", {"week": WEEK.name, "planned": 1, "readers": 1})
    parents, _ = queue.relatives(report.id)
    assert [(parent.name, parent.state) for parent in parents] == [("compute-weekly-figures", "completed")] * len(PARTS)
    row = db.session.scalars(db.select(Delivery).filter_by(kind="weekly-report")).one()
    assert row.content["report"] == expected


@on_sqlite
def test_a_part_that_fails_takes_the_report_along_and_both_can_be_retried(
    business: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(role="admin")
    parts, report = enqueue_weekly_report(WEEK, name="report")
    with monkeypatch.context() as broken:
        broken.setitem(PARTS, "revenue", lambda week: 1 / 0)
        queue = engine().queue("scheduled")
        for part in parts:
            engine().broker.client.hset(f"rq:job:{part.id}", "retries_left", 0)
        run_scheduled()
    assert queue.job(report.id).failed_reason == "ParentFailed: the job report-revenue, for which it waited, failed"
    assert Workers(engine(), burst=True).wait() == 0
    notice = db.session.scalars(db.select(Delivery).filter_by(kind="email")).one()
    message = email.message_from_bytes(source_of(notice), policy=email.policy.default)
    assert message["Subject"] == "Job failed: send-weekly-report"
    assert "/admin/jobs/scheduled/report-send" in str(message)
    queue.retry_failed()
    run_scheduled()
    assert queue.job(report.id).state == "completed"
    assert db.session.query(Delivery).filter_by(kind="weekly-report").count() == 1
