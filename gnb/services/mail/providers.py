"""Where mail goes: into the sink, whose messages an admin reads in the browser, or to a server."""

import threading
from typing import Protocol

from flask import current_app

from gnb.config import Settings
from gnb.extensions import settings
from gnb.services.mail.smtp import Connection, Server

PATIENT = 15.0
"""Seconds that a worker waits for one answer of the server."""

HURRIED = 3.0
"""Seconds that a web request waits for one: somebody is looking at a page that loads."""


class Provider(Protocol):
    """One way for a message to leave. `keeps` says whether its messages are always kept with their deliveries."""

    name: str
    keeps: bool

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """The words with which the message was taken. Raises MailRefused, MailUnavailable."""
        ...


class Sink:
    """Takes every message; it is kept with its delivery, and goes nowhere."""

    name = "sink"
    keeps = True

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """A message in the sink has arrived."""
        return "kept"


class SmtpProvider:
    """Hands messages to a server, over a kept connection for each thread."""

    keeps = False

    def __init__(self, name: str, server: Server, timeout: float) -> None:
        self.name = name
        self._server = server
        self._timeout = timeout
        self._thread = threading.local()

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """The server's words. Raises MailRefused, MailUnavailable."""
        connection: Connection | None = getattr(self._thread, "connection", None)
        if connection is None:
            connection = self._thread.connection = Connection(self._server, self._timeout)
        return connection.send(sender, recipient, message)


def provider(hurried: bool = False) -> Provider:
    """The provider that the settings name, the same each time; a hurried one waits 3 s for an answer and no more."""
    known: dict[bool, Provider] = current_app.extensions.setdefault("mail_providers", {})
    if hurried not in known:
        known[hurried] = _make(settings(), HURRIED if hurried else PATIENT)
    return known[hurried]


def _make(chosen: Settings, timeout: float) -> Provider:
    if chosen.email_provider == "sink":
        return Sink()
    return SmtpProvider(chosen.email_provider, server(chosen), timeout)


def server(chosen: Settings) -> Server:
    """The server of a provider that is not the sink."""
    if chosen.email_provider == "gmail":
        return Server("smtp.gmail.com", 587, chosen.email_user, chosen.email_password, "required")
    if chosen.email_provider == "mailtrap":
        host, port = chosen.mailtrap_host, chosen.mailtrap_port
        return Server(host, port, chosen.mailtrap_user, chosen.mailtrap_password, "required")
    host, port = chosen.smtp_host, chosen.smtp_port
    return Server(host, port, chosen.smtp_user, chosen.smtp_password, "always" if chosen.smtp_secure else "offered")
