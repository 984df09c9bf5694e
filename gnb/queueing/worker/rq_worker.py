"""The worker that RQ knows: `rq worker --config gnb.rq_settings --worker-class gnb.queueing.Worker QUEUE`.

Its `work()` runs a supervisor with as many processes for each queue as the settings say. `flask jobs worker` starts the
same class.
"""

import logging
import multiprocessing
from collections.abc import Mapping
from typing import Any, ClassVar

from rq import Queue as RQQueue
from rq import SimpleWorker

from ..engine import Engine
from ..errors import UnsupportedBroker
from .process import WorkerProcess
from .supervisor import Supervisor


class Worker(SimpleWorker):
    """An RQ worker over the engine's queues; give it queue names or RQ queues."""

    engine: ClassVar[Engine | None] = None
    """The engine whose queues are served."""
    concurrency: ClassVar[Mapping[str, int]] = {}
    """Processes for each queue by its name; a queue that is missing gets one."""
    supervision: ClassVar[Mapping[str, Any]] = {}
    """Keyword arguments for the supervisor, such as `grace` and `max_memory`."""

    @classmethod
    def configure(cls, engine: Engine, concurrency: Mapping[str, int], **supervision: Any) -> None:
        """Set what RQ's command line has no options for; called by whatever imports the application."""
        cls.engine, cls.concurrency, cls.supervision = engine, concurrency, supervision

    def __init__(self, queues: Any, name: str | None = None, connection: Any = None, **options: Any):
        engine = self.engine
        if engine is None:
            raise RuntimeError("Worker.engine is not set; start with --config gnb.rq_settings or `flask jobs worker`")
        listed = [queues] if isinstance(queues, (str, RQQueue)) else list(queues)
        wanted = [queue if isinstance(queue, str) else queue.name for queue in listed]
        self._engine = engine
        self.served = [engine.queue(name) for name in dict.fromkeys(name.partition(":")[0] for name in wanted)]
        connection = connection if connection is not None else engine.broker.client
        sub_queues = [
            RQQueue(sub_queue, connection=connection, serializer="json")
            for q in self.served
            for sub_queue in q.keys.sub_queues
        ]
        # RQ's preparation needs the broker; a worker also starts while the broker is unreachable.
        options |= {"serializer": "json", "prepare_for_work": False}
        super().__init__(sub_queues, name=name, connection=connection, **options)
        self._given_name = name

    def work(
        self,
        burst: bool = False,
        logging_level: str | int | None = None,
        *_: Any,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,
        **__: Any,
    ) -> bool:
        """Run jobs until stopped, or with `burst` until none is left.

        Args:
            burst: Return when no job waits.
            logging_level: The root logger's level, a name or a number.
            max_jobs: Jobs after which each process ends.
            max_idle_time: Not supported.
            with_scheduler: Not supported.

        Returns:
            Whether a job was completed.

        Raises:
            SystemExit: An option is not supported, or the broker is too old.
        """
        # RQ's worker-pool sets it for every worker, in processes that it starts.
        if with_scheduler and multiprocessing.parent_process() is None:
            raise SystemExit("--with-scheduler is not supported: every worker enqueues delayed jobs when they are due.")
        if max_idle_time is not None:
            raise SystemExit("--max-idle-time is not supported: use --burst to end when no job is left.")
        if logging_level is not None:
            logging.getLogger().setLevel(logging_level.upper() if isinstance(logging_level, str) else logging_level)
        supervisor = Supervisor(self._engine, self._processes(), burst=burst, max_jobs=max_jobs, **self.supervision)
        try:
            return supervisor.run() > 0
        except UnsupportedBroker as error:
            raise SystemExit(str(error)) from None

    def _processes(self) -> list[WorkerProcess]:
        queues = [queue.name for queue in self.served for _ in range(self.concurrency.get(queue.name, 1))]
        return [WorkerProcess([queue], self._process_name(number)) for number, queue in enumerate(queues, 1)]

    def _process_name(self, number: int) -> str | None:
        """Return the name given to RQ for the first process, and the name with a number for the others."""
        return self._given_name if number == 1 or not self._given_name else f"{self._given_name}.{number}"
