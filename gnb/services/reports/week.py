"""The figures of one week, as JSON from which a mail or a PDF can be rendered later.

A week starts on Monday in Europe/Istanbul and is named as in ISO 8601 (`2026-W47`). Bookings are counted on the day
they were made. Revenue, with the bookings that bring it, is that of `exports.revenue`: by the day of the pickup.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db, engine
from gnb.models import Booking, Export, User, local_day, local_midnight
from gnb.queueing import clock
from gnb.queueing.errors import QueueUnavailable
from gnb.services.exports import revenue

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
    def filters(self) -> dict[str, Any]:
        """The filters that select the pickups of the week."""
        return {"start_date": self.days[0], "end_date": self.days[-1]}

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
    nothing = revenue.Total("", 0, Decimal(0), Decimal(0))
    rows = []
    for currency in sorted(now.keys() | before.keys(), key=lambda name: (-now.get(name, nothing).bookings, name)):
        total, earlier = now.get(currency, nothing), before.get(currency, nothing).revenue
        rows.append(
            {
                "currency": currency,
                "bookings": total.bookings,
                "revenue": str(total.revenue),
                "before": str(earlier),
                "growth": growth(total.revenue, earlier),
                "average": str(total.average),
            }
        )
    return rows


def _by_currency(week: Week) -> dict[str, revenue.Total]:
    return {total.name: total for total in revenue.by_currency(db.session.connection(), week.filters)}


def _days(week: Week) -> list[dict[str, Any]]:
    """Return the bookings and the revenue by currency of each day, including days without any."""
    counts: dict[date, int] = defaultdict(int)
    amounts: dict[date, dict[str, str]] = defaultdict(dict)
    query = sa.select(Booking.created_at).where(_in(Booking.created_at, week)).execution_options(yield_per=5000)
    for created_at in db.session.scalars(query):
        counts[local_day(created_at)] += 1
    for currency in sorted(_by_currency(week)):
        for day, amount in revenue.by_day(db.session.connection(), week.filters, currency):
            amounts[day][currency] = str(amount)
    return [{"day": day.isoformat(), "bookings": counts[day], "revenue": amounts[day]} for day in week.days]


def _top_tours(week: Week) -> list[dict[str, Any]]:
    """Return the tours with the most bookings that bring revenue."""
    return [
        {
            "tour": row.name,
            "titles": row.titles,
            "currency": row.currency,
            "bookings": row.bookings,
            "revenue": str(row.revenue),
        }
        for row in db.session.execute(revenue.most_booked_tours(week.filters, TOP_TOURS))
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
