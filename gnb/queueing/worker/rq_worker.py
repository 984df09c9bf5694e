"""The worker that RQ knows.

`Worker` is an RQ worker, so `rq worker --worker-class gnb.queueing.Worker` and `rq worker-pool` start it like any
other; its `work()` is a supervisor with one warm process. `flask jobs worker` gives a supervisor more of them.
"""

from typing import Any, ClassVar

from rq import Queue as RQQueue
from rq import SimpleWorker

from ..engine import Engine
from .process import WorkerProcess
from .supervisor import Supervisor


class Worker(SimpleWorker):
    """An RQ worker over the engine's queues; give it queue names or RQ queues."""

    engine: ClassVar[Engine | None] = None
    """The engine whose queues are served; set by whoever imports the application, such as `gnb.rq_settings`."""

    def __init__(self, queues: Any, name: str | None = None, connection: Any = None, **options: Any):
        engine = self.engine
        if engine is None:
            raise RuntimeError("Worker.engine is not set; start with -c gnb.rq_settings or `flask jobs worker`")
        listed = [queues] if isinstance(queues, (str, RQQueue)) else list(queues)
        wanted = [queue if isinstance(queue, str) else queue.name for queue in listed]
        self._engine = engine
        self.served = [engine.queue(name.partition(":")[0]) for name in dict.fromkeys(wanted)]
        connection = connection if connection is not None else engine.broker.client
        sub_queues = [
            RQQueue(sub_queue, connection=connection, serializer="json")
            for q in self.served
            for sub_queue in q.keys.sub_queues
        ]
        options["serializer"] = "json"
        super().__init__(sub_queues, name=name, connection=connection, **options)
        self._given_name = name

    def work(self, burst: bool = False, *_: Any, max_jobs: int | None = None, **__: Any) -> bool:
        """Runs jobs until told to stop, or with `burst` until there are none. True if any was run."""
        process = WorkerProcess([queue.name for queue in self.served], self._given_name)
        return Supervisor(self._engine, [process], burst=burst, max_jobs=max_jobs).run() > 0
