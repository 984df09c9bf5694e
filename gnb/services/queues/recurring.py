"""Recurring jobs: every change is audited and made by the engine, and each timing has a plain-language description.

`actor` is the account that makes the change, None for the command line. Raises what the engine raises: InvalidSchedule
with errors by field, ScheduleNotFound, ScheduleInCode.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from typing import Any

from babel.dates import get_day_names, get_month_names
from cron_descriptor import ExpressionDescriptor, Options
from croniter import croniter
from flask_babel import force_locale, ngettext

from gnb.extensions import engine
from gnb.messages import DomainError, make_message
from gnb.messages.templates import plural
from gnb.models import User
from gnb.queueing import InvalidJobData, InvalidJobOption, InvalidSchedule, Job, Schedule, ScheduleState, UnknownJobType
from gnb.queueing.recurring.cron import Cron, must_match_both_days
from gnb.queueing.recurring.store import Schedules
from gnb.services.audit import Change, audited

ACTIONS: Mapping[str, Callable[[Schedules, str], None]] = {
    "remove": Schedules.remove,
    "pause": Schedules.pause,
    "resume": Schedules.resume,
}
FIELDS = ("type", "data", "cron", "every", "tz", "queue", "overlap", "catch_up", "options")


def add(name: str, values: Mapping[str, Any], actor: User | None = None) -> ScheduleState:
    """Create a schedule. `values` are its fields; a type and either cron or every are required."""
    given = {field: values[field] for field in FIELDS if values.get(field) is not None}
    given.setdefault("queue", queue_of(str(given.get("type", ""))))
    given.setdefault("type", "")
    with _audited(actor, "schedule.add", name, _summary(given)):
        _field_by_field(lambda: engine().schedules.add(Schedule(name=name, **given)))
    return engine().schedules.get(name)


class StaleSchedule(DomainError):
    """The schedule was changed after its editor had read it; `stored` has the values of the fields that differ."""

    code = "stale_schedule"

    def __init__(self, version: str, stored: Mapping[str, Any]) -> None:
        self.version, self.stored = version, stored
        super().__init__()


def version_of(schedule: Schedule) -> str:
    """Return a digest of the schedule's fields: what an editor has read, and sends back with the changes."""
    fields = json.dumps([getattr(schedule, field) for field in FIELDS], sort_keys=True)
    return hashlib.sha256(fields.encode()).hexdigest()[:16]


def edit(name: str, changes: Mapping[str, Any], actor: User | None = None, version: str | None = None) -> ScheduleState:
    """Replace these fields of a schedule.

    Raises:
        StaleSchedule: The schedule no longer has this version.
    """
    schedule = engine().schedules.get(name).schedule if version is not None else None
    if schedule and version != (known := version_of(schedule)):
        stored = {field: getattr(schedule, field) for field in FIELDS if field in changes}
        raise StaleSchedule(known, {field: value for field, value in stored.items() if value != changes[field]})
    given = {field: changes[field] for field in FIELDS if field in changes}
    if given.get("type") and "queue" not in given:
        given["queue"] = queue_of(str(given["type"]))
    with _audited(actor, "schedule.edit", name, _summary(given)):
        _field_by_field(lambda: engine().schedules.edit(name, **given))
    return engine().schedules.get(name)


def preview(values: Mapping[str, Any], count: int = 5) -> list[datetime]:
    """Return the next firings of a schedule with these fields, which is not saved. Raises InvalidSchedule."""
    given = {field: values[field] for field in FIELDS if values.get(field) is not None}
    return list(Schedule(name="preview", **{"type": "", **given}).after(datetime.now(UTC), count))


def change(action: str, name: str, actor: User | None = None) -> None:
    """Remove, pause or resume a schedule; jobs that it has enqueued stay."""
    with _audited(actor, f"schedule.{action}", name):
        ACTIONS[action](engine().schedules, name)


def run(name: str, actor: User | None = None) -> Job:
    """Enqueue the schedule's job now and return it."""
    with _audited(actor, "schedule.run", name) as change:
        job = engine().schedules.run(name)
        change.details["job"] = job.id
    return job


def queue_of(job_type: str) -> str:
    """Return the queue that declares the type, preferring `scheduled`. Raises InvalidSchedule if none does."""
    names = sorted((queue.name for queue in engine().queues), key=lambda name: name != "scheduled")
    found = next((name for name in names if job_type in engine().types(name)), None)
    if found is None:
        types = [known for name in names for known in engine().types(name)]
        raise InvalidSchedule(
            {"type": [make_message("invalid_field.unknown_job_type", value=repr(job_type), choices=types)]}
        )
    return found


def _field_by_field(save: Callable[[], Any]) -> None:
    """Report an error in the schedule's job under the field that caused it."""
    try:
        save()
    except UnknownJobType as error:
        raise InvalidSchedule({"type": [error.message]}) from error
    except InvalidJobData as error:
        raise InvalidSchedule({"data": [error.message]}) from error
    except InvalidJobOption as error:
        raise InvalidSchedule({"options": [error.message]}) from error


def _summary(values: Mapping[str, Any]) -> dict[str, Any]:
    return {field: values[field] for field in ("type", "cron", "every", "tz", "overlap", "catch_up") if field in values}


def _audited(
    actor: User | None, action: str, name: str, details: dict[str, Any] | None = None
) -> AbstractContextManager[Change]:
    return audited(actor, action, f"schedule/{name}", details)


_LOCALES = {"en": "en_US", "tr": "tr_TR"}
_EVERY = {
    86400: plural("Every day", "Every %(num)d days"),
    3600: plural("Every hour", "Every %(num)d hours"),
    60: plural("Every minute", "Every %(num)d minutes"),
    1: plural("Every second", "Every %(num)d seconds"),
}
_FIELD_SIZES = (60, 24, 31, 12, 7)


def describe(schedule: Schedule, language: str) -> str:
    """Describe a schedule's timing, such as `At 02:00, only on Monday (Europe/Istanbul)` or `Every 30 seconds`."""
    language = language if language in _LOCALES else "en"
    if schedule.every:
        return _every(schedule.every, language)
    expression = Cron.parse(str(schedule.cron), schedule.tz).expression
    return f"{describe_cron(expression, language)} ({schedule.tz})"


@cache
def describe_cron(expression: str, language: str) -> str:
    """Describe a valid cron expression."""
    options = Options()
    options.locale_code = _LOCALES[language]
    options.use_24hour_time_format = True
    words = str(ExpressionDescriptor(_without_uneven_steps(expression), options).get_full_description())
    if must_match_both_days(expression):
        words = words.replace(", or on ", ", only on ").replace(", veya ", ", sadece ")
    return _in_turkish(words) if language == "tr" else words


def _without_uneven_steps(expression: str) -> str:
    """Return the expression with lists for steps that do not divide their field: `*/45` fires at minutes 0 and 45."""
    fields = expression.split()
    for place, (text, values) in enumerate(zip(fields, croniter.expand(expression)[0], strict=True)):
        even = text.startswith("*/") and _FIELD_SIZES[place] % int(text[2:] if text[2:].isdigit() else 1) == 0
        if "/" in text and not even:
            fields[place] = ",".join(map(str, values))
    return " ".join(fields)


def _every(seconds: int, language: str) -> str:
    length = next(length for length in _EVERY if seconds % length == 0)
    with force_locale(language):
        return str(ngettext(*_EVERY[length], seconds // length))


def _in_turkish(words: str) -> str:
    """Correct the descriptor's Turkish, which keeps English names of days and months and says "sadece ... için" of
    months."""
    names = _turkish_names()
    words = re.sub("|".join(names), lambda found: names[found[0]], words)
    return re.sub(r"\bsadece ([^,]+) için", r"sadece \1 ayında", words)


@cache
def _turkish_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for get, numbers in ((get_day_names, range(7)), (get_month_names, range(1, 13))):
        english, turkish = get("wide", locale="en"), get("wide", "stand-alone", "tr")
        names |= {str(english[number]): str(turkish[number]).lower() for number in numbers}  # as within a sentence
    return names
