"""The job option `repeat`: adds a schedule and returns its first job."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJobOption, InvalidSchedule
from ..job import Job
from .schedule import Schedule

if TYPE_CHECKING:
    from ..engine import Engine

_KEYS = {"pattern", "tz", "every", "overlap", "catch_up"}


def enqueue_repeated(
    engine: "Engine", queue: str, job_type: str, data: Mapping[str, Any], repeat: Any, options: Mapping[str, Any]
) -> Job:
    """Add a schedule for {"pattern": "0 0 * * *", "tz": "Europe/Istanbul"} or {"every": seconds}; return its next job.

    The schedule is named by `job_id`, else by type, data and timing, so that an equal call adds no second one.
    Raises InvalidJobOption, and what `Schedules.add` raises.
    """
    if not isinstance(repeat, Mapping) or not set(repeat) <= _KEYS:
        raise InvalidJobOption("repeat", value=repr(repeat))
    values = {"cron": repeat.get("pattern"), **{key: repeat[key] for key in _KEYS - {"pattern"} if key in repeat}}
    rest = dict(options)
    name = rest.pop("job_id", None) or _name(queue, job_type, data, values)
    try:
        schedule = Schedule(name=name, type=job_type, data=dict(data), queue=queue, options=rest, **values)
    except InvalidSchedule as error:
        raise InvalidJobOption("repeat_value", what=error.message) from None
    engine.schedules.add(schedule)
    return engine.schedules.next_job(name)


def _name(queue: str, job_type: str, data: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    text = json.dumps([queue, job_type, data, values], sort_keys=True, default=str)
    return f"{job_type}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
