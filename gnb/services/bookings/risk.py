"""The risk that a booked transfer arrives late, as far as it is known: asked for once, and then kept for an hour."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from gnb.models import Booking, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services.ai import answers
from gnb.services.ai.answers import Asked
from gnb.services.pricing.quotes import is_per_person

KIND = "delay-risk"


def known_risk(booking: Booking, language: str) -> Asked | None:
    """The answer or the job that finds it, neither when nobody has asked; None for what has no such risk."""
    if is_per_person(booking.tour.category) or booking.pickup_at <= now():
        return None
    try:
        return answers.look(KIND, question(booking, language))
    except (ValidationError, QueueUnavailable):  # a road between places that we do not know; or no broker to ask
        return None


def ask_risk(booking: Booking, language: str) -> Asked:
    """The answer, or the job that finds it. Raises QueueUnavailable, and ValidationError for places not known."""
    return answers.ask(KIND, question(booking, language))


def question(booking: Booking, language: str) -> dict[str, Any]:
    """What is asked about the booking."""
    return {
        "origin": booking.tour.origin,
        "destination": booking.tour.destination,
        "scheduledTime": booking.pickup_at.isoformat(),
        "language": language,
    }
