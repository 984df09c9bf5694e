"""The page of one queue: its figures, its plots, and its jobs by state."""

import time
from functools import lru_cache

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.presenters.history import queue_plots
from gnb.blueprints.admin.presenters.pages import PAGE_SIZE, Pager, page_number
from gnb.blueprints.admin.presenters.plots import Plot
from gnb.blueprints.admin.presenters.queue_state import queue_state
from gnb.blueprints.admin.presenters.words import STATE_TABS, STATES
from gnb.blueprints.typed import whole
from gnb.queueing.queue_reader import QueueReader
from gnb.services.queues import reading

SEARCH_LENGTH = 200
# A point in the plots of a day is a quarter of an hour wide; reading its 1,440 minutes takes longer than all the rest.
KEPT_SECONDS = 300


@blueprint.get("/jobs/<queue_name>")
def queue(queue_name: str) -> ResponseReturnValue:
    """Show the queue's jobs in one state, a page at a time or those that match a search."""
    chosen = reading.queue(queue_name)
    stats = reading.stats(queue_name)
    state = request.args.get("state", "")
    state = state if state in STATES else _first_state(stats)
    query = request.args.get("q", "").strip()[:SEARCH_LENGTH]
    pager, cursor = Pager(page_number(), getattr(stats, state)), None
    if query:
        found = chosen.search(state, query, cursor=_cursor(), limit=PAGE_SIZE * 2)
        jobs, cursor = found.jobs, found.cursor
    else:
        jobs = chosen.jobs(state, pager.start, pager.start + pager.size).jobs
    hours = 24 if request.args.get("hours") == "24" else 1
    return render_template(
        "admin/queue.html",
        live=True,
        stats=stats,
        queue_state=queue_state(stats),
        state=state,
        tab_names=STATE_TABS,
        query=query,
        jobs=jobs,
        pager=pager,
        cursor=cursor,
        hours=hours,
        plots=_plots(chosen, hours),
    )


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
    return next((state for state in STATE_TABS if getattr(stats, state)), "waiting")


def _cursor() -> int:
    return max(0, whole(request.args.get("cursor", ""), 18) or 0)
