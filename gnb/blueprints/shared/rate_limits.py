"""Rate limits, all counted by Flask-Limiter: in the broker, or in the process while the broker is unreachable.

A sign-in is counted before its password is checked, and the count is taken back if the password is right: concurrent
requests cannot all pass before the first is counted. Beyond a limit even the right password is rejected, but not in a
browser that has signed in before: its device cookie has a limit of its own (OWASP, "Device cookies").
Keys are HMACs, so the broker stores no e-mail or network address. A request beyond a limit ends with 429 and
`Retry-After`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, after_this_request, current_app, g, request
from flask_limiter import RequestLimit
from itsdangerous import BadData, URLSafeTimedSerializer
from redis import RedisError

from gnb.blueprints.shared.access import caller
from gnb.blueprints.shared.extensions import keyed_digest, limiter, source
from gnb.models import normalize_email
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import checked_address

FAILURES_BY_SOURCE = "30 per 5 minutes"
FAILURES_BY_ACCOUNT_AND_SOURCE = "10 per 5 minutes"
FAILURES_BY_ACCOUNT = "1000 per hour"
"""From everywhere together: so many that a single stranger cannot keep the holder out."""

FAILURES_BY_DEVICE = "10 per 5 minutes"
MAILS_BY_SOURCE = "20 per hour"
MAILS_TO_ACCOUNT = "5 per hour"
API_REQUESTS = "3000 per minute"
BOOKINGS = "30 per minute; 300 per day"
"""Faster than a travel agent who books for a group."""

BOOKINGS_TO_RECIPIENT = "10 per day"
"""For the address of somebody other than the caller, who gets a mail for each."""

QUESTIONS = "30 per minute"
"""Faster than anyone reads the answers; each question may become a job."""

SEARCHES = "300 per minute"
"""Faster than anyone types; a search reads every name of a place."""

DEVICE_COOKIE = "gnb_device"
_DEVICE_SECONDS = 180 * 86_400
_SIGN_IN = "sign-in by "

View = TypeVar("View", bound=Callable[..., Any])


def count_failure() -> None:
    """Keep this request counted against the account that it names and its source."""
    g.sign_in_failed = True


def limit_account_mail(view: View) -> View:
    """Reject with 429 if too many mails were requested, from one source or to one address: each one counts."""
    to_account = limiter.shared_limit(MAILS_TO_ACCOUNT, "account mail to", key_func=_account, exempt_when=_is_not_post)
    by_source = limiter.shared_limit(MAILS_BY_SOURCE, "account mail from", exempt_when=_is_not_post)
    return cast(View, by_source(to_account(view)))


def limit_sign_in(view: View) -> View:
    """Reject with 429 if too many sign-ins have failed."""
    return _limit_failures(view, _account)


def limit_password_change(view: View) -> View:
    """Limit changes of the caller's own password in the same way, whatever account the form names."""
    return _limit_failures(view, _own_account)


def _limit_failures(view: View, account: Callable[[], str]) -> View:
    """Count requests against the account with its source, the source, and the account; or against a known device.

    Flask-Limiter counts in the order of the windows and stops at the first limit that is exceeded, so rejected requests
    of one source do not count against the account.
    """

    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        limits = [limit for limit in limiter.current_limits if any(_SIGN_IN in part for part in limit.request_args)]
        after_this_request(lambda response: _take_back(response, limits))
        return view(*args, **kwargs)

    def known_device() -> bool:
        return _is_not_post() or _device(account()) is not None

    def unknown_device() -> bool:
        return _is_not_post() or _device(account()) is None

    def by_source() -> str:
        return keyed_digest(source())

    guarded: Any = counted
    for limit, scope, key, exempt in (
        (FAILURES_BY_SOURCE, "source", by_source, known_device),
        (FAILURES_BY_ACCOUNT_AND_SOURCE, "account and source", lambda: f"{account()}:{by_source()}", known_device),
        (FAILURES_BY_ACCOUNT, "account", account, known_device),
        (FAILURES_BY_DEVICE, "device", lambda: _device(account()) or account(), unknown_device),
    ):
        guarded = limiter.shared_limit(limit, f"{_SIGN_IN}{scope}", key_func=key, exempt_when=exempt)(guarded)
    return cast(View, guarded)


def _take_back(response: Response, limits: list[RequestLimit]) -> Response:
    if not g.get("sign_in_failed"):
        with suppress(RedisError):
            for limit in limits:
                limiter.limiter.hit(limit.limit, *limit.request_args, cost=-1)
    return response


def remember_device(email: str) -> None:
    """Set the cookie by which this browser is known at the next sign-in to this account."""
    value = _devices().dumps([_account_key(email), secrets.token_urlsafe(12)])

    def set_cookie(response: Response) -> Response:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie(
            DEVICE_COOKIE, value, max_age=_DEVICE_SECONDS, path="/login", secure=secure, httponly=True, samesite="Lax"
        )
        return response

    after_this_request(set_cookie)


def _device(account: str) -> str | None:
    """Return the key of the device if its cookie was set for this account."""
    try:
        known, device = _devices().loads(request.cookies.get(DEVICE_COOKIE, ""), max_age=_DEVICE_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    return f"{account}:{device}" if known == account else None


def _devices() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="device")


def _is_not_post() -> bool:
    return request.method != "POST"


def _account() -> str:
    """Return the key of the account that the view will read: from JSON for the API, from the form for a page."""
    sent = request.get_json(silent=True) if request.path.startswith("/api/") else request.form
    email = sent.get("email") if isinstance(sent, Mapping) else None
    if not isinstance(email, str):
        return keyed_digest(source())
    return _account_key(email)


def _account_key(email: str) -> str:
    """Return one key for every spelling that reaches the same account."""
    try:
        return keyed_digest(checked_address(email))
    except InvalidMessage:
        return keyed_digest(normalize_email(email))


def _own_account() -> str:
    user = caller()
    return _account_key(user.email) if user else keyed_digest(source())


@limiter.shared_limit(lambda: current_app.config.get("API_RATE_LIMIT", API_REQUESTS), "api requests")
def count_request() -> None:
    """Count an API request against its source."""


@limiter.shared_limit(
    lambda: current_app.config.get("BOOKING_RATE_LIMIT", BOOKINGS), "bookings", exempt_when=_is_not_post
)
def count_booking() -> None:
    """Count a new booking against its source before it is read, whether it comes from the API or from the form."""


def count_booking_for(recipient: str) -> None:
    """Count a valid booking against the address that gets its mails, unless it is the caller's own."""
    g.booking_recipient = recipient
    _count_recipient()


def _books_for_oneself() -> bool:
    user = caller()
    return user is not None and user.email == g.booking_recipient


@limiter.shared_limit(
    lambda: current_app.config.get("BOOKING_RECIPIENT_LIMIT", BOOKINGS_TO_RECIPIENT),
    "bookings to",
    key_func=lambda: keyed_digest(g.booking_recipient),
    exempt_when=_books_for_oneself,
)
def _count_recipient() -> None: ...


@limiter.shared_limit(
    lambda: current_app.config.get("QUESTION_RATE_LIMIT", QUESTIONS), "questions", exempt_when=_is_not_post
)
def count_question() -> None:
    """Count a question to the `ai` queue against its source before it is read."""


@limiter.shared_limit(lambda: current_app.config.get("SEARCH_RATE_LIMIT", SEARCHES), "searches")
def count_search() -> None:
    """Count a search of tours against its source before it is read, whether it comes from the API or from a page."""
