"""Who may be written to, and what may stand in a header: nothing that ends a line, nothing endless."""

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from gnb.services.mail.errors import InvalidMessage

_DOMAINS = (
    "com|net|org|info|biz|app|dev|xyz|top|shop|online|site|website|link|links|click|live|club|vip|pro|store|tech|space|fun|"
    "icu|world|today|agency|cloud|page|web|zip|mov"
)
_COUNTRIES = "ai|cc|cn|co|de|es|eu|fr|gg|gl|il|in|io|ir|it|li|ly|me|nl|pl|ru|su|sh|to|tr|tv|ua|uk|us|ws"
# What mail programs make a link of: an address with its scheme, or a name that ends in a domain of the internet.
_LINK = re.compile(
    rf"[a-z][a-z0-9+.-]*:/|\bwww\.|[\w-]{{2,}}\.(?:{_DOMAINS})\b|[\w-]{{3,}}\.(?:{_COUNTRIES})\b|\S@\S", re.IGNORECASE
)

LONGEST_NAME = 100
LONGEST_SUBJECT = 300
_LONGEST_ADDRESS = 254
_BIDI_CONTROLS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def checked_address(address: object) -> str:
    """The address in its normal form. Raises InvalidMessage for one that is none."""
    if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS:
        raise InvalidMessage("the recipient is not an e-mail address")
    try:
        return validate_email(address.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except (EmailNotValidError, UnicodeError):
        raise InvalidMessage("the recipient is not an e-mail address") from None


def wire_address(address: str) -> str:
    """Return the address as SMTP carries it, its domain as IDNA 2008 A-labels; any server takes those."""
    if address.isascii():
        return address
    try:
        parts = validate_email(address, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return address
    return f"{parts.local_part}@{parts.ascii_domain}"


def checked_subject(subject: object) -> str:
    """The subject as it may be sent. Raises InvalidMessage for an empty one, a long one, one of two lines."""
    if not isinstance(subject, str) or not subject.strip():
        raise InvalidMessage("the subject is empty")
    if len(subject) > LONGEST_SUBJECT:
        raise InvalidMessage(f"the subject is longer than {LONGEST_SUBJECT} characters")
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") for character in subject):
        raise InvalidMessage("the subject holds a line break or another control character")
    return one_line(subject, LONGEST_SUBJECT)


def one_line(text: object, limit: int = LONGEST_NAME) -> str:
    """What a person typed as one harmless line: no control characters, no direction overrides, `limit` at most."""
    # A little more than is kept is looked at: a name of a megabyte costs no more than one of a hundred letters.
    start = str(text or "")[: limit * 4]
    if not start.isprintable():
        start = "".join(_visible(character) for character in _BIDI_CONTROLS.sub("", start))
    words = " ".join(start.split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def contains_link(text: str) -> bool:
    """Return whether a mail program may show a part of the text as a link."""
    plain = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
    return _LINK.search("".join(letter for letter in plain if unicodedata.category(letter) != "Cf")) is not None


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category == "Cs" else character
