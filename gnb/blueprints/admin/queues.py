"""Queues: all of them with their plots, one with its jobs by state, and the actions on them."""

import time
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.alerts import queue_state
from gnb.blueprints.admin.job_search import (
    SEARCH_LENGTH,
    filter_fields,
    page_size,
    request_filters,
    requested_filter,
    search_all,
)
from gnb.blueprints.admin.plots import Plot, queue_plots, queue_spark
from gnb.blueprints.admin.responses import done, redirect_to, rejected
from gnb.blueprints.shared.access import admin_required, caller, signed_in_user
from gnb.blueprints.shared.formatting import counted, parse_int
from gnb.blueprints.shared.pagination import PAGE_SIZE, Pager, page_number
from gnb.queueing import STATES
from gnb.queueing.queue_reader import QueueReader
from gnb.services.queues import actions, reading

JOB_STATE_TABS = ("active", "waiting", "delayed", "deferred", "failed", "completed")
# A point in the plots of a day is a quarter of an hour wide; reading its 1,440 minutes takes longer than all the rest.
KEPT_SECONDS = 300


@blueprint.get("/jobs/<queue_name>")
def queue(queue_name: str) -> ResponseReturnValue:
    """Show the queue's jobs in one state, a page at a time or those that a search and filters find."""
    chosen = reading.queue(queue_name)
    stats = reading.stats(queue_name)
    state = request.args.get("state", "")
    state = state if state in STATES else _first_state(stats)
    wanted = requested_filter(request.args)
    pager, found = Pager(page_number(), getattr(stats, state), page_size()), None
    if wanted.empty:
        jobs = chosen.jobs(state, pager.start, pager.start + pager.size).jobs
    else:
        found = chosen.find(state, wanted, _cursor(), limit=PAGE_SIZE * 2)
        jobs = found.jobs
    hours = 24 if request.args.get("hours") == "24" else 1
    return render_template(
        "admin/queue.html",
        live=found is None,
        stats=stats,
        queue_state=queue_state(stats),
        state=state,
        tab_names=JOB_STATE_TABS,
        query=request.args.get("q", "").strip()[:SEARCH_LENGTH],
        filters=request_filters(request.args),
        filter_fields=filter_fields(queue_name, state),
        jobs=jobs,
        pager=pager,
        found=found,
        on_url=_here(cursor=found.cursor) if found and found.cursor else None,
        hours=hours,
        plots=_plots(chosen, hours),
    )


def _here(**more: Any) -> str:
    """Return the address of this page with other arguments."""
    asked = {**request.args.to_dict(), **more}
    return f"{request.path}?{urlencode(asked)}"


def _plots(chosen: QueueReader, hours: int) -> list[Plot]:
    """Return the plots of the last hour, or those of the last day as they were at most five minutes ago."""
    if hours == 1:
        return queue_plots(chosen.history(minutes=60))
    return _plots_of_a_day(chosen, str(get_locale()), int(time.time() // KEPT_SECONDS))


@lru_cache(maxsize=32)
def _plots_of_a_day(chosen: QueueReader, _locale: str, _at: int) -> list[Plot]:
    return queue_plots(chosen.history(minutes=24 * 60))


def _first_state(stats: object) -> str:
    """Return the state to open with: what runs or waits, else what went wrong, else what is done."""
    return next((state for state in JOB_STATE_TABS if getattr(stats, state)), "waiting")


def _cursor() -> int:
    return max(0, parse_int(request.args.get("cursor", ""), 18) or 0)


@blueprint.get("/jobs")
def queues() -> ResponseReturnValue:
    """Show every queue; with `q` go to the job of that id, or show what a search in all queues finds."""
    wanted = (request.args.get("q") or request.args.get("id", "")).strip()[:SEARCH_LENGTH]
    if wanted and (found := _job_url(wanted)):
        return redirect_to(found)
    all_stats = reading.all_stats()
    return render_template(
        "admin/queues.html",
        live=not wanted,
        wanted=wanted,
        results=search_all(wanted, signed_in_user().role) if wanted else [],
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
@admin_required
def ask_retry_all() -> ResponseReturnValue:
    """Ask whether to retry every failed job, with the number of each queue."""
    failed = {stats.name: stats.failed for stats in reading.all_stats() if stats.failed}
    return render_template(
        "admin/confirm.html",
        title=gettext("Retry all failed jobs?"),
        counts=failed,
        text=gettext("They are requeued with their attempts reset."),
        action=url_for("admin.retry_all"),
        button=gettext("Retry all"),
        back=url_for("admin.overview"),
    )


@blueprint.post("/jobs/retry")
def retry_all() -> ResponseReturnValue:
    """Retry every failed job of every queue."""
    total = sum(actions.retry_all(caller()).values())
    return done(counted("%(count)s failed job requeued.", "%(count)s failed jobs requeued.", total))


AGES = {"0": timedelta(0), "1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}


@blueprint.post("/jobs/<queue_name>/pause")
def pause(queue_name: str) -> ResponseReturnValue:
    """Let no further job start; those that run go on."""
    actions.change_queue("pause", queue_name, caller())
    message = gettext("%(queue)s paused. Active jobs finish; no new jobs start.", queue=queue_name)
    return done(message, undo_url=url_for("admin.resume", queue_name=queue_name))


@blueprint.post("/jobs/<queue_name>/resume")
def resume(queue_name: str) -> ResponseReturnValue:
    """Let jobs start again."""
    actions.change_queue("resume", queue_name, caller())
    message = gettext("%(queue)s resumed.", queue=queue_name)
    return done(message, undo_url=url_for("admin.pause", queue_name=queue_name))


@blueprint.get("/jobs/<queue_name>/limits")
@admin_required
def ask_limits(queue_name: str) -> ResponseReturnValue:
    """Ask how many jobs may start and run at once."""
    back = url_for("admin.queue", queue_name=queue_name)
    return render_template("admin/limits.html", stats=reading.stats(queue_name), back=back)


@blueprint.post("/jobs/<queue_name>/limits")
def set_limits(queue_name: str) -> ResponseReturnValue:
    """Change the limits that were sent; an empty one is the configured one."""
    names = [name for name in ("rate_limit", "concurrency_limit") if name in request.form]
    before = reading.stats(queue_name)
    actions.set_limits(queue_name, {name: request.form[name].strip() or None for name in names}, caller())
    return done(
        gettext("Limits changed."),
        url_for("admin.queue", queue_name=queue_name),
        undo_url=url_for("admin.set_limits", queue_name=queue_name),
        undo_fields={name: getattr(before, name) for name in names},
    )


@blueprint.get("/jobs/<queue_name>/drain")
@admin_required
def ask_drain(queue_name: str) -> ResponseReturnValue:
    """Ask whether to remove all that waits, with the numbers."""
    stats = reading.stats(queue_name)
    return render_template(
        "admin/confirm.html",
        title=gettext("Drain %(queue)s?", queue=queue_name),
        counts={gettext("waiting"): stats.waiting, gettext("delayed"): stats.delayed},
        text=gettext("These jobs are permanently removed and never run. Active jobs are not affected."),
        action=url_for("admin.drain", queue_name=queue_name),
        button=counted("Remove %(count)s job", "Remove %(count)s jobs", stats.waiting + stats.delayed),
        danger=True,
        back=url_for("admin.queue", queue_name=queue_name),
    )


@blueprint.post("/jobs/<queue_name>/drain")
def drain(queue_name: str) -> ResponseReturnValue:
    """Remove every waiting and delayed job."""
    count = actions.change_queue("drain", queue_name, caller())
    message = counted("%(count)s job removed.", "%(count)s jobs removed.", count)
    return done(message, url_for("admin.queue", queue_name=queue_name))


@blueprint.get("/jobs/<queue_name>/clean")
@admin_required
def ask_clean(queue_name: str) -> ResponseReturnValue:
    """Ask which finished jobs to remove."""
    return render_template(
        "admin/clean.html",
        stats=reading.stats(queue_name),
        ages=list(AGES),
        state="failed" if request.args.get("state") == "failed" else "completed",
        back=url_for("admin.queue", queue_name=queue_name),
    )


def _ask_clean_now(queue_name: str, state: str, age: str) -> ResponseReturnValue:
    count = reading.count_ended(queue_name, state, AGES[age])
    return render_template(
        "admin/confirm.html",
        title=counted("Remove %(count)s job?", "Remove %(count)s jobs?", count),
        text=gettext("They are permanently removed with their results, errors and logs."),
        action=url_for("admin.clean", queue_name=queue_name),
        fields={"state": state, "age": age, "confirmed": "yes"},
        button=counted("Remove %(count)s job", "Remove %(count)s jobs", count),
        danger=True,
        back=url_for("admin.queue", queue_name=queue_name, state=state),
    )


@blueprint.post("/jobs/<queue_name>/clean")
def clean(queue_name: str) -> ResponseReturnValue:
    """Remove the finished jobs of one state that are older than asked for."""
    state, age = request.form.get("state"), AGES.get(request.form.get("age", ""))
    if state not in ("completed", "failed") or age is None:
        return rejected(gettext("Choose a state and an age."))
    if "confirmed" not in request.form:
        return _ask_clean_now(queue_name, state, request.form["age"])
    count = actions.clean(queue_name, older_than=age, state=state, actor=caller())
    message = counted("%(count)s job removed.", "%(count)s jobs removed.", count)
    return done(message, url_for("admin.queue", queue_name=queue_name, state=state))
