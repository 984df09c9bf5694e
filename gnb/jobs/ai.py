"""The jobs of the queue `ai`. Each comes back with its answer, which is kept an hour for whoever asks the same."""

from __future__ import annotations

from typing import Any

from gnb.queueing import FinalError, RunningJob, job
from gnb.services.ai import answers, delay_risk
from gnb.services.ai.delay_model import TooFewTrips
from gnb.services.ai.places import UnknownPlace
from gnb.services.ai.requests import DelayRiskRequest


@job("ai", "delay-risk", DelayRiskRequest)
def assess_delay_risk(data: dict[str, Any], running: RunningJob) -> dict[str, Any]:
    """How likely a transfer is to arrive late, and why."""
    running.progress(10, "learning from finished transfers")
    try:
        answer = delay_risk.assess(data)
    except (TooFewTrips, UnknownPlace) as error:
        raise FinalError(str(error)) from error
    return answers.kept("delay-risk", data, answer)
