"""What prices never do, whatever the rules and figures are."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gnb.services.pricing.rules import CENT, Demand, Rule, TourFacts, best_offer, demand_price

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOUR = TourFacts(id=1, city="Antalya", category="airport", bookings=10, weekday=2)

prices = st.decimals("1", "5000", places=2)
maybe = st.sampled_from


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    count = draw(st.integers(0, 6))
    return [
        Rule(
            id=number,
            discount_percent=draw(st.integers(0, 90)),
            floor_percent=draw(st.integers(10, 100)),
            stacks=draw(st.booleans()),
            starts_at=NOW + timedelta(days=draw(st.integers(-3, 1))),
            ends_at=NOW + timedelta(days=draw(st.integers(0, 3)), seconds=draw(st.integers(0, 1))),
            city=draw(maybe([None, "Antalya", "Istanbul"])),
            category=draw(maybe([None, "airport", "vip"])),
            tour_id=draw(maybe([None, 1, 2])),
            weekdays=draw(maybe([(), (2,), (6, 7)])),
            min_bookings=draw(maybe([None, 5, 11])),
            max_bookings=draw(maybe([None, 9, 20])),
        )
        for number in range(1, count + 1)
    ]


@given(prices, rules())
def test_no_price_is_below_the_floor_of_a_rule_that_makes_it(base: Decimal, found: list[Rule]) -> None:
    offer = best_offer(base, found, TOUR, NOW)
    if offer:
        floors = [rule.floor_percent for rule in found if rule.id in offer.rules]
        assert offer.price >= (base * max(floors) / 100)
        assert CENT <= offer.price <= base


@given(prices, rules(), st.randoms())
def test_the_order_of_rules_does_not_matter(base: Decimal, found: list[Rule], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert best_offer(base, found, TOUR, NOW) == best_offer(base, shuffled, TOUR, NOW)


@given(prices, rules())
def test_a_rule_that_does_not_run_or_match_changes_nothing(base: Decimal, found: list[Rule]) -> None:
    applying = [rule for rule in found if rule.runs(NOW) and rule.matches(TOUR)]
    assert best_offer(base, found, TOUR, NOW) == best_offer(base, applying, TOUR, NOW)
    assert (best_offer(base, found, TOUR, NOW) is None) == (not applying)


@given(prices, rules())
def test_no_single_rule_is_better_than_the_best_offer(base: Decimal, found: list[Rule]) -> None:
    offer = best_offer(base, found, TOUR, NOW)
    alone = [best_offer(base, [rule], TOUR, NOW) for rule in found if not rule.stacks]
    assert all(offer is not None and offer.price <= single.price for single in alone if single)


def test_the_best_rule_wins_and_stacking_ones_add_up_to_their_floor() -> None:
    single = Rule(id=1, discount_percent=20)
    stacking = [Rule(id=2, discount_percent=15, stacks=True), Rule(id=3, discount_percent=10, stacks=True)]
    offer = best_offer(Decimal(100), [single, *stacking], TOUR, NOW)
    assert offer
    assert (offer.price, offer.rules) == (Decimal("75.00"), (2, 3))
    kept = Rule(id=4, discount_percent=50, floor_percent=80, stacks=True)
    floored = best_offer(Decimal(100), [*stacking, kept], TOUR, NOW)
    assert floored
    assert floored.price == Decimal("80.00")


def test_a_rule_ends_at_its_end() -> None:
    rule = Rule(id=1, discount_percent=20, starts_at=NOW - timedelta(days=1), ends_at=NOW)
    assert best_offer(Decimal(100), [rule], TOUR, NOW) is None
    assert best_offer(Decimal(100), [rule], TOUR, NOW - timedelta(microseconds=1)) is not None


counts = st.integers(0, 3000)
demands = st.builds(Demand, counts, counts, st.none() | counts, st.none() | counts)


@given(prices, demands)
def test_a_price_by_demand_is_never_more_than_a_tenth_from_the_base_price(base: Decimal, demand: Demand) -> None:
    assert abs(demand_price(base, demand) - base) <= base / 10


@given(prices, demands)
def test_more_demand_never_lowers_and_less_never_raises(base: Decimal, demand: Demand) -> None:
    new = demand_price(base, demand)
    if demand.signal >= 1:
        assert new >= base
    if demand.signal <= 1:
        assert new <= base


def test_one_booking_more_of_a_seldom_booked_tour_moves_little() -> None:
    assert demand_price(Decimal(100), Demand(0, 0)) == Decimal(100)
    assert demand_price(Decimal(100), Demand(2, 1)) < Decimal(110)
    assert demand_price(Decimal(100), Demand(50, 20)) == Decimal("110.00")
