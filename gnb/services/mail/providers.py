"""Where mail is sent: to the sink, whose messages an admin reads in the browser, or to an SMTP server.

One connection to a server is kept between the messages of a process. Only a permanent rejection of the message itself
is final: RFC 5321 means 4yz replies to be retried, and a failure at connection time (banner, TLS, sign-in) does not
concern the message.
"""

import os
import smtplib
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from flask import current_app

from gnb.config import Settings
from gnb.extensions import settings
from gnb.services.mail.errors import MailRefused, MailUnavailable

WORKER_TIMEOUT = 15.0
"""Seconds that a worker waits for one reply of the server."""

REQUEST_TIMEOUT = 3.0
"""Seconds that a web request waits for one: a person waits for the page."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_REPLY = 500


@dataclass(frozen=True)
class Server:
    """Address, credentials and TLS mode of a server.

    `tls`: `always` from the first byte, `required` by STARTTLS, or `offered`: STARTTLS if the server supports it.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: Literal["always", "required", "offered"] = "offered"


class Connection:
    """A connection, opened on demand, and again after a long idle time or a fork of the process.

    `timeout` is the time in seconds that one reply of the server may take.
    """

    messages_each = 100
    idle_limit = 20.0

    def __init__(self, server: Server, timeout: float) -> None:
        self.server = server
        self.timeout = timeout
        self._client: smtplib.SMTP | None = None
        self._process = 0
        self._used = 0.0
        self._messages = 0

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """Send the message and return the server's reply. Raises MailRefused, MailUnavailable."""
        kept = self._kept()
        if kept is not None:
            try:
                return self._transmit(kept, sender, recipient, message)
            except _NotStarted:
                self.close()  # the server had closed the connection before the message was sent
        try:
            return self._transmit(self._open(), sender, recipient, message)
        except _NotStarted as error:
            raise MailUnavailable(str(error)) from error

    def check(self) -> None:
        """Connect and sign in without sending a message. Raises MailUnavailable."""
        self._open()
        self.close()

    def close(self) -> None:
        """Close the connection with QUIT, if there is one."""
        client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            with suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _kept(self) -> smtplib.SMTP | None:
        """Return the open connection, if it belongs to this process and can take another message."""
        if self._client is None:
            return None
        if self._process != os.getpid():
            self._client = None  # the parent process goes on using it
        elif self._messages >= self.messages_each or time.monotonic() - self._used > self.idle_limit:
            self.close()
        return self._client

    def _open(self) -> smtplib.SMTP:
        try:
            client = self._connect()
            self._secure(client)
            if self.server.user:
                client.login(self.server.user, self.server.password)
        except smtplib.SMTPResponseException as error:
            raise MailUnavailable(_reply(error.smtp_code, error.smtp_error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"{self.server.host}:{self.server.port}: {_cause(error)}") from error
        except UnicodeEncodeError:
            raise MailUnavailable("the user or the password has letters beyond ASCII; SMTP takes none") from None
        self._client, self._process, self._messages = client, os.getpid(), 0
        return client

    def _connect(self) -> smtplib.SMTP:
        address = (self.server.host, self.server.port)
        if self.server.tls == "always":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(*address, socket.gethostname(), timeout=self.timeout, context=context)
        return smtplib.SMTP(*address, socket.gethostname(), timeout=self.timeout)

    def _secure(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self.server.tls == "always":
            return
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
        elif self.server.tls == "required":
            raise smtplib.SMTPException("the server offers no TLS")
        elif self.server.user and self.server.host not in _LOOPBACK:
            raise smtplib.SMTPException("the server offers no TLS, and the password is not sent without it")

    def _transmit(self, client: smtplib.SMTP, sender: str, recipient: str, message: bytes) -> str:
        try:
            self._offer(client, sender, recipient, message)
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            raise _NotStarted(_cause(error)) from error
        try:
            code, answer = client.data(message)
        except smtplib.SMTPDataError as error:
            raise self._refusal(client, error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            raise MailUnavailable(f"the connection broke while the message was handed over: {_cause(error)}") from error
        if not 200 <= code < 300:
            raise self._refusal(client, code, answer)
        self._used = time.monotonic()
        self._messages += 1
        return _reply(code, answer)

    def _offer(self, client: smtplib.SMTP, sender: str, recipient: str, message: bytes) -> None:
        """Send MAIL FROM and RCPT TO; the server has accepted both when this returns."""
        options = [f"SIZE={len(message)}"] if client.has_extn("size") else []
        if not (sender + recipient).isascii():
            if not client.has_extn("smtputf8"):
                raise MailRefused("the server takes no address with letters beyond ASCII before the @ (no SMTPUTF8)")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            client.command_encoding = "utf-8"
        for code, answer in (client.mail(sender, options), client.rcpt(recipient)):
            if code == 421:
                self._drop()
                raise _NotStarted(_reply(code, answer))
            if not 200 <= code < 300:
                raise self._refusal(client, code, answer)

    def _refusal(self, client: smtplib.SMTP, code: int, answer: bytes | str) -> MailRefused | MailUnavailable:
        """Return the error for a negative reply, and reset the connection for the next message."""
        if code == 421:
            self._drop()
        else:
            try:
                client.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()
        return MailRefused(_reply(code, answer)) if 500 <= code < 600 else MailUnavailable(_reply(code, answer))

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _NotStarted(Exception):
    """The connection broke before anything of the message was sent."""


def _reply(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"[:_MAX_REPLY]


def _cause(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    return (str(error) or type(error).__name__)[:_MAX_REPLY]


class Provider(Protocol):
    """Sends messages. `keeps` says whether its messages are always stored with their deliveries."""

    name: str
    keeps: bool

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """Send the message and return the reply. Raises MailRefused, MailUnavailable."""
        ...


class Sink:
    """Accepts every message; it is stored with its delivery and sent nowhere."""

    name = "sink"
    keeps = True

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """Accept the message."""
        return "kept"


class SmtpProvider:
    """Sends messages to a server over a persistent connection per thread."""

    keeps = False

    def __init__(self, name: str, server: Server, timeout: float) -> None:
        self.name = name
        self._server = server
        self._timeout = timeout
        self._thread = threading.local()

    def send(self, sender: str, recipient: str, message: bytes) -> str:
        """Send the message and return the server's reply. Raises MailRefused, MailUnavailable."""
        connection: Connection | None = getattr(self._thread, "connection", None)
        if connection is None:
            connection = self._thread.connection = Connection(self._server, self._timeout)
        return connection.send(sender, recipient, message)


def provider(inline: bool = False) -> Provider:
    """Return the configured provider; an `inline` one waits at most 3 s for a reply."""
    known: dict[bool, Provider] = current_app.extensions.setdefault("mail_providers", {})
    if inline not in known:
        known[inline] = _make(settings(), REQUEST_TIMEOUT if inline else WORKER_TIMEOUT)
    return known[inline]


def _make(chosen: Settings, timeout: float) -> Provider:
    if chosen.email_provider == "sink":
        return Sink()
    return SmtpProvider(chosen.email_provider, server(chosen), timeout)


def server(chosen: Settings) -> Server:
    """Return the server of a provider other than the sink."""
    if chosen.email_provider == "gmail":
        return Server("smtp.gmail.com", 587, chosen.email_user, chosen.email_password, "required")
    if chosen.email_provider == "mailtrap":
        host, port = chosen.mailtrap_host, chosen.mailtrap_port
        return Server(host, port, chosen.mailtrap_user, chosen.mailtrap_password, "required")
    host, port = chosen.smtp_host, chosen.smtp_port
    tls: Literal["always", "required", "offered"] = "required" if chosen.smtp_require_tls else "offered"
    return Server(host, port, chosen.smtp_user, chosen.smtp_password, "always" if chosen.smtp_secure else tls)
