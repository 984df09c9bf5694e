"""Every error has a code, a text in both languages, and is shown in the reader's language, stored ones too."""

import errno
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale, get_domain, gettext
from marshmallow import ValidationError

from gnb.extensions import db, engine
from gnb.messages import Message, as_message, localize, make_message, os_error, stored_error
from gnb.messages.schema import FIELD_TEXTS
from gnb.messages.templates import TEMPLATES
from gnb.models import Export
from gnb.queueing import Schedule
from gnb.queueing.errors import QueueingError
from gnb.queueing.messages import TEXTS
from gnb.services import email_service, export_service
from gnb.services.ai.requests import DelayRiskRequest
from gnb.services.bookings import SoldOut
from gnb.services.exports import ExportError, StorageError
from gnb.services.exports.filters import load_filters
from gnb.services.exports.storage.folder import FolderStorage
from gnb.services.mail import MailError, MailRefused, MailUnavailable, ledger
from gnb.services.mail import campaigns as mailings
from gnb.services.mail.campaigns import MailingRefused
from gnb.services.queues import recurring
from tests.business import make_campaign
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

pytestmark = on_sqlite

MAIL = {"deliveryId": 1}
ROAD = {"origin": "IST", "destination": "Fatih", "scheduledTime": "2026-11-27T17:30"}
WEEKLY = "generate-weekly-report"


def enqueue(*given: Any, **options: Any) -> str:
    return engine().queue("email").enqueue(*given, **options).id


def enqueue_export(job_id: str) -> None:
    engine().queue("export").enqueue("users-csv", job_id=job_id)


REJECTED: dict[str, Callable[[], object]] = {
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


def said_by(error: Exception) -> list[str]:
    found: list[str] = []
    left = [getattr(error, "errors", getattr(error, "messages", error))]
    while left:
        each = left.pop()
        if isinstance(each, dict | list):
            left += each.values() if isinstance(each, dict) else each
        else:
            found.append(as_message(each))
    return found


@pytest.mark.parametrize("rejected", REJECTED.values(), ids=REJECTED)
def test_every_error_is_localized_in_turkish(app: Flask, rejected: Callable[[], object]) -> None:
    errors = (QueueingError, ExportError, MailError, ValidationError)
    with pytest.raises(errors) as caught:
        rejected()
    with app.test_request_context(), force_locale("en"):
        for said in said_by(caught.value):
            assert localize(said) == said
    with app.test_request_context(), force_locale("tr"):
        for said in said_by(caught.value):
            assert localize(said) != said
            assert "give" not in localize(said)


def test_every_code_has_a_turkish_text_with_the_same_params(app: Flask) -> None:
    untranslated, other_params = [], []
    with app.test_request_context(), force_locale("tr"):
        for code, template in {**TEXTS, **FIELD_TEXTS, **TEMPLATES}.items():
            english = template if isinstance(template, str) else template[1]
            texts = get_domain().get_translations()
            turkish = gettext(english) if isinstance(template, str) else texts.ungettext(*template, 2)
            if turkish == english and re.sub(r"%\(\w+\)s|repeat", "", english).strip(" :;.") != "":
                untranslated.append(code)
            if not set(PARAM.findall(turkish)) <= set(PARAM.findall(english)):
                other_params.append(code)
    assert (untranslated, other_params) == ([], [])


PARAM = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize(
    ("said", "turkish"),
    [
        (
            MailUnavailable("server", server="127.0.0.1:25", what=make_message("smtp.timeout")),
            "127.0.0.1:25: zamanında yanıt gelmedi",
        ),
        (MailRefused("reply", what="550 5.1.1 no such user"), "550 5.1.1 no such user"),
        (
            StorageError("write", what=os_error(OSError(errno.ENOSPC, "No space left on device"))),
            "dışa aktarım yazılamadı: diskte yer kalmadı",
        ),
        (make_message("progress.rows", done=12_000, total=100_000), "100.000 satırdan 12.000 tanesi"),
        (MailingRefused("state", mailing="paused"), "gönderimin durumu: duraklatıldı"),
        (SoldOut(2), "O gün yalnızca 2 yer kaldı. Başka bir gün veya daha küçük bir grup seçin."),
        ("100% new %(x)s", "100% new %(x)s"),
    ],
)
def test_params_are_localized_and_the_texts_of_others_stay(app: Flask, said: object, turkish: str) -> None:
    with app.test_request_context(), force_locale("tr"):
        assert localize(said) == turkish


@pytest.mark.parametrize("stored", ["FinalError: it broke", "", "broken\x1f{", "broken\x1f[1]"])
def test_what_an_earlier_version_stored_is_shown_unchanged(app: Flask, stored: str) -> None:
    with app.test_request_context(), force_locale("tr"):
        assert localize(Message.unpack(stored)) == stored.partition("\x1f")[0]


def test_a_failed_job_keeps_the_code_of_its_error(app: Flask) -> None:
    job = engine().queue("ai").enqueue("package-recommendations", {"userId": 987654})
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine(), queues=("ai",), burst=True)
    assert workers.wait(60) == 0
    failed = engine().queue("ai").job(job.id)
    assert failed.failed_reason == "FinalError: there is no account 987654"
    with app.test_request_context(), force_locale("tr"):
        assert localize(failed.failed_reason) == "987654 numaralı hesap yok"


def test_a_suppressed_delivery_is_explained_in_the_readers_language(app: Flask) -> None:
    delivery = ledger.plan_text("a@example.com", "Hello", None, "x")
    delivery.campaign_id = make_campaign().id
    db.session.commit()
    ledger.cancel_campaign(delivery.campaign_id)
    db.session.commit()
    assert (delivery.error, delivery.error_code) == ("the campaign was cancelled", "suppressed.campaign_cancelled")
    with app.test_request_context(), force_locale("tr"):
        assert localize(stored_error(delivery)) == "kampanya iptal edildi"
    delivery.error_code, delivery.error_params = None, None  # as before codes were stored
    with app.test_request_context(), force_locale("tr"):
        assert localize(stored_error(delivery)) == "the campaign was cancelled"
