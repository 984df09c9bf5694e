"""One connection to a mail server, kept between the messages of a process.

A refusal of the message is final, everything else is worth another try: RFC 5321 means 4yz to be tried again, and a
server that turns us away at its door (banner, TLS, sign-in) says nothing about the message.
"""

import os
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from gnb.services.mail.errors import MailRefused, MailUnavailable

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_WORDS = 500


@dataclass(frozen=True)
class Server:
    """Where a server is and how it is spoken to.

    `tls`: `always` from the first byte, `required` by STARTTLS, or `offered`: STARTTLS where the server has it.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: Literal["always", "required", "offered"] = "offered"


class Connection:
    """The connection; opened when it is needed, opened anew when it was idle too long or the process was forked.

    `timeout` is how long, in seconds, one answer of the server may take.
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
        """The words with which the server took the message. Raises MailRefused, MailUnavailable."""
        kept = self._kept()
        if kept is not None:
            try:
                return self._transmit(kept, sender, recipient, message)
            except _NotStarted:
                self.close()  # the server had hung up meanwhile; nothing of the message had left
        try:
            return self._transmit(self._open(), sender, recipient, message)
        except _NotStarted as error:
            raise MailUnavailable(str(error)) from error

    def try_out(self) -> None:
        """Come as far as a message would before it is offered, and leave. Raises MailUnavailable."""
        self._open()
        self.close()

    def close(self) -> None:
        """Say goodbye to the server, if we are connected."""
        client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            with suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _kept(self) -> smtplib.SMTP | None:
        """The open connection, if it is this process's own and fit for another message."""
        if self._client is None:
            return None
        if self._process != os.getpid():
            self._client = None  # a parent's: it goes on using it
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
            raise MailUnavailable(_words(error.smtp_code, error.smtp_error)) from error
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
        if code != 250:
            raise self._refusal(client, code, answer)
        self._used = time.monotonic()
        self._messages += 1
        return _words(code, answer)

    def _offer(self, client: smtplib.SMTP, sender: str, recipient: str, message: bytes) -> None:
        """Names sender and recipient; the server has agreed to both when this returns."""
        options = [f"SIZE={len(message)}"] if client.has_extn("size") else []
        if not (sender + recipient).isascii():
            if not client.has_extn("smtputf8"):
                raise MailRefused("the server takes no address with letters beyond ASCII (no SMTPUTF8)")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            client.command_encoding = "utf-8"
        for code, answer in (client.mail(sender, options), client.rcpt(recipient)):
            if code == 421:
                self._drop()
                raise _NotStarted(_words(code, answer))
            if code not in (250, 251):
                raise self._refusal(client, code, answer)

    def _refusal(self, client: smtplib.SMTP, code: int, answer: bytes | str) -> MailRefused | MailUnavailable:
        """The error for an answer that is a no; the connection is made ready for the next message."""
        if code == 421:
            self._drop()
        else:
            try:
                client.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()
        return MailRefused(_words(code, answer)) if 500 <= code < 600 else MailUnavailable(_words(code, answer))

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _NotStarted(Exception):
    """The connection broke before anything of the message was sent."""


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"[:_MOST_WORDS]


def _cause(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    return (str(error) or type(error).__name__)[:_MOST_WORDS]
