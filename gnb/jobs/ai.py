"""The jobs of the queue `ai`. Each comes back with its answer, which is kept an hour for whoever asks the same."""

from __future__ import annotations

from typing import Any

from gnb.queueing import FinalError, JobContext, job
from gnb.services.ai import answers, delay_risk, insights, recommendations
from gnb.services.ai.delay_model import TooFewTrips
from gnb.services.ai.recommendations import UnknownUser
from gnb.services.ai.requests import DelayRiskRequest, InsightsRequest, RecommendationsRequest
from gnb.services.ai.usage import Usage
from gnb.services.places import UnknownPlace


@job("ai", "delay-risk", DelayRiskRequest)
def assess_delay_risk(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """How likely a transfer is to arrive late, and why."""
    running.progress(10, "learning from finished transfers")
    try:
        answer = delay_risk.assess(data)
    except (TooFewTrips, UnknownPlace) as error:
        raise FinalError(str(error)) from error
    return answers.kept("delay-risk", data, answer)


@job("ai", "package-recommendations", RecommendationsRequest)
def recommend_packages(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Tours for a customer, each with its reason."""
    running.progress(10, "scoring the tours")
    try:
        answer = recommendations.recommend(data, last_attempt=running.attempt >= running.attempts)
    except UnknownUser as error:
        raise FinalError(str(error)) from error
    _log_wording(answer, running)
    return answers.kept("package-recommendations", data, answer)


@job("ai", "batch-insights", InsightsRequest)
def look_at_bookings(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """What a selection of bookings tells, in sentences."""
    running.progress(10, "counting")
    answer = insights.look_at(data, last_attempt=running.attempt >= running.attempts)
    _log_wording(answer, running)
    return answers.kept("batch-insights", data, answer)


def _log_wording(answer: dict[str, Any], running: JobContext) -> None:
    """What the language model took, or why it was done without."""
    if spent := answer["usage"]:
        running.log(str(Usage(**spent)))
    if answer["note"]:
        running.log(f"worded by rules: {answer['note']}")
