"""Bookings for the export benchmarks, made by the database itself: a million in seconds."""

from __future__ import annotations

import sqlalchemy as sa

from gnb.models import Booking, Tour, db

TOURS = 40

_COLUMNS = (
    "id, reference, tour_id, customer_name, customer_email, customer_phone, language, adults, children, infants, "
    "pickup_at, travel_date, pickup_place, amount, currency, payment_method, status, created_at, updated_at"
)
_NAMES = (
    "'Ayşe Yılmaz', 'O''Brien, \"Pat\"', '=cmd|x', 'محمد علي', "
    "'John Smith', 'Jürgen Müller', 'Anna Petrova', 'Mehmet Öz'"
)
_SQLITE = f"""
INSERT INTO bookings ({_COLUMNS})
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count),
drawn AS MATERIALIZED (SELECT n, abs(random()) AS r, datetime('2024-01-01', (abs(random()) % 1000000) || ' minutes') AS at FROM numbers)
SELECT n, printf('B%08d', n), 1 + r % {TOURS}, json_extract(:names, '$[' || (r % 8) || ']'), 'user' || n || '@example.com',
  '+905321234567', 'en', 1 + r % 4, r % 3, 0, at || '.000000', date(at, '+3 hours'), 'Hotel Sultanahmet', r % 100000, 'EUR',
  json_extract('["cash","credit_card","stripe","paytr"]', '$[' || (r % 4) || ']'),
  json_extract('["pending","confirmed","paid","completed","cancelled"]', '$[' || (r % 5) || ']'),
  datetime(at, '-10 days') || '.000000', datetime(at, '-10 days') || '.000000'
FROM drawn
"""  # noqa: E501
_POSTGRESQL = f"""
INSERT INTO bookings ({_COLUMNS})
SELECT n, 'B' || n, 1 + r % {TOURS}, (ARRAY[{_NAMES}])[1 + r % 8], 'user' || n || '@example.com', '+905321234567', 'en',
  1 + r % 4, r % 3, 0, at, (at AT TIME ZONE 'Europe/Istanbul')::date, 'Hotel Sultanahmet', r % 100000, 'EUR',
  (ARRAY['cash','credit_card','stripe','paytr'])[1 + r % 4],
  (ARRAY['pending','confirmed','paid','completed','cancelled'])[1 + r % 5], at - interval '10 days', at - interval '10 days'
FROM (SELECT n, (random() * 1000000000)::bigint AS r, timestamptz '2024-01-01 00:00+00' + random() * 1000000 * interval '1 minute' AS at
      FROM generate_series(1, CAST(:count AS bigint)) AS n) AS drawn
"""  # noqa: E501


def fill(url: str, count: int) -> None:
    """Makes the tables in an empty database, with so many bookings."""
    engine = sa.create_engine(url)
    db.metadata.create_all(engine)
    for index in Booking.__table__.indexes:  # type: ignore[attr-defined]
        index.drop(engine)  # nothing here reads by them, and keeping them up costs more than the rows
    tour = {"titles": {}, "descriptions": {}, "category": "transfer", "city": "Istanbul", "origin": "IST"}
    price = {"base_price": 100, "duration_minutes": 60, "destination": "Taksim"}
    tours = [{**tour, **price, "slug": f"t{n}", "name": f"Istanbul Airport → Taksim, tour {n}"} for n in range(TOURS)]
    with engine.begin() as connection:
        connection.execute(sa.insert(Tour), tours)
        values = {"count": count}
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text(_SQLITE), {**values, "names": f"[{_as_json(_NAMES)}]"})
        else:
            connection.execute(sa.text(_POSTGRESQL.replace("00:00", r"00\:00")), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _as_json(names: str) -> str:
    return names.replace('"', '\\"').replace("''", "’").replace("'", '"').replace("’", "'")
