"""Where everything lies in the broker.

A queue is a family of RQ queues, one a priority. The band of the queue's default priority has the queue's own name
(`email`), the others have the priority behind it (`email:1` … `email:10`), so each band is an ordinary RQ queue with
ordinary RQ registries. What RQ has no key for lies under `gnb:`.
"""

from functools import cached_property

PRIORITIES = range(1, 11)


class QueueKeys:
    """The names of one queue's keys. Lists of ten are in order of priority, most urgent first."""

    def __init__(self, name: str, default_priority: int):
        self.name = name
        self.default_priority = default_priority
        self.paused = f"gnb:paused:{name}"
        self.limit = f"gnb:limit:{name}"
        self.starts = f"gnb:starts:{name}"
        self.wake = f"gnb:wake:{name}"
        self.totals = f"gnb:totals:{name}"
        self.counts = f"gnb:counts:{name}"

    @cached_property
    def bands(self) -> tuple[str, ...]:
        return tuple(self.band(priority) for priority in PRIORITIES)

    def band(self, priority: int) -> str:
        return self.name if priority == self.default_priority else f"{self.name}:{priority}"

    def priority(self, band: str) -> int:
        _, _, number = band.partition(":")
        return int(number) if number else self.default_priority

    @cached_property
    def waiting(self) -> list[str]:
        return [f"rq:queue:{band}" for band in self.bands]

    @cached_property
    def active(self) -> list[str]:
        return [f"rq:wip:{band}" for band in self.bands]

    @cached_property
    def completed(self) -> list[str]:
        return [f"rq:finished:{band}" for band in self.bands]

    @cached_property
    def failed(self) -> list[str]:
        return [f"rq:failed:{band}" for band in self.bands]

    @cached_property
    def delayed(self) -> list[str]:
        return [f"rq:scheduled:{band}" for band in self.bands]

    def for_worker(self, name: str) -> list[str]:
        """The keys of the take and settle scripts, in their order, for the worker of that name."""
        own = [worker(name), worker_executions(name), self.counts]
        return [*self.waiting, self.paused, "rq:suspended", self.limit, self.starts, self.wake, *own]

    def minute(self, minute: int) -> str:
        """The hash of what was counted in that minute since the epoch."""
        return f"gnb:minute:{self.name}:{minute}"


def job(job_id: str) -> str:
    return f"rq:job:{job_id}"


def results(job_id: str) -> str:
    return f"rq:results:{job_id}"


def logs(job_id: str) -> str:
    return f"gnb:logs:{job_id}"


def worker(name: str) -> str:
    return f"rq:worker:{name}"


def worker_executions(name: str) -> str:
    return f"rq:worker:{name}:executions"


def commands(worker_name: str) -> str:
    """RQ's channel on which a worker is told to stop a job or to shut down."""
    return f"rq:pubsub:{worker_name}"
