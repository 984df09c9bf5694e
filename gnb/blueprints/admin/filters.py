"""The template filters of the admin pages; each is a presenter under a short name."""

from datetime import datetime
from typing import Any

from flask import Blueprint

from gnb.blueprints.admin.presenters import (
    audit_words,
    badges,
    harmless,
    numbers,
    refusals,
    subjects,
    times,
    words,
)


def add_filters(blueprint: Blueprint) -> None:
    """Register the filters for every template of the application."""
    filters: dict[str, Any] = {
        "number": numbers.number,
        "percent": numbers.percent,
        "size": numbers.size,
        "rate": numbers.rate,
        "duration": times.duration,
        "relative": times.relative,
        "since": lambda start, end=None: times.duration(times.elapsed(start, end)),
        "exact": times.exact,
        "short": times.short,
        "iso": _iso,
        "visible": harmless.visible,
        "pretty_json": harmless.pretty_json,
        "subject": subjects.subject,
        "in_words": refusals.in_words,
        "capital": words.capital,
        "state_word": badges.state_word,
        "state_tone": badges.state_tone,
        "role_word": lambda role: words.word(words.ROLE_WORDS, role),
        "queue_words": lambda queue: str(words.QUEUE_WORDS.get(queue, "")),
        "action_word": audit_words.action_word,
        "target_url": audit_words.target_url,
    }
    for name, function in filters.items():
        blueprint.add_app_template_filter(function, name)


def _iso(moment: datetime | None) -> str:
    return times.aware(moment).isoformat(timespec="seconds") if moment else ""
