"""The overview with its alerts, the pages of the broker and the workers, and the audit log."""

import re
from functools import partial
from typing import Any

from flask import current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.alerts import overview_alerts, queue_state
from gnb.blueprints.admin.plots import queue_spark
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.shared.access import admin_required, caller
from gnb.blueprints.shared.formatting import counted
from gnb.blueprints.shared.pagination import page_of
from gnb.messages.labels import AUDIT_KIND_LABELS
from gnb.queueing import WorkerNotFound
from gnb.services.audit import AuditFilter
from gnb.services.audit import entries as audit_entries
from gnb.services.doctor.broker import broker_report
from gnb.services.queues import actions, reading


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    """Show the alerts, and a line for each queue."""
    all_stats = reading.all_stats()
    points = reading.histories()
    open_alerts, acknowledged = overview_alerts(all_stats)
    last_hour = [point for history in points.values() for point in history]
    return render_template(
        "admin/overview.html",
        live=True,
        all_stats=all_stats,
        states={stats.name: queue_state(stats) for stats in all_stats},
        sparks={name: queue_spark(history) for name, history in points.items()},
        alerts=open_alerts,
        acknowledged=acknowledged,
        completed=sum(point.completed or 0 for point in last_hour),
        failed=sum(point.failed or 0 for point in last_hour),
    )


@blueprint.get("/broker")
def broker() -> ResponseReturnValue:
    """Show what the broker reports about itself."""
    return render_template("admin/broker.html", live=True, report=broker_report())


@blueprint.get("/workers")
def workers() -> ResponseReturnValue:
    """Show every worker and the queues that have none."""
    found = sorted(reading.workers(), key=lambda worker: (worker.state != "busy", worker.queues, worker.name))
    served = {queue for worker in found for queue in worker.queues}
    names = reading.queue_names()
    return render_template(
        "admin/workers.html",
        live=True,
        workers=found,
        busy=sum(1 for worker in found if worker.job_id),
        version=reading.code_version(),
        others=[worker for worker in found if worker.code_version not in ("", reading.code_version())],
        without=[name for name in names if name not in served],
    )


@blueprint.post("/workers/<path:name>/quiet")
def quiet_worker(name: str) -> ResponseReturnValue:
    """Let a worker finish its job and start no other."""
    actions.change_worker("quiet", name, caller())
    return done(gettext("The worker starts no further job."), undo_url=url_for("admin.resume_worker", name=name))


@blueprint.post("/workers/<path:name>/resume")
def resume_worker(name: str) -> ResponseReturnValue:
    """Let a quiet worker start jobs again."""
    actions.change_worker("resume", name, caller())
    return done(gettext("The worker starts jobs again."), undo_url=url_for("admin.quiet_worker", name=name))


@blueprint.get("/workers/<path:name>/shut-down")
@admin_required
def ask_shut_down(name: str) -> ResponseReturnValue:
    """Ask whether to shut down a worker, with the number of those that share its supervisor."""
    found = reading.workers()
    wanted = next((worker for worker in found if worker.name == name), None)
    if wanted is None:
        raise WorkerNotFound(name=repr(name))
    together = [w for w in found if (w.hostname, w.supervisor) == (wanted.hostname, wanted.supervisor)]
    return render_template(
        "admin/confirm.html",
        title=gettext("Shut down this worker?"),
        quoted=name,
        counts={
            gettext("Worker processes of the same command"): len(together),
            gettext("Active jobs"): sum(1 for worker in together if worker.job_id),
        },
        text=gettext(
            "The command ends with all its worker processes. Active jobs finish; those that take longer than the "
            "shutdown grace are requeued. A service manager may start the command again."
        ),
        action=url_for("admin.shut_down_worker", name=name),
        button=counted("Shut down %(count)s process", "Shut down %(count)s processes", len(together)),
        danger=True,
        back=url_for("admin.workers"),
    )


@blueprint.post("/workers/<path:name>/shut-down")
def shut_down_worker(name: str) -> ResponseReturnValue:
    """Shut down the command that a worker belongs to."""
    actions.change_worker("shut-down", name, caller())
    return done(gettext("Shutting down the worker."), url_for("admin.workers"))


@blueprint.errorhandler(WorkerNotFound)
def worker_gone(_error: WorkerNotFound) -> ResponseReturnValue:
    """Say that the worker has ended."""
    return rejected(gettext("The worker no longer exists."), url_for("admin.workers"))


PAGE_SIZE = 50


@blueprint.get("/audit")
def audit() -> ResponseReturnValue:
    """Show the changes, newest first; `action` may be the beginning of an action, `target` is a whole target."""
    wanted = AuditFilter(
        action=request.args.get("action", "")[:60] or None,
        target=request.args.get("target", "").strip()[:200] or None,
    )
    entries, pager = page_of(partial(audit_entries, wanted), PAGE_SIZE)
    return render_template("admin/audit.html", entries=entries, pager=pager, wanted=wanted, kinds=AUDIT_KIND_LABELS)


_AUDIT_PAGES = {
    "booking": ("admin.booking", "booking_id"),
    "campaign": ("admin.campaign", "campaign_id"),
    "delivery": ("admin.email", "delivery_id"),
    "user": ("admin.user", "user_id"),
}

# An export's own id is a UUID with its dashes, a job's has none: `export/<id>` may be either.
_EXPORT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@blueprint.app_template_filter()
def target_url(target: str) -> str | None:
    """Return the page of `email/4711` or `email`; None for what has no page."""
    engine = current_app.extensions.get("engine")
    queue, _, job = target.partition("/")
    if queue == "export" and _EXPORT_ID.fullmatch(job):
        return url_for("admin.exports", _anchor=f"export-{job}")
    if queue in _AUDIT_PAGES and job.isdecimal():
        endpoint, name = _AUDIT_PAGES[queue]
        values: dict[str, Any] = {name: int(job)}
        return url_for(endpoint, **values)
    if queue == "tour" and job.isdecimal():
        return url_for("admin.tours", _anchor=f"tour-{job}")
    if queue == "schedule" and job:
        return url_for("admin.schedule", name=job)
    if engine is None or queue not in {each.name for each in engine.queues}:
        return None
    return url_for("admin.job", queue_name=queue, job_id=job) if job else url_for("admin.queue", queue_name=queue)
