"""Jobs, queues and workers as tables."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gnb.cli.output import ago, cell, console, exact, print_json, printable, span, table
from gnb.queueing import Job, QueueStats, RelatedJob, WorkerInfo
from gnb.services.queues import reading
from gnb.services.queues.schemas import QueueStatsSchema

_LONGEST_DATA = 60
_HEADINGS = (
    "QUEUE",
    "STATE",
    ">WAITING",
    ">ACTIVE",
    ">COMPLETED",
    ">FAILED",
    ">DELAYED",
    ">DEFERRED",
    ">OLDEST",
    ">WORKERS",
    "LIMIT",
)
_WHEN = {
    "waiting": ("SINCE", lambda job: ago(job.enqueued_at)),
    "active": ("STARTED", lambda job: ago(job.started_at)),
    "completed": ("ENDED", lambda job: ago(job.finished_at)),
    "failed": ("ENDED", lambda job: ago(job.finished_at)),
    "delayed": ("DUE", lambda job: ago(job.run_at)),
    "deferred": ("MADE", lambda job: ago(job.created_at)),
}


def print_stats(as_json: bool) -> None:
    """Print the counts of every queue once."""
    found = reading.all_stats()
    print_json(QueueStatsSchema(many=True).dump(found)) if as_json else console().print(stats_table(found))


def watch_stats(interval: float, as_json: bool) -> None:
    """Print the counts of every queue repeatedly until Ctrl-C."""
    try:
        if as_json or not sys.stdout.isatty():
            _repeat(interval, as_json)
        with Live(stats_table(reading.all_stats()), console=console(), auto_refresh=False, screen=False) as live:
            while True:
                time.sleep(interval)
                live.update(stats_table(reading.all_stats()), refresh=True)
    except KeyboardInterrupt:
        return


def _repeat(interval: float, as_json: bool) -> None:
    while True:
        found = reading.all_stats()
        if as_json:
            click.echo(json.dumps(QueueStatsSchema(many=True).dump(found)))
        else:
            console().print(stats_table(found))
        sys.stdout.flush()
        time.sleep(interval)


def _queue_state(stats: QueueStats) -> str:
    if stats.suspended:
        return "suspended"
    return "paused" if stats.paused else "running" if stats.workers else "no workers"


def stats_table(found: list[QueueStats]) -> Table:
    """Return a table with one row per queue."""
    return table(
        _HEADINGS,
        (
            (
                stats.name,
                _queue_state(stats),
                stats.waiting,
                stats.active,
                stats.completed,
                stats.failed,
                stats.delayed,
                stats.deferred,
                span(stats.oldest_waiting_seconds),
                f"{stats.busy}/{stats.workers}",
                stats.rate_limit,
            )
            for stats in found
        ),
    )


def print_page(page: dict[str, Any]) -> None:
    """Print a table with one row per job."""
    heading, when = _WHEN[page["state"]]
    rows = (
        (job.id, job.name, _about(job), job.priority, f"{job.attempts_made}/{job.attempts_limit}", when(job))
        for job in page["jobs"]
    )
    console().print(table(("ID", "TYPE", "ABOUT", ">PRIORITY", ">ATTEMPTS", heading), rows))
    if sys.stdout.isatty():
        console().print(f"{page['count']:,} of {page['total']:,} {page['state']}", style="dim")


def _about(job: Job) -> str:
    """Return what identifies the job: its error if it failed, its progress while it runs, else its data."""
    if job.state == "failed" and job.failed_reason:
        return _short(job.failed_reason)
    if job.state == "active":
        return _short(f"{job.progress['percent']:.0f}% {job.progress['message']}")
    data = {name: value for name, value in job.data.items() if name != "type"}
    return _short(json.dumps(data, ensure_ascii=False)) if data else ""


def _short(text: str) -> str:
    line = printable(text)
    return line if len(line) <= _LONGEST_DATA else line[: _LONGEST_DATA - 1] + "…"


def print_job(job: dict[str, Any]) -> None:
    """Print a job line by line, then its attempts, the newest error and its logs."""
    facts = {
        "id": job["id"],
        "queue": job["queue"],
        "type": job["name"],
        "state": job["state"],
        "priority": job["priority"],
        "attempts": f"{job['attempts_made']} of {job['attempts_limit']}",
        "progress": f"{job['progress']['percent']:.0f}% {job['progress']['message']}".strip(),
        "made": exact(job["created_at"]),
        "started": exact(job["started_at"]),
        "ended": exact(job["finished_at"]),
        "due": exact(job["run_at"]),
        "worker": job["worker"],
        "depends on": _related(job["parents"]),
        "dependents": _related(job["dependents"]),
        "data": json.dumps(job["data"], ensure_ascii=False),
        "options": json.dumps(job["opts"], ensure_ascii=False),
        "result": None if job["return_value"] is None else json.dumps(job["return_value"], ensure_ascii=False),
        "error": job["failed_reason"],
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value not in (None, ""):
            grid.add_row(f"[bold]{name}[/]", cell(value))
    console().print(Group(grid, *_attempts(job), *_text("newest error", job["stacktrace"][:1])))
    console().print(Group(*_text("log", job["logs"])))


def _related(jobs: list[RelatedJob]) -> str:
    """Return ids and states, such as `export/4711 (completed)`, ten at most."""
    more = [f"and {len(jobs) - 10} more"] if len(jobs) > 10 else []
    return ", ".join([f"{job.queue or '?'}/{job.id} ({job.state})" for job in jobs[:10]] + more)


def _attempts(job: dict[str, Any]) -> list[Any]:
    if not job["attempts"]:
        return []
    rows = (
        (attempt.number, attempt.outcome, exact(attempt.started_at), _took(attempt), attempt.worker)
        for attempt in job["attempts"]
    )
    return [Text(), table((">ATTEMPT", "OUTCOME", "STARTED", ">TOOK", "WORKER"), rows)]


def _took(attempt: Any) -> str:
    if not attempt.started_at or not attempt.ended_at:
        return ""
    return span((attempt.ended_at - attempt.started_at).total_seconds())


def _text(title: str, paragraphs: list[str] | tuple[str, ...]) -> list[Any]:
    if not paragraphs:
        return []
    lines = [printable(line) for paragraph in paragraphs for line in paragraph.splitlines()]
    return [Text(), Text(title, style="bold"), *(Text(line) for line in lines)]


def print_workers(found: list[WorkerInfo]) -> None:
    """Print a table with one row per worker."""
    rows = (
        (
            worker.name,
            ",".join(worker.queues),
            "busy, quiet" if worker.quiet and worker.state != "quiet" else worker.state,
            f"{worker.job_queue}/{worker.job_id}" if worker.job_id else "",
            ago(worker.job_since),
            worker.completed,
            worker.failed,
            "" if worker.jobs_per_minute is None else f"{worker.jobs_per_minute:.1f}",
            f"{worker.memory_bytes / 1048576:.0f} MB" if worker.memory_bytes else "",
            worker.code_version,
            ago(worker.birth),
            ago(worker.heartbeat),
        )
        for worker in found
    )
    headings = (
        "WORKER", "QUEUES", "STATE", "JOB", "SINCE", ">DONE", ">FAILED", ">A MINUTE", ">MEMORY", "CODE",
        "STARTED", "SEEN",
    )  # fmt: skip
    console().print(table(headings, rows))
