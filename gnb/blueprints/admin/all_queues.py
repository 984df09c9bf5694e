"""All queues side by side, with their plots, and the actions on all of them at once."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.access import caller
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import done, go
from gnb.blueprints.admin.guard import for_admins
from gnb.blueprints.admin.presenters.history import queue_spark
from gnb.blueprints.admin.presenters.numbers import counted
from gnb.blueprints.admin.presenters.queue_state import queue_state
from gnb.services.queues import actions, reading


@blueprint.get("/jobs")
def queues() -> ResponseReturnValue:
    """Show every queue; with `id` go to the job of that id, wherever it is."""
    wanted = request.args.get("id", "").strip()
    if wanted and (found := _job_url(wanted)):
        return go(found)
    all_stats = reading.all_stats()
    return render_template(
        "admin/queues.html",
        live=True,
        wanted=wanted,
        all_stats=all_stats,
        states={stats.name: queue_state(stats) for stats in all_stats},
        sparks={name: queue_spark(history) for name, history in reading.histories().items()},
        types={name: reading.job_types(name) for name in reading.queue_names()},
    )


def _job_url(job_id: str) -> str | None:
    found = reading.find_job(job_id)
    return url_for("admin.job", queue_name=found.queue, job_id=job_id) if found else None


@blueprint.post("/jobs/pause")
def pause_all() -> ResponseReturnValue:
    """Pause every queue that runs."""
    running = [name for name, changed in actions.pause_all(caller()).items() if changed]
    message = counted("%(count)s queue paused.", "%(count)s queues paused.", len(running))
    undo = url_for("admin.resume_all") if running else None  # without names it would resume those paused before
    return done(message, undo_url=undo, undo_fields={"names": ",".join(running)})


@blueprint.post("/jobs/resume")
def resume_all() -> ResponseReturnValue:
    """Resume every paused queue; with `names` only those, for an undo."""
    only = set(filter(None, request.form.get("names", "").split(",")))
    paused = [stats.name for stats in reading.all_stats() if stats.paused and (not only or stats.name in only)]
    for name in paused:
        actions.change_queue("resume", name, caller())
    return done(counted("%(count)s queue resumed.", "%(count)s queues resumed.", len(paused)))


@blueprint.get("/jobs/retry")
@for_admins
def ask_retry_all() -> ResponseReturnValue:
    """Ask whether to retry every failed job, with the number of each queue."""
    failed = {stats.name: stats.failed for stats in reading.all_stats() if stats.failed}
    return render_template(
        "admin/confirm.html",
        title=gettext("Retry all failed jobs?"),
        counts=failed,
        text=gettext("They go back to wait, with their attempts counted from the start."),
        action=url_for("admin.retry_all"),
        button=gettext("Retry all"),
        back=url_for("admin.overview"),
    )


@blueprint.post("/jobs/retry")
def retry_all() -> ResponseReturnValue:
    """Retry every failed job of every queue."""
    total = sum(actions.retry_all(caller()).values())
    return done(counted("%(count)s failed job waits again.", "%(count)s failed jobs wait again.", total))
