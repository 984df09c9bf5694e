"""Prices under campaigns, on the database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Flask

from gnb.extensions import db, engine
from gnb.models import PriceChange, Tour
from gnb.services.pricing.campaigns import process_campaigns
from tests.business import make_booking, make_campaign, make_tour, make_user

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday, also in Istanbul
DAY = timedelta(days=1)


def campaign(**fields: object) -> int:
    given = {"state": "active", "starts_at": NOW - DAY, "ends_at": NOW + DAY, "discount_percent": 20}
    return int(make_campaign(**{**given, **fields}).id)


def price(tour: Tour) -> Decimal:
    db.session.refresh(tour)
    return tour.current_price


def causes(tour: Tour) -> list[str]:
    return list(db.session.scalars(db.select(PriceChange.cause).filter_by(tour_id=tour.id).order_by(PriceChange.id)))


def test_a_campaign_prices_from_the_base_price_and_twice_is_once(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(130))
    number = campaign()
    assert process_campaigns(NOW).changed == 1
    assert price(tour) == Decimal("80.00")
    again = process_campaigns(NOW + timedelta(hours=1))
    assert (again.changed, again.restored) == (0, 0)
    assert price(tour) == Decimal("80.00")
    change = db.session.scalars(db.select(PriceChange)).one()
    assert (change.old_price, change.new_price, change.campaign_id) == (Decimal(130), Decimal(80), number)
    assert change.figures == {"campaigns": [number], "discount": 20, "floor": 70}


def test_an_ended_campaign_puts_the_base_price_back_once(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    campaign()
    process_campaigns(NOW)
    done = process_campaigns(NOW + 2 * DAY)
    assert (done.restored, done.ended) == (1, 1)
    assert price(tour) == Decimal(100)
    assert process_campaigns(NOW + 3 * DAY).restored == 0
    assert causes(tour) == ["campaign", "restore"]


def test_a_paused_campaign_puts_the_base_price_back(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    found = make_campaign(state="active", starts_at=NOW - DAY, ends_at=NOW + DAY)
    process_campaigns(NOW)
    found.state = "paused"
    db.session.commit()
    process_campaigns(NOW)
    assert price(tour) == Decimal(100)


def test_conditions_choose_the_tours(app: Flask) -> None:
    fields = {"base_price": Decimal(100), "current_price": Decimal(100)}
    chosen = make_tour(city="Antalya", category="airport", **fields)
    other_city = make_tour(city="Istanbul", category="airport", **fields)
    other_kind = make_tour(city="Antalya", category="vip", **fields)
    campaign(city="Antalya", category="airport")
    process_campaigns(NOW)
    assert [price(tour) for tour in (chosen, other_city, other_kind)] == [Decimal(80), Decimal(100), Decimal(100)]


def test_weekdays_are_those_of_istanbul(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(100))
    campaign(weekdays=[3])
    process_campaigns(datetime(2026, 11, 24, 20, 59, tzinfo=UTC))
    assert price(tour) == Decimal(100)
    process_campaigns(datetime(2026, 11, 24, 21, 0, tzinfo=UTC))  # midnight of Wednesday there
    assert price(tour) == Decimal(80)


def test_bookings_of_the_last_week_count_except_cancelled_ones(app: Flask) -> None:
    busy, quiet = (make_tour(base_price=Decimal(100), current_price=Decimal(100)) for _ in range(2))
    for age in (1, 2):
        make_booking(busy, created_at=NOW - age * DAY)
        make_booking(quiet, created_at=NOW - age * DAY, status="cancelled")
        make_booking(quiet, created_at=NOW - 8 * DAY)
    campaign(min_bookings=2)
    process_campaigns(NOW)
    assert (price(busy), price(quiet)) == (Decimal(80), Decimal(100))


def test_drafts_and_campaigns_to_come_change_nothing(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100), current_price=Decimal(110))
    campaign(state="draft")
    campaign(starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
    assert process_campaigns(NOW).changed == 0
    assert price(tour) == Decimal(110)


def test_a_running_campaign_mails_nobody_by_itself(app: Flask) -> None:
    make_user()
    running = make_campaign(state="active", starts_at=NOW - DAY, ends_at=NOW + DAY)
    process_campaigns(NOW)
    assert running.mailing_state == "none"
    assert engine().queue("scheduled").jobs("waiting").total == 0
