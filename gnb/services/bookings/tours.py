"""Tours: search by category, place, day and party size, and editing by an administrator.

found = find_tours(TourSearch(category="airport", start="IST", day=date(2027, 6, 1), passengers=3))
found.offers[0].tour, found.offers[0].price, found.offers[0].seats_left, found.total
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from gnb.extensions import db
from gnb.models import Departure, Extra, Tour, User, local_day, now
from gnb.services import audit, places
from gnb.services.bookings import TourNotFound, seats
from gnb.services.pricing import PriceList, new_price_change

OFFERS_PER_PAGE = 24
_LONGEST_SLUG = 100
FARTHEST = timedelta(days=730)
"""How far ahead a tour can be booked."""


@dataclass(frozen=True)
class TourSearch:
    """Search criteria; None matches all. `start` and `end` are place names as users type them."""

    category: str | None = None
    start: str | None = None
    end: str | None = None
    day: date | None = None
    passengers: int | None = None


@dataclass(frozen=True)
class Offer:
    """A tour at its price of now. `seats_left` is None if seats are not counted or no day was given."""

    tour: Tour
    price: Decimal
    seats_left: int | None = None


@dataclass(frozen=True)
class Found:
    """One page of results and the number of all results."""

    offers: tuple[Offer, ...]
    total: int


def find_tours(search: TourSearch, start: int = 0, end: int = OFFERS_PER_PAGE) -> Found:
    """Return the tours that match, positions [start, end), ordered by category, city and name."""
    search = replace(search, start=_served(search.start), end=_served(search.end))
    left = _seats_left(search.day)
    query = sa.select(Tour, left).where(Tour.active).order_by(Tour.category, Tour.city, Tour.name, Tour.id)
    if search.day:
        query = query.outerjoin(Departure, sa.and_(Departure.tour_id == Tour.id, Departure.departs_on == search.day))
        query = query.where(sa.or_(left.is_(None), left >= (search.passengers or 1)))
    if search.category:
        query = query.where(Tour.category == search.category)
    if search.passengers:
        query = query.where(Tour.max_passengers >= search.passengers)
    for wanted, column in ((search.start, Tour.origin), (search.end, Tour.destination)):
        if words := _words(wanted or ""):
            query = query.where(_is_at(words, _airport_code(wanted or ""), column))
    count = query.with_only_columns(sa.func.count(), maintain_column_froms=True).order_by(None)
    rows, total = db.session.execute(query.slice(start, end)).all(), db.session.scalar(count) or 0
    prices = PriceList()
    return Found(tuple(Offer(tour, prices.of(tour).amount, seats) for tour, seats in rows), total)


def shelves(most: int) -> dict[str, Found]:
    """Return the first `most` tours of each category that has any, and the number of all its tours."""
    order = (Tour.city, Tour.name, Tour.id)
    place = sa.func.row_number().over(partition_by=Tour.category, order_by=order)
    total = sa.func.count().over(partition_by=Tour.category)
    ranked = sa.select(Tour.id, place.label("place"), total.label("total")).where(Tour.active).subquery()
    query = sa.select(Tour, ranked.c.total).join(ranked, ranked.c.id == Tour.id).where(ranked.c.place <= most)
    prices, found = PriceList(), dict[str, Found]()
    for tour, count in db.session.execute(query.order_by(Tour.category, ranked.c.place)):
        before = found.get(tour.category, Found((), count)).offers
        found[tour.category] = Found((*before, Offer(tour, prices.of(tour).amount)), count)
    return found


def offer_of(tour: Tour, day: date | None = None) -> Offer:
    """Return the tour at its price of now, with the seats left on the day."""
    return Offer(tour, PriceList().of(tour).amount, seats.seats_left(tour, day) if day else None)


def _served(wanted: str | None) -> str | None:
    """Return the district of a quarter that no tour names itself; any other text unchanged."""
    district = places.district_of(wanted or "")
    if district is None:
        return wanted
    ends = sa.select(Tour.origin, Tour.destination).where(Tour.active).distinct()
    named = {places.plain(end) for row in db.session.execute(ends) for end in row}
    return wanted if places.plain(wanted or "") in named else district


def tour_of_slug(slug: str) -> Tour:
    """Return the tour on sale with this slug. Raises TourNotFound."""
    tour = None
    if len(slug) <= _LONGEST_SLUG and "\x00" not in slug:
        tour = db.session.scalar(sa.select(Tour).where(Tour.slug == slug, Tour.active))
    if tour is None:
        raise TourNotFound
    return tour


def is_sold_out(tour: Tour, today: date) -> bool:
    """Return whether no bookable day from tomorrow on has a seat left."""
    if tour.daily_seats is None:
        return False
    bookable = Departure.departs_on.between(today + timedelta(days=1), today + FARTHEST)
    full = sa.select(sa.func.count()).where(
        Departure.tour_id == tour.id, bookable, Departure.seats_taken >= Departure.seats
    )
    return (db.session.scalar(full) or 0) >= FARTHEST.days


def _seats_left(day: date | None) -> sa.ColumnElement[int | None]:
    if day is None:
        return sa.cast(sa.null(), sa.Integer)
    free = sa.func.coalesce(Departure.seats - Departure.seats_taken, Tour.daily_seats)
    return sa.case((Tour.daily_seats.is_(None), sa.null()), else_=free)


def _is_at(words: frozenset[str], airport: str, column: Any) -> sa.ColumnElement[bool]:
    """Return the condition that one end of a tour, or its city, is the airport or has all the words in its name.

    Names are compared here and not by the database, where İ and i would be different letters. Only the distinct ones
    are, each of which is read into words once.
    """
    return sa.or_(
        *(
            each.in_([name for name in _distinct(each) if name == airport or words <= _words(name)])
            for each in (column, Tour.city)
        )
    )


def _distinct(column: Any) -> list[str]:
    return list(db.session.scalars(sa.select(column).where(Tour.active).distinct()))


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    return frozenset(places.plain(name[: places.LONGEST_NAME]).split())


def _airport_code(wanted: str) -> str:
    place = places.lookup(wanted)
    return place.code if place else ""


PAGE_SIZE = 25


def list_tours(text: str = "", start: int = 0, end: int = PAGE_SIZE) -> tuple[list[Offer], int]:
    """Return the tours in [start, end) whose name or city contains the text, and the number of all that match."""
    prices = PriceList()
    query = sa.select(Tour).order_by(Tour.active.desc(), Tour.category, Tour.city, Tour.name, Tour.id)
    key = places.plain(text)
    found = [tour for tour in db.session.scalars(query) if key in places.plain(f"{tour.name} {tour.city} {tour.slug}")]
    return [Offer(tour, prices.of(tour).amount) for tour in found[start:end]], len(found)


def slug_is_taken(slug: str) -> bool:
    """Return whether a tour has this slug."""
    return db.session.scalar(sa.select(Tour.id).where(Tour.slug == slug)) is not None


class SlugTaken(Exception):
    """Another tour got this slug concurrently."""


def save_tour(tour: Tour, values: Mapping[str, Any], actor: User) -> Tour:
    """Save a new or changed tour, with an audit entry and a price history entry. Commits.

    Raises:
        SlugTaken: Another tour has the slug.
        StaleDataError: The tour was changed since it was read.
    """
    before = {name: getattr(tour, name) for name in values}
    is_new = tour.id is None
    for name, value in values.items():
        setattr(tour, name, value)
    db.session.add(tour)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise SlugTaken(tour.slug) from None
    except StaleDataError:
        db.session.rollback()
        raise
    changed = sorted(name for name, value in before.items() if value != getattr(tour, name))
    if not is_new:
        if "daily_seats" in changed:
            seats.apply_daily_seats(tour, local_day(now()))
        if "base_price" in changed:
            reason = f"set by {actor.name}"
            prices = (before["base_price"], tour.base_price)
            db.session.add(new_price_change(tour, *prices, "manual", reason, changed_by_id=actor.id))
    action = "tour.create" if is_new else "tour.change"
    audit.record(actor, action, f"tour/{tour.id}", details={} if is_new else {"changed": changed})
    db.session.commit()
    return tour


class CodeTaken(Exception):
    """Another extra has this code."""


def list_extras() -> list[Extra]:
    """Return every extra, those on sale first, in the order of the booking form."""
    return list(db.session.scalars(sa.select(Extra).order_by(Extra.active.desc(), Extra.position, Extra.code)))


def save_extra(extra: Extra, values: Mapping[str, Any], actor: User) -> Extra:
    """Save a new or changed extra, with an audit entry. Commits. Raises CodeTaken."""
    is_new = sa.inspect(extra).transient
    changed = sorted(name for name, value in values.items() if value != getattr(extra, name))
    for name, value in values.items():
        setattr(extra, name, value)
    db.session.add(extra)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise CodeTaken from None
    details = {} if is_new else {"changed": changed}
    audit.record(actor, "extra.create" if is_new else "extra.change", f"extra/{extra.code}", details=details)
    db.session.commit()
    return extra
