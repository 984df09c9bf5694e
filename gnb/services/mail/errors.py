"""What can go wrong with a message."""


class MailError(Exception):
    """The base of the errors below."""


class InvalidMessage(MailError, ValueError):
    """An address, a subject or a text that no message can be made of."""


class MailRefused(MailError):
    """The server refused the message for good; the text is the server's own words."""


class MailUnavailable(MailError):
    """The message did not get through this time: later it may. The text is the server's words or the network's."""


class AlreadyBeingSent(MailError):
    """Somebody else has the delivery in hand; `seconds` is when their time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"another worker is sending it; it is free in {seconds:.0f} s if that one died")
        self.seconds = seconds
