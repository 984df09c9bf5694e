"""Tours: search by category, place, day and party size, and editing by an administrator.

found = find_tours(TourSearch(category="airport", start="IST", day=date(2027, 6, 1), passengers=3))
found.offers[0].tour, found.offers[0].seats_left, found.total
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import Departure, PriceChange, Tour, User, local_day, now
from gnb.services import audit, places
from gnb.services.bookings import TourNotFound, seats

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
    """A tour on sale. `seats_left` is None if seats are not counted or no day was given."""

    tour: Tour
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
    # A house sells some hundreds of tours: names are compared here, where İ and i are the same letter on any database.
    origin, destination = _End(search.start), _End(search.end)
    offers = [
        Offer(tour, seats)
        for tour, seats in db.session.execute(query)
        if origin.fits(tour.origin, tour.city) and destination.fits(tour.destination, tour.city)
    ]
    return Found(tuple(offers[start:end]), len(offers))


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


class _End:
    """One end of a route as a user types it: an airport, a city or a town."""

    def __init__(self, wanted: str | None) -> None:
        self._words = set(places.plain((wanted or "")[: places.LONGEST_NAME]).split())
        self._airport = _airport_code(wanted or "") if self._words else ""

    def fits(self, place: str, city: str) -> bool:
        """Return whether this end of a tour matches; an empty search matches all."""
        if not self._words or self._airport == place:
            return True
        return any(self._words <= set(places.plain(name).split()) for name in (place, city))


def _airport_code(wanted: str) -> str:
    try:
        return places.find(wanted).code
    except places.UnknownPlace:
        return ""


PAGE_SIZE = 25


def list_tours(text: str = "", start: int = 0, end: int = PAGE_SIZE) -> tuple[list[Tour], int]:
    """Return the tours in [start, end) whose name or city contains the text, and the number of all that match."""
    query = sa.select(Tour).order_by(Tour.active.desc(), Tour.category, Tour.city, Tour.name, Tour.id)
    key = places.plain(text)
    found = [tour for tour in db.session.scalars(query) if key in places.plain(f"{tour.name} {tour.city} {tour.slug}")]
    return found[start:end], len(found)


def slug_is_taken(slug: str) -> bool:
    """Return whether a tour has this slug."""
    return db.session.scalar(sa.select(Tour.id).where(Tour.slug == slug)) is not None


class SlugTaken(Exception):
    """Another tour got this slug concurrently."""


def save_tour(tour: Tour, values: Mapping[str, Any], actor: User) -> Tour:
    """Save a new or changed tour, with an audit entry and a price history entry. Commits. Raises SlugTaken."""
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
    changed = sorted(name for name, value in before.items() if value != getattr(tour, name))
    if not is_new:
        if "daily_seats" in changed:
            seats.apply_daily_seats(tour, local_day(now()))
        if "current_price" in changed:
            db.session.add(_price_change(tour, before["current_price"], actor))
    action = "tour.create" if is_new else "tour.change"
    audit.record(actor, action, f"tour/{tour.id}", details={} if is_new else {"changed": changed})
    db.session.commit()
    return tour


def _price_change(tour: Tour, old_price: Any, actor: User) -> PriceChange:
    return PriceChange(
        tour_id=tour.id,
        changed_by_id=actor.id,
        cause="manual",
        base_price=tour.base_price,
        old_price=old_price,
        new_price=tour.current_price,
        currency=tour.currency,
        reason=f"set by {actor.name}"[:500],
    )
