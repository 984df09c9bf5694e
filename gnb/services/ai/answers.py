"""Asking: an answer that is kept, or the job that is finding it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from gnb.queueing import Job
from gnb.queueing.errors import JobNotFound
from gnb.services import queue_service
from gnb.services.ai import cache, wording
from gnb.services.ai.requests import DelayRiskRequest, InsightsRequest, RecommendationsRequest

QUEUE = "ai"
MADE_DO_SECONDS = 120
"""An answer that would be better with the language model is kept this long: it may be back then."""

REQUESTS: dict[str, type[Schema]] = {
    "package-recommendations": RecommendationsRequest,
    "delay-risk": DelayRiskRequest,
    "batch-insights": InsightsRequest,
}
_UNDER_WAY = ("waiting", "active", "delayed")


@dataclass(frozen=True)
class Asked:
    """What asking gave: the answer at once, or the job that will have it."""

    answer: dict[str, Any] | None
    job: Job | None


def ask(kind: str, data: Mapping[str, Any]) -> Asked:
    """The kept answer, or a job under way; asking again while it runs gives the same job.

    Raises QueueUnavailable, and marshmallow's ValidationError for data that the kind does not take.
    """
    content = REQUESTS[kind]().load(data)
    known = _known(kind, content)
    if known.answer or known.job:
        return known
    job = queue_service.add_ai_job(kind, data)
    cache.remember_job(kind, content, job.id)
    return Asked(None, job)


def look(kind: str, data: Mapping[str, Any]) -> Asked:
    """What is known already: the kept answer, or the job under way, or neither; nothing is asked.

    Raises QueueUnavailable, and marshmallow's ValidationError for data that the kind does not take.
    """
    return _known(kind, REQUESTS[kind]().load(data))


def kept(kind: str, content: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, after keeping it for this content: an hour, or shortly where the language model was to be used."""
    made_do = answer.get("note") not in (None, wording.NO_KEY)
    cache.put(kind, content, answer, MADE_DO_SECONDS if made_do else cache.KEPT_SECONDS)
    return answer


def _known(kind: str, content: Mapping[str, Any]) -> Asked:
    if answer := cache.get(kind, content):
        return Asked(answer, None)
    return Asked(None, _under_way(kind, content))


def _under_way(kind: str, content: Mapping[str, Any]) -> Job | None:
    job_id = cache.job_of(kind, content)
    if not job_id:
        return None
    try:
        job = queue_service.get_job(QUEUE, job_id)
    except JobNotFound:
        return None
    return job if job.state in _UNDER_WAY else None
