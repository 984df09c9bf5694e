"""From the ledger to a real server: what it says decides what becomes of the delivery."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import engine
from gnb.jobs import emails
from gnb.jobs.emails import _committed
from gnb.messages import as_message
from gnb.models import Booking, Delivery, DeliveryMessage, NotificationSetting, db, now
from gnb.queueing import InvalidJobData, JobContext
from gnb.services import email_service
from gnb.services.bookings.status import set_status
from gnb.services.mail import AlreadyBeingSent, MailRefused, MailUnavailable, ledger, outbox, providers, sending
from gnb.services.queue_service import add_email_job
from tests.business import make_booking, make_campaign, make_tour, make_user, new_booking
from tests.integration.engine.conftest import Workers, wait_for
from tests.integration.mail.test_pages import post, sign_in
from tests.mail_server import MailServer
from tests.servers import free_port, on_sqlite


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that behaves until it is told not to."""
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def settings(settings: Settings, server: MailServer) -> Settings:
    """Mail goes to the test's own server."""
    return replace(settings, email_provider="smtp", smtp_host="127.0.0.1", smtp_port=server.port)


def plan(**fields: Any) -> Delivery:
    delivery = email_service.plan_email("ann@example.com", "Hello", text="Hello", **fields)
    db.session.commit()
    return delivery


def waiting() -> int:
    return engine().queue("email").jobs("waiting").total


def work() -> None:
    """Has a worker do what waits, and end."""
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait(60) == 0


def refreshed(delivery: Delivery) -> Delivery:
    db.session.refresh(delivery)
    return delivery


def test_a_message_arrives_and_its_delivery_says_so(app: Flask, server: MailServer) -> None:
    delivery = email_service.send_booking_confirmation(make_booking(customer_email="ann@example.com"))
    (message,) = server.messages
    assert server.recipients == ["ann@example.com"]
    assert (delivery.state, delivery.provider, delivery.attempts) == ("sent", "smtp", 1)
    assert delivery.message_id == message["Message-ID"]
    assert delivery.subject == message["Subject"]
    assert delivery.sent_at is not None
    assert delivery.error is None
    kept = db.session.get_one(DeliveryMessage, delivery.id)
    assert kept.source == server.sources[0]


@on_sqlite
def test_a_payment_and_a_campaign_are_told_of_at_once_or_by_the_queue(app: Flask, server: MailServer) -> None:
    booking, user, campaign = make_booking(customer_email="ann@example.com"), make_user(), make_campaign()
    assert email_service.send_payment_confirmation(booking.id).kind == "payment-confirmation"
    assert email_service.send_campaign_notification(user, campaign).kind == "campaign-notification"
    assert server.recipients == ["ann@example.com", user.email]
    paid = email_service.send_payment_confirmation_async(make_booking())
    told = email_service.send_campaign_notification_async(make_user(), campaign)
    names = {job.id: job.name for job in engine().queue("email").jobs("waiting").jobs}
    assert names == {paid.job_id: "payment-confirmation", told.job_id: "campaign-notification"}


def test_the_connection_is_kept_between_messages(app: Flask, server: MailServer) -> None:
    for _ in range(5):
        email_service.send_email("ann@example.com", "Hello", text="x")
    assert len(server.sources) == 5
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew(app: Flask, server: MailServer) -> None:
    email_service.send_email("ann@example.com", "Hello", text="x")
    server.stop()
    server.start()
    assert email_service.send_email("ann@example.com", "Hello", text="x").state == "sent"
    assert server.connections == 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "end"])
@pytest.mark.parametrize("words", ["421 4.3.2 shutting down", "451 4.3.0 try later"])
def test_a_passing_no_is_tried_again(app: Flask, server: MailServer, step: str, words: str) -> None:
    delivery = plan()
    server.answers[step] = words
    with pytest.raises(MailUnavailable):
        sending.send(delivery.id)
    assert (refreshed(delivery).state, delivery.error) == ("queued", words)
    del server.answers[step]
    assert sending.send(delivery.id).state == "sent"
    assert (refreshed(delivery).state, delivery.attempts, delivery.error) == ("sent", 2, None)
    assert len(server.sources) == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "end"])
def test_a_no_for_good_is_final_with_the_servers_words(app: Flask, server: MailServer, step: str) -> None:
    delivery = plan()
    server.answers[step] = "550 5.1.1 no such person"
    with pytest.raises(MailRefused):
        sending.send(delivery.id)
    assert (refreshed(delivery).state, delivery.error) == ("failed", "550 5.1.1 no such person")
    assert email_service.requeue_stale_deliveries(now() + timedelta(days=1)) == 0
    assert server.sources == []


@on_sqlite
def test_a_refusal_stands_on_its_job_and_a_retry_brings_the_message_to_the_inbox(
    app: Flask, server: MailServer, client: FlaskClient
) -> None:
    sign_in(client)
    server.answers["RCPT"] = "550 5.7.1 sender not known here"
    delivery_id = plan().id
    job_id = f"delivery-{delivery_id}"
    work()
    job = engine().queue("email").job(job_id)
    assert (job.state, job.attempts_made) == ("failed", 1)
    page = f"/admin/jobs/email/{job_id}"
    assert "550 5.7.1 sender not known here" in client.get(page).text
    del server.answers["RCPT"]
    post(client, page, f"{page}/retry")
    work()
    assert engine().queue("email").job(job_id).return_value["state"] == "sent"
    assert server.recipients == ["ann@example.com"]
    delivery = db.session.get_one(Delivery, delivery_id)
    assert (delivery.state, delivery.error) == ("sent", None)


@pytest.mark.parametrize("words", ["421 4.3.2 too busy", "554 5.7.1 go away"])
def test_a_server_that_turns_us_away_at_its_door_says_nothing_about_the_message(
    app: Flask, server: MailServer, words: str
) -> None:
    delivery = plan()
    server.answers["connect"] = words
    with pytest.raises(MailUnavailable):
        sending.send(delivery.id)
    assert (refreshed(delivery).state, delivery.error) == ("queued", words)


@pytest.mark.parametrize("step", ["MAIL", "DATA"])
def test_a_server_that_hangs_up_is_tried_again(app: Flask, server: MailServer, step: str) -> None:
    delivery = plan()
    server.drop_at = step
    with pytest.raises(MailUnavailable):
        sending.send(delivery.id)
    assert refreshed(delivery).state == "queued"
    server.drop_at = ""
    assert sending.send(delivery.id).state == "sent"


def test_a_server_that_takes_the_message_and_hangs_up_gets_it_again_under_the_same_id(
    app: Flask, server: MailServer
) -> None:
    delivery = plan()
    server.drop_at = "end"
    with pytest.raises(MailUnavailable):
        sending.send(delivery.id)
    server.drop_at = ""
    sending.send(delivery.id)
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]


@on_sqlite
def test_a_server_that_says_nothing_is_given_up_in_time(
    app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "WORKER_TIMEOUT", 0.3)
    server.banner_delay = 30
    delivery = plan()
    begin = now()
    with pytest.raises(MailUnavailable, match="timed out"):
        sending.send(delivery.id)
    assert now() - begin < timedelta(seconds=5)
    assert refreshed(delivery).state == "queued"


@on_sqlite
def test_a_server_that_is_not_there_is_tried_again(app: Flask, server: MailServer) -> None:
    server.stop()
    with pytest.raises(MailUnavailable):
        sending.send(plan().id)


@on_sqlite
def test_a_password_is_not_sent_without_tls(settings: Settings, server: MailServer) -> None:
    app = create_app(replace(settings, smtp_user="ann", smtp_password="secret", smtp_host="localhost.localdomain"))
    with app.app_context(), pytest.raises(MailUnavailable):
        sending.send(plan().id)


def test_two_who_send_at_once_send_once(app: Flask, server: MailServer) -> None:
    delivery = plan()
    number = ledger.claim(delivery.id)
    assert number == 1
    with pytest.raises(AlreadyBeingSent):
        sending.send(delivery.id)
    ledger.finish_sent(delivery.id, 1, "smtp", "<1@x>", "Hello", None)
    assert sending.send(delivery.id).state == "finished"
    assert server.sources == []


def test_what_a_dead_process_had_taken_is_taken_again_when_its_time_is_up(app: Flask, server: MailServer) -> None:
    delivery = plan()
    ledger.claim(delivery.id, now() - ledger.CLAIM_TTL - timedelta(seconds=1))
    assert sending.send(delivery.id).state == "sent"
    assert (refreshed(delivery).state, delivery.attempts) == ("sent", 2)


def test_whoever_comes_back_from_the_dead_settles_nothing(app: Flask, server: MailServer) -> None:
    delivery = plan()
    first = ledger.claim(delivery.id, now() - ledger.CLAIM_TTL - timedelta(seconds=1))
    assert first == 1
    assert ledger.claim(delivery.id) == 2
    ledger.finish_failed(delivery.id, first, "smtp", as_message("late"))
    assert refreshed(delivery).state == "sending"


def test_a_sent_delivery_is_not_sent_again(app: Flask, server: MailServer) -> None:
    delivery = email_service.send_email("ann@example.com", "Hello", text="x")
    assert sending.send(delivery.id).state == "finished"
    assert len(server.sources) == 1


def test_who_has_unsubscribed_gets_no_campaign_and_all_other_mail(app: Flask, server: MailServer) -> None:
    user = make_user(email="ann@example.com")
    db.session.add(NotificationSetting(email="Ann@example.com", campaigns=False))
    delivery = email_service.send_campaign_notification(user, make_campaign())
    assert (delivery.state, delivery.error) == ("suppressed", "the recipient does not want this kind of mail")
    assert email_service.send_booking_confirmation(make_booking(customer_email="ann@example.com")).state == "sent"
    assert len(server.sources) == 1


def test_an_address_beyond_ascii_is_written_to_where_the_server_can(app: Flask, server: MailServer) -> None:
    assert email_service.send_email("ayşe@example.com", "Hello", text="x").state == "sent"
    assert server.recipients == ["ayşe@example.com"]


@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [
        ("ali@bücher.example", "ali@xn--bcher-kva.example"),
        ("ali@xn--bcher-kva.example", "ali@xn--bcher-kva.example"),
        ("a@faß.example", "a@xn--fa-hia.example"),
        ("a@例え.example", "a@xn--r8jz45g.example"),
    ],
)
def test_a_domain_beyond_ascii_is_written_to_as_a_labels_on_any_server(
    app: Flask, server: MailServer, address: str, on_the_wire: str
) -> None:
    server.smtputf8 = False
    assert email_service.send_email(address, "Hello", text="x").state == "sent"
    assert server.recipients == [on_the_wire]
    assert server.messages[0]["To"] == on_the_wire


def test_only_a_local_part_beyond_ascii_needs_smtputf8(app: Flask, server: MailServer) -> None:
    server.smtputf8 = False
    with pytest.raises(MailRefused, match="before the @"):
        email_service.send_email("ayşe@example.com", "Hello", text="x")
    server.smtputf8 = True
    assert email_service.send_email("ayşe@bücher.example", "Hello", text="x").state == "sent"
    assert server.recipients == ["ayşe@xn--bcher-kva.example"]


def test_a_senders_domain_beyond_ascii_is_sent_as_a_labels(app: Flask, server: MailServer) -> None:
    server.smtputf8 = False
    app.extensions["settings"] = replace(app.extensions["settings"], email_from="GNB <info@bücher.example>")
    assert email_service.send_email("ann@example.com", "Hello", text="x").state == "sent"
    assert server.senders == ["info@xn--bcher-kva.example"]
    assert server.messages[0]["From"] == "GNB <info@xn--bcher-kva.example>"
    assert server.messages[0]["Message-ID"].endswith("@xn--bcher-kva.example>")


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "end"])
@pytest.mark.parametrize("words", ["251 2.0.0 will forward", "252 2.0.0 taken, not verified"])
def test_any_positive_reply_is_a_success(app: Flask, server: MailServer, step: str, words: str) -> None:
    server.answers[step] = words
    assert email_service.send_email("ann@example.com", "Hello", text="x").state == "sent"


def test_a_completed_message_that_is_run_again_is_sent_again(app: Flask, server: MailServer) -> None:
    text = {"to": "ann@example.com", "subject": "Hello", "text": "Hello"}
    jobs = [engine().queue("email").enqueue("send-email", data).id for data in (text, {"deliveryId": plan().id})]
    work()
    assert len(server.sources) == 2
    for job_id in jobs:
        engine().queue("email").run_again(job_id)
        work()
    assert len(server.sources) == 4
    assert {engine().queue("email").job(job_id).return_value["state"] for job_id in jobs} == {"sent"}


def test_a_new_job_with_a_used_id_sends_its_own_message(app: Flask, server: MailServer) -> None:
    for name in ("ann", "bob"):
        data = {"to": f"{name}@example.com", "subject": "Hello", "text": "Hello"}
        engine().queue("email").enqueue("send-email", data, job_id="greeting")
        work()
        engine().queue("email").remove("greeting")
    assert server.recipients == ["ann@example.com", "bob@example.com"]


def test_a_job_that_lost_its_worker_after_sending_does_not_send_again(app: Flask, server: MailServer) -> None:
    queue = engine().queue("email")
    job = queue.enqueue("send-email", {"to": "ann@example.com", "subject": "Hello", "text": "Hello"})
    work()
    with redis.Redis.from_url(app.extensions["settings"].redis_url) as client:
        client.delete(f"rq:results:{job.id}")
        client.xadd(f"rq:results:{job.id}", {"type": 4, "outcome": "stalled"})
    queue.run_again(job.id)
    work()
    assert len(server.sources) == 1


def test_a_job_with_the_longest_id_sends_its_message(app: Flask, server: MailServer) -> None:
    data = {"to": "ann@example.com", "subject": "Hello", "text": "Hello"}
    engine().queue("email").enqueue("send-email", data, job_id="x" * 200)
    work()
    assert server.recipients == ["ann@example.com"]


def test_a_broker_that_does_not_answer_a_job_costs_it_no_attempt(
    app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause_and_read(context: JobContext) -> int:
        with redis.Redis.from_url(app.extensions["settings"].redis_url) as client:
            if client.incr("asked") == 1:
                client.client_pause(1500, all=True)
        return read(context)

    read = emails.reading.created_ms
    monkeypatch.setattr(emails.reading, "created_ms", pause_and_read)
    data = {"to": "ann@example.com", "subject": "Hello", "text": "Hello"}
    job = engine().queue("email").enqueue("send-email", data, attempts=1)
    wait_for(lambda: work() or server.recipients)
    assert engine().queue("email").job(job.id).state == "completed"


def test_a_job_whose_outcome_was_lost_in_a_failover_does_not_send_again(app: Flask, server: MailServer) -> None:
    engine().queue("email").enqueue("send-email", {"to": "ann@example.com", "subject": "Hello", "text": "Hello"})
    with redis.Redis.from_url(app.extensions["settings"].redis_url) as client:
        replica = {key: client.dump(key) for key in client.keys("*")}
        work()
        client.flushall()
        for key, value in replica.items():
            client.restore(key, 0, value)
    work()
    assert engine().queue("email").jobs("completed").total == 1
    assert len(server.sources) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "a@[127.0.0.1]"),
        ("to", "a@localhost"),
        ("to", "a@b"),
        ("to", "a@example.com\nBcc: b@example.com"),
        ("subject", "two\nlines"),
        ("subject", "a\ttab"),
        ("subject", "   "),
        ("subject", "x" * 301),
        ("subject", "half \ud800"),
        ("html", "a\0b"),
        ("text", "half \udfff"),
    ],
)
def test_a_message_that_cannot_be_sent_is_rejected_with_its_field_when_it_is_enqueued(
    app: Flask, server: MailServer, field: str, value: str
) -> None:
    data = {"to": "ann@example.com", "subject": "Hello", "text": "Hello", field: value}
    with pytest.raises(InvalidJobData) as raised:
        engine().queue("email").enqueue("send-email", data)
    assert list(raised.value.errors) == [field]


def test_an_unstorable_text_in_a_field_that_is_ignored_is_rejected_too(app: Flask, server: MailServer) -> None:
    with pytest.raises(InvalidJobData) as raised:
        engine().queue("email").enqueue("booking-confirmation", {"bookingId": 1, "user": {"name": "a\0b"}})
    assert list(raised.value.errors) == ["user"]


@pytest.mark.parametrize("number", [2**63, 0, -1, 1.5, 1.0, True, "7", "1_0", "٣", float("inf")])
@pytest.mark.parametrize(
    ("job_type", "data"),
    [
        ("send-email", "deliveryId"),
        ("booking-confirmation", "bookingId"),
        ("payment-confirmation", "booking"),
        ("campaign-notification", "userId"),
        ("campaign-notification", "campaignId"),
    ],
)
def test_an_id_is_an_integer_that_the_database_can_hold(app: Flask, job_type: str, data: str, number: Any) -> None:
    sent = {"booking": {"id": number}} if data == "booking" else {data: number}
    if job_type == "campaign-notification":
        sent = {"userId": 1, "campaignId": 1, **sent}
    with pytest.raises(InvalidJobData):
        engine().queue("email").enqueue(job_type, sent)


def test_a_row_that_another_job_plans_at_the_same_time_is_used(app: Flask, server: MailServer) -> None:
    booking = make_booking()
    first = ledger.plan_booking("booking-confirmation", booking)
    db.session.commit()
    calls: list[int] = []

    def plan_at_the_same_time() -> Delivery:
        calls.append(1)
        if len(calls) == 1:  # as if the other one's row had not been there yet
            return ledger.plan("booking-confirmation", "ann@example.com", unique_key=first.unique_key)
        return ledger.plan_booking("booking-confirmation", booking)

    assert _committed(plan_at_the_same_time) == first.id
    assert len(calls) == 2


def test_a_planned_message_is_in_the_queue_after_its_commit_and_not_before(app: Flask, server: MailServer) -> None:
    booking = new_booking(make_tour())
    db.session.flush()
    delivery = email_service.plan_booking_confirmation(booking)
    assert waiting() == 0
    db.session.commit()
    (job,) = engine().queue("email").jobs("waiting").jobs
    digest = outbox.mailbox_digest(delivery.recipient)
    assert job.data == {"type": "booking-confirmation", "deliveryId": delivery.id, "recipient": digest}
    assert delivery.recipient not in str(job.data)
    assert job.priority == 2
    assert (refreshed(delivery).job_id, delivery.enqueued_at is not None) == (job.id, True)


def test_what_is_rolled_back_was_never_planned(app: Flask, server: MailServer) -> None:
    email_service.plan_email("ann@example.com", "Hello", text="x")
    db.session.rollback()
    email_service.plan_email("bob@example.com", "Hello", text="x")
    with pytest.raises(ZeroDivisionError), db.session.begin_nested():
        email_service.plan_email("eve@example.com", "Hello", text="x")
        raise ZeroDivisionError
    with db.session.begin_nested():
        email_service.plan_email("joe@example.com", "Hello", text="x")
    assert waiting() == 0
    db.session.commit()
    assert waiting() == 2
    assert {row.recipient for row in db.session.query(Delivery)} == {"bob@example.com", "joe@example.com"}


def test_a_confirmation_is_planned_once_for_a_booking(app: Flask, server: MailServer) -> None:
    booking = make_booking()
    outcomes = [email_service.send_booking_confirmation_async(booking) for _ in range(3)]
    assert len({outcome.job_id for outcome in outcomes}) == 1
    assert waiting() == 1


def test_sending_again_is_a_delivery_of_its_own(app: Flask, server: MailServer) -> None:
    first = email_service.send_booking_confirmation(make_booking())
    outcome = email_service.resend(first)
    assert outcome.delivery_id != first.id
    sending.send(outcome.delivery_id)
    assert len(server.sources) == 2


def test_with_the_broker_away_the_message_goes_out_at_once(settings: Settings, server: MailServer) -> None:
    app = create_app(replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    with app.app_context():
        outcome = email_service.send_booking_confirmation_async(make_booking())
        assert (outcome.job_id, outcome.sync, outcome.success) == (None, True, True)
        assert outcome.data is not None
        assert outcome.data["state"] == "sent"
        assert len(server.sources) == 1
        db.engine.dispose()


def test_with_broker_and_mail_away_the_booking_stands_and_the_sweep_sends_later(
    settings: Settings, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gnb.services.mail.outbox._unreachable_until", 0.0)
    server.stop()
    away = create_app(replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    with away.app_context():
        booking = new_booking(make_tour())
        delivery = email_service.plan_booking_confirmation(booking)
        db.session.commit()
        booking_id, delivery_id = booking.id, delivery.id
        assert (refreshed(delivery).state, delivery.enqueued_at) == ("queued", None)
        db.engine.dispose()
    app = create_app(settings)
    with app.app_context():
        assert email_service.requeue_stale_deliveries(now()) == 0
        assert email_service.requeue_stale_deliveries(now() + timedelta(minutes=2)) == 1
        assert engine().queue("email").job(f"delivery-{delivery_id}").state == "waiting"
        server.start()
        assert sending.send(delivery_id).state == "sent"
        assert db.session.get_one(Delivery, delivery_id).booking_id == booking_id
        db.engine.dispose()


def test_a_campaign_that_is_not_wanted_is_not_sent(app: Flask, server: MailServer) -> None:
    user, campaign = make_user(), make_campaign()
    db.session.add(NotificationSetting(email=user.email, campaigns=False))
    assert email_service.send_campaign_notification(user, campaign).state == "suppressed"
    assert server.sources == []


def cancelled_after(delivery: Delivery) -> str:
    """The state of the delivery that is sent once its booking was cancelled."""
    set_status(db.session.get_one(Booking, delivery.booking_id), "cancelled")
    sending.send(delivery.id)
    return refreshed(delivery).state


@on_sqlite
@pytest.mark.parametrize("said", ["550 5.1.1 no such user", "451 4.3.0 try later"])
def test_a_confirmation_that_failed_is_not_sent_after_the_cancellation(
    app: Flask, server: MailServer, said: str
) -> None:
    delivery = email_service.plan_booking_confirmation(make_booking())
    db.session.commit()
    server.answers["RCPT"] = said
    with pytest.raises((MailRefused, MailUnavailable)):
        sending.send(delivery.id)
    del server.answers["RCPT"]
    assert cancelled_after(delivery) == "suppressed"
    assert server.sources == []


@on_sqlite
def test_a_confirmation_sent_again_after_the_cancellation_is_suppressed(app: Flask, server: MailServer) -> None:
    booking = make_booking()
    first = email_service.send_booking_confirmation(booking)
    assert cancelled_after(ledger.plan_again(first)) == "suppressed"
    assert email_service.send_email("ann@example.com", "Hello", text="x").state == "sent"


@on_sqlite
def test_a_claim_lasts_longer_than_its_job_may_run(app: Flask) -> None:
    for timeout, seconds in ((60.0, 70), (300.0, 310), (None, 86_410), (1e12, 86_410)):
        delivery, moment = plan(), now()
        ledger.claim(delivery.id, moment, timeout)
        with pytest.raises(AlreadyBeingSent):
            ledger.claim(delivery.id, moment + timedelta(seconds=seconds - 1), timeout)
        assert ledger.claim(delivery.id, moment + timedelta(seconds=seconds), timeout) == 2


@on_sqlite
def test_the_job_of_a_message_claims_it_for_its_own_timeout(app: Flask, server: MailServer) -> None:
    add_email_job("send-email", {"to": "ann@example.com", "subject": "Hello", "text": "x"}, timeout=300)
    work()
    delivery = db.session.query(Delivery).one()
    assert delivery.claimed_until is not None and delivery.sending_at is not None
    assert delivery.claimed_until - delivery.sending_at == timedelta(seconds=310)


@on_sqlite
def test_mail_about_accounts_is_more_urgent_than_any_about_bookings(app: Flask) -> None:
    booking = make_booking()
    registration = email_service.plan_registration("a@example.com", "A", "en")
    accounts = [email_service.plan_password_reset(make_user()), registration]
    staff = [email_service.plan_booking_confirmation(booking), email_service.plan_payment_confirmation(booking)]
    strangers = [email_service.plan_booking_received(booking), email_service.plan_booking_cancellation(booking)]
    assert max(each.priority for each in accounts) < min(each.priority for each in staff)
    assert max(each.priority for each in staff) < min(each.priority for each in strangers)
