"""Prices by demand, on the database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Flask

from gnb.extensions import db
from gnb.models import PriceChange, Tour
from gnb.services.pricing import PriceList
from gnb.services.pricing.demand import preview, record_prices
from gnb.services.reports.week import Week
from tests.business import make_campaign, make_tour, new_booking
from tests.servers import on_sqlite

NOW = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)  # Monday, 03:30 in Istanbul
MONDAY = datetime(2026, 11, 22, 21, tzinfo=UTC)


def booked(tour: Tour, count: int, weeks_ago: int) -> None:
    """So many bookings in the week that ended `weeks_ago` weeks before this one began."""
    for number in range(count):
        at = MONDAY - timedelta(weeks=weeks_ago + 1) + timedelta(hours=number)
        new_booking(tour, created_at=at)
    db.session.commit()


def test_a_week_begins_on_monday_in_istanbul() -> None:
    assert Week.of(NOW).start == MONDAY
    assert Week.of(MONDAY - timedelta(seconds=1)).start == MONDAY - timedelta(weeks=1)
    assert Week.of(datetime(2027, 1, 1, tzinfo=UTC)).name == "2026-W53"


def price(tour: Tour, moment: datetime = NOW) -> Decimal:
    return PriceList(moment).of(tour).amount


def test_growing_demand_raises_and_falling_demand_lowers_by_a_tenth_at_most(app: Flask) -> None:
    up, down, steady = (make_tour(base_price=Decimal(100)) for _ in range(3))
    for tour, counts in ((up, (30, 5, 5)), (down, (1, 30, 30)), (steady, (5, 5, 5))):
        for weeks_ago, count in enumerate(counts):
            booked(tour, count, weeks_ago)
    assert [price(tour) for tour in (up, down, steady)] == [Decimal("110.00"), Decimal("90.00"), Decimal("100.00")]
    made = record_prices(NOW)
    assert {row.tour.id for row in made} == {up.id, down.id}
    change = db.session.scalars(db.select(PriceChange).filter_by(tour_id=up.id)).one()
    assert (change.period, change.cause, change.new_price) == ("2026-W48", "demand", Decimal("110.00"))
    assert "30 bookings last week, 5 the week before" in change.reason
    assert change.figures["lastWeek"] == 30


@on_sqlite
def test_prices_of_growing_weeks_never_compound(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    for week, count in enumerate((20, 40, 80, 160)):
        booked(tour, count, -week)
    for week in range(4):
        record_prices(NOW + timedelta(weeks=week))
        assert price(tour, NOW + timedelta(weeks=week)) == Decimal("110.00")


def test_a_second_run_in_the_week_records_nothing(app: Flask) -> None:
    booked(make_tour(base_price=Decimal(100)), 30, 0)
    assert len(record_prices(NOW)) == 1
    assert record_prices(NOW + timedelta(days=3)) == []


def test_a_dry_run_shows_the_changes_and_records_none(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    booked(tour, 30, 0)
    (row,) = preview(NOW)
    assert (row.before, row.price, row.changes, row.percent) == (Decimal(100), Decimal("110.00"), True, 10.0)
    assert (row.why, row.as_json()["changePercent"]) == ("limit", 10.0)
    assert db.session.scalars(db.select(PriceChange)).all() == []


def test_the_season_of_a_year_ago_counts_where_there_is_one(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    booked(tour, 5, 0)
    booked(tour, 5, 1)
    booked(tour, 6, 51)  # the week that now begins, a year ago
    booked(tour, 5, 52)
    booked(tour, 1, 60)
    (row,) = preview(NOW)
    assert (row.price, row.why) == (Decimal("104.88"), "season")
    assert row.demand.coming_week_year_ago == 6


def test_a_cancellation_within_the_week_does_not_change_its_prices(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    for _ in range(9):
        new_booking(tour, created_at=MONDAY - timedelta(days=1), status="cancelled", cancelled_at=MONDAY)
    db.session.commit()
    assert price(tour) == Decimal("110.00")


def test_a_price_under_a_campaign_is_not_recorded_as_one_by_demand(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    booked(tour, 60, 0)
    make_campaign(state="active", starts_at=NOW - timedelta(days=1), ends_at=NOW + timedelta(days=1))
    assert record_prices(NOW) == []
    assert preview(NOW)[0].why == "campaign"
    assert price(tour) == Decimal("90.00")
