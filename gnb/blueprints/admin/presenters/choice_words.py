"""The words of statuses, payment methods, roles and languages in forms, and of the labels above them."""

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from gnb.blueprints.admin.presenters.words import ROLE_WORDS
from gnb.services.bookings.words import WORDS

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
}
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
