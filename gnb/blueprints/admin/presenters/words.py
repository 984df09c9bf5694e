"""The words and tones of states, outcomes, queues and roles."""

from collections.abc import Mapping

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

STATES = ("waiting", "active", "completed", "failed", "delayed")
STATE_TABS = ("active", "waiting", "delayed", "failed", "completed")

STATE_WORDS = {
    "waiting": _l("waiting"),
    "active": _l("active"),
    "completed": _l("completed"),
    "failed": _l("failed"),
    "delayed": _l("delayed"),
    "removed": _l("removed"),
}
STATE_TONES = {"waiting": "", "active": "info", "completed": "ok", "failed": "bad", "delayed": "later"}

OUTCOME_WORDS = {
    "completed": _l("completed"),
    "failed": _l("failed"),
    "retried": _l("failed, tried again"),
    "stopped": _l("stopped"),
    "stalled": _l("stalled: its worker was lost"),
    "released": _l("released: its worker was shutting down"),
}
OUTCOME_TONES = {"completed": "ok", "failed": "bad", "retried": "bad", "stopped": "warn", "stalled": "warn"}

QUEUE_WORDS = {
    "export": _l("Files for the office: bookings, users, revenue"),
    "email": _l("Mail to customers and staff"),
    "ai": _l("Recommendations and delay risk"),
    "scheduled": _l("Recurring work: campaigns, prices, reports"),
}

ROLE_WORDS = {
    "user": _l("customer"),
    "driver": _l("driver"),
    "support": _l("support"),
    "manager": _l("manager"),
    "admin": _l("administrator"),
    "superadmin": _l("chief administrator"),
}

WORKER_WORDS = {"busy": _l("busy"), "idle": _l("idle"), "suspended": _l("suspended"), "started": _l("starting")}
WORKER_TONES = {"busy": "info", "idle": "ok"}


def capital(text: str) -> str:
    """Return the text with a capital letter in front; that of a Turkish i keeps its dot."""
    first = text[:1]
    return ("İ" if first == "i" and str(get_locale()) == "tr" else first.upper()) + text[1:]


def word(words: Mapping[str, object], key: object) -> str:
    """Return the word for ``key``, or the key itself when there is none."""
    return str(words.get(str(key), key))
