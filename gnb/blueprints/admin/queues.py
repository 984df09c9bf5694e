"""Queues: all of them with their plots, one with its jobs by state, and the actions on them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, format_datetime, get_locale, gettext
from flask_babel import lazy_gettext as _l

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.alerts import queue_state
from gnb.blueprints.admin.explanations import queue_settings
from gnb.blueprints.admin.job_search import (
    SEARCH_LENGTH,
    filter_counts,
    filter_fields,
    page_size,
    request_filters,
    requested_filter,
    requested_sort,
    search_all,
    sort_url,
)
from gnb.blueprints.admin.plots import Plot, queue_plots, queue_spark
from gnb.blueprints.admin.responses import done, redirect_to
from gnb.blueprints.shared.access import admin_required, caller, signed_in_user
from gnb.blueprints.shared.formatting import counted, parse_int
from gnb.blueprints.shared.pagination import PAGE_SIZE, Pager, page_number
from gnb.messages import localize
from gnb.queueing import STATES, InvalidJobOption
from gnb.queueing.queue_options import LIMITS
from gnb.queueing.queue_reader import QueueReader
from gnb.services.queues import actions, reading

JOB_STATE_TABS = ("active", "waiting", "delayed", "deferred", "failed", "completed")
# Reading the 1,440 minutes of a day takes longer than all the rest, and a point of the longer plots stands for more.
KEPT_SECONDS = 300


@blueprint.get("/jobs/<queue_name>")
def queue(queue_name: str) -> ResponseReturnValue:
    """Show the queue's jobs in one state, a page at a time or those that a search and filters find."""
    return _queue_page(queue_name, {})


def _queue_page(queue_name: str, wrong: Mapping[str, tuple[str, str]]) -> str:
    """Return the queue's page; `wrong`: what was typed for a setting that was rejected, and why, by its name."""
    chosen = reading.queue(queue_name)
    stats = reading.stats(queue_name)
    state = request.args.get("state", "")
    state = state if state in STATES else _first_state(stats)
    wanted, sort = requested_filter(request.args), requested_sort()
    pager, found = Pager(page_number(), getattr(stats, state), page_size()), None
    if sort:
        found = chosen.find(state, wanted, limit=pager.size, sort=sort, start=pager.start)
        pager, jobs = replace(pager, total=len(found.ids)), found.jobs
    elif wanted.empty:
        jobs = chosen.jobs(state, pager.start, pager.start + pager.size).jobs
    else:
        found = chosen.find(state, wanted, _cursor(), limit=PAGE_SIZE * 2)
        jobs = found.jobs
    total = getattr(stats, state)
    counts = filter_counts(chosen, state, total)
    span = request.args.get("range", "")
    span = span if span in RANGES else "hour"
    return render_template(
        "admin/queue.html",
        live=found is None and not wrong,
        stats=stats,
        queue_state=queue_state(stats),
        state=state,
        tab_names=JOB_STATE_TABS,
        query=request.args.get("q", "").strip()[:SEARCH_LENGTH],
        filters=request_filters(request.args),
        filter_fields=filter_fields(chosen, state, counts),
        counts=counts,
        counts_url=_here(counts=1) if counts is None and "counts" not in request.args else None,
        total=total,
        sort=sort,
        sort_url=sort_url,
        jobs=jobs,
        pager=pager,
        found=found,
        on_url=_here(cursor=found.cursor) if found and found.cursor and not sort else None,
        span=span,
        spans=[(name, each.label, _here(range=name)) for name, each in RANGES.items()],
        plots=_plots(chosen, span),
        figures_url=None if "figures" in request.args else _here(figures=1) + "#plots-title",
        settings=queue_settings(stats, chosen.options, wrong),
        **(
            {"here": url_for("admin.queue", queue_name=queue_name)} if wrong else {}
        ),  # a form's own address has no page
    )


def _here(**more: Any) -> str:
    """Return the address of this page with other arguments."""
    asked = {**request.args.to_dict(), **more}
    return f"{request.path}?{urlencode(asked)}"


@dataclass(frozen=True)
class Range:
    """A range of the plots: the number of history steps, and the format of a point's time."""

    label: LazyString
    step: str
    count: int
    pattern: str = "HH:mm"


RANGES = {
    "hour": Range(_l("Last hour"), "minute", 60),
    "day": Range(_l("24 hours"), "minute", 24 * 60),
    "week": Range(_l("7 days"), "hour", 7 * 24, "EEE d, HH:mm"),
    "quarter": Range(_l("90 days"), "day", 90, "d MMM"),
}


def _plots(chosen: QueueReader, name: str) -> list[Plot]:
    """Return the plots of the last hour, or those of a longer time as they were at most five minutes ago."""
    page = url_for("admin.queue", queue_name=chosen.name)
    at = 0 if name == "hour" else int(time.time() // KEPT_SECONDS)
    draw = _drawn.__wrapped__ if name == "hour" else _drawn
    return draw(chosen, name, page, str(get_locale()), at)


@lru_cache(maxsize=32)
def _drawn(chosen: QueueReader, name: str, page: str, _locale: str, _at: int) -> list[Plot]:
    wanted = RANGES[name]
    points = chosen.history(wanted.count, wanted.step)
    return queue_plots(points, page, lambda moment: str(format_datetime(moment, wanted.pattern)))


def _first_state(stats: object) -> str:
    """Return the first state of the tabs that has jobs; `waiting` if none has."""
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


@blueprint.post("/jobs/<queue_name>/pause")
def pause(queue_name: str) -> ResponseReturnValue:
    """Pause the queue: no further job starts, active ones finish."""
    actions.change_queue("pause", queue_name, caller())
    message = gettext("%(queue)s paused. Active jobs finish; no new jobs start.", queue=queue_name)
    return done(message, undo_url=url_for("admin.resume", queue_name=queue_name))


@blueprint.post("/jobs/<queue_name>/resume")
def resume(queue_name: str) -> ResponseReturnValue:
    """Resume the queue."""
    actions.change_queue("resume", queue_name, caller())
    message = gettext("%(queue)s resumed.", queue=queue_name)
    return done(message, undo_url=url_for("admin.pause", queue_name=queue_name))


@blueprint.get("/jobs/<queue_name>/limits")
def limits(queue_name: str) -> ResponseReturnValue:
    """Redirect to the part of the queue's page that shows and changes its limits."""
    return redirect_to(url_for("admin.queue", queue_name=reading.queue(queue_name).name, _anchor="settings"))


def _error_of(name: str, text: str) -> str:
    try:
        LIMITS[name](text) if text else None
    except InvalidJobOption as error:
        return localize(error)
    return ""


@blueprint.post("/jobs/<queue_name>/limits")
def set_limits(queue_name: str) -> ResponseReturnValue:
    """Change the limits and retention that were sent; an empty one, or all with `reset`, is the configured one."""
    names, before = [name for name in LIMITS if name in request.form], reading.stats(queue_name)
    typed = {name: "" if "reset" in request.form else request.form[name].strip()[:100] for name in names}
    wrong = {name: (text, error) for name, text in typed.items() if (error := _error_of(name, text))}
    if wrong:
        return _queue_page(queue_name, wrong), 422
    actions.set_limits(queue_name, {name: text or None for name, text in typed.items()}, caller())
    return done(
        gettext("%(queue)s: settings changed.", queue=queue_name),
        url_for("admin.queue", queue_name=queue_name),
        undo_url=url_for("admin.set_limits", queue_name=queue_name),
        undo_fields={name: str(getattr(before, name)) if name in before.set_at_run_time else "" for name in names},
    )
