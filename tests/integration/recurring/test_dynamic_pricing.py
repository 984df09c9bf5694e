"""Prices by demand, on the database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Flask

from gnb.extensions import db
from gnb.models import PriceChange, Tour
from gnb.services.pricing.campaigns import process_campaigns
from gnb.services.pricing.demand import preview, update_prices
from gnb.services.reports.week import Week
from tests.business import make_campaign, make_tour, new_booking

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


def test_growing_demand_raises_and_falling_demand_lowers_by_a_tenth_at_most(app: Flask) -> None:
    up, down, steady = (make_tour(base_price=Decimal(100), current_price=Decimal(100)) for _ in range(3))
    booked(up, 30, 0)
    booked(up, 5, 1)
    booked(down, 1, 0)
    booked(down, 30, 1)
    booked(steady, 5, 0)
    booked(steady, 5, 1)
    made = update_prices(NOW)
    prices = [db.session.get_one(Tour, tour.id).current_price for tour in (up, down, steady)]
    assert prices == [Decimal("110.00"), Decimal("90.00"), Decimal("100.00")]
    assert {proposal.tour_id for proposal in made} == {up.id, down.id}
    change = db.session.scalars(db.select(PriceChange).filter_by(tour_id=up.id)).one()
    assert (change.period, change.cause) == ("2026-W48", "demand")
    assert "30 bookings last week, 5 the week before" in change.reason
    assert change.figures["lastWeek"] == 30


def test_a_second_run_in_the_week_changes_nothing_and_the_next_week_does(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    booked(tour, 30, 0)
    update_prices(NOW)
    assert update_prices(NOW + timedelta(days=3)) == []
    assert preview(NOW)[0].why == "done"
    booked(tour, 90, -1)
    update_prices(NOW + timedelta(weeks=1))
    assert tour.current_price == Decimal("121.00")


def test_a_dry_run_shows_the_changes_and_makes_none(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    booked(tour, 30, 0)
    (proposal,) = preview(NOW)
    assert (proposal.proposed, proposal.changes, proposal.percent) == (Decimal("110.00"), True, 10.0)
    assert proposal.as_json()["changePercent"] == 10.0
    db.session.expire_all()
    assert tour.current_price == Decimal(100)
    assert db.session.scalars(db.select(PriceChange)).all() == []


def test_the_season_of_a_year_ago_counts_where_there_is_one(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    booked(tour, 5, 0)
    booked(tour, 5, 1)
    assert not preview(NOW)[0].changes
    booked(tour, 40, 51)  # the week that now begins, a year ago
    booked(tour, 1, 60)
    proposal = preview(NOW)[0]
    assert (proposal.proposed, proposal.why) == (Decimal("110.00"), "season")
    assert proposal.demand.coming_week_year_ago == 40


def test_a_price_stops_at_its_limit(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(145))
    booked(tour, 60, 0)
    (proposal,) = update_prices(NOW)
    assert (proposal.why, tour.current_price) == ("limit", Decimal("150.00"))


def test_a_price_that_a_campaign_has_set_is_left_alone(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    booked(tour, 60, 0)
    make_campaign(state="active", starts_at=NOW - timedelta(days=1), ends_at=NOW + timedelta(days=1))
    process_campaigns(NOW)
    assert update_prices(NOW) == []
    assert preview(NOW)[0].why == "campaign"
    assert db.session.get_one(Tour, tour.id).current_price == Decimal("90.00")
