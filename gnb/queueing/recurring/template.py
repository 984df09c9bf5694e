"""Templates as rq-scheduler knows them: classes for `rqscheduler -j … -q …`, a call of its API made a schedule, and the
job option `repeat`, which adds one."""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rq import Queue as RQQueue
from rq.job import Job as RQJob

from ..errors import InvalidJobOption, InvalidSchedule
from ..job import Job
from ..job_types import JobTypes
from ..keys import TEMPLATE_PREFIX
from .schedule import Schedule

if TYPE_CHECKING:
    from ..engine import Engine


class ScheduledJob(RQJob):
    """An RQ job whose data is JSON, such as a schedule's template; the job class to give to rq-scheduler."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None):
        super().__init__(id, connection, serializer or "json")


class ScheduledQueue(RQQueue):
    """An RQ queue that enqueues a copy of a template, so that a run never overwrites the template itself."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **{"serializer": "json", **options})

    def enqueue_job(self, job: RQJob, *args: Any, **options: Any) -> RQJob:
        """Enqueue the job; for a template a copy, named by the schedule and the time."""
        if not job.id.startswith(TEMPLATE_PREFIX):
            return super().enqueue_job(job, *args, **options)
        job.save_meta()  # rq-scheduler has counted `repeat` down in it
        name = f"{job.id.removeprefix(TEMPLATE_PREFIX)}-{time.time_ns()}"
        copy = ScheduledJob(name, connection=self.connection)
        self.connection.copy(job.key, copy.key)
        self.connection.hdel(copy.key, "meta")
        copy.refresh()
        return super().enqueue_job(copy, *args, **options)


def build_schedule(
    types: JobTypes, func: Any, kwargs: Mapping[str, Any] | None, timing: Mapping[str, Any], call: Mapping[str, Any]
) -> Schedule:
    """Return the schedule of a call of `cron` or `schedule`, whose other arguments are `call`.

    Raises InvalidJobOption for what the engine's jobs do not have, UnknownJobType, InvalidSchedule.
    """
    given = dict(call)
    own = {key: given.pop(key) for key in ("tz", "overlap", "catch_up") if key in given}
    options, name, timeout = dict(given.pop("options", {})), given.pop("id", None), given.pop("timeout", None)
    queue_name, kept = given.pop("queue_name", None), given.pop("result_ttl", None)
    if timeout is not None:
        options["timeout"] = timeout
    if kept not in (None, -1):
        options["remove_on_complete"] = {"age": kept}
    if given.pop("at_front", False):
        options["priority"] = 1
    given.pop("description", None)
    if rejected := [key for key, value in given.items() if value]:
        raise InvalidJobOption("schedules_own", name=rejected[0])
    path = func if isinstance(func, str) else getattr(func, "path", None) or f"{func.__module__}.{func.__qualname__}"
    job_type = types.at(path)
    name = (name or f"{job_type.name}-{uuid4().hex[:10]}").removeprefix(TEMPLATE_PREFIX)
    queue, data = (queue_name or job_type.queue).partition(":")[0], dict(kwargs or {})
    return Schedule(name=name, type=job_type.name, data=data, queue=queue, options=options, **timing, **own)


_KEYS = {"pattern", "tz", "every", "overlap", "catch_up"}


def enqueue_repeated(
    engine: "Engine", queue: str, job_type: str, data: Mapping[str, Any], repeat: Any, options: Mapping[str, Any]
) -> Job:
    """Add a schedule for {"pattern": "0 0 * * *", "tz": "Europe/Istanbul"} or {"every": seconds}; return its template.

    The template is a delayed job of the queue, whose time is the next firing's. The schedule is named by `job_id`, else
    by type, data and timing, so that an equal call adds no second one.
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
    return engine.schedules.list_as_job(engine.schedules.add(schedule))


def _name(queue: str, job_type: str, data: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    text = json.dumps([queue, job_type, data, values], sort_keys=True, default=str)
    return f"{job_type}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
