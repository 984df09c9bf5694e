"""A booking's own page: who may see it, the calendar file, cancelling by the rules; and the list of one's own."""

import re
import threading
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar
from werkzeug.test import TestResponse

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import AuditEntry, Booking, Delivery, User, now
from gnb.services.bookings import access
from gnb.services.mail import outbox, sending
from tests.business import make_booking, make_tour, make_user
from tests.integration.mail.test_messages import part, read
from tests.integration.site.conftest import csrf_of, sign_in
from tests.servers import on_sqlite

pytestmark = on_sqlite


@pytest.fixture
def booking(app: Flask) -> Booking:
    """A guest's booking, some days from now."""
    return make_booking(status="pending", pickup_at=now() + timedelta(days=9))


def link(booking: Booking, more: str = "") -> str:
    """The path of the guest's link."""
    parts = urlsplit(access.guest_link(booking))
    return f"{parts.path}{more}?{parts.query}"


def test_a_guest_sees_the_booking_by_the_link_of_the_mail(client: FlaskClient, booking: Booking) -> None:
    page = client.get(link(booking))
    assert page.status_code == 200
    for fact in (booking.reference, "Ayşe Yılmaz, Ali Yılmaz", "Hotel Taksim", "€90.00", "Waiting for confirmation"):
        assert fact in page.text
    assert page.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "change",
    [str.swapcase, lambda token: token[:-1], lambda token: token + "a", lambda _: "", lambda _: "ş", lambda _: "\x00"],
)
def test_a_link_that_was_changed_opens_nothing(client: FlaskClient, booking: Booking, change: object) -> None:
    assert callable(change)
    token = change(access.guest_token(booking.reference))
    for path in ("", "/pickup.ics", "/cancel"):
        answer = client.get(f"/bookings/{booking.reference}{path}", query_string={"token": token})
        assert answer.status_code == (422 if "\x00" in token else 404)
        assert "Ayşe" not in answer.text


def test_a_link_opens_its_own_booking_only(client: FlaskClient, booking: Booking) -> None:
    other = make_booking()
    answer = client.get(f"/bookings/{other.reference}?token={access.guest_token(booking.reference)}")
    assert answer.status_code == 404


def test_without_a_link_a_visitor_is_asked_to_sign_in_whether_it_exists_or_not(
    client: FlaskClient, booking: Booking
) -> None:
    for reference in (booking.reference, "GNB-00000-00000"):
        answer = client.get(f"/bookings/{reference}")
        assert (answer.status_code, answer.location) == (303, f"/login?next=/bookings/{reference}")


def test_another_accounts_booking_is_not_there(app: Flask, customer: User) -> None:
    other = make_booking(user=make_user(), customer_email=customer.email)
    own = make_booking(user=customer, pickup_at=now() + timedelta(days=9))
    client = sign_in(app.test_client(), customer)
    assert client.get(f"/bookings/{own.reference}").status_code == 200
    for path in ("", "/pickup.ics", "/cancel"):
        assert client.get(f"/bookings/{other.reference}{path}").status_code == 404
        assert client.get(f"/bookings/no-such{path}").status_code == 404
    token = csrf_of(client, "/my/settings")
    assert client.post(f"/bookings/{other.reference}/cancel", data={"csrf_token": token}).status_code == 404
    db.session.refresh(other)
    assert other.status == "confirmed"


@pytest.mark.parametrize("reference", ["%00", "x" * 500, "ş", "..", "%F0%9F%9A%95"])
def test_a_reference_that_is_none_is_not_there(app: Flask, customer: User, reference: str) -> None:
    client = sign_in(app.test_client(), customer)
    assert client.get(f"/bookings/{reference}").status_code == 404
    assert client.get(f"/bookings/{reference}?token=x").status_code == 404


def test_the_pickup_comes_as_a_calendar_file(client: FlaskClient, booking: Booking) -> None:
    answer = client.get(link(booking, "/pickup.ics"))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{booking.reference}.ics"'
    [event] = Calendar.from_ical(answer.data).walk("VEVENT")
    assert event["DTSTART"].dt == booking.pickup_at.replace(microsecond=0)
    assert event["LOCATION"] == "Istanbul Airport (IST)"


def test_a_guest_cancels_after_being_asked(client: FlaskClient, booking: Booking) -> None:
    assert link(booking, "/cancel").replace("&", "&amp;") in client.get(link(booking)).text
    asked = client.get(link(booking, "/cancel"))
    assert "This cannot be undone" in asked.text
    db.session.refresh(booking)
    assert booking.status == "pending"
    answer = client.post(link(booking, "/cancel"), data={"csrf_token": csrf_of(client)})
    assert (answer.status_code, answer.location) == (303, link(booking))
    page = client.get(answer.location).text
    assert "Booking cancelled" in page and "Cancelled" in page and "/cancel?" not in page
    db.session.refresh(booking)
    assert booking.status == "cancelled"
    assert db.session.scalar(sa.select(Delivery.kind)) == "booking-cancellation"
    assert db.session.scalar(sa.select(AuditEntry.action)) == "booking.cancelled"


def test_a_customer_cancels_their_own(app: Flask, customer: User) -> None:
    booking = make_booking(user=customer, pickup_at=now() + timedelta(days=2))
    client = sign_in(app.test_client(), customer)
    form = {"csrf_token": csrf_of(client, "/my/settings")}
    answer = client.post(f"/bookings/{booking.reference}/cancel", data=form)
    assert answer.location == f"/bookings/{booking.reference}"
    again = client.post(f"/bookings/{booking.reference}/cancel", data=form, follow_redirects=True)
    assert "toast error" in again.text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 1


def test_too_late_is_too_late(client: FlaskClient, booking: Booking) -> None:
    booking.pickup_at = now() + timedelta(hours=23)
    db.session.commit()
    page = client.get(link(booking)).text
    assert "too late to cancel here" in page and "/cancel?" not in page
    assert "cannot be cancelled here any more" in client.get(link(booking, "/cancel")).text
    answer = client.post(link(booking, "/cancel"), data={"csrf_token": csrf_of(client)}, follow_redirects=True)
    assert "until 24 hours before its pickup" in answer.text
    db.session.refresh(booking)
    assert booking.status == "pending"


def test_nothing_is_cancelled_without_the_forms_token(client: FlaskClient, booking: Booking) -> None:
    assert client.post(link(booking, "/cancel")).status_code == 400
    db.session.refresh(booking)
    assert booking.status == "pending"


def test_ones_own_bookings_are_listed_in_pages_and_nobody_elses(app: Flask, customer: User) -> None:
    tour = make_tour(titles={"en": "Old town"})
    own = [make_booking(tour, user=customer, pickup_at=now() + timedelta(days=day)) for day in range(12)]
    others = [make_booking(tour, user=make_user()), make_booking(tour, customer_email=customer.email)]
    client = sign_in(app.test_client(), customer)
    first, second = client.get("/my/bookings").text, client.get("/my/bookings?page=2").text
    assert [each.reference for each in own if each.reference in first] == [each.reference for each in own[2:]]
    assert [each.reference for each in own if each.reference in second] == [each.reference for each in own[:2]]
    assert not any(each.reference in first + second for each in others)
    assert "To the first page" in client.get("/my/bookings?page=9").text


def test_an_account_without_bookings_is_told_how_to_get_one(app: Flask, customer: User) -> None:
    page = sign_in(app.test_client(), customer).get("/my/bookings").text
    assert "No bookings yet" in page and "Find a transfer or tour" in page


def test_a_visitor_is_asked_to_sign_in_for_what_is_theirs(client: FlaskClient) -> None:
    for path in ("/my/bookings", "/my/settings"):
        assert client.get(path).location == f"/login?next={path}"


# Finding a booking again


def find(client: FlaskClient, reference: str, email: str) -> TestResponse:
    form = {"reference": reference, "email": email, "csrf_token": csrf_of(client, "/find-booking")}
    return client.post("/find-booking", data=form)


def shown(answer: TestResponse) -> tuple[int, str]:
    """The answer without what differs from one request of the same page to the next."""
    return answer.status_code, re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text)


def test_a_guest_gets_the_link_by_reference_and_address_in_a_mail_alone(client: FlaskClient, booking: Booking) -> None:
    client.get("/?lang=tr")
    answer = find(client, f" {booking.reference.lower()} ", booking.customer_email.upper())
    assert answer.status_code == 200 and access.guest_token(booking.reference) not in answer.text
    [mail] = db.session.scalars(sa.select(Delivery))
    assert (mail.recipient, mail.priority, mail.language) == (booking.customer_email, 1, "tr")
    assert [job.id for job in engine().queue("email").jobs("waiting").jobs] == [outbox.job_id(mail.id)]
    assert sending.send(mail.id).state == "sent"
    text = part(read(mail), "plain")
    assert access.guest_link(booking) in text and booking.customer_name not in text


def test_a_pair_of_no_booking_sends_nothing_and_is_answered_identically(client: FlaskClient, booking: Booking) -> None:
    past = make_booking(customer_email=booking.customer_email, pickup_at=now() - timedelta(days=366))
    right = find(client, booking.reference, booking.customer_email)
    assert "If a booking matches, we have sent its link to that address." in right.text
    wrong = [
        find(client, booking.reference, "somebody@example.com"),
        find(client, "GNB-00000-00000", booking.customer_email),
        find(client, past.reference, booking.customer_email),
        find(client, "x" * 30, booking.customer_email),
    ]
    assert [shown(answer) for answer in wrong] == [shown(right)] * 4
    mails = list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id)))
    # One row and one job for each, so that none takes longer.
    assert [(mail.state, mail.booking_id, bool(mail.enqueued_at)) for mail in mails] == [("queued", None, True)] * 5
    assert [sending.send(mail.id).state for mail in mails] == ["sent"] + ["suppressed"] * 4


def test_without_the_queue_the_link_is_sent_beside_the_answer(
    settings: Settings, app: Flask, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    send = sending.send
    monkeypatch.setattr(sending, "send", lambda *args, **more: threads.append(threading.current_thread().name) or send(*args, **more))  # fmt: skip # noqa: E501
    client = create_app(replace(settings, queue_enabled=False)).test_client()
    assert find(client, booking.reference, booking.customer_email).status_code == 200
    for thread in threading.enumerate():
        if thread.name == "mail sent aside":
            thread.join()
    assert threads == ["mail sent aside"]
    assert db.session.scalar(sa.select(Delivery.state)) == "sent"


def test_links_for_one_address_are_throttled_like_the_mail_of_accounts(client: FlaskClient, booking: Booking) -> None:
    answers = [find(client, f"GNB-{number}", booking.customer_email) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert find(client, "GNB-1", "other@example.com").status_code == 200


@pytest.mark.parametrize(("reference", "email"), [("", "a@example.com"), ("GNB-1", "nobody"), ("x" * 31, "a@b.de")])
def test_a_form_that_cannot_match_comes_back_with_its_errors(client: FlaskClient, reference: str, email: str) -> None:
    answer = find(client, reference, email)
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text
    assert db.session.scalar(sa.select(Delivery)) is None


def test_the_form_is_linked_where_a_guest_looks_and_not_indexed(client: FlaskClient, booking: Booking) -> None:
    for path in ("/", "/login", f"{link(booking)}&made=1"):
        assert 'href="/find-booking"' in client.get(path).text
    assert '<meta name="robots" content="noindex">' in client.get("/find-booking").text
    assert b"find-booking" not in client.get("/sitemap.xml").data
    assert client.post("/find-booking", data={"reference": "GNB-1", "email": "a@example.com"}).status_code == 400
