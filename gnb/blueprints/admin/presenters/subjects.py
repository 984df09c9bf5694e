"""What a job is about, or a change, in one line of words."""

import re
from typing import Any

from gnb.blueprints.admin.presenters.choice_words import choice_word, label_word, value_word
from gnb.blueprints.admin.presenters.harmless import visible

SUBJECT_LENGTH = 160
_CHANGES = (("from", "to"), ("before", "after"))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def subject(data: dict[str, Any] | None) -> str:
    """Return the job's data as ``status confirmed · from 2026-01-01``; empty when it has none."""
    if not isinstance(data, dict):
        return ""
    parts = (f"{key} {value}".strip() for key, value in _pairs(data) if key != "type")
    line = " · ".join(parts)
    return visible(line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1] + "…").replace("\n", " ")


def humanise(name: str) -> str:
    """Return an identifier as words: ``startDate`` and ``start_date`` are both ``start date``."""
    return _CAMEL.sub(" ", name).replace("_", " ").replace("-", " ").lower().strip()


def _pairs(data: dict[str, Any]) -> list[tuple[str, str]]:
    rest = dict(list(data.items())[:20])
    pairs: list[tuple[str, str]] = []
    for before, after in _CHANGES:
        if before in rest and after in rest:
            pairs.append(("", f"{choice_word(rest.pop(before))} → {choice_word(rest.pop(after))}"))
    for key, value in rest.items():
        name = humanise(key)
        if isinstance(value, dict):
            pairs.extend(_pairs(value))
        elif isinstance(value, list):
            words = ", ".join(value_word(name, item) for item in value[:5])
            pairs.append((label_word(name), words + ("…" if len(value) > 5 else "")))
        elif value is True:
            pairs.append((label_word(name), ""))
        elif value not in (None, "") and value is not False:
            pairs.append((label_word(name), value_word(name, value)[:SUBJECT_LENGTH]))
    return pairs
