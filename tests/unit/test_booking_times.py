"""Local times as instants, where clocks change."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from gnb.services.bookings import request

BERLIN = ZoneInfo("Europe/Berlin")


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    assert request.local_instant(date(2027, 10, 31), time(2, 30), BERLIN) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_time_that_is_left_out_is_none() -> None:
    assert request.local_instant(date(2027, 3, 28), time(2, 30), BERLIN) is None
    assert request.local_instant(date(2027, 3, 28), time(3, 30), BERLIN) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
