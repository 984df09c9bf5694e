"""What is sold: tours by category, from where to where, on which day and for how many.

found = find_tours(TourSearch(category="airport", start="IST", day=date(2027, 6, 1), passengers=3))
found.offers[0].tour, found.offers[0].seats_left, found.total
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Departure, Tour
from gnb.services import places
from gnb.services.bookings import times
from gnb.services.bookings.errors import TourNotFound

PAGE_SIZE = 24
_LONGEST_SLUG = 100


@dataclass(frozen=True)
class TourSearch:
    """What is looked for; None matches all. `start` and `end` are names of places as people type them."""

    category: str | None = None
    start: str | None = None
    end: str | None = None
    day: date | None = None
    passengers: int | None = None


@dataclass(frozen=True)
class Offer:
    """A tour on sale; `seats_left` on the day asked for, None where seats are not counted or no day was named."""

    tour: Tour
    seats_left: int | None = None


@dataclass(frozen=True)
class Found:
    """A part of what was found, and how many there are in all."""

    offers: tuple[Offer, ...]
    total: int


def find_tours(search: TourSearch, start: int = 0, end: int = PAGE_SIZE) -> Found:
    """The tours that fit, from `start` up to, not including, `end`, by category, city and title."""
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
    whence, whither = _End(search.start), _End(search.end)
    offers = [
        Offer(tour, seats)
        for tour, seats in db.session.execute(query)
        if whence.fits(tour.origin, tour.city) and whither.fits(tour.destination, tour.city)
    ]
    return Found(tuple(offers[start:end]), len(offers))


def tour_of_slug(slug: str) -> Tour:
    """The tour on sale with that address. Raises TourNotFound."""
    tour = None
    if len(slug) <= _LONGEST_SLUG and "\x00" not in slug:
        tour = db.session.scalar(sa.select(Tour).where(Tour.slug == slug, Tour.active))
    if tour is None:
        raise TourNotFound
    return tour


def seats_left(tour: Tour, day: date) -> int | None:
    """Seats still for sale on that day; None where they are not counted."""
    if tour.daily_seats is None:
        return None
    query = sa.select(Departure.seats - Departure.seats_taken)
    left = db.session.scalar(query.where(Departure.tour_id == tour.id, Departure.departs_on == day))
    return tour.daily_seats if left is None else left


def is_sold_out(tour: Tour, today: date) -> bool:
    """Whether no day that can be booked from tomorrow on has a seat left."""
    if tour.daily_seats is None:
        return False
    bookable = Departure.departs_on.between(today + timedelta(days=1), today + times.FARTHEST)
    full = sa.select(sa.func.count()).where(
        Departure.tour_id == tour.id, bookable, Departure.seats_taken >= Departure.seats
    )
    return (db.session.scalar(full) or 0) >= times.FARTHEST.days


def _seats_left(day: date | None) -> sa.ColumnElement[int | None]:
    if day is None:
        return sa.cast(sa.null(), sa.Integer)
    free = sa.func.coalesce(Departure.seats - Departure.seats_taken, Tour.daily_seats)
    return sa.case((Tour.daily_seats.is_(None), sa.null()), else_=free)


class _End:
    """An end of a road as a person types it: the name of an airport, a city or a town."""

    def __init__(self, wanted: str | None) -> None:
        self._words = set(places.plain((wanted or "")[: places.LONGEST_NAME]).split())
        self._airport = _airport_code(wanted or "") if self._words else ""

    def fits(self, place: str, city: str) -> bool:
        """Whether this end of a tour is meant; whatever was left empty fits every one."""
        if not self._words or self._airport == place:
            return True
        return any(self._words <= set(places.plain(name).split()) for name in (place, city))


def _airport_code(wanted: str) -> str:
    try:
        return places.find(wanted).code
    except places.UnknownPlace:
        return ""
