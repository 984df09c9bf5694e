"""What the engine, the services and the schemas refuse is said in Turkish on Turkish pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale, gettext
from marshmallow import ValidationError

from gnb.blueprints.admin.presenters.refusals import in_words
from gnb.blueprints.admin.presenters.sayings import SAYINGS, VALUES
from gnb.extensions import engine
from gnb.models import Export
from gnb.queueing import Schedule
from gnb.queueing.errors import QueueingError
from gnb.services import email_service, export_service
from gnb.services.ai.requests import DelayRiskRequest
from gnb.services.exports.errors import ExportError
from gnb.services.exports.filters import load_filters
from gnb.services.exports.storage.folder import FolderStorage
from gnb.services.mail import campaigns as mailings
from gnb.services.mail.errors import MailError
from gnb.services.queues import recurring
from tests.business import make_campaign
from tests.servers import on_sqlite

pytestmark = on_sqlite

MAIL = {"deliveryId": 1}
ROAD = {"origin": "IST", "destination": "Fatih", "scheduledTime": "2026-11-27T17:30"}
WEEKLY = "generate-weekly-report"


def enqueue(*given: Any, **options: Any) -> str:
    return engine().queue("email").enqueue(*given, **options).id


def enqueue_export(job_id: str) -> None:
    engine().queue("export").enqueue("users-csv", job_id=job_id)


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
    "id-elsewhere": lambda: [enqueue_export("mine"), enqueue("send-email", MAIL, job_id="mine")],
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
    "type": lambda: recurring.queue_of("nothing"),
    "day": lambda: load_filters("bookings-csv", {"startDate": "yesterday"}),
    "span": lambda: load_filters("bookings-csv", {"startDate": "2026-02-01", "endDate": "2026-01-01"}),
    "choice": lambda: load_filters("bookings-csv", {"status": "lost"}),
    "filter": lambda: load_filters("bookings-csv", {"nothing": 1}),
    "tour-number": lambda: load_filters("bookings-csv", {"tour": "x"}),
    "no-tour": lambda: export_service.create("bookings-csv", {"tour": 77}),
    "export-type": lambda: export_service.create("nothing"),
    "no-export": lambda: export_service.get("nothing"),
    "no-file": lambda: export_service.file_size(Export(state="failed")),
    "folder": lambda: FolderStorage("/proc/nothing").create("a.csv", "a"),
    "recipient": lambda: email_service.plan_email("nobody", "Hello", text="x"),
    "subject": lambda: email_service.plan_email("a@example.com", "two\nlines", text="x"),
    "text": lambda: email_service.plan_email("a@example.com", "Hello", text="x" * 200_001),
    "no-text": lambda: mailings.start(make_campaign(subjects={}, bodies={})),
    "no-recipients": lambda: mailings.start(make_campaign()),
    "mailing": lambda: mailings.pause(make_campaign(mailing_state="sent")),
    "place": lambda: DelayRiskRequest().load({**ROAD, "origin": "Istambul Airpor"}),
    "no-place": lambda: DelayRiskRequest().load({**ROAD, "origin": "qqqqqq"}),
    "instant": lambda: DelayRiskRequest().load({**ROAD, "scheduledTime": "soon"}),
    "year": lambda: DelayRiskRequest().load({**ROAD, "scheduledTime": "1999-01-01T12:00"}),
}


def reasons(error: Exception) -> list[str]:
    found: list[str] = []
    left = [getattr(error, "errors", getattr(error, "messages", str(error)))]
    while left:
        words = left.pop()
        if isinstance(words, str):
            found.append(words)
        else:
            left += words.values() if isinstance(words, dict) else words
    return found


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_every_refusal_has_turkish_words(app: Flask, refused: Callable[[], object]) -> None:
    errors = (QueueingError, ExportError, MailError, ValidationError)
    with pytest.raises(errors) as caught:
        refused()
    with app.test_request_context(), force_locale("en"):
        for reason in reasons(caught.value):
            assert in_words(reason).casefold() == reason.casefold()  # “waiting” is a word of ours in English too
    with app.test_request_context(), force_locale("tr"):
        for reason in reasons(caught.value):
            assert in_words(reason) != reason
            assert "give" not in in_words(reason)


def test_everything_that_is_recognised_has_turkish_words(app: Flask) -> None:
    with app.test_request_context(), force_locale("tr"):
        assert [saying for saying in (*SAYINGS, *VALUES) if gettext(saying) == saying] == []


@pytest.mark.parametrize(
    ("said", "turkish"),
    [
        ("127.0.0.1:25: no answer in time", "127.0.0.1:25: zamanında yanıt gelmedi"),
        ("550 5.1.1 no such user", "550 5.1.1 no such user"),
        (
            "StorageError: the export could not be written: No space left on device",
            "StorageError: dışa aktarım yazılamadı: diskte yer kalmadı",
        ),
        ("12,000 of 100,000 rows", "100.000 satırdan 12.000 tanesi"),
        ("the mailing is paused", "gönderimin durumu: duraklatıldı"),
    ],
)
def test_values_are_said_in_turkish_and_the_words_of_others_stay(app: Flask, said: str, turkish: str) -> None:
    with app.test_request_context(), force_locale("tr"):
        assert in_words(said) == turkish


def test_what_nobody_foresaw_is_shown_as_it_came(app: Flask) -> None:
    with app.test_request_context(), force_locale("tr"):
        assert in_words("100% new %(x)s") == "100% new %(x)s"
