"""The figures of a selection of bookings, from SQL: what an insight may speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from babel.dates import format_date
from babel.numbers import format_decimal

from gnb.models import REVENUE_STATUSES, Booking, Tour, localized
from gnb.services.exports import selection
from gnb.services.mail.words import percent, text_language

TOP = 3


@dataclass(frozen=True)
class Figure:
    """One figure: its code, the name of what it counts where there are several, its value, and how a sentence writes
    that and, where it differs, the name."""

    code: str
    name: str
    value: float
    text: str
    name_in_words: str = ""

    @property
    def called(self) -> str:
        """Its name in a sentence."""
        return self.name_in_words or self.name

    @property
    def key(self) -> str:
        """What an insight names it by."""
        return f"{self.code}:{self.name}" if self.name else self.code


def figures(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    """Bookings, guests, cancellations, revenue by currency, the best tours, the busiest day; written as the language of
    their sentences does."""
    written = text_language(language)
    totals = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(Booking.guests), 0),
            sa.func.coalesce(sa.func.sum(sa.case((Booking.status == "cancelled", 1), else_=0)), 0),
            sa.func.coalesce(sa.func.avg(sa.case((Booking.user_id.is_not(None), 100.0), else_=0.0)), 0),
        )
        .select_from(Booking)
        .where(*selection.of_bookings(filters))
    ).one()
    count, guests, cancelled, with_account = totals
    found = [_count("bookings", "", count, written)]
    if not count:
        return found
    found += [
        _count("guests", "", int(guests), written),
        _share("cancelled", 100 * int(cancelled) / count, written),
        _share("with-account", float(with_account), written),
    ]
    found += _revenue(connection, filters, written)
    return found + _best_tours(connection, filters, written) + _busiest(connection, filters, written)


def _count(code: str, name: str, value: int, language: str, name_in_words: str = "") -> Figure:
    return Figure(code, name, value, format_decimal(value, locale=language), name_in_words)


def _share(code: str, value: float, language: str) -> Figure:
    return Figure(code, "", round(value, 1), percent(round(value, 1), language))


def _revenue(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    rows = connection.execute(
        sa.select(Booking.currency, sa.func.sum(Booking.amount), sa.func.count())
        .where(*selection.of_bookings(filters), Booking.status.in_(REVENUE_STATUSES))
        .group_by(Booking.currency)
        .order_by(Booking.currency)
    )
    found = []
    for currency, total, count in rows:
        for code, amount in (("revenue", float(total)), ("average", round(float(total) / count, 2))):
            text = f"{format_decimal(amount, '#,##0.00', locale=language)} {currency}"
            found.append(Figure(code, currency, amount, text))
    return found


def _best_tours(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    number = sa.func.count()
    rows = connection.execute(
        sa.select(Tour.name, Tour.titles, number)
        .join(Booking, Booking.tour_id == Tour.id)
        .where(*selection.of_bookings(filters), Booking.status != "cancelled")
        .group_by(Tour.id, Tour.name)
        .order_by(number.desc(), Tour.name)
        .limit(TOP)
    )
    return [_count("tour", name, count, language, localized(titles, language)) for name, titles, count in rows]


def _busiest(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    number = sa.func.count()
    rows = connection.execute(
        sa.select(Booking.travel_date, number)
        .where(*selection.of_bookings(filters), Booking.status != "cancelled")
        .group_by(Booking.travel_date)
        .order_by(number.desc(), Booking.travel_date)
        .limit(1)
    )
    return [
        _count("busiest-day", day.isoformat(), count, language, format_date(day, "d MMMM y", locale=language))
        for day, count in rows
    ]
