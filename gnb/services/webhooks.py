"""POST to a URL that a person has entered, without letting the server be used to reach its own network."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
from typing import Any
from urllib.parse import SplitResult, urlsplit

from gnb.extensions import settings
from gnb.messages import DomainError

_TIMEOUT = 5.0
FAILURES = (OSError, http.client.HTTPException)
"""What a connection raises, beside InvalidWebhook."""


class InvalidWebhook(DomainError):
    """The URL is not allowed, or its server rejected the message."""

    code = "invalid_webhook"


def post(url: str, body: dict[str, Any]) -> None:
    """Send the body to a webhook, follow no redirect. Raises InvalidWebhook, OSError, HTTPException."""
    parts, address = check_url(url)
    connection = _connection(parts, address)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "GNB-Transfer"}
        connection.request("POST", target, data, headers)
        answer = connection.getresponse()
        answer.read(1000)
        if not 200 <= answer.status < 300:
            raise InvalidWebhook("status", status=str(answer.status))
    finally:
        connection.close()


def _connection(parts: SplitResult, address: str) -> http.client.HTTPConnection:
    """Return a connection to the address that was checked: the name is not resolved a second time."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    connection.sock = socket.create_connection((address, port), _TIMEOUT)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    return connection


def check_url(url: str) -> tuple[SplitResult, str]:
    """Return the parts of a URL and the address of its host. Raises InvalidWebhook.

    Without ALERT_WEBHOOK_PRIVATE only https to public addresses is allowed, so that the server cannot be made to call
    services of its own network.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        raise InvalidWebhook("url") from None
    private = settings().alert_webhook_private
    if parts.scheme not in (("http", "https") if private else ("https",)) or not parts.hostname or parts.username:
        raise InvalidWebhook("url")
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InvalidWebhook("no_host") from None
    addresses = [str(each[4][0]) for each in found]
    if not private and not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in addresses):
        raise InvalidWebhook("private")
    return parts, addresses[0]
