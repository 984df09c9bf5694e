"""Prices under campaigns, on the database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.models import PriceChange, Tour
from gnb.services.pricing import PriceList
from gnb.services.pricing.campaigns import process_campaigns
from gnb.services.pricing.demand import record_prices
from tests.business import make_booking, make_campaign, make_tour, make_user, new_booking
from tests.servers import on_sqlite

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday, also in Istanbul
DAY = timedelta(days=1)


def campaign(**fields: object) -> int:
    given = {"state": "active", "starts_at": NOW - DAY, "ends_at": NOW + DAY, "discount_percent": 20}
    return int(make_campaign(**{**given, **fields}).id)


def price(tour: Tour, moment: datetime = NOW) -> Decimal:
    return PriceList(moment).of(tour).amount


def causes(tour: Tour) -> list[str]:
    return list(db.session.scalars(db.select(PriceChange.cause).filter_by(tour_id=tour.id).order_by(PriceChange.id)))


def test_a_campaign_prices_from_the_base_price_and_twice_is_once(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    number = campaign()
    assert price(tour) == Decimal("80.00")
    assert process_campaigns(NOW).changed == 1
    again = process_campaigns(NOW + timedelta(hours=1))
    assert (again.changed, again.restored) == (0, 0)
    assert price(tour) == Decimal("80.00")
    change = db.session.scalars(db.select(PriceChange)).one()
    assert (change.old_price, change.new_price, change.campaign_id) == (Decimal(100), Decimal(80), number)
    assert change.figures == {"campaigns": [number], "discount": 20, "floor": 70}


def test_a_campaign_that_is_over_changes_no_price_although_no_job_ran(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    campaign()
    process_campaigns(NOW)
    assert price(tour, NOW + DAY - timedelta(microseconds=1)) == Decimal(80)
    assert price(tour, NOW + DAY) == Decimal(100)


def test_the_end_of_a_campaign_is_recorded_once(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    campaign()
    process_campaigns(NOW)
    done = process_campaigns(NOW + 2 * DAY)
    assert (done.restored, done.ended) == (1, 1)
    assert process_campaigns(NOW + 3 * DAY).restored == 0
    assert causes(tour) == ["campaign", "restore"]


def test_a_paused_campaign_changes_no_price(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    found = make_campaign(state="active", starts_at=NOW - DAY, ends_at=NOW + DAY)
    process_campaigns(NOW)
    found.state = "paused"
    db.session.commit()
    assert price(tour) == Decimal(100)


@on_sqlite
def test_a_campaign_never_makes_a_tour_dearer_than_demand_does(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    for number in range(30):
        new_booking(tour, created_at=NOW - timedelta(days=9, minutes=number))
    campaign(discount_percent=5)
    assert price(tour) == Decimal("90.00")


@on_sqlite
@pytest.mark.parametrize("seed", range(4))
def test_prices_are_the_same_whenever_the_jobs_ran(app: Flask, seed: int) -> None:
    random = Random(seed)
    kinds = ("vip", "city")
    tours = [
        make_tour(base_price=Decimal(random.randint(100, 90_000)) / 100, category=random.choice(kinds))
        for _ in range(5)
    ]
    for _ in range(60):
        new_booking(random.choice(tours), created_at=NOW - random.random() * 16 * DAY)
    for _ in range(4):
        start = NOW + random.randint(-5, 5) * DAY
        campaign(
            starts_at=start,
            ends_at=start + random.randint(1, 6) * DAY,
            discount_percent=random.randint(0, 90),
            floor_percent=random.randint(40, 100),
            stacks=random.random() < 0.5,
            category=random.choice((None, *kinds)),
            max_bookings=random.choice((None, 5)),
        )
    moments = sorted(NOW + random.random() * 10 * DAY for _ in range(8))
    without_jobs = [[price(tour, moment) for tour in tours] for moment in moments]
    for moment, expected in zip(moments, without_jobs, strict=True):
        for job in random.sample([process_campaigns, record_prices], random.randint(0, 2)):
            job(moment)
        assert [price(tour, moment) for tour in tours] == expected
        for tour, amount in zip(tours, expected, strict=True):
            assert tour.base_price * 4 / 10 <= amount <= tour.base_price * 11 / 10


def test_conditions_choose_the_tours(app: Flask) -> None:
    fields = {"base_price": Decimal(100)}
    chosen = make_tour(city="Antalya", category="airport", **fields)
    other_city = make_tour(city="Istanbul", category="airport", **fields)
    other_kind = make_tour(city="Antalya", category="vip", **fields)
    campaign(city="Antalya", category="airport")
    assert [price(tour) for tour in (chosen, other_city, other_kind)] == [Decimal(80), Decimal(100), Decimal(100)]


def test_weekdays_are_those_of_istanbul(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(100))
    campaign(weekdays=[3])
    assert price(tour, datetime(2026, 11, 24, 20, 59, tzinfo=UTC)) == Decimal(100)
    assert price(tour, datetime(2026, 11, 24, 21, 0, tzinfo=UTC)) == Decimal(80)  # midnight of Wednesday there


def test_bookings_of_the_last_week_count_except_cancelled_ones(app: Flask) -> None:
    busy, quiet = (make_tour(base_price=Decimal(100)) for _ in range(2))
    for age in (1, 2):
        make_booking(busy, created_at=NOW - age * DAY)
        make_booking(quiet, created_at=NOW - age * DAY, status="cancelled")
        make_booking(quiet, created_at=NOW - (1 + 7 * age) * DAY)
    campaign(min_bookings=2)
    assert (price(busy), price(quiet)) == (Decimal(80), Decimal(100))


def test_drafts_and_campaigns_to_come_change_nothing(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(110))
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
