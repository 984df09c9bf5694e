"""The template filters of all pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask

from gnb.blueprints.shared import describe, formatting
from gnb.messages import Message, labels, localize, localize_error, stored_error
from gnb.services.pricing.quotes import is_per_person

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
    "subject": describe.subject,
    "state_label": describe.state_label,
    "state_variant": describe.state_variant,
    "action_label": describe.action_label,
    "role_label": lambda role: describe.label_of(labels.ROLE_LABELS, role),
    "queue_description": lambda queue: str(labels.QUEUE_DESCRIPTIONS.get(queue, "")),
    "category_label": lambda category: describe.label_of(labels.CATEGORY_LABELS, category),
    "passenger_kind_label": lambda kind: describe.label_of(labels.PASSENGER_AGE_LABELS, kind),
    "payment_label": lambda method: describe.label_of(labels.PAYMENT_LABELS, method),
    "booking_status_label": lambda status: describe.label_of(labels.CUSTOMER_STATUS_LABELS, status),
    "booking_status_variant": lambda status: labels.CUSTOMER_STATUS_VARIANTS.get(status, ""),
    "per_person": is_per_person,
}


def register(app: Flask) -> None:
    """Register the filters for every template of the application."""
    app.jinja_env.filters.update(_FILTERS)


def _iso(moment: datetime | None) -> str:
    return formatting.aware(moment).isoformat(timespec="seconds") if moment else ""
