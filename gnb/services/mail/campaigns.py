"""The mailing of a campaign: none → planning → sending → sent, paused and cancelled on the way.

A person changes the state by one conditional update. In the state `planning` the job `campaign-mailing` writes and
enqueues the deliveries in batches. It can be killed anywhere and repeated: rows and the mark of how far they reach
(`planned_up_to`) are committed together, a recipient has one row by its unique key, and a row has one job by its id.

A paused mailing keeps its jobs: `sending` holds the rows whose jobs run meanwhile, and resuming enqueues those again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from gnb.extensions import db, engine, settings
from gnb.messages.labels import LANGUAGE_NAMES
from gnb.models import Campaign, Delivery, User, execute_count, now
from gnb.queueing import RateLimit
from gnb.queueing.errors import QueueUnavailable
from gnb.services.mail import MailError, ledger, outbox
from gnb.services.mail.outbox import Planned
from gnb.services.mail.recipients import count_recipients, next_recipients, without_text
from gnb.services.queue_service import Progress, noop_progress

log = structlog.stdlib.get_logger(__name__)

BATCH = 2000
_SECONDS_INLINE = 20.0
"""For so long a request sends messages when queueing is switched off."""
_SPEED_WINDOW = timedelta(minutes=5)


class MailingRefused(MailError):
    """The mailing's state does not allow the change, or it has no text or recipients yet."""

    code = "mailing_rejected"


class ConcurrentUpdate(Exception):
    """Another process plans the same mailing, or a person has changed its state."""


@dataclass(frozen=True)
class MailingProgress:
    """The progress of a mailing. `ends_at` is None when nothing is left or it does not run."""

    recipients: int
    planned: int
    sent: int
    failed: int
    suppressed: int
    left: int
    per_minute: float
    ends_at: datetime | None

    @property
    def percent(self) -> float:
        """The settled share, 0 to 100."""
        done = self.recipients - self.left
        return 100.0 * done / self.recipients if self.recipients else 100.0


def start(campaign: Campaign) -> int:
    """Start the mailing and return how many accounts it will write to. Commits. Raises MailingRefused."""
    check(campaign)
    recipients = count_recipients(campaign.segment)
    if not recipients:
        raise MailingRefused("no_recipients")
    moment = now()
    _move(campaign, ("none",), "planning", recipients=recipients, mailing_started_at=moment, planned_up_to=0)
    return recipients


def check(campaign: Campaign) -> None:
    """Raise MailingRefused if the mail lacks a text, or the campaign is over."""
    if missing := without_text(campaign):
        named = [f"{LANGUAGE_NAMES[language]} ({count})" for language, count in missing.items()]
        raise MailingRefused("no_text", languages=named)
    if campaign.ends_at <= now():
        raise MailingRefused("over")


def minutes_for(recipients: int) -> float | None:
    """Return how long so many messages take at the email queue's rate limit; None without a limit."""
    allowed = _allowed_per_minute()
    return recipients / allowed if allowed else None


def pause(campaign: Campaign) -> None:
    """Pause the mailing: only messages that are being sent at this moment still go out. Commits."""
    _move(campaign, ("planning", "sending"), "paused")


def resume(campaign: Campaign) -> None:
    """Continue the mailing where it was paused. Commits. Raises MailingRefused once the campaign is over."""
    check(campaign)
    _move(campaign, ("paused",), "planning")


def cancel(campaign: Campaign) -> None:
    """Cancel the mailing for good and suppress what was not sent. Commits."""
    _move(campaign, ("planning", "sending", "paused"), "cancelled", mailing_finished_at=now())


def send_test(campaign: Campaign, user: User, language: str) -> Delivery:
    """Send the mail to this account, in that language; it does not count in the mailing. Commits. Raises
    MailingRefused."""
    check(campaign)
    fields = {"user_id": user.id, "language": language, "content": {"campaign": campaign.id}, "priority": 1}
    delivery = ledger.plan("campaign-notification", user.email, user.name, **fields)
    db.session.commit()
    return delivery


def progress(campaign: Campaign) -> MailingProgress:
    """Return the progress of the mailing."""
    query = sa.select(Delivery.state, sa.func.count()).where(Delivery.campaign_id == campaign.id)
    counts: dict[str, int] = dict(db.session.execute(query.group_by(Delivery.state)).all())
    planned = sum(counts.values())
    recipients = max(campaign.recipients or 0, planned)
    if campaign.mailing_state in ("sending", "sent", "cancelled"):
        recipients = planned  # without those who have unsubscribed since the count
    settled = counts.get("sent", 0) + counts.get("failed", 0) + counts.get("suppressed", 0)
    left = recipients - settled
    speed = _per_minute(campaign)
    moving = campaign.mailing_state in ("planning", "sending") and left and speed
    return MailingProgress(
        recipients=recipients,
        planned=planned,
        sent=counts.get("sent", 0),
        failed=counts.get("failed", 0),
        suppressed=counts.get("suppressed", 0),
        left=left,
        per_minute=speed,
        ends_at=now() + timedelta(minutes=left / speed) if moving else None,
    )


def enqueue_reconcile(campaign_id: int) -> None:
    """Enqueue the job that plans the mailing; the sweep does so later if the broker is unreachable."""
    if not settings().queue_enabled:
        return _send_inline(campaign_id)
    try:
        engine().queue("scheduled").enqueue("campaign-mailing", {"campaignId": campaign_id}, priority=3)
    except QueueUnavailable as error:
        log.warning("a mailing waits for the broker", campaign=campaign_id, cause=str(error))


def _send_inline(campaign_id: int) -> None:
    """Plan the mailing and send what the time allows; then it is paused, and resuming it sends the next messages."""
    reconcile(campaign_id)
    rows = sa.select(Delivery.id).where(Delivery.campaign_id == campaign_id, Delivery.state == "queued")
    outbox.send_inline(list(db.session.scalars(rows.order_by(Delivery.id))), _SECONDS_INLINE)
    close_finished()
    still_sending = sa.update(Campaign).where(Campaign.id == campaign_id, Campaign.mailing_state == "sending")
    execute_count(still_sending.values(mailing_state="paused", updated_at=now()))
    db.session.commit()


def reconcile(campaign_id: int, progress: Progress = noop_progress) -> str:
    """Plan and enqueue the deliveries of a mailing in state `planning`, and return its state afterwards."""
    if _state(campaign_id) == "planning":
        try:
            _plan(campaign_id, progress)
        except ConcurrentUpdate:
            db.session.rollback()
    return _state(campaign_id)


def close_finished() -> int:
    """Mark the mailings that have nothing left to send as sent, and return how many there were. Commits."""
    open_rows = sa.exists().where(Delivery.campaign_id == Campaign.id, Delivery.state.in_(("queued", "sending")))
    finished = sa.update(Campaign).where(Campaign.mailing_state == "sending", ~open_rows)
    count = execute_count(finished.values(mailing_state="sent", mailing_finished_at=now()))
    db.session.commit()
    return count


def restart_planning(before: datetime) -> None:
    """Enqueue the job of each mailing in state `planning` that has not moved since then. Commits."""
    unmoved = sa.select(Campaign.id).where(Campaign.mailing_state == "planning", Campaign.updated_at <= before)
    for campaign_id in list(db.session.scalars(unmoved)):
        execute_count(sa.update(Campaign).where(Campaign.id == campaign_id).values(updated_at=now()))
        db.session.commit()
        enqueue_reconcile(campaign_id)
    db.session.rollback()


def _move(campaign: Campaign, before: tuple[str, ...], after: str, **values: Any) -> None:
    """Change the mailing's state if it is still one of `before`; of two concurrent changes one is rejected."""
    moved = execute_count(
        sa.update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.mailing_state.in_(before))
        .values(mailing_state=after, updated_at=now(), version=Campaign.version + 1, **values)
    )
    if moved and after == "cancelled":
        ledger.cancel_campaign(campaign.id)
    db.session.commit()
    db.session.refresh(campaign)
    if not moved:
        raise MailingRefused("state", mailing=campaign.mailing_state)
    if after == "planning":
        enqueue_reconcile(campaign.id)


def _per_minute(campaign: Campaign) -> float:
    """Return the messages per minute: measured recently, or allowed by the queue's rate limit, or 0.0."""
    sent = db.session.scalar(
        sa.select(sa.func.count()).where(
            Delivery.campaign_id == campaign.id, Delivery.state == "sent", Delivery.sent_at >= now() - _SPEED_WINDOW
        )
    )
    allowed = _allowed_per_minute()
    running_for = now() - campaign.mailing_started_at if campaign.mailing_started_at else _SPEED_WINDOW
    minutes = max(min(_SPEED_WINDOW, running_for).total_seconds(), 10.0) / 60
    measured = (sent or 0) / minutes
    return min(measured, allowed) if measured and allowed else measured or allowed


def _allowed_per_minute() -> float:
    """Return how many messages the email queue's rate limit allows in a minute; 0.0 without a limit."""
    try:
        text = next(stats.rate_limit for stats in engine().stats() if stats.name == "email")
    except QueueUnavailable:
        text = settings().rate_limits["email"]
    limit = RateLimit.parse(text)
    return limit.count / limit.window * 60 if limit else 0.0


def _plan(campaign_id: int, progress: Progress) -> None:
    _enqueue_planned(campaign_id)
    campaign = db.session.get_one(Campaign, campaign_id)
    segment, total, position = dict(campaign.segment), campaign.recipients or 0, campaign.planned_up_to
    done = db.session.scalar(sa.select(sa.func.count()).where(Delivery.campaign_id == campaign_id)) or 0
    while True:
        rows, reached = next_recipients(segment, position, BATCH)
        if reached == position:
            break
        _write_rows(campaign_id, rows, position, reached)
        position, done = reached, done + len(rows)
        _enqueue_planned(campaign_id)
        progress(done, max(total, done))
    sending = sa.update(Campaign).where(Campaign.id == campaign_id, Campaign.mailing_state == "planning")
    if not execute_count(sending.values(mailing_state="sending", updated_at=now())):
        raise ConcurrentUpdate
    db.session.commit()


def _write_rows(campaign_id: int, recipients: list[sa.Row[int, str, str, str]], position: int, reached: int) -> None:
    """Insert the rows of a batch and move the mark, in one transaction. Raises ConcurrentUpdate."""
    marked = execute_count(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.mailing_state == "planning", Campaign.planned_up_to == position)
        .values(planned_up_to=reached, updated_at=now())
    )
    if not marked:
        raise ConcurrentUpdate
    if recipients:
        moment = now()
        rows = [ledger.campaign_row(campaign_id, recipient, moment) for recipient in recipients]
        db.session.execute(_insert().on_conflict_do_nothing(index_elements=["unique_key"]), rows)
    db.session.commit()


def _insert() -> Any:
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(Delivery.__table__)


def _enqueue_planned(campaign_id: int) -> None:
    """Enqueue the rows that have no job: new ones, and those held during a pause. Raises QueueUnavailable."""
    if not settings().queue_enabled:
        return
    rows = (
        sa.select(Delivery.id, Delivery.kind, Delivery.priority, Delivery.recipient)
        .where(Delivery.campaign_id == campaign_id, Delivery.state == "queued", Delivery.enqueued_at.is_(None))
        .order_by(Delivery.id)
        .limit(BATCH)
    )
    while planned := [Planned(*row) for row in db.session.execute(rows)]:
        db.session.rollback()
        outbox.enqueue_again(planned)
        _mark(planned)
    db.session.rollback()


def _mark(planned: list[Planned]) -> None:
    outbox.mark_enqueued(db.session, [each.id for each in planned])
    db.session.commit()


def _state(campaign_id: int) -> str:
    """Return the mailing's present state; "none" for a campaign that was deleted."""
    db.session.rollback()
    return db.session.scalar(sa.select(Campaign.mailing_state).where(Campaign.id == campaign_id)) or "none"
