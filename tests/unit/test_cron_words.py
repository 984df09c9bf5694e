"""Schedules in words."""

from typing import Any

import pytest

from gnb.queueing import Schedule
from gnb.services.queues.recurring import describe


@pytest.mark.parametrize(
    ("schedule", "english", "turkish"),
    [
        ({"cron": "0 2 * * mon"}, "At 02:00, only on Monday (UTC)", "Saat 02:00, sadece pazartesi günü (UTC)"),
        (
            {"cron": "0 9 1 jan *"},
            "At 09:00, on day 1 of the month, only in January (UTC)",
            "Saat 09:00, ayın 1. günü, sadece ocak ayında (UTC)",
        ),
        (
            {"cron": "*/45 * * * *"},
            "At 0 and 45 minutes past the hour (UTC)",
            "Saatlerin 0 ve 45. dakikasında (UTC)",
        ),
        ({"cron": "*/15 * * * *"}, "Every 15 minutes (UTC)", "Her 15 dakikada bir (UTC)"),
        (
            {"cron": "0 0 */10 * mon"},
            "At 00:00, on day 1, 11, 21, and 31 of the month, only on Monday (UTC)",
            "Saat 00:00, ayın 1, 11, 21, ve 31. günü, sadece pazartesi günü (UTC)",
        ),
        (
            {"cron": "0 0 13 * fri"},
            "At 00:00, on day 13 of the month, or on Friday (UTC)",
            "Saat 00:00, ayın 13. günü, veya cuma günü (UTC)",
        ),
        ({"every": 30}, "Every 30 seconds", "30 saniyede bir"),
        ({"every": 3600}, "Every hour", "1 saatte bir"),
    ],
)
def test_a_schedule_is_said_in_both_languages(schedule: dict[str, Any], english: str, turkish: str) -> None:
    found = Schedule("x", "clean-up", **schedule)
    assert (describe(found, "en"), describe(found, "tr")) == (english, turkish)
