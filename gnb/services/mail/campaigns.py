"""The course of a campaign's mailing: none → planning → sending → sent, paused and cancelled on the way.

A person asks here, by one conditional update; the job `campaign-mailing` on the queue `scheduled` brings queue and
ledger to where the state says (see `planning`). With the broker away the state stands, and the sweep sees to the job.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
import structlog

from gnb.extensions import db, engine, settings
from gnb.models import TEXT_LANGUAGES, Campaign, Delivery, User, now
from gnb.queueing import RateLimit
from gnb.queueing.errors import QueueUnavailable
from gnb.services.mail import ledger
from gnb.services.mail.errors import MailError
from gnb.services.mail.segments import count_recipients

log = structlog.stdlib.get_logger(__name__)

_SPEED_OVER = timedelta(minutes=5)


class MailingRefused(MailError):
    """The mailing is not in a state for that, or has nothing to say yet."""


@dataclass(frozen=True)
class Progress:
    """How far a mailing is. `ends_at` is None when nothing is left or nothing moves."""

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
        """How much of it is settled, 0 to 100."""
        done = self.recipients - self.left
        return 100.0 * done / self.recipients if self.recipients else 100.0


def start(campaign: Campaign) -> int:
    """Begin the mailing; how many accounts it will write to. Commits. Raises MailingRefused."""
    if missing := without_text(campaign):
        raise MailingRefused(f"the mail has no subject or text in: {', '.join(missing)}")
    recipients = count_recipients(campaign.segment)
    if not recipients:
        raise MailingRefused("the segment has no recipients")
    moment = now()
    _move(campaign, ("none",), "planning", recipients=recipients, mailing_started_at=moment, planned_up_to=0)
    return recipients


def without_text(campaign: Campaign) -> list[str]:
    """The languages in which its mail still lacks a subject or a text."""
    texts = (campaign.subjects, campaign.bodies)
    return [language for language in TEXT_LANGUAGES if not all(text.get(language) for text in texts)]


def pause(campaign: Campaign) -> None:
    """Nothing more goes out until it is resumed, except what is being sent at this moment. Commits."""
    _move(campaign, ("planning", "sending"), "paused")


def resume(campaign: Campaign) -> None:
    """Go on where it was paused. Commits."""
    _move(campaign, ("paused",), "planning")


def cancel(campaign: Campaign) -> None:
    """Nothing more goes out, ever; what was sent stays sent. Commits."""
    _move(campaign, ("planning", "sending", "paused"), "cancelled", mailing_finished_at=now())


def send_test(campaign: Campaign, user: User, language: str) -> Delivery:
    """The mail to this one account, in that language, beside the mailing and not counted in it. Commits."""
    fields = {"user_id": user.id, "language": language, "content": {"campaign": campaign.id}, "priority": 1}
    delivery = ledger.plan("campaign-notification", user.email, user.name, **fields)
    db.session.commit()
    return delivery


def progress(campaign: Campaign) -> Progress:
    """How far the mailing is."""
    query = sa.select(Delivery.state, sa.func.count()).where(Delivery.campaign_id == campaign.id)
    counts: dict[str, int] = dict(db.session.execute(query.group_by(Delivery.state)).all())
    planned = sum(counts.values())
    recipients = max(campaign.recipients or 0, planned)
    if campaign.mailing_state in ("sending", "sent", "cancelled"):
        recipients = planned  # those who changed their minds or addresses since the count are not in it
    settled = counts.get("sent", 0) + counts.get("failed", 0) + counts.get("suppressed", 0)
    left = recipients - settled
    speed = _per_minute(campaign)
    moving = campaign.mailing_state in ("planning", "sending") and left and speed
    return Progress(
        recipients=recipients,
        planned=planned,
        sent=counts.get("sent", 0),
        failed=counts.get("failed", 0),
        suppressed=counts.get("suppressed", 0),
        left=left,
        per_minute=speed,
        ends_at=now() + timedelta(minutes=left / speed) if moving else None,
    )


def request_course(campaign_id: int) -> None:
    """Have the job bring queue and ledger to the mailing's state; later, by the sweep, if the broker is away."""
    try:
        if settings().queue_enabled:
            engine().queue("scheduled").enqueue("campaign-mailing", {"campaignId": campaign_id}, priority=3)
    except QueueUnavailable as error:
        log.warning("a mailing waits for the broker", campaign=campaign_id, cause=str(error))


def _move(campaign: Campaign, before: tuple[str, ...], after: str, **values: Any) -> None:
    """Change the state if it is one of these still; of two who press a button at once, one is told no."""
    done = db.session.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.mailing_state.in_(before))
        .values(mailing_state=after, updated_at=now(), **values)
        .execution_options(synchronize_session=False)
    )
    moved = cast("sa.CursorResult[Any]", done).rowcount == 1
    db.session.commit()
    db.session.refresh(campaign)
    if not moved:
        raise MailingRefused(f"the mailing is {campaign.mailing_state}")
    request_course(campaign.id)


def _per_minute(campaign: Campaign) -> float:
    """Messages a minute: as measured of late, or as the queue's rate limit allows; 0.0 when neither says."""
    sent = db.session.scalar(
        sa.select(sa.func.count()).where(
            Delivery.campaign_id == campaign.id, Delivery.state == "sent", Delivery.sent_at >= now() - _SPEED_OVER
        )
    )
    limit = RateLimit.parse(settings().rate_limits["email"])
    allowed = limit.count / limit.window * 60 if limit else 0.0
    running_for = now() - campaign.mailing_started_at if campaign.mailing_started_at else _SPEED_OVER
    minutes = max(min(_SPEED_OVER, running_for).total_seconds(), 10.0) / 60
    return (sent or 0) / minutes or allowed
