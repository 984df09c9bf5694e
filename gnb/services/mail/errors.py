"""What can go wrong with a message."""

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
