"""What the engine and the schemas refuse is said in Turkish on Turkish pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale

from gnb.blueprints.admin.presenters.refusals import in_words
from gnb.extensions import engine
from gnb.queueing import Schedule
from gnb.queueing.errors import InvalidJobData, InvalidJobOption, InvalidJobState, InvalidSchedule
from gnb.services import schedule_service
from gnb.services.exports.errors import InvalidFilters
from gnb.services.exports.filters import load_filters
from tests.servers import on_sqlite

pytestmark = on_sqlite

MAIL = {"deliveryId": 1}
WEEKLY = "generate-weekly-report"


def enqueue(*given: Any, **options: Any) -> str:
    return engine().queue("email").enqueue(*given, **options).id


REFUSED: dict[str, Callable[[], object]] = {
    "job": lambda: engine().queue("email").retry(enqueue("send-email", MAIL)),
    "stop": lambda: engine().queue("email").stop(enqueue("send-email", MAIL)),
    "promote": lambda: engine().queue("email").promote(enqueue("send-email", MAIL)),
    "run-again": lambda: engine().queue("email").run_again(enqueue("send-email", MAIL)),
    "priority": lambda: enqueue("send-email", MAIL, priority=11),
    "delay": lambda: enqueue("send-email", MAIL, delay="soon"),
    "delay-range": lambda: enqueue("send-email", MAIL, delay=-1),
    "timeout": lambda: enqueue("send-email", MAIL, timeout=0),
    "id": lambda: enqueue("send-email", MAIL, job_id="a b"),
    "missing": lambda: enqueue("send-email", {}),
    "unknown-field": lambda: enqueue("send-email", {"deliveryId": 1, "x": 1}),
    "not-integer": lambda: enqueue("send-email", {"deliveryId": "x"}),
    "too-small": lambda: enqueue("send-email", {"deliveryId": 0}),
    "address": lambda: enqueue("send-email", {"to": "x", "subject": "s", "text": "t"}),
    "length": lambda: enqueue("send-email", {"to": "a@example.com", "subject": "", "text": "t"}),
    "week": lambda: engine().queue("scheduled").enqueue(WEEKLY, {"week": "x"}),
    "name": lambda: Schedule(name="a b", type=WEEKLY, every=60),
    "zone": lambda: Schedule(name="a", type=WEEKLY, cron="0 0 * * *", tz="Mars"),
    "cron": lambda: Schedule(name="a", type=WEEKLY, cron="99 0 * * *"),
    "cron-fields": lambda: Schedule(name="a", type=WEEKLY, cron="* *"),
    "cron-form": lambda: Schedule(name="a", type=WEEKLY, cron="@never"),
    "cron-day": lambda: Schedule(name="a", type=WEEKLY, cron="0 0 30 2 *"),
    "timing": lambda: Schedule(name="a", type=WEEKLY),
    "every": lambda: Schedule(name="a", type=WEEKLY, every=0),
    "type": lambda: schedule_service.queue_of("nothing"),
    "day": lambda: load_filters("bookings-csv", {"startDate": "yesterday"}),
    "span": lambda: load_filters("bookings-csv", {"startDate": "2026-02-01", "endDate": "2026-01-01"}),
    "choice": lambda: load_filters("bookings-csv", {"status": "lost"}),
}


def reasons(error: Exception) -> list[str]:
    found: list[str] = []
    left = [getattr(error, "errors", str(error))]
    while left:
        words = left.pop()
        if isinstance(words, str):
            found.append(words)
        else:
            left += words.values() if isinstance(words, dict) else words
    return found


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_every_refusal_has_turkish_words(app: Flask, refused: Callable[[], object]) -> None:
    errors = (InvalidJobData, InvalidJobOption, InvalidJobState, InvalidSchedule, InvalidFilters)
    with pytest.raises(errors) as caught:
        refused()
    with app.test_request_context(), force_locale("en"):
        for reason in reasons(caught.value):
            assert in_words(reason).casefold() == reason.casefold()  # “waiting” is a word of ours in English too
    with app.test_request_context(), force_locale("tr"):
        for reason in reasons(caught.value):
            assert in_words(reason) != reason
            assert "give" not in in_words(reason)


def test_what_nobody_foresaw_is_shown_as_it_came(app: Flask) -> None:
    with app.test_request_context(), force_locale("tr"):
        assert in_words("100% new %(x)s") == "100% new %(x)s"
