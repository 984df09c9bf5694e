"""The life of a job as a list of moments: created, waited, attempt 1 failed, waited, attempt 2 …"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext

from gnb.blueprints.admin.presenters.times import duration, elapsed
from gnb.blueprints.admin.presenters.words import OUTCOME_TONES, OUTCOME_WORDS, word


@dataclass(frozen=True)
class Moment:
    """One entry: what happened, when, how long that took, and which worker did it."""

    what: str
    at: datetime | None
    tone: str = ""
    note: str = ""
    worker: str = ""


def timeline(job: Any, attempts: list[Any]) -> list[Moment]:
    """Return the moments of ``job``, oldest first; ``attempts`` come newest first, as the engine gives them."""
    moments = [Moment(gettext("Created"), job.created_at)]
    before = job.created_at
    for attempt in reversed(attempts):
        moments.append(_attempt(attempt, before))
        before = attempt.ended_at or attempt.started_at
    if job.state == "active" and not any(attempt.ended_at is None for attempt in attempts):
        moments.append(_running(job, before))
    if job.state == "waiting":
        waited = duration(elapsed(before)) if before else ""
        moments.append(Moment(gettext("Waiting for a worker"), None, note=gettext("for %(time)s", time=waited)))
    if job.state == "delayed":
        moments.append(Moment(gettext("Next run"), job.run_at, "later"))
    return moments


def _attempt(attempt: Any, before: datetime | None) -> Moment:
    if attempt.ended_at is None:
        what = gettext("Attempt %(n)s runs", n=attempt.number)
        tone, spent = "info", gettext("running for %(time)s", time=duration(elapsed(attempt.started_at)))
    else:
        outcome = word(OUTCOME_WORDS, attempt.outcome)
        what = gettext("Attempt %(n)s: %(outcome)s", n=attempt.number, outcome=outcome)
        tone = OUTCOME_TONES.get(attempt.outcome, "")
        spent = gettext("ran %(time)s", time=duration(elapsed(attempt.started_at, attempt.ended_at)))
    return Moment(what, attempt.started_at, tone, _joined(_waited(before, attempt.started_at), spent), attempt.worker)


def _running(job: Any, before: datetime | None) -> Moment:
    what = gettext("Attempt %(n)s runs", n=job.attempts_made)
    spent = gettext("running for %(time)s", time=duration(elapsed(job.started_at)))
    return Moment(what, job.started_at, "info", _joined(_waited(before, job.started_at), spent), job.worker or "")


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _waited(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    return gettext("waited %(time)s", time=duration(elapsed(start, end)))
