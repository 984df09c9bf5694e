"""A real mail server for tests (aiosmtpd), which can be told to misbehave."""

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers import free_port


@dataclass
class MailServer:
    """Listens on a free loopback port between `start` and `stop`.

    `answers` holds what it says at a step instead of yes: `connect`, `MAIL`, `RCPT`, `DATA`, `end` (after the
    message). `drop_at` names a step at which it hangs up without a word; `banner_delay` is in seconds. `tls` is offered
    by STARTTLS, or begins with the first byte (`tls_at_once`). With a `password`, only `ann` gets in.
    """

    port: int = field(default_factory=free_port)
    answers: dict[str, str] = field(default_factory=dict)
    drop_at: str = ""
    banner_delay: float = 0.0
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False
    password: str = ""
    smtputf8: bool = True
    senders: list[str] = field(default_factory=list)
    sources: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    encrypted: list[bool] = field(default_factory=list)
    _controller: Controller | None = None

    def start(self) -> "MailServer":
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        before = self.connections
        self._controller = _Controller(self)
        self._controller.start()
        self.connections = before  # without the one by which the controller sees that it listens
        return self

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def messages(self) -> list[EmailMessage]:
        """What has arrived, read."""
        parser: Any = BytesParser(policy=policy.default)
        return [parser.parsebytes(source) for source in self.sources]

    @property
    def settings(self) -> dict[str, str]:
        """The variables that make the application use this server."""
        return {"EMAIL_PROVIDER": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(self.port)}


class _Controller(Controller):
    def __init__(self, server: MailServer) -> None:
        self._server = server
        at_once = server.tls if server.tls_at_once else None
        super().__init__(_Handler(server), "127.0.0.1", server.port, ready_timeout=10, ssl_context=at_once)

    def factory(self) -> SMTP:
        server = self._server
        options: dict[str, Any] = {"enable_SMTPUTF8": True, "hostname": "mail.example"}
        if not server.tls_at_once:
            options["tls_context"] = server.tls
        if server.password:
            options |= {"authenticator": self._sign_in, "auth_required": True}
            options["auth_require_tls"] = not server.tls_at_once
        return _Smtp(self.handler, server, **options)

    def _sign_in(self, _server: Any, _session: Any, _envelope: Any, _kind: str, given: LoginPassword) -> AuthResult:
        right = LoginPassword(b"ann", self._server.password.encode())
        return AuthResult(success=given == right, handled=False)


class _Smtp(SMTP):
    def __init__(self, handler: Any, server: MailServer, **options: Any) -> None:
        super().__init__(handler, **options)
        self._server = server

    async def _handle_client(self) -> None:
        self._server.connections += 1
        if self._server.banner_delay:
            await asyncio.sleep(self._server.banner_delay)
        if refusal := self._server.answers.get("connect"):
            self._writer.write(refusal.encode() + b"\r\n")
            await self._writer.drain()
            self.transport.close()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:
        self.enable_SMTPUTF8 = self._server.smtputf8
        await super().smtp_EHLO(hostname)

    async def smtp_DATA(self, arg: str) -> None:
        if self._server.drop_at == "DATA":
            self.transport.close()
        elif refusal := self._server.answers.get("DATA"):
            await self.push(refusal)
        else:
            await super().smtp_DATA(arg)


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_MAIL(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self._server.drop_at == "MAIL":
            server.transport.close()
        answer = self._server.answers.get("MAIL", "250 OK")
        if not answer.startswith("2"):
            return answer
        self._server.senders.append(address)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = self._server.answers.get("RCPT", "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        answer = self._server.answers.get("end", "250 2.0.0 taken")
        if not answer.startswith("2"):
            return answer
        self._server.sources.append(bytes(envelope.original_content or b""))
        self._server.recipients.extend(envelope.rcpt_tos)
        self._server.encrypted.append(session.ssl is not None)
        if self._server.drop_at == "end":
            server.transport.close()
        return answer
