"""The one word that says how a queue is."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

# A queue whose next job has waited this long while a worker is free is not moving.
STALLED_AFTER_SECONDS = 300


@dataclass(frozen=True)
class QueueState:
    """A word with its tone."""

    word: str
    tone: str


def queue_state(stats: Any) -> QueueState:
    """Return the state of a queue from its statistics."""
    if stats.paused:
        return QueueState(gettext("paused"), "warn")
    if not stats.workers:
        return QueueState(gettext("no workers"), "bad")
    if stalled(stats):
        return QueueState(gettext("stalled"), "bad")
    if stats.active:
        return QueueState(gettext("working"), "info")
    return QueueState(gettext("ready"), "ok")


def stalled(stats: Any) -> bool:
    """Return whether jobs wait for long although nothing is being worked on."""
    waited = stats.oldest_waiting_seconds or 0
    return bool(stats.waiting and not stats.active and waited > STALLED_AFTER_SECONDS)
