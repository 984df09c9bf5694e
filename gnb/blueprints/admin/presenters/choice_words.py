"""The words of statuses, payment methods, roles and languages, and of the names of the data that holds them."""

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from gnb.blueprints.admin.presenters.words import ROLE_WORDS
from gnb.services.bookings.status import WORDS

_WORDS = {**WORDS, **ROLE_WORDS}
_LABELS = {
    "start date": _l("from"),
    "end date": _l("to"),
    "tour": _l("tour"),
    "payment method": _l("payment method"),
    "currency": _l("currency"),
    "status": _l("status"),
    "language": _l("language"),
    "role": _l("role"),
    "origin": _l("origin"),
    "destination": _l("destination"),
    "scheduled time": _l("scheduled time"),
    "user id": _l("number of the account"),
    "limit": _l("how many at most"),
    "answer language": _l("language of the answer"),
    "delivery id": _l("delivery"),
    "booking id": _l("booking"),
    "campaign id": _l("campaign"),
    "export id": _l("export"),
    "to": _l("recipient"),
    "subject": _l("subject"),
    "text": _l("text"),
    "html": "HTML",
    "week": _l("week"),
    "dry run": _l("dry run"),
    "state": _l("state"),
    "job": _l("job"),
    "tz": _l("time zone"),
    "changed": _l("changed"),
    # Of what a recommendation's score is made
    "similar": _l("similar customers"),
    "season": _l("season"),
    "place": _l("place"),
    "kind": _l("kind"),
    "price": _l("price"),
}
_CHOSEN = {"status", "payment method", "language", "answer language", "role"}
_LANGUAGE_CODE_LENGTH = 2


def choice_word(choice: object) -> str:
    """Return the word for one choice; a language's code becomes its name."""
    text = str(choice)
    if text in _WORDS:
        return str(_WORDS[text])
    if len(text) == _LANGUAGE_CODE_LENGTH and text.islower():
        try:
            return Locale.parse(text).get_display_name(get_locale()) or text
        except (UnknownLocaleError, ValueError):
            return text
    return text.replace("_", " ")


def label_word(label: str) -> str:
    """Return the label of a field in the reader's language, where it has one."""
    return str(_LABELS.get(label, label))


def value_word(label: str, value: object) -> str:
    """Return what stands in the field of that label, in the reader's language where it is one of our words."""
    return choice_word(value) if label in _CHOSEN else str(value)
