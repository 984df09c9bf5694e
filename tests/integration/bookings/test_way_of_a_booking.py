"""From the request to the mail in the customer's hands, with the broker there and away."""

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import sqlalchemy as sa
from flask import Flask

from gnb import create_app
from gnb.config import Settings
from gnb.models import Delivery, DeliveryMessage, db
from tests.business import booking_data, make_tour
from tests.integration.api.conftest import run_jobs
from tests.integration.engine.conftest import Workers

assert run_jobs

URL = "/api/v1/bookings"


def sent_text() -> tuple[str, str]:
    """Subject and text of the one message that was sent."""
    (source,) = db.session.scalars(sa.select(DeliveryMessage.source))
    message: Any = message_from_bytes(source, policy=policy.default)
    return message["Subject"], message.get_body(("plain",)).get_content()


def test_a_worker_sends_the_mail_with_the_link(app: Flask, run_jobs: Callable[..., Workers]) -> None:
    made = app.test_client().post(URL, json=booking_data(make_tour())).json["data"]
    run_jobs()
    assert db.session.scalars(sa.select(Delivery.state)).one() == "sent"
    subject, text = sent_text()
    assert subject == f"We have received your booking {made['reference']}"
    assert made["link"] in text


def test_with_the_broker_away_the_booking_is_made_and_the_mail_sent_at_once(settings: Settings) -> None:
    app = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    with app.app_context():
        data = booking_data(make_tour(daily_seats=2), language="tr")
    answer = app.test_client().post(URL, json=data)
    assert answer.status_code == 201, answer.text
    with app.app_context():
        assert db.session.scalars(sa.select(Delivery.state)).one() == "sent"
        assert sent_text()[0] == f"{answer.json['data']['reference']} numaralı rezervasyonunuzu aldık"
        db.session.remove()
        db.engine.dispose()
