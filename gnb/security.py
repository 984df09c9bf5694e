"""What applies to every request: its id, trusted hosts, JSON parsing, and the response's security headers."""

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from gnb.config import Settings

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
