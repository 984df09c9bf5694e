"""The mail server: reached, spoken to by TLS, signed in to; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator

from gnb.extensions import settings
from gnb.services.doctor.findings import Finding, ok, problem, warning
from gnb.services.mail.errors import MailUnavailable
from gnb.services.mail.providers import Connection, server

_SECONDS_AN_ANSWER = 5.0


def examine() -> Iterator[Finding]:
    """Whether a message could leave at this moment."""
    chosen = settings()
    if chosen.email_provider == "sink":
        if chosen.development:
            yield ok("mail", "kept here, an admin reads it at /admin/emails")
        else:
            yield warning(
                "mail",
                "EMAIL_PROVIDER is sink: every message is kept here and none leaves",
                "Set EMAIL_PROVIDER to smtp, gmail or mailtrap",
            )
        return
    there = server(chosen)
    try:
        Connection(there, _SECONDS_AN_ANSWER).check()
    except MailUnavailable as error:
        yield problem("mail", str(error), f"Check the variables of EMAIL_PROVIDER={chosen.email_provider}")
    else:
        signed_in = f", signed in as {there.user}" if there.user else ", without signing in"
        yield ok("mail", f"{there.host}:{there.port} answers{signed_in}")
