"""Failed sign-ins are counted by address and by account; past the limit even the right password waits.

Only failures count, so whoever knows their password never meets the limit. The counts live in the broker, or in the
process while it is away. Keys hold digests: no e-mail or network address lies in the broker.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from flask import Response, abort, current_app, g, request
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from gnb.blueprints.shared.access import caller
from gnb.blueprints.shared.responses import error_response
from gnb.extensions import limiter
from gnb.models import normalize_email
from gnb.services.mail.addresses import checked_address
from gnb.services.mail.errors import InvalidMessage

FAILURES_BY_ADDRESS = "30 per 5 minutes"
FAILURES_BY_ACCOUNT = "10 per 5 minutes"
MAILS_BY_ADDRESS = "20 per hour"
MAILS_TO_ACCOUNT = "5 per hour"

View = TypeVar("View", bound=Callable[..., Any])


def count_failure() -> None:
    """Count this request against its address and the account it names."""
    g.sign_in_failed = True


def limit_account_mail(view: View) -> View:
    """Refuse with 429 where too many mails were asked for, from one place or to one address: each one counts."""
    to_account = limiter.shared_limit(MAILS_TO_ACCOUNT, "account mail to", key_func=_account, exempt_when=_is_harmless)
    by_address = limiter.shared_limit(MAILS_BY_ADDRESS, "account mail from", exempt_when=_is_harmless)
    return cast(View, by_address(to_account(view)))


def limit_sign_in(view: View) -> View:
    """Refuse with 429 where too many sign-ins have failed."""
    return _throttled(view, _account)


def limit_password_change(view: View) -> View:
    """The same where the password of one's own account is asked for, whatever other account the form may name."""
    return _throttled(view, _own_account)


def _throttled(view: View, account: Callable[[], str]) -> View:
    by_account = limiter.shared_limit(
        FAILURES_BY_ACCOUNT, "sign-in account", key_func=account, deduct_when=_failed, exempt_when=_is_harmless
    )
    by_address = limiter.shared_limit(
        FAILURES_BY_ADDRESS, "sign-in address", deduct_when=_failed, exempt_when=_is_harmless
    )
    return cast(View, by_address(by_account(view)))


def _failed(_response: Response) -> bool:
    return bool(g.get("sign_in_failed"))


def _is_harmless() -> bool:
    return request.method != "POST"


def _account() -> str:
    """Return the key of the account that the view will read: from JSON for the API, from the form for a page."""
    sent = request.get_json(silent=True) if request.path.startswith("/api/") else request.form
    email = sent.get("email") if isinstance(sent, Mapping) else None
    if not isinstance(email, str):
        return _digest(get_remote_address())
    try:
        return _digest(checked_address(email))  # one key for every spelling that reaches the same account
    except InvalidMessage:
        return _digest(normalize_email(email))


def _own_account() -> str:
    user = caller()
    return _digest(user.email if user else get_remote_address())


def _digest(text: str) -> str:
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:24]


REQUESTS = "3000 per minute"
BOOKINGS = "30 per minute"
"""A desk that books for a group is faster than one person, and no faster than this."""

QUESTIONS = "30 per minute"
"""As fast as anyone reads the answers; each may be a job."""


def count_request() -> None:
    """Count this request against its address; past the limit it ends with 429 and says when to come back."""
    _check("requests", current_app.config.get("API_RATE_LIMIT", REQUESTS))


def count_booking() -> None:
    """The same for a booking that is asked for, by the API or by the form."""
    _check("bookings", current_app.config.get("BOOKING_RATE_LIMIT", BOOKINGS))


def count_question() -> None:
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
    return error_response(429, "too_many_requests", message, headers={"Retry-After": str(seconds)})
