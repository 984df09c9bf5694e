"""Rate limits, all counted by Flask-Limiter: in the broker, or in the process while the broker is unreachable.

Of sign-ins only failed ones count, by address and by account; past the limit even the right password has to wait. Keys
are HMACs, so the broker stores no e-mail or network address. A request past a limit ends with 429 and `Retry-After`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, request
from flask_limiter.util import get_remote_address

from gnb.blueprints.shared.access import caller
from gnb.extensions import limiter
from gnb.models import normalize_email
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import checked_address

FAILURES_BY_ADDRESS = "30 per 5 minutes"
FAILURES_BY_ACCOUNT = "10 per 5 minutes"
MAILS_BY_ADDRESS = "20 per hour"
MAILS_TO_ACCOUNT = "5 per hour"
API_REQUESTS = "3000 per minute"
BOOKINGS = "30 per minute"
"""Faster than a travel agent who books for a group."""

QUESTIONS = "30 per minute"
"""Faster than anyone reads the answers; each question may become a job."""

View = TypeVar("View", bound=Callable[..., Any])


def count_failure() -> None:
    """Count this request against its address and the account it names."""
    g.sign_in_failed = True


def limit_account_mail(view: View) -> View:
    """Refuse with 429 where too many mails were asked for, from one place or to one address: each one counts."""
    to_account = limiter.shared_limit(MAILS_TO_ACCOUNT, "account mail to", key_func=_account, exempt_when=_is_not_post)
    by_address = limiter.shared_limit(MAILS_BY_ADDRESS, "account mail from", exempt_when=_is_not_post)
    return cast(View, by_address(to_account(view)))


def limit_sign_in(view: View) -> View:
    """Refuse with 429 where too many sign-ins have failed."""
    return _throttled(view, _account)


def limit_password_change(view: View) -> View:
    """Limit changes of one's own password in the same way, whatever other account the form may name."""
    return _throttled(view, _own_account)


def _throttled(view: View, account: Callable[[], str]) -> View:
    by_account = limiter.shared_limit(
        FAILURES_BY_ACCOUNT, "sign-in account", key_func=account, deduct_when=_failed, exempt_when=_is_not_post
    )
    by_address = limiter.shared_limit(
        FAILURES_BY_ADDRESS, "sign-in address", deduct_when=_failed, exempt_when=_is_not_post
    )
    return cast(View, by_address(by_account(view)))


def _failed(_response: Response) -> bool:
    return bool(g.get("sign_in_failed"))


def _is_not_post() -> bool:
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


@limiter.shared_limit(lambda: current_app.config.get("API_RATE_LIMIT", API_REQUESTS), "api requests")
def count_request() -> None:
    """Count an API request against its address."""


@limiter.shared_limit(lambda: current_app.config.get("BOOKING_RATE_LIMIT", BOOKINGS), "bookings")
def count_booking() -> None:
    """Count a new booking against its address, whether it comes from the API or from the form."""


@limiter.shared_limit(lambda: current_app.config.get("QUESTION_RATE_LIMIT", QUESTIONS), "questions")
def count_question() -> None:
    """Count a question to the `ai` queue against its address."""
