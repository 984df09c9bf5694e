"""Describe values in the reader's language: a state, a choice of a form, an action, what a job is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from gnb.blueprints.shared.formatting import escape_control_characters, split_identifier
from gnb.messages.labels import (
    AUDIT_ACTION_LABELS,
    BOOKING_LABELS,
    BOOKING_VARIANTS,
    CAMPAIGN_LABELS,
    CAMPAIGN_VARIANTS,
    DELIVERY_STATE_LABELS,
    DELIVERY_VARIANTS,
    JOB_STATE_LABELS,
    JOB_STATE_VARIANTS,
    MAILING_LABELS,
    MAILING_VARIANTS,
    ROLE_LABELS,
    WORKER_LABELS,
    WORKER_VARIANTS,
)

_FIELD_LABELS = {
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

_CHOICE_LABELS = {**BOOKING_LABELS, **ROLE_LABELS}


_CHOICE_FIELDS = {"status", "payment method", "language", "answer language", "role"}


_LANGUAGE_CODE_LENGTH = 2


_BADGES: dict[str, tuple[Mapping[str, object], Mapping[str, str]]] = {
    "job": (JOB_STATE_LABELS, JOB_STATE_VARIANTS),
    "worker": (WORKER_LABELS, WORKER_VARIANTS),
    "booking": (BOOKING_LABELS, BOOKING_VARIANTS),
    "delivery": (DELIVERY_STATE_LABELS, DELIVERY_VARIANTS),
    "campaign": (CAMPAIGN_LABELS, CAMPAIGN_VARIANTS),
    "mailing": (MAILING_LABELS, MAILING_VARIANTS),
}


SUBJECT_LENGTH = 160

_UNSAID = {"type", "recipient"}
"""Fields of a job's data that say nothing to a reader: its type stands beside it, and `recipient` is a digest."""


_CHANGES = (("from", "to"), ("before", "after"))


def label_of(words: Mapping[str, object], key: object) -> str:
    """Return the word for ``key``, or the key itself when there is none."""
    return str(words.get(str(key), key))


def action_label(action: str) -> str:
    """Return what was done; an action without words of its own says its last part."""
    return str(AUDIT_ACTION_LABELS.get(action, action.rpartition(".")[2].replace("-", " ")))


def choice_label(choice: object) -> str:
    """Return the word for one choice; a language's code becomes its name."""
    text = str(choice)
    if text in _CHOICE_LABELS:
        return str(_CHOICE_LABELS[text])
    if len(text) == _LANGUAGE_CODE_LENGTH and text.islower():
        try:
            return Locale.parse(text).get_display_name(get_locale()) or text
        except (UnknownLocaleError, ValueError):
            return text
    return text.replace("_", " ")


def field_label(label: str) -> str:
    """Return the label of a field in the reader's language, where it has one."""
    return str(_FIELD_LABELS.get(label, label))


def value_label(label: str, value: object) -> str:
    """Return what stands in the field of that label, in the reader's language where it is one of our words."""
    return choice_label(value) if label in _CHOICE_FIELDS else str(value)


def state_label(state: str, of: str = "job") -> str:
    """Return the state in the reader's language."""
    return label_of(_BADGES[of][0], state)


def state_variant(state: str, of: str = "job") -> str:
    """Return the class of the state's badge."""
    return _BADGES[of][1].get(state, "")


def subject(data: dict[str, Any] | None) -> str:
    """Return the job's data as ``status confirmed · from 2026-01-01``; empty when it has none."""
    if not isinstance(data, dict):
        return ""
    parts = (f"{key} {value}".strip() for key, value in _subject_pairs(data) if key not in _UNSAID)
    line = " · ".join(parts)
    return escape_control_characters(line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1] + "…").replace(
        "\n", " "
    )


def _subject_pairs(data: dict[str, Any]) -> list[tuple[str, str]]:
    rest = dict(list(data.items())[:20])
    pairs: list[tuple[str, str]] = []
    for before, after in _CHANGES:
        if before in rest and after in rest:
            pairs.append(("", f"{choice_label(rest.pop(before))} → {choice_label(rest.pop(after))}"))
    for key, value in rest.items():
        name = split_identifier(key)
        if isinstance(value, dict):
            pairs.extend(_subject_pairs(value))
        elif isinstance(value, list):
            words = ", ".join(value_label(name, item) for item in value[:5])
            pairs.append((field_label(name), words + ("…" if len(value) > 5 else "")))
        elif value is True:
            pairs.append((field_label(name), ""))
        elif value not in (None, "") and value is not False:
            pairs.append((field_label(name), value_label(name, value)[:SUBJECT_LENGTH]))
    return pairs
