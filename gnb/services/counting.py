"""Business counters for the metrics: bookings by status, and sign-in attempts by kind and success.

Importing the module registers its listeners. The counters are in the broker, shared by all processes.
"""

from typing import Any

from flask import has_app_context

from gnb.extensions import engine, settings
from gnb.models import Booking
from gnb.services.accounts.authentication import sign_in_attempted
from gnb.services.after_commit import on_commit

BOOKINGS = "bookings_created"
SIGN_INS = "auth_attempts"
LANGUAGE_MODEL = "language_model"
"""With the model's name and what is counted as labels; see `gnb.services.ai.usage`."""


@sign_in_attempted.connect
def _count_sign_in(_sender: Any, kind: str, success: bool) -> None:
    _count(SIGN_INS, kind, str(success).lower())


def _count_bookings(statuses: list[str]) -> None:
    for status in statuses:
        _count(BOOKINGS, status)


def _count(name: str, *labels: str) -> None:
    if has_app_context() and settings().queue_enabled:
        engine().counters.add(name, *labels)


on_commit(Booking, lambda booking: booking.status, _count_bookings)
