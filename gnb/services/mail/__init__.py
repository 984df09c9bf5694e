"""Mail, from the row in the ledger to the server's reply.

addresses       valid recipients and header values
recipients      preferences, the unsubscribe link, segments of campaigns
contents        what each kind of message says
message         templates to subject, HTML and text, and those to RFC 5322 bytes
notices         messages to staff: failed jobs and exports that have ended
providers       where mail is sent: the sink, or an SMTP server
ledger          the `deliveries` rows: planned, claimed, finished
outbox          enqueues deliveries after the commit that planned them
sending         one delivery from its row to its outcome
campaigns       the mailing of a campaign
sweep           requeues stale deliveries
reading         lists and messages for the admin pages
"""

from gnb.messages import DomainError


class MailError(DomainError):
    """The base of the errors below."""


class InvalidMessage(MailError, ValueError):
    """An address, a subject or a text that no message can be made of."""

    code = "invalid_message"


class MailRefused(MailError):
    """The server rejected the message permanently; the text is the server's reply."""

    code = "mail_rejected"


class MailUnavailable(MailError):
    """The message was not accepted this time: a later try may succeed. The text is the server's reply or the cause."""

    code = "mail_unavailable"


class AlreadyBeingSent(MailError):
    """Another worker has claimed the delivery; `seconds` is when its claim expires."""

    code = "mail_in_progress"

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds=f"{seconds:.0f}")
        self.seconds = seconds
