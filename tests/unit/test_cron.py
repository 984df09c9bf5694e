"""When cron expressions fire: clock changes, names, forms and words for what is wrong."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnb.queueing.errors import InvalidSchedule
from gnb.queueing.recurring.cron import Cron
from gnb.queueing.recurring.schedule import Schedule


def firings(expression: str, tz: str, start: str, count: int) -> list[str]:
    cron, moment, found = Cron.parse(expression, tz), datetime.fromisoformat(start).replace(tzinfo=UTC), []
    for _ in range(count):
        moment = cron.after(moment)
        found.append(f"{moment:%m-%d %H:%M}")
    return found


def test_a_time_that_comes_twice_fires_at_its_first_showing_alone() -> None:
    assert firings("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2) == ["10-25 00:30", "10-26 01:30"]


def test_a_time_that_is_skipped_fires_once_at_the_end_of_the_gap() -> None:
    assert firings("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2) == ["03-29 01:00", "03-30 00:30"]


def test_several_times_in_a_gap_are_one_firing() -> None:
    assert firings("*/15 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2) == ["03-29 01:00", "03-30 00:00"]


def test_a_schedule_of_every_hour_goes_on_by_elapsed_time() -> None:
    autumn = firings("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:40", 5)
    assert autumn == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]
    assert firings("30 * * * *", "Europe/Berlin", "2026-03-28T23:40", 3) == [
        "03-29 00:30",
        "03-29 01:30",
        "03-29 02:30",
    ]


def test_istanbul_kept_summer_time_in_2016() -> None:
    assert firings("0 9 * * *", "Europe/Istanbul", "2016-10-29T12:00", 2) == ["10-30 06:00", "10-31 06:00"]
    assert firings("0 9 * * *", "Europe/Istanbul", "2017-01-10T12:00", 1) == ["01-11 06:00"]


def test_istanbul_changed_two_weeks_late_in_2015() -> None:
    days = firings("30 3 * * *", "Europe/Istanbul", "2015-11-07T12:00", 2)
    assert days == ["11-08 00:30", "11-09 01:30"]
    assert firings("0 9 * * *", "Europe/Istanbul", "2015-10-26T12:00", 1) == ["10-27 06:00"]


def test_istanbul_skips_an_hour_in_the_spring_of_2016() -> None:
    assert firings("30 3 * * *", "Europe/Istanbul", "2016-03-26T12:00", 2) == ["03-27 01:00", "03-28 00:30"]


def test_a_half_hour_clock_change_is_followed() -> None:
    hours = firings("15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00", 3)
    assert hours == ["04-04 14:15", "04-04 15:45", "04-04 16:45"]


def test_a_day_that_a_zone_left_out_fires_once_at_its_end() -> None:
    assert firings("@daily", "Pacific/Apia", "2011-12-29T11:00", 2) == ["12-30 10:00", "12-31 10:00"]


@pytest.mark.parametrize(
    ("form", "same"),
    [("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@Weekly", "0 0 * * sun"), ("@monthly", "0 0 1 * *")],
)
def test_forms_stand_for_expressions(form: str, same: str) -> None:
    assert firings(form, "Europe/Istanbul", "2026-05-05T05:05", 4) == firings(
        same, "Europe/Istanbul", "2026-05-05T05:05", 4
    )


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 */2 * mon", [9, 23]),
        ("0 0 1-7 * */6", [1, 7]),
        ("0 0 * * mon", [2, 9, 16, 23, 30]),
        ("0 0 13 * *", [13]),
        ("0 0 1-31/2 * mon", [1, 2, 3, 5, 7, 9, 11, 13, 15, 16, 17, 19, 21, 23, 25, 27, 29, 30]),
        ("0 0 13 * fri", [6, 13, 20, 27]),
    ],
)
def test_the_days_of_month_and_week_are_combined_as_by_cron(expression: str, days: list[int]) -> None:
    cron, moment, found = Cron.parse(expression, "UTC"), datetime(2026, 10, 31, 12, tzinfo=UTC), []
    while (moment := cron.after(moment)).month == 11:
        found.append(moment.day)
    assert found == days


def test_names_of_months_and_days_are_read() -> None:
    assert firings("0 9 * Jan MON", "UTC", "2026-12-30T00:00", 2) == ["01-04 09:00", "01-11 09:00"]


@pytest.mark.parametrize(
    ("expression", "field"),
    [
        ("99 * * * *", "minute is '99'"),
        ("* 25 * * *", "hour is '25'"),
        ("* * 32 * *", "day of the month is '32'"),
        ("* * * 13 *", "month is '13'"),
        ("* * * * foo", "day of the week is 'foo'"),
        ("*/0 * * * *", "minute is '*/0'"),
        ("*/60 * * * *", "'*/60' has a step that is too long; give 59 at most"),
        ("0-59/61 * * * *", "'0-59/61' has a step that is too long; give 59 at most"),
        ("0 */24 * * *", "'*/24' has a step that is too long; give 23 at most"),
        ("0 0 */31 * *", "'*/31' has a step that is too long; give 30 at most"),
        ("0 0 1 */12 *", "'*/12' has a step that is too long; give 11 at most"),
        ("0 0 * * */7", "'*/7' has a step that is too long; give 6 at most"),
        ("30-10 * * * *", "minute is '30-10'"),
        ("H * * * *", "minute is 'H'"),
        ("* * L * *", "day of the month is 'L'"),
        ("0 0 31 2 *", "never comes"),
        ("* * * *", "has 4 fields"),
        ("* * * * * *", "has 6 fields"),
        ("@reboot", "is none of"),
        ("", "has 0 fields"),
    ],
)
def test_a_wrong_expression_is_refused_by_the_name_of_its_field(expression: str, field: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        Cron.parse(expression, "UTC")
    assert field in refused.value.errors["cron"][0]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        Cron.parse("* * * * *", zone)
    assert "time zone" in refused.value.errors["tz"][0]


@pytest.mark.parametrize("minute", ["1" * 60 + "!", "9" * 5000 + "-1", "1-" * 3000, "1," * 5000 + "1"], ids=range(4))
def test_a_field_made_to_keep_its_reader_busy_is_refused_at_once(minute: str) -> None:
    with pytest.raises(InvalidSchedule):
        Cron.parse(f"{minute} * * * *", "UTC")


moments = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["Europe/Berlin", "Europe/Istanbul", "America/New_York", "Australia/Lord_Howe", "UTC"])


@given(moments, zones, st.integers(0, 59), st.integers(0, 23))
def test_a_daily_schedule_fires_once_on_every_day_of_its_zone(
    moment: datetime, zone: str, minute: int, hour: int
) -> None:
    cron = Cron.parse(f"{minute} {hour} * * *", zone)
    first = cron.after(moment)
    second = cron.after(first)
    days = [found.astimezone(ZoneInfo(zone)).date() for found in (first, second)]
    assert moment < first < second
    assert days[1] - days[0] == timedelta(days=1)


@given(moments, zones, st.sampled_from([5, 10, 15, 30]))
def test_a_schedule_of_every_few_minutes_is_evenly_spaced_through_every_clock_change(
    moment: datetime, zone: str, step: int
) -> None:
    cron = Cron.parse(f"*/{step} * * * *", zone)
    first = cron.after(moment)
    assert cron.after(first) - first == timedelta(minutes=step)
    assert first - moment <= timedelta(minutes=step)


def test_every_few_seconds_lies_on_the_multiples_since_the_epoch() -> None:
    schedule = Schedule("beat", "tick", every=7)
    assert [at.timestamp() for at in schedule.after(datetime.fromtimestamp(700.2, UTC), 3)] == [707, 714, 721]


def test_missed_firings_are_counted_with_the_last_of_them() -> None:
    schedule, due = Schedule("beat", "tick", cron="*/5 * * * *"), datetime(2026, 1, 1, tzinfo=UTC)
    assert schedule.missed(due, due + timedelta(minutes=21)) == (5, due + timedelta(minutes=20))
    assert Schedule("beat", "tick", every=2).missed(due, due + timedelta(seconds=5)) == (3, due + timedelta(seconds=4))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "no spaces"}, "name"),
        ({"catch_up": "twice"}, "catch_up"),
        ({"every": 0}, "every"),
        ({"every": 1.5}, "every"),
        ({"every": "soon"}, "every"),
        ({"every": 5, "cron": "* * * * *"}, "cron"),
        ({"every": None}, "cron"),
        ({"every": None, "cron": "61 * * * *"}, "cron"),
        ({"tz": "Nowhere"}, "tz"),
        ({"options": {"delay": 3}}, "options"),
    ],
)
def test_a_wrong_schedule_is_refused_field_by_field(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        Schedule(**{"name": "beat", "type": "tick", "every": 5, **values})  # type: ignore[arg-type]
    assert field in refused.value.errors
