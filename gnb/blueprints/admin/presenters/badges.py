"""The word and the tone of every kind of state that a badge shows."""

from collections.abc import Mapping

from gnb.blueprints.admin.presenters import booking_words, mail_words, words
from gnb.services.bookings.status import WORDS as BOOKING_WORDS

_KINDS: dict[str, tuple[Mapping[str, object], Mapping[str, str]]] = {
    "job": (words.STATE_WORDS, words.STATE_TONES),
    "worker": (words.WORKER_WORDS, words.WORKER_TONES),
    "booking": (BOOKING_WORDS, booking_words.TONES),
    "delivery": (mail_words.DELIVERY_STATES, mail_words.DELIVERY_TONES),
    "campaign": (mail_words.CAMPAIGN_STATES, mail_words.CAMPAIGN_TONES),
    "mailing": (mail_words.MAILING_STATES, mail_words.MAILING_TONES),
}


def state_word(state: str, of: str = "job") -> str:
    """The state in the reader's language."""
    return words.word(_KINDS[of][0], state)


def state_tone(state: str, of: str = "job") -> str:
    """The class of its badge."""
    return _KINDS[of][1].get(state, "")
