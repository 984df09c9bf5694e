"""The names of the keys in the broker.

A queue is ten RQ queues, one per priority: its sub-queues. The sub-queue of the default priority has the queue's own
name (`email`), the others are named `email:1` … `email:10`. Each is an ordinary RQ queue with RQ's registries.
Keys that RQ does not have are named `gnb:…`.
"""

import re
from functools import cached_property

JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
TEMPLATE_PREFIX = "schedule-"
"""What the job id of a schedule's template starts with, and no other."""

NEXT = "rq:scheduler:scheduled_jobs"
"""The sorted set of the schedules' templates by their next time."""
PAUSED = 32503680000
"""The score of a paused schedule there, in the year 3000: rq-scheduler cannot read an infinite one."""

PRIORITIES = range(1, 11)

REGISTRIES = {
    "waiting": "rq:queue:",
    "completed": "rq:finished:",
    "failed": "rq:failed:",
    "delayed": "rq:scheduled:",
    "deferred": "rq:deferred:",
    "active": "rq:wip:",
}
"""Where RQ lists the jobs of a state; the sub-queue's name follows."""


class QueueKeys:
    """The names of one queue's keys. Lists of ten are in order of priority, most urgent first."""

    def __init__(self, name: str, default_priority: int):
        self.name = name
        self.default_priority = default_priority
        self.paused = f"gnb:paused:{name}"
        self.limit = f"gnb:limit:{name}"
        self.concurrency = f"gnb:concurrency:{name}"
        self.retention = [f"gnb:retention:{name}:completed", f"gnb:retention:{name}:failed"]
        self.starts = f"gnb:starts:{name}"
        self.wake = f"gnb:wake:{name}"
        self.totals = f"gnb:totals:{name}"
        self.counts = f"gnb:counts:{name}"

    @cached_property
    def sub_queues(self) -> tuple[str, ...]:
        return tuple(self.sub_queue(priority) for priority in PRIORITIES)

    def sub_queue(self, priority: int) -> str:
        return self.name if priority == self.default_priority else f"{self.name}:{priority}"

    def priority(self, sub_queue: str) -> int:
        _, _, number = sub_queue.partition(":")
        return int(number) if number.isdecimal() else self.default_priority

    @cached_property
    def waiting(self) -> list[str]:
        return [f"rq:queue:{sub_queue}" for sub_queue in self.sub_queues]

    @cached_property
    def active(self) -> list[str]:
        return [f"rq:wip:{sub_queue}" for sub_queue in self.sub_queues]

    @cached_property
    def completed(self) -> list[str]:
        return [f"rq:finished:{sub_queue}" for sub_queue in self.sub_queues]

    @cached_property
    def failed(self) -> list[str]:
        return [f"rq:failed:{sub_queue}" for sub_queue in self.sub_queues]

    @cached_property
    def delayed(self) -> list[str]:
        return [f"rq:scheduled:{sub_queue}" for sub_queue in self.sub_queues]

    @cached_property
    def deferred(self) -> list[str]:
        return [f"rq:deferred:{sub_queue}" for sub_queue in self.sub_queues]

    def for_worker(self, name: str) -> list[str]:
        """The keys of the scripts dequeue, finish and release, in their order, for the worker of that name."""
        own = [worker(name), worker_executions(name), self.counts, self.concurrency, *self.retention]
        return [*self.waiting, self.paused, "rq:suspended", self.limit, self.starts, self.wake, *own]

    def history(self, step: str, number: int) -> str:
        """The hash of what was counted in that minute, hour or day since the epoch."""
        return f"gnb:{step}:{self.name}:{number}"


def job(job_id: str) -> str:
    return f"rq:job:{job_id}"


def dependents(job_id: str) -> str:
    """RQ's set of the jobs that wait for this one."""
    return f"rq:job:{job_id}:dependents"


def results(job_id: str) -> str:
    return f"rq:results:{job_id}"


def logs(job_id: str) -> str:
    return f"gnb:logs:{job_id}"


def worker(name: str) -> str:
    return f"rq:worker:{name}"


def worker_executions(name: str) -> str:
    """The set of what the worker runs, as "<job id>:<execution id>".

    RQ's own set, whose members RQ's readers remove while they have no record, gets a member at the first heartbeat.
    """
    return f"gnb:executions:{name}"


def rq_worker_executions(name: str) -> str:
    return f"rq:worker:{name}:executions"


def commands(worker_name: str) -> str:
    """RQ's channel for commands to a worker, such as to stop a job or to shut down."""
    return f"rq:pubsub:{worker_name}"
