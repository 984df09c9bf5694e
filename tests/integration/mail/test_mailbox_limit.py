"""Messages to one mailbox are limited, those to others are not kept waiting, and no job holds an address."""

import pytest
from flask import Flask

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import Delivery
from gnb.services import email_service
from gnb.services.mail import outbox
from tests.conftest import make_settings
from tests.integration.engine.conftest import Workers, wait_for
from tests.servers import on_sqlite

pytestmark = on_sqlite


def plan(*addresses: str) -> None:
    for address in addresses:
        email_service.plan_email(address, "Hello", text="x")
    db.session.commit()


def states(address: str) -> list[str]:
    db.session.rollback()
    rows = db.session.query(Delivery.state).filter_by(recipient=address).order_by(Delivery.id)
    return [state for (state,) in rows]


def test_a_mailbox_gets_five_messages_and_others_do_not_wait_for_its_sixth(app: Flask) -> None:
    plan(*["victim@example.com"] * 8, "guest@example.com", "other@example.com")
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine())
    try:
        wait_for(lambda: states("other@example.com") == ["sent"])
        wait_for(lambda: engine().queue("email").jobs("active").total == 0)
    finally:
        workers.stop()
    assert states("guest@example.com") == ["sent"]
    assert states("victim@example.com") == ["sent"] * 5 + ["queued"] * 3
    held = engine().queue("email").jobs("delayed").jobs
    assert len(held) == 3 and all(job.held for job in held)
    assert [stats.held for stats in engine().stats()] == [0, 3, 0, 0]


def test_addresses_of_one_mailbox_count_as_one(app: Flask) -> None:
    digests = {outbox.mailbox_digest(a) for a in ("a.b@Example.com", "A.B+1@example.com", " a.b+x+y@example.com ")}
    assert len(digests) == 1
    assert outbox.mailbox_digest("b@example.com") not in digests


@pytest.mark.parametrize(("limit", "sent"), [("none", 7), ("2/60s", 2)])
def test_the_limit_is_a_setting(settings: Settings, limit: str, sent: int) -> None:
    changed = make_settings(
        DATABASE_URL=settings.database_url, REDIS_URL=settings.redis_url, EMAIL_RECIPIENT_RATE_LIMIT=limit
    )
    with create_app(changed).app_context():
        plan(*["victim@example.com"] * 7)
        db.session.remove()
        db.engine.dispose()
        workers = Workers(engine())
        try:
            wait_for(lambda: states("victim@example.com").count("sent") == sent)
            wait_for(lambda: engine().queue("email").jobs("delayed").total == 7 - sent)
        finally:
            workers.stop()
        db.session.remove()
        db.engine.dispose()
