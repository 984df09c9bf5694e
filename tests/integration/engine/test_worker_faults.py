"""What a supervisor does when its processes are killed, cannot be started, or lose their registration."""

import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import redis
from rq.worker import Worker as RQWorker

from gnb.queueing import Engine, Queue
from gnb.queueing.worker.process import WorkerProcess
from gnb.queueing.worker.supervisor import Supervisor
from tests import servers

from .conftest import Workers, make_engine, wait_for
from .test_losing_nothing import active_worker, send

Start = Callable[..., Workers]


def outcomes(queue: Queue, job_id: str) -> list[str]:
    return [attempt.outcome for attempt in queue.attempts(job_id)]


def test_a_process_that_is_killed_while_it_retires_has_stalled(engine: Engine, queue: Queue, start: Start) -> None:
    job = queue.enqueue("kill-worker", {"seconds": 4})
    start(max_memory=1)
    wait_for(lambda: queue.job(job.id).stalls == 1)
    assert outcomes(queue, job.id) == ["stalled"]


def test_a_process_that_is_killed_during_a_shutdown_has_stalled(engine: Engine, queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": 30})
    workers = start(grace=20)
    pid = active_worker(engine)
    workers.signal(signal.SIGTERM)
    time.sleep(0.5)
    send(pid, signal.SIGKILL)
    assert workers.wait(5) == 0
    assert outcomes(queue, job.id) == ["stalled"]


def test_a_kill_that_hits_the_next_job_releases_it(
    engine: Engine, queue: Queue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = queue.enqueue("deaf", {"seconds": 9}, timeout=1)
    second = queue.enqueue("sleep", {"seconds": 2})
    send_signal = WorkerProcess.send

    def send_late(process: WorkerProcess, number: int) -> None:
        """The signal is sent after the first job ended, as by a supervisor that the system did not run for a while."""
        if number == signal.SIGKILL:
            with suppress(AssertionError):
                wait_for(lambda: queue.job(second.id).state == "active", 10)
        send_signal(process, number)

    monkeypatch.setattr(WorkerProcess, "send", send_late)
    start()
    wait_for(lambda: queue.job(second.id).state in ("completed", "failed"), 30)
    assert queue.job(first.id).state == "completed"
    assert outcomes(queue, second.id) == ["completed", "released"]


def test_workers_are_registered_again_after_flushall(engine: Engine, start: Start) -> None:
    start(concurrency=2)
    wait_for(lambda: len(engine.workers()) == 2)
    with redis.Redis.from_url(engine.url) as client:
        client.flushall()
        queue = engine.queue("email")
        for _ in range(4):  # dequeue and finish write to the workers' hashes
            queue.enqueue("noop")
            time.sleep(0.05)
        wait_for(lambda: len(engine.workers()) == 2, 8)
        assert len(RQWorker.all(connection=client)) == 2
        assert all(worker.pid and worker.birth and worker.queues == ("email",) for worker in engine.workers())


def test_the_queue_of_a_worker_is_known_to_rq_before_its_first_job(engine: Engine, start: Start) -> None:
    start()
    wait_for(lambda: engine.workers())
    assert engine.broker.client.smembers("rq:queues") == {b"rq:queue:email"}


@pytest.fixture
def unforkable(broker: servers.Broker) -> Engine:
    """An engine by TCP, for a supervisor that may start no process."""
    return make_engine(broker.tcp_url)


def test_a_supervisor_that_cannot_fork_says_so_and_ends_on_sigterm(
    unforkable: Engine, worker_log: Callable[[], list[str]]
) -> None:
    "localhost".encode("idna")  # loads the codec for host names while the files of root's Python can be read
    pid = os.fork()
    if not pid:
        try:
            unforkable.after_fork()
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
            if os.getuid() == 0:
                os.setresuid(65534, 65534, 65534)  # the limit does not hold for root
            Supervisor(unforkable, [WorkerProcess(["email"])]).run()
        finally:
            os._exit(0)
    try:
        lines = wait_for(lambda: [line for line in worker_log() if "cannot be started" in line])
        assert "Resource temporarily unavailable" in lines[0]
        time.sleep(2)
        assert len([line for line in worker_log() if "cannot be started" in line]) == 1
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 5)
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
