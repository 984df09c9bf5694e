"""The figures of one week, as JSON from which a mail or a PDF can be rendered later.

A week starts on Monday in Europe/Istanbul and is named as in ISO 8601 (`2026-W47`). Bookings are counted on the day
they were created. Revenue includes confirmed, paid and completed bookings, separately by currency.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db, engine
from gnb.models import REVENUE_STATUSES, Booking, Export, Money, Tour, User, local_day, local_midnight
from gnb.queueing import clock
from gnb.queueing.errors import QueueUnavailable

TOP_TOURS = 10


@dataclass(frozen=True)
class Week:
    """One week, identified by its Monday."""

    monday: date

    @classmethod
    def of(cls, moment: datetime) -> "Week":
        """Return the week that contains a moment."""
        day = local_day(moment)
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def before(cls, moment: datetime) -> "Week":
        """Return the last whole week before a moment."""
        return cls.of(moment).last_week

    @classmethod
    def named(cls, name: str) -> "Week":
        """Parse a name such as 2026-W47. Raises ValueError."""
        year, _, number = name.partition("-W")
        return cls(date.fromisocalendar(int(year), int(number), 1))

    @property
    def name(self) -> str:
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02}"

    @property
    def start(self) -> datetime:
        return local_midnight(self.monday)

    @property
    def end(self) -> datetime:
        """The first instant after the week."""
        return local_midnight(self.monday + timedelta(days=7))

    @property
    def last_week(self) -> "Week":
        return Week(self.monday - timedelta(days=7))

    @property
    def days(self) -> list[date]:
        return [self.monday + timedelta(days=number) for number in range(7)]


def figures(week: Week) -> dict[str, Any]:
    """Return all figures of the week; amounts as exact strings, `growth` in percent or None without a previous week."""
    return merge(week, [part(week) for part in PARTS.values()])


def merge(week: Week, parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of the week from those of its parts."""
    found: dict[str, Any] = {"week": week.name, "start": week.monday.isoformat(), "end": week.days[-1].isoformat()}
    for part in parts:
        found |= part
    return found


def _bookings(week: Week) -> dict[str, Any]:
    count, before = _count_bookings(week), _count_bookings(week.last_week)
    return {
        "bookings": {"count": count, "before": before, "growth": growth(count, before)},
        "statuses": _counts(Booking.status, Booking.created_at, week),
    }


def _accounts(week: Week) -> dict[str, Any]:
    count, before = _count_users(week), _count_users(week.last_week)
    return {"users": {"count": count, "before": before, "growth": growth(count, before)}}


def _money(week: Week) -> dict[str, Any]:
    return {"revenue": _revenue(week), "days": _days(week), "top": _top_tours(week)}


def _operations(week: Week) -> dict[str, Any]:
    return {"exports": _counts(Export.state, Export.created_at, week), "failedJobs": _failed_jobs(week)}


PARTS: dict[str, Callable[[Week], dict[str, Any]]] = {
    "bookings": _bookings,
    "accounts": _accounts,
    "revenue": _money,
    "operations": _operations,
}
"""The parts of the figures; each can be computed apart from the others."""


def growth(value: Any, before: Any) -> float | None:
    """Return the change in percent, or None if there was nothing before."""
    return round(float((Decimal(value) - Decimal(before)) / Decimal(before) * 100), 1) if before else None


def _in(column: Any, week: Week) -> sa.ColumnElement[bool]:
    return sa.and_(column >= week.start, column < week.end)


def _count_bookings(week: Week) -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(_in(Booking.created_at, week))) or 0


def _count_users(week: Week) -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(_in(User.created_at, week))) or 0


def _revenue(week: Week) -> list[dict[str, Any]]:
    """Return the revenue by currency, the one with most bookings first."""
    now, before = _by_currency(week), _by_currency(week.last_week)
    rows = []
    for currency in sorted(now.keys() | before.keys(), key=lambda name: (-now.get(name, (0, 0))[0], name)):
        count, amount = now.get(currency, (0, Decimal(0)))
        earlier = before.get(currency, (0, Decimal(0)))[1]
        average = (amount / count).quantize(Decimal("0.01"), ROUND_HALF_UP) if count else Decimal(0)
        rows.append(
            {
                "currency": currency,
                "bookings": count,
                "revenue": str(amount),
                "before": str(earlier),
                "growth": growth(amount, earlier),
                "average": str(average),
            }
        )
    return rows


def _by_currency(week: Week) -> dict[str, tuple[int, Decimal]]:
    query = sa.select(Booking.currency, sa.func.count(), _sum()).where(*_earning(week)).group_by(Booking.currency)
    return {currency: (count, amount) for currency, count, amount in db.session.execute(query)}


def _sum() -> Any:
    return sa.type_coerce(sa.cast(sa.func.sum(Booking.amount), sa.BigInteger), Money())


def _earning(week: Week) -> tuple[sa.ColumnElement[bool], ...]:
    return _in(Booking.created_at, week), Booking.status.in_(REVENUE_STATUSES)


def _days(week: Week) -> list[dict[str, Any]]:
    """Return the bookings and the revenue by currency of each day, including days without any."""
    counts: dict[date, int] = defaultdict(int)
    amounts: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    query = sa.select(Booking.created_at, Booking.status, Booking.currency, Booking.amount)
    query = query.where(_in(Booking.created_at, week)).execution_options(yield_per=5000)
    for created_at, status, currency, amount in db.session.execute(query):
        day = local_day(created_at)
        counts[day] += 1
        if status in REVENUE_STATUSES:
            amounts[day][currency] += amount
    return [
        {
            "day": day.isoformat(),
            "bookings": counts[day],
            "revenue": {currency: str(amount) for currency, amount in sorted(amounts[day].items())},
        }
        for day in week.days
    ]


def _top_tours(week: Week) -> list[dict[str, Any]]:
    """Return the tours with the most revenue-earning bookings."""
    query = (
        sa.select(Tour.name, Booking.currency, sa.func.count().label("bookings"), _sum().label("revenue"))
        .join(Tour, Tour.id == Booking.tour_id)
        .where(*_earning(week))
        .group_by(Tour.id, Tour.name, Booking.currency)
        .order_by(sa.desc("bookings"), sa.desc("revenue"), Tour.name)
        .limit(TOP_TOURS)
    )
    return [
        {"tour": tour, "currency": currency, "bookings": bookings, "revenue": str(revenue)}
        for tour, currency, bookings, revenue in db.session.execute(query)
    ]


def _counts(column: Any, moment: Any, week: Week) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(_in(moment, week)).group_by(column)
    query = query.order_by(sa.func.count().desc(), column)
    return {name: count for name, count in db.session.execute(query)}  # noqa: C416 - a Result is no mapping


def _failed_jobs(week: Week) -> dict[str, int] | None:
    """Count the failed jobs that ended in the week, by queue; None if the broker is unreachable."""
    try:
        return {
            queue.name: sum(_ended_in(ended, week) for _, (ended,) in queue.scan("failed", ("ended_at",)))
            for queue in engine().queues
        }
    except QueueUnavailable:
        return None


def _ended_in(ended: str, week: Week) -> bool:
    moment = clock.parse(ended)
    return moment is not None and week.start <= moment < week.end
