"""Answers of the queue `ai` by request: from the cache, or from the job that computes them.

An answer is cached in the broker for an hour under a digest of its request, which reveals nothing about who asked.
Requesting the same while its job runs returns that job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from marshmallow import Schema, ValidationError

from gnb.extensions import engine, settings
from gnb.messages import DomainError
from gnb.models import Booking, now
from gnb.queueing import FinalError, Job, JobContext
from gnb.queueing.errors import JobNotFound, QueueUnavailable
from gnb.services import queue_service
from gnb.services.ai import language_model
from gnb.services.ai.requests import DelayRiskRequest, InsightsRequest, RecommendationsRequest
from gnb.services.pricing.quotes import is_per_person

QUEUE = "ai"
DELAY_RISK = "delay-risk"
FALLBACK_SECONDS = 120
"""An answer that would be better with the language model is kept this long: it may be back then."""

REQUESTS: dict[str, type[Schema]] = {
    "package-recommendations": RecommendationsRequest,
    "delay-risk": DelayRiskRequest,
    "batch-insights": InsightsRequest,
}
OPEN_JOBS = 10
"""How many jobs of one account may wait or run at a time; the queue starts twice as many a minute."""

_OPEN_JOBS_KEPT_SECONDS = 86_400
_UNFINISHED = ("waiting", "active", "delayed", "deferred")


class TooManyOpenJobs(DomainError):
    """The account has as many open jobs as it may have."""

    code = "too_many_open_jobs"


@dataclass(frozen=True)
class Lookup:
    """The result of a lookup: the answer, or the job that computes it."""

    answer: dict[str, Any] | None
    job: Job | None


def get_or_enqueue(kind: str, data: Mapping[str, Any], account_id: int | None = None) -> Lookup:
    """Return the cached answer or the job that computes it; enqueue the job if there is neither.

    Args:
        account_id: The account whose open jobs are limited to `OPEN_JOBS`; None for staff's pages.

    Raises:
        QueueUnavailable: The broker is unreachable.
        DomainError: Queueing is switched off, and the answer cannot be computed.
        TooManyOpenJobs: The account has as many open jobs as it may have.
        ValidationError: The request type does not accept this data.
    """
    content = REQUESTS[kind]().load(data)
    if not settings().queue_enabled:
        return Lookup(_compute(kind, content), None)
    known = _known(kind, content)
    if known.answer or known.job:
        return known
    if account_id is not None:
        _check_open_jobs(account_id)
    job = queue_service.add_ai_job(kind, data)
    remember_job(kind, content, job.id)
    if account_id is not None:
        _add_open_job(account_id, job.id)
    return Lookup(None, job)


def _compute(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the answer without a job."""
    job_type = engine().types(QUEUE)[kind]
    try:
        return cast("dict[str, Any]", job_type.function(content, JobContext.of_rq_job(None, job_type)))
    except FinalError as error:
        raise error.__cause__ or error from None


def _check_open_jobs(account_id: int) -> None:
    broker, key = engine().broker, _open_jobs_key(account_id)
    open_jobs = 0
    for job_id in broker.call(lambda: broker.client.smembers(key)):
        if _open_job(job_id.decode()):
            open_jobs += 1
        else:
            broker.call(lambda ended=job_id: broker.client.srem(key, ended))
    if open_jobs >= OPEN_JOBS:
        raise TooManyOpenJobs


def _add_open_job(account_id: int, job_id: str) -> None:
    broker, key = engine().broker, _open_jobs_key(account_id)
    broker.call(lambda: broker.client.sadd(key, job_id))
    broker.call(lambda: broker.client.expire(key, _OPEN_JOBS_KEPT_SECONDS))


def _open_jobs_key(account_id: int) -> str:
    return f"gnb:ai:open:{account_id}"


def peek(kind: str, data: Mapping[str, Any]) -> Lookup:
    """Return the cached answer or the job that computes it, or neither; enqueues nothing.

    Raises QueueUnavailable and ValidationError as `get_or_enqueue` does.
    """
    return _known(kind, REQUESTS[kind]().load(data))


def cache(kind: str, content: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Cache an answer for an hour and return it; for two minutes if the language model should have worded it but did
    not."""
    made_do = answer.get("noteCode") not in (None, language_model.NO_KEY.code)
    if settings().queue_enabled:
        store(kind, content, answer, FALLBACK_SECONDS if made_do else KEPT_SECONDS)
    return answer


def _known(kind: str, content: Mapping[str, Any]) -> Lookup:
    if answer := load(kind, content):
        return Lookup(answer, None)
    return Lookup(None, _unfinished_job(kind, content))


def _unfinished_job(kind: str, content: Mapping[str, Any]) -> Job | None:
    job_id = job_of(kind, content)
    return _open_job(job_id) if job_id else None


def _open_job(job_id: str) -> Job | None:
    try:
        job = queue_service.get_job(QUEUE, job_id)
    except JobNotFound:
        return None
    return job if job.state in _UNFINISHED else None


KEPT_SECONDS = 3600
JOB_KEPT_SECONDS = 600


def digest(kind: str, content: Mapping[str, Any]) -> str:
    """Return a digest of the request; equal content has the same digest."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest()[:32]


def load(kind: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the cached answer, or None. Raises QueueUnavailable."""
    found = _read(_key("answer", kind, content))
    return cast("dict[str, Any]", json.loads(found)) if found else None


def store(kind: str, content: Mapping[str, Any], answer: Mapping[str, Any], seconds: int = KEPT_SECONDS) -> None:
    """Cache an answer for this many seconds. Raises QueueUnavailable."""
    _write(_key("answer", kind, content), json.dumps(answer, ensure_ascii=False, default=str), seconds)


def job_of(kind: str, content: Mapping[str, Any]) -> str | None:
    """Return the id of the job that last computed this answer, or None. Raises QueueUnavailable."""
    found = _read(_key("job", kind, content))
    return found.decode() if found else None


def remember_job(kind: str, content: Mapping[str, Any], job_id: str) -> None:
    """Record which job computes this answer, so that a second request does not enqueue another. Raises
    QueueUnavailable."""
    _write(_key("job", kind, content), job_id, JOB_KEPT_SECONDS)


def _key(what: str, kind: str, content: Mapping[str, Any]) -> str:
    return f"gnb:ai:{what}:{kind}:{digest(kind, content)}"


def _read(key: str) -> bytes | None:
    broker = engine().broker
    return cast("bytes | None", broker.call(lambda: broker.client.get(key)))


def _write(key: str, text: str, seconds: int) -> None:
    broker = engine().broker
    broker.call(lambda: broker.client.set(key, text, ex=seconds))


def peek_delay_risk(booking: Booking, language: str) -> Lookup | None:
    """Return what is known about a booking's delay risk; None if it is no transfer or in the past."""
    if is_per_person(booking.tour.category) or booking.pickup_at <= now():
        return None
    look_up = peek if settings().queue_enabled else get_or_enqueue
    try:
        return look_up(DELAY_RISK, delay_risk_request(booking, language))
    except (ValidationError, DomainError, QueueUnavailable):  # an unknown place; no trips yet; or no broker to ask
        return None


def get_or_enqueue_delay_risk(booking: Booking, language: str) -> Lookup:
    """Return a booking's delay risk or the job that computes it.

    Raises QueueUnavailable, and ValidationError if a place is unknown.
    """
    return get_or_enqueue(DELAY_RISK, delay_risk_request(booking, language))


def delay_risk_request(booking: Booking, language: str) -> dict[str, Any]:
    """Return the data of a `delay-risk` request for the booking."""
    return {
        "origin": booking.tour.origin,
        "destination": booking.tour.destination,
        "scheduledTime": booking.pickup_at.isoformat(),
        "language": language,
    }
