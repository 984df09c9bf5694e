"""Celery with prefork processes, set up for short jobs as its guide on optimizing says."""

from __future__ import annotations

from celery import Celery

from benchmarks.peers.produce import BROKER_URL, RESULTS_URL, Ways, empty, main

app = Celery("bench", broker=BROKER_URL, backend=RESULTS_URL)
app.conf.update(
    worker_prefetch_multiplier=128,
    worker_disable_rate_limits=True,
    worker_send_task_events=False,
    task_send_sent_event=False,
    broker_connection_retry_on_startup=True,
)
task = app.task(name="empty")(empty)

if __name__ == "__main__":
    main(Ways(one=task.delay))
