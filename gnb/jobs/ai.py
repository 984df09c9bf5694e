"""The jobs of the queue `ai`. Each returns its answer, which is cached for an hour."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from gnb.messages import make_message
from gnb.queueing import FinalError, JobContext, job
from gnb.services.accounts.users import UserNotFound
from gnb.services.ai import delay_risk, insights, lookups, recommendations
from gnb.services.ai.delay_model import TooFewTrips
from gnb.services.ai.requests import DelayRiskRequest, InsightsRequest, RecommendationsRequest
from gnb.services.ai.usage import Usage
from gnb.services.places import UnknownPlace


@job(
    "ai", "delay-risk", DelayRiskRequest, description=_l("Estimates how likely a transfer is to arrive late, and why.")
)
def assess_delay_risk(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Estimate how likely a transfer is to arrive late, and why."""
    context.progress(10, make_message("progress.learning"))
    try:
        answer = delay_risk.assess(data)
    except (TooFewTrips, UnknownPlace) as error:
        raise FinalError(error) from error
    return lookups.cache("delay-risk", data, answer)


@job(
    "ai",
    "package-recommendations",
    RecommendationsRequest,
    description=_l("Recommends tours to a customer, each with its reason."),
)
def recommend_packages(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Recommend tours to a customer, each with its reason."""
    context.progress(10, make_message("progress.scoring"))
    try:
        answer = recommendations.recommend(data, last_attempt=context.attempt >= context.attempts)
    except UserNotFound as error:
        raise FinalError(error) from error
    _log_wording(answer, context)
    return lookups.cache("package-recommendations", data, answer)


@job("ai", "batch-insights", InsightsRequest, description=_l("Summarises a selection of bookings in sentences."))
def look_at_bookings(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Summarise a selection of bookings in sentences."""
    context.progress(10, make_message("progress.counting"))
    answer = insights.compute(data, last_attempt=context.attempt >= context.attempts)
    _log_wording(answer, context)
    return lookups.cache("batch-insights", data, answer)


def _log_wording(answer: dict[str, Any], context: JobContext) -> None:
    """Log what the language model took, or why the rules worded the answer."""
    if spent := answer["usage"]:
        context.log(str(Usage(**spent)))
    if answer["note"]:
        context.log(f"worded by rules: {answer['note']}")
