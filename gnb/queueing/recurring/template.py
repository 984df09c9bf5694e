"""The classes that rq-scheduler's own tools need for our templates: `rqscheduler -j … -q …`."""

import time
from typing import Any

from rq import Queue as RQQueue
from rq.job import Job as RQJob

from ..options import TEMPLATE_PREFIX


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
