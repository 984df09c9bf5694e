"""How many requests may come from one address.

Counted in each web process, so that it costs no round trip and holds without a broker; with N processes up to N times
the limit gets through.
"""

from __future__ import annotations

import math
import time
from functools import cache

from flask import Response, abort, current_app
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from gnb.blueprints.errors.answers import answer

REQUESTS = "3000 per minute"
BOOKINGS = "30 per minute"
"""A desk that books for a group is faster than one person, and no faster than this."""

QUESTIONS = "30 per minute"
"""As fast as anyone reads the answers; each may be a job."""


def check() -> None:
    """Count this request against its address; past the limit it ends with 429 and says when to come back."""
    _check("requests", current_app.config.get("API_RATE_LIMIT", REQUESTS))


def check_booking() -> None:
    """The same for a booking that is asked for, by the API or by the form."""
    _check("bookings", current_app.config.get("BOOKING_RATE_LIMIT", BOOKINGS))


def check_question() -> None:
    """The same for a question that the queue `ai` is to answer."""
    _check("questions", current_app.config.get("QUESTION_RATE_LIMIT", QUESTIONS))


def _check(what: str, limit: str) -> None:
    limiter, item, address = _limiter(), _item(limit), get_remote_address()
    if not limiter.hit(item, what, address):
        abort(_too_many(limiter.get_window_stats(item, what, address).reset_time))


def _limiter() -> FixedWindowRateLimiter:
    """Each application's own counts."""
    known: FixedWindowRateLimiter | None = current_app.extensions.get("api-throttle")
    if known is None:
        known = current_app.extensions["api-throttle"] = FixedWindowRateLimiter(MemoryStorage())
    return known


@cache
def _item(text: str) -> RateLimitItem:
    return parse(text)


def _too_many(reset_time: float) -> Response:
    seconds = max(math.ceil(reset_time - time.time()), 1)
    message = f"Too many requests. Try again in {seconds} s."
    return answer(429, "too_many_requests", message, headers={"Retry-After": str(seconds)})
