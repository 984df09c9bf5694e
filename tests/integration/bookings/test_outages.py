"""The database goes away the moment after a change is committed: its caller is answered as if nothing had happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import event

from gnb.extensions import db
from gnb.models import Booking
from tests.business import booking_data, make_extra, make_tour
from tests.integration.api.conftest import Caller, accounts, admin, calling_as
from tests.integration.bookings.test_api import URL, post
from tests.integration.exports.test_outages import outage
from tests.integration.site.test_booking import begin, send
from tests.servers import Postgres, on_postgresql

assert accounts and admin and calling_as

pytestmark = on_postgresql


@pytest.fixture
def outage_after_commit(postgres: Postgres) -> Callable[[], object]:
    """In the block, from its first commit on, the database rejects everybody."""

    @contextmanager
    def block() -> Iterator[None]:
        with outage(postgres, begin=False) as start:
            event.listen(db.session, "after_commit", lambda _session: start(), insert=True, once=True)
            yield

    return block


def test_a_booking_by_the_api_is_answered_from_what_was_written(
    client: FlaskClient, admin: Caller, outage_after_commit: Callable[[], contextmanager]
) -> None:
    make_extra()
    data = booking_data(make_tour(), extras={"child-seat": 1})
    db.session.remove()
    with outage_after_commit():
        answer = post(client, data, Idempotency_Key="abc")
        assert post(client, data, Idempotency_Key="abc").status_code == 503
    assert answer.status_code == 201, answer.text
    assert post(client, data, Idempotency_Key="abc").json == answer.json
    assert admin("GET", f"{URL}/{answer.json['data']['id']}").json["data"].items() <= answer.json["data"].items()


def test_a_guest_is_led_to_the_booking(client: FlaskClient, outage_after_commit: Callable[[], contextmanager]) -> None:
    make_tour(slug="ist-fatih")
    form = begin(client)
    db.session.remove()
    with outage_after_commit():
        answer = send(client, form=form)
        assert send(client, form=form).status_code == 503
    reference = db.session.scalar(sa.select(Booking.reference))
    assert answer.status_code == 303, answer.text
    assert f"/bookings/{reference}?token=" in answer.location
    assert send(client, form=form).location == answer.location
