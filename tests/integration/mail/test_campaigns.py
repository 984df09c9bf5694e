"""A mailing is planned in batches, killed and resumed, paused and cancelled; nobody is written to twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import engine
from gnb.models import Campaign, Delivery, NotificationSetting, User, db, now
from gnb.services import email_service
from gnb.services.mail import campaigns, outbox, recipients, sending
from gnb.services.queues import make_engine
from tests.business import make_booking, make_campaign, make_tour, make_user
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite
from tests.sessions import sign_in


class Killed(BaseException):
    """What a process that is killed does not catch."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of ten, so that a few users make several."""
    monkeypatch.setattr(campaigns, "BATCH", 10)


@pytest.fixture
def users(app: Flask) -> list[User]:
    """Thirty-five customers."""
    made = [User(email=f"customer{n}@example.com", name=f"Customer {n}", language="en") for n in range(35)]
    db.session.add_all(made)
    db.session.commit()
    return made


def waiting() -> int:
    return engine().queue("email").jobs("waiting").total


def states() -> dict[str, int]:
    return dict(db.session.execute(sa.select(Delivery.state, sa.func.count()).group_by(Delivery.state)).all())


def dying(step: Any, calls: int) -> Callable[..., Any]:
    """The step, which dies in its call of that number after having done its work."""
    count = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        result = step(*args, **kwargs)
        if count == calls:
            raise Killed
        return result

    return wrapped


def test_a_mailing_gives_every_customer_one_row_and_one_job(app: Flask, users: list[User]) -> None:
    make_user(role="driver")
    make_user(active=False)
    campaign = make_campaign()
    assert email_service.send_bulk_campaign_notifications(None, campaign) == 35
    (job,) = engine().queue("scheduled").jobs("waiting").jobs
    assert job.data == {"type": "campaign-mailing", "campaignId": campaign.id}
    assert campaigns.reconcile(campaign.id) == "sending"
    assert {row.user_id for row in db.session.query(Delivery)} == {user.id for user in users}
    assert waiting() == 35
    for job in engine().queue("email").jobs("waiting", 0, 50).jobs:
        assert set(job.data) == {"type", "deliveryId", "recipient"}
        assert "@" not in str(job.data)


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("step", ["_write_rows", "_enqueue_planned", "_mark"])
def test_a_planner_killed_anywhere_goes_on_without_a_second_message(
    app: Flask, users: list[User], monkeypatch: pytest.MonkeyPatch, step: str, call: int
) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    with monkeypatch.context() as patch:
        patch.setattr(campaigns, step, dying(getattr(campaigns, step), call))
        with pytest.raises(Killed):
            campaigns.reconcile(campaign.id)
    db.session.rollback()
    assert campaigns.reconcile(campaign.id) == "sending"
    assert states() == {"queued": 35}
    assert waiting() == 35
    assert all(row.enqueued_at for row in db.session.query(Delivery))


def test_two_planners_at_once_plan_once(app: Flask, users: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    original, inner = campaigns._write_rows, []

    def overtaken(*args: Any) -> None:
        if not inner:
            inner.append(True)
            campaigns.reconcile(campaign.id)
        original(*args)

    monkeypatch.setattr(campaigns, "_write_rows", overtaken)
    campaigns.reconcile(campaign.id)
    assert states() == {"queued": 35}
    assert waiting() == 35


def work_off_the_queue() -> None:
    """Have a worker run every job that waits in the queue `email`."""
    engine().queue("email").set_limits({"rate_limit": "none"})
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), queues=("email",), burst=True).wait(60) == 0
    db.session.remove()


def test_a_paused_mailing_holds_its_messages_and_a_resumed_one_sends_them(app: Flask, users: list[User]) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    campaigns.reconcile(campaign.id)
    first = db.session.scalars(sa.select(Delivery.id).order_by(Delivery.id)).first()
    assert first is not None
    sending.send(first)
    campaigns.pause(campaign)
    work_off_the_queue()
    assert (states(), waiting()) == ({"queued": 34, "sent": 1}, 0)
    campaign = db.session.get_one(Campaign, campaign.id)
    assert campaigns.reconcile(campaign.id) == "paused"
    email_service.requeue_stale_deliveries(now() + timedelta(hours=1))
    assert waiting() == 0
    campaigns.resume(campaign)
    assert campaigns.reconcile(campaign.id) == "sending"
    assert (states(), waiting()) == ({"queued": 34, "sent": 1}, 34)
    work_off_the_queue()
    assert states() == {"sent": 35}


def test_a_mailing_paused_while_it_is_planned_stops_and_goes_on_from_there(
    app: Flask, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    original = campaigns._enqueue_planned

    def pause_after_the_first_batch(campaign_id: int) -> None:
        original(campaign_id)
        if db.session.query(Delivery).count() == 10:
            campaigns.pause(db.session.get_one(Campaign, campaign_id))

    with monkeypatch.context() as patch:
        patch.setattr(campaigns, "_enqueue_planned", pause_after_the_first_batch)
        assert campaigns.reconcile(campaign.id) == "paused"
    assert states() == {"queued": 10}
    campaigns.resume(db.session.get_one(Campaign, campaign.id))
    assert campaigns.reconcile(campaign.id) == "sending"
    assert (states(), waiting()) == ({"queued": 35}, 35)


def test_a_cancelled_mailing_sends_nothing_more(app: Flask, users: list[User]) -> None:
    campaign = make_campaign()
    campaign_id = campaign.id
    campaigns.start(campaign)
    campaigns.reconcile(campaign_id)
    first = db.session.scalars(sa.select(Delivery.id).order_by(Delivery.id)).first()
    assert first is not None
    sending.send(first)
    campaigns.cancel(campaign)
    assert states() == {"sent": 1, "suppressed": 34}
    assert sending.send(first + 1).state == "finished"
    work_off_the_queue()
    assert (states(), waiting()) == ({"sent": 1, "suppressed": 34}, 0)
    with pytest.raises(campaigns.MailingRefused):
        campaigns.resume(db.session.get_one(Campaign, campaign_id))


def test_a_mailing_begins_once(app: Flask, users: list[User]) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    with pytest.raises(campaigns.MailingRefused):
        campaigns.start(campaign)


def test_a_mailing_without_texts_or_recipients_does_not_begin(app: Flask) -> None:
    with pytest.raises(campaigns.MailingRefused, match="no recipients"):
        campaigns.start(make_campaign())
    make_user()
    with pytest.raises(campaigns.MailingRefused, match=r"Türkçe \(0\)"):
        campaigns.start(make_campaign(bodies={"en": "Hello"}))


def test_the_form_test_and_send_decide_by_the_same_count_of_readers_without_a_text(app: Flask) -> None:
    for language in ("tr", "tr", "en", "de"):
        make_user(language=language)
    admin = make_user(role="admin", language="en")
    campaign = make_campaign(bodies={"en": "Hello"})
    assert recipients.without_text(campaign) == {"tr": 2}
    for attempt in (lambda: campaigns.send_test(campaign, admin, "en"), lambda: campaigns.start(campaign)):
        with pytest.raises(campaigns.MailingRefused, match=r"Türkçe \(2\)"):
            attempt()


def test_a_language_whose_readers_are_left_out_needs_no_text(app: Flask) -> None:
    for language in ("tr", "en", "de"):
        make_user(language=language)
    campaign = make_campaign(subjects={"en": "Offers"}, bodies={"en": "Hello"}, segment={"languages": ["en", "de"]})
    assert (recipients.without_text(campaign), recipients.readers(campaign.segment)) == ({}, {"en": 2})
    assert campaigns.start(campaign) == 2


def test_a_message_of_a_campaign_that_is_over_is_not_sent_again(app: Flask) -> None:
    campaign = make_campaign()
    delivery = campaigns.send_test(campaign, make_user(role="admin"), "en")
    assert sending.send(delivery.id).state == "sent"
    campaign.starts_at, campaign.ends_at = now() - timedelta(days=2), now() - timedelta(seconds=1)
    db.session.commit()
    again = email_service.resend(delivery)
    assert sending.send(again.delivery_id).state == "suppressed"


def test_nothing_is_sent_once_the_campaign_is_over(app: Flask) -> None:
    make_user()
    campaign = make_campaign()
    campaigns.start(campaign)
    campaigns.reconcile(campaign.id)
    campaigns.pause(campaign)
    campaign.starts_at, campaign.ends_at = now() - timedelta(days=2), now() - timedelta(seconds=1)
    db.session.commit()
    with pytest.raises(campaigns.MailingRefused, match="over"):
        campaigns.resume(campaign)
    delivery = db.session.scalars(sa.select(Delivery)).one()
    assert sending.send(delivery.id).state == "suppressed"
    db.session.refresh(delivery)
    assert delivery.error == "the campaign is over"
    with pytest.raises(campaigns.MailingRefused, match="over"):
        campaigns.start(make_campaign(starts_at=campaign.starts_at, ends_at=campaign.ends_at))


def test_the_estimate_is_that_of_the_limit_that_holds_now(app: Flask) -> None:
    engine().queue("email").set_limits({"rate_limit": "20/60s"})
    assert campaigns.minutes_for(100) == 5
    engine().queue("email").set_limits({"rate_limit": "none"})
    assert campaigns.minutes_for(100) is None


def test_progress_counts_what_went_where(app: Flask, users: list[User]) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    campaigns.reconcile(campaign.id)
    ids = list(db.session.scalars(sa.select(Delivery.id).order_by(Delivery.id)))
    for delivery_id in ids[:5]:
        sending.send(delivery_id)
    found = campaigns.progress(campaign)
    assert (found.recipients, found.planned, found.sent, found.left) == (35, 35, 5, 30)
    assert found.ends_at is not None
    for delivery_id in ids[5:]:
        sending.send(delivery_id)
    assert campaigns.close_finished() == 1
    db.session.refresh(campaign)
    assert campaign.mailing_state == "sent"
    assert campaigns.progress(campaign).left == 0


def test_a_mailing_whose_job_was_lost_gets_another(app: Flask, users: list[User]) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    (job,) = engine().queue("scheduled").jobs("waiting").jobs
    engine().queue("scheduled").remove(job.id)
    email_service.requeue_stale_deliveries(now() + timedelta(minutes=2))
    assert engine().queue("scheduled").jobs("waiting").total == 1


def test_given_users_alone_are_written_to(app: Flask, users: list[User]) -> None:
    db.session.add(NotificationSetting(email=users[3].email, campaigns=False))
    db.session.commit()
    chosen: list[Any] = [users[1], users[2].id, {"id": users[3].id, "name": "x"}, users[1].id]
    campaign = make_campaign()
    assert email_service.send_bulk_campaign_notifications(chosen, campaign) == 2
    campaigns.reconcile(campaign.id)
    assert {row.user_id for row in db.session.query(Delivery)} == {users[1].id, users[2].id}


def test_a_segment_chooses_by_language_tour_and_last_booking(app: Flask) -> None:
    ann, bob, eve = make_user(language="tr"), make_user(language="en"), make_user(language="tr")
    tour = make_tour()
    make_booking(tour, user=ann, created_at=datetime(2026, 1, 10, tzinfo=UTC))
    make_booking(tour, user=bob, created_at=datetime(2026, 6, 10, tzinfo=UTC))
    make_booking(tour, user=eve, created_at=datetime(2026, 6, 10, tzinfo=UTC), status="cancelled")

    def chosen(**segment: Any) -> set[int]:
        assert recipients.count_recipients(segment) == len(recipients.next_recipients(segment, 0, 100)[0])
        return {row.id for row in recipients.next_recipients(segment, 0, 100)[0]}

    assert chosen() == {ann.id, bob.id, eve.id}
    assert chosen(languages=["tr"]) == {ann.id, eve.id}
    assert chosen(tour_ids=[tour.id]) == {ann.id, bob.id}
    assert chosen(booked_after="2026-06-01") == {bob.id}
    assert chosen(booked_before="2026-06-01") == {ann.id}
    assert chosen(booked_after="0001-01-01") == {ann.id, bob.id}
    assert chosen(booked_after="2026-01-01", languages=["tr"]) == {ann.id}


@on_sqlite
def test_the_sweep_looks_for_all_jobs_at_once_and_leaves_the_queued_time(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = [email_service.plan_email(f"a{number}@example.com", "Hello", text="x") for number in range(20)]
    db.session.commit()
    engine().queue("email").remove(outbox.job_id(deliveries[3].id))
    queued = {each.id: each.enqueued_at for each in deliveries}
    trips: list[object] = []
    call = engine().broker.call
    monkeypatch.setattr(type(engine().broker), "call", lambda self, do: (trips.append(do), call(do))[1])
    assert email_service.requeue_stale_deliveries(now() + timedelta(minutes=11)) == 1
    assert len(trips) < 10
    db.session.expire_all()
    assert {each.id for each in deliveries if each.enqueued_at != queued[each.id]} == {deliveries[3].id}
    assert all(each.checked_at for each in deliveries if each is not deliveries[3])


def test_the_sweep_gives_lost_and_spent_jobs_another(app: Flask, users: list[User]) -> None:
    delivery = email_service.plan_email("ann@example.com", "Hello", text="x")
    db.session.commit()
    engine().queue("email").remove(outbox.job_id(delivery.id))  # as a broker that lost its data
    assert email_service.requeue_stale_deliveries(now() + timedelta(minutes=5)) == 0
    assert email_service.requeue_stale_deliveries(now() + timedelta(minutes=11)) == 1
    assert waiting() == 1
    delivery.attempts = 5
    db.session.commit()
    assert email_service.requeue_stale_deliveries(now() + timedelta(minutes=4)) == 0
    assert email_service.requeue_stale_deliveries(now() + timedelta(minutes=6)) == 1
    assert waiting() == 1


def test_the_sweep_frees_what_a_dead_sender_held_and_gives_up_after_two_days(app: Flask) -> None:
    from gnb.services.mail import ledger

    first = email_service.plan_email("ann@example.com", "Hello", text="x")
    second = email_service.plan_email("bob@example.com", "Hello", text="x", attempts=20, error="451 no", created_at=now() - timedelta(days=3))  # fmt: skip # noqa: E501
    db.session.commit()
    ledger.claim(first.id)
    email_service.requeue_stale_deliveries(now() + timedelta(minutes=2))
    db.session.refresh(first)
    db.session.refresh(second)
    assert first.state == "queued"
    assert (second.state, second.error) == ("failed", "451 no")


def test_a_campaign_waits_behind_everything_else(app: Flask, users: list[User]) -> None:
    campaign = make_campaign()
    campaigns.start(campaign)
    campaigns.reconcile(campaign.id)
    email_service.send_booking_confirmation_async(make_booking())
    jobs = engine().queue("email").jobs("waiting", 0, 50).jobs
    assert {job.priority for job in jobs if job.name == "campaign-notification"} == {6}
    assert [job.priority for job in jobs if job.name == "booking-confirmation"] == [2]


def test_a_test_mail_is_not_counted_in_the_mailing(app: Flask, users: list[User]) -> None:
    campaign: Campaign = make_campaign()
    admin = make_user(role="admin")
    delivery = campaigns.send_test(campaign, admin, "tr")
    assert sending.send(delivery.id).state == "sent"
    db.session.refresh(delivery)
    assert delivery.subject == "Bahar fırsatları"
    assert campaigns.progress(campaign).planned == 0


@on_sqlite
def test_without_queueing_a_mailing_is_sent_by_the_request_and_paused_when_its_time_is_over(
    app: Flask, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], queue_enabled=False)
    campaign, late = make_campaign(), make_campaign()
    assert email_service.send_bulk_campaign_notifications(None, campaign) == 35
    assert (campaign.mailing_state, states()) == ("sent", {"sent": 35})
    monkeypatch.setattr(campaigns, "_SECONDS_INLINE", 0.0)
    campaigns.start(late)
    assert (late.mailing_state, states()) == ("paused", {"sent": 35, "queued": 35})
    monkeypatch.undo()
    campaigns.resume(late)
    assert (late.mailing_state, states()) == ("sent", {"sent": 70})


@on_sqlite
def test_a_mailing_started_without_the_broker_says_that_it_waits_for_it(
    app: Flask, client: FlaskClient, users: list[User]
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="admin"))
    campaign = make_campaign()
    app.extensions["engine"] = make_engine(replace(app.extensions["settings"], redis_url="redis://127.0.0.1:1/0"))
    page = client.post(f"/admin/campaigns/{campaign.id}/send", follow_redirects=True).text
    assert "The broker is unreachable. The mailing starts when it is available again." in page
    db.session.refresh(campaign)
    assert campaign.mailing_state == "planning"
