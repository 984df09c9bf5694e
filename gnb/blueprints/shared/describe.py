"""Describe values in the reader's language: a state, a choice of a form, an action, what a job is about.

`register` makes these and the formats the filters of all templates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from flask import Flask
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from gnb.blueprints.shared import formatting
from gnb.blueprints.shared.formatting import escape_control_characters, split_identifier
from gnb.messages import Message, labels, localize, localize_error, stored_error
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
from gnb.services.pricing.quotes import is_per_person

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


_FILTERS: dict[str, Callable[..., Any]] = {
    "number": formatting.number,
    "percent": formatting.percent,
    "size": formatting.size,
    "rate": formatting.rate,
    "clock": formatting.clock,
    "duration": formatting.duration,
    "relative": formatting.relative,
    "since": lambda start, end=None: formatting.duration(formatting.elapsed(start, end)),
    "exact": formatting.exact,
    "short": formatting.short,
    "iso": lambda moment: _iso(moment),
    "money": formatting.money,
    "day_name": formatting.day_name,
    "local_day": formatting.local_day,
    "local_time": formatting.local_time,
    "escape_control_characters": formatting.escape_control_characters,
    "pretty_json": formatting.pretty_json,
    "capital": formatting.capital,
    "localize": localize,
    "error_text": localize_error,
    "stored_error": stored_error,
    "note": lambda answer: Message.restore(answer["note"], answer.get("noteCode"), answer.get("noteParams")),
    "subject": subject,
    "state_label": state_label,
    "state_variant": state_variant,
    "action_label": action_label,
    "role_label": lambda role: label_of(labels.ROLE_LABELS, role),
    "queue_description": lambda queue: str(labels.QUEUE_DESCRIPTIONS.get(queue, "")),
    "category_label": lambda category: label_of(labels.CATEGORY_LABELS, category),
    "passenger_kind_label": lambda kind: label_of(labels.PASSENGER_AGE_LABELS, kind),
    "payment_label": lambda method: label_of(labels.PAYMENT_LABELS, method),
    "booking_status_label": lambda status: label_of(labels.CUSTOMER_STATUS_LABELS, status),
    "booking_status_variant": lambda status: labels.CUSTOMER_STATUS_VARIANTS.get(status, ""),
    "per_person": is_per_person,
}


def register(app: Flask) -> None:
    """Register the filters for every template of the application."""
    app.jinja_env.filters.update(_FILTERS)


def _iso(moment: datetime | None) -> str:
    return formatting.aware(moment).isoformat(timespec="seconds") if moment else ""
