"""The engine: the queues of one broker, the workers on them, and the declared job types.

engine = Engine("redis://localhost:6379", {"email": QueueOptions()})
engine.queue("email").enqueue("send-email", {"deliveryId": 7})
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rq import worker_registration

from .connection import Broker, connect
from .errors import UnknownQueue
from .job_types import JobType, JobTypes, job_types
from .metrics import HISTORY_KEPT, HistoryPoint, QueueStats, histories, queue_stats
from .overview import Counters
from .queue import Queue
from .queue_options import QueueOptions
from .recurring.store import Schedules
from .scripts import ALIVE, COUNTS
from .worker.commands import set_quiet, shut_down
from .worker.registry import WorkerInfo, workers


class Engine:
    """The queues of one broker with their workers and schedules. Connects when first used."""

    def __init__(self, url: str, queues: Mapping[str, QueueOptions], types: JobTypes = job_types, version: str = ""):
        self.url = url
        self.version = version
        """The version of the code that this process runs; its workers register it."""
        self.broker = Broker(url)
        self.job_types = types
        self._queues = {name: Queue(self.broker, name, options, types, self.queue) for name, options in queues.items()}
        self.schedules = Schedules(self)
        self.counters = Counters(self.broker)

    @property
    def queues(self) -> tuple[Queue, ...]:
        return tuple(self._queues.values())

    def queue(self, name: str) -> Queue:
        """Return the queue of that name. Raises UnknownQueue."""
        try:
            return self._queues[name]
        except (KeyError, TypeError):
            raise UnknownQueue(value=repr(name), choices=list(self._queues)) from None

    def types(self, queue: str) -> dict[str, JobType]:
        """The queue's declared job types by name. Raises UnknownQueue."""
        return self.job_types.of(self.queue(queue).name)

    def ping(self) -> None:
        """Return when the broker answers. Raises QueueUnavailable."""
        self.broker.call(self.broker.client.ping)

    def stats(self) -> list[QueueStats]:
        """Each queue's counts, in one round trip. Raises QueueUnavailable."""
        pipeline = self.broker.client.pipeline(transaction=False)
        self.ask_stats(pipeline)
        return self.stats_of(self.broker.call(pipeline.execute))

    def ask_stats(self, pipeline: Any) -> None:
        """Add the commands of `stats` to the pipeline; `stats_of` reads their replies."""
        for queue in self.queues:
            keys = _count_keys(queue)
            pipeline.eval(COUNTS.text, len(keys), *keys, queue.options.limits[0], *HISTORY_KEPT)
            pipeline.eval(ALIVE.text, 1, worker_registration.WORKERS_BY_QUEUE_KEY % queue.name)

    def stats_of(self, answers: Sequence[Any]) -> list[QueueStats]:
        """Each queue's counts, from the answers to what `ask_stats` asked."""
        stats = []
        for queue, counts, alive in zip(self.queues, answers[::2], answers[1::2], strict=True):
            stats.append(queue_stats(queue.name, counts, alive, queue.options))
        return stats

    def histories(self, minutes: int = 60) -> dict[str, list[HistoryPoint]]:
        """Return each queue's history of the last minutes by its name, in one round trip. Raises QueueUnavailable."""
        points = histories(self.broker, [queue.keys for queue in self.queues], minutes)
        return dict(zip(self._queues, points, strict=True))

    def workers(self) -> list[WorkerInfo]:
        """Return every registered worker and what it does, in three round trips. Raises QueueUnavailable."""
        return workers(self.broker)

    def quiet_worker(self, name: str, quiet: bool = True) -> None:
        """Have a worker start no further job, or with False start jobs again. Raises WorkerNotFound."""
        set_quiet(self.broker, name, quiet)

    def shut_down_worker(self, name: str) -> None:
        """Have the `rq worker` command that the worker belongs to end once its jobs have. Raises WorkerNotFound."""
        shut_down(self.broker, name)

    def worker_client(self) -> Any:
        """A client for a worker: patient, and its own."""
        return connect(self.url, patient=True)

    def after_fork(self) -> None:
        """Drop the connections that a parent process opened."""
        self.broker.client.connection_pool.reset()


def _count_keys(queue: Queue) -> list[str]:
    keys = queue.keys
    jobs = keys.waiting + keys.active + keys.completed + keys.failed + keys.delayed
    limits, counted = [keys.limit, keys.concurrency], [keys.totals, keys.counts, keys.starts]
    return [*jobs, *keys.deferred, keys.paused, "rq:suspended", *limits, *counted, *keys.retention]
