"""The configuration of Flask and its extensions, and what applies to every request.

That is its id, trusted hosts, the parsing of JSON, and the security headers of the response.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

from gnb.config import Settings
from gnb.queueing.connection import sentinel_settings

BODY_LIMIT = 64 * 1024  # bytes; far more than a booking of fifty passengers
STAFF_BODY_LIMIT = 1024 * 1024  # a campaign's text or a job's data


class LazyRule(Rule):
    """A URL rule that compiles its URL builders when its first URL is built.

    Compiling those of every rule takes most of the time of create_app, and most processes build few URLs or none.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(super()._compile_builder)

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compiled(append_unknown)(rule, **values)

        return build


def mapping(settings: Settings) -> dict[str, Any]:
    """Return the keys of `app.config`."""
    return {
        "SECRET_KEY": settings.secret_key,
        "TESTING": settings.testing,
        "DEBUG": False,
        "MAX_CONTENT_LENGTH": BODY_LIMIT,
        "MAX_FORM_MEMORY_SIZE": STAFF_BODY_LIMIT,
        "PREFERRED_URL_SCHEME": settings.site_url.split(":", 1)[0],
        **_database(settings.database_url),
        **_cookies(secure=settings.site_url.startswith("https://")),
        **_limits(settings),
        **_api(settings),
        "BABEL_DEFAULT_LOCALE": "en",
        "BABEL_DEFAULT_TIMEZONE": "Europe/Istanbul",
        "BABEL_TRANSLATION_DIRECTORIES": "../translations",
    }


def _database(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {"connect_args": {"timeout": 10}}
    if url.startswith("postgresql"):
        options = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10, "connect_args": {"connect_timeout": 5}}
    # An error's text goes into logs and jobs: it holds the statement, and never what people typed.
    return {"SQLALCHEMY_DATABASE_URI": url, "SQLALCHEMY_ENGINE_OPTIONS": {**options, "hide_parameters": True}}


def _cookies(secure: bool) -> dict[str, Any]:
    return {
        "SESSION_COOKIE_NAME": "gnb_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "WTF_CSRF_TIME_LIMIT": None,  # a token lives as long as its session
    }


def _limits(settings: Settings) -> dict[str, Any]:
    """Return the limiter's storage: the broker, shared by all web processes; in memory while it is unreachable."""
    url, options = _limits_storage(settings.redis_url) if settings.queue_enabled else ("locked-memory://", {})
    return {
        "RATELIMIT_STORAGE_URI": url,
        "RATELIMIT_STORAGE_OPTIONS": options,
        "RATELIMIT_KEY_PREFIX": "gnb",
        "RATELIMIT_STRATEGY": "fixed-window",
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        # Where counting fails in memory too, the request is answered without being counted.
        "RATELIMIT_SWALLOW_ERRORS": True,
    }


def _limits_storage(redis_url: str) -> tuple[str, dict[str, Any]]:
    """Return the URL as Flask-Limiter expects it, and options that limit the wait for the broker.

    A broker that does not answer costs a request one such wait. A healthy one answers within milliseconds.
    """
    impatient = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2, "retry": Retry(NoBackoff(), 0)}
    if "+sentinel://" not in redis_url:
        return redis_url.replace("unix://", "redis+unix://", 1), impatient
    parts, found = urlsplit(redis_url), sentinel_settings(redis_url)
    address = f"redis+sentinel://{parts.netloc}/{found['MASTER_NAME']}"
    tls = found.get("SENTINEL_KWARGS", {})
    options = {**impatient, **tls, "db": found["DB"], "use_replicas": False}
    return address, {**options, "sentinel_kwargs": {**impatient, **tls}}


def _api(settings: Settings) -> dict[str, Any]:
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return {
        "API_TITLE": "GNB Transfer",
        "API_VERSION": "v1",
        "API_SPEC_OPTIONS": {"components": {"securitySchemes": {"bearer": bearer}}},
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/api",
        "OPENAPI_JSON_PATH": "openapi.json",
        # A key of its own, and long enough for its algorithm whatever SECRET_KEY's length.
        "JWT_SECRET_KEY": hmac.new(settings.secret_key.encode(), b"access tokens", hashlib.sha256).hexdigest(),
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(hours=1),
        "JWT_TOKEN_LOCATION": ["headers"],
    }


CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "img-src 'self' data:"
)
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Json(DefaultJSONProvider):
    """Flask's JSON, which also rejects input that is nested too deeply."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value. Raises ValueError."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def bind(app: Flask, settings: Settings) -> None:
    """Set up request ids, trusted hosts and proxies, JSON and headers."""
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if settings.site_url_given or settings.development:
        app.config["TRUSTED_HOSTS"] = [urlsplit(settings.site_url).hostname, *_LOOPBACK]
    over_tls = settings.site_url.startswith("https://")
    app.json = Json(app)
    app.before_request(_give_id)
    app.after_request(lambda response: _finish(response, over_tls))


def _give_id() -> None:
    """Use the request id of a proxy, or generate one; it is in the response and on every log line."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _finish(response: Response, over_tls: bool) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if over_tls:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if "request_id" in g:
        response.headers["X-Request-ID"] = g.request_id
    # What an admin or a customer sees stays out of shared caches and of the back button after signing out.
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response
