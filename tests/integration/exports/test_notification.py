"""An export that says by mail when it is ready or has failed."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.models import Booking, Delivery, Export
from gnb.services import export_service
from gnb.services.mail.sending import source_of
from gnb.services.queue_service import remove_job
from tests.business import make_user
from tests.integration.api.conftest import Caller
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

pytestmark = on_sqlite

EXPORTS = "/api/v1/admin/exports"


def run_jobs() -> None:
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), queues=("export", "email"), burst=True).wait() == 0
    # The mail's job waits for the export's, which may have ended after the worker of its queue.
    assert Workers(engine(), queues=("email",), burst=True).wait() == 0


def mails() -> list[tuple[str, str, str]]:
    """Recipient, subject and text of what was sent."""
    db.session.rollback()
    found = []
    for delivery in db.session.scalars(db.select(Delivery).order_by(Delivery.id)):
        message = email.message_from_bytes(source_of(delivery), policy=email.policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        found.append((delivery.recipient, str(message["Subject"]), body.get_content()))
    return found


def test_the_mail_follows_the_file_with_the_link_to_it(admin: Caller, bookings: list[Booking]) -> None:
    asked = admin("POST", EXPORTS, json={"type": "bookings-csv", "notify": True}).json["data"]
    (waiting,) = engine().queue("email").jobs("deferred").jobs
    assert waiting.depends_on == (asked["jobId"],)
    assert mails() == []
    run_jobs()
    ((recipient, subject, text),) = mails()
    assert (recipient, subject) == ("admin@example.com", "Your export is ready")
    assert f"/admin/exports/{asked['id']}/download" in text
    assert engine().queue("email").job(waiting.id).state == "completed"


def test_without_being_asked_to_it_mails_nobody(admin: Caller, bookings: list[Booking]) -> None:
    admin("POST", EXPORTS, json={"type": "bookings-csv"})
    run_jobs()
    assert mails() == []


@pytest.mark.parametrize("fate", ["failed", "removed"])
def test_an_export_that_comes_to_nothing_says_so_in_the_readers_language(app: Flask, fate: str) -> None:
    user = make_user(role="admin", language="tr")
    address = user.email
    export = export_service.request("users-csv", requested_by=user, notify=True)
    assert export.job_id
    if fate == "removed":
        remove_job("export", export.job_id)
    else:
        with db.engine.begin() as connection:
            connection.execute(db.update(Export).values(filters={"startDate": "no day"}))
    run_jobs()
    ((recipient, subject, text),) = mails()
    assert (recipient, subject) == (address, "Dışa aktarımınız başarısız oldu")
    assert "users-csv" in text


def test_with_the_broker_unreachable_the_mail_follows_the_inline_run(app: Flask, bookings: list[Booking]) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], queue_enabled=False)
    export = export_service.request("bookings-csv", requested_by=make_user(role="admin"), notify=True)
    assert export.state == "completed"
    assert [subject for _, subject, _ in mails()] == ["Your export is ready"]


def test_the_page_asks_for_it_with_a_checkbox(admin: Caller, app: Flask, start_workers: Callable[..., Workers]) -> None:
    assert 'name="notify"' in admin("GET", "/admin/exports").text
    app.config["WTF_CSRF_ENABLED"] = False
    admin("POST", "/admin/exports", data={"type": "users-csv", "notify": "true"})
    assert engine().queue("email").jobs("deferred").total == 1
    admin("POST", "/admin/exports", data={"type": "users-csv"})
    assert engine().queue("email").jobs("deferred").total == 1
