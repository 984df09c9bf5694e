"""Retry, remove or promote many jobs: those selected, all that match the search, or all that failed with one error.

Failed jobs are grouped by their error: alike ones are one row of a page, and are retried or removed as one.
"""

from dataclasses import dataclass, field

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.alerts import queue_state
from gnb.blueprints.admin.job_search import SEARCH_LENGTH, request_filters, requested_filter
from gnb.blueprints.admin.queues import JOB_STATE_TABS
from gnb.blueprints.admin.responses import back_url, done, rejected
from gnb.blueprints.shared.access import admin_required, caller
from gnb.blueprints.shared.formatting import counted, number
from gnb.messages import localize_error
from gnb.queueing import STATES
from gnb.queueing.errors import JobNotFound
from gnb.queueing.queue_reader import FailureGroup
from gnb.queueing.search import JobFilter
from gnb.services.queues import actions, reading
from gnb.services.queues.actions import Moved

SECONDS = 10.0
"""For which a bulk action searches what it applies to: at least half a million jobs."""
# More rows than any page shows.
MOST_SELECTED = 1000
ACTIONS: dict[str, tuple[str, ...]] = {
    "retry": ("failed",),
    "promote": ("delayed", "deferred"),
    "remove": ("waiting", "active", "delayed", "deferred", "failed", "completed"),
}


@dataclass(frozen=True)
class Choice:
    """What the form sent: the action, and the jobs by id or as everything of a state that matches a text."""

    action: str
    state: str
    query: str
    everything: bool
    wanted: JobFilter = field(default_factory=JobFilter)
    ids: list[str] = field(default_factory=list)

    @classmethod
    def of_request(cls) -> "Choice | None":
        """Return the choice of this request, or None when the action does not fit the state."""
        action, _, scope = request.form.get("action", "").partition(":")
        state = request.form.get("state", "")
        if state not in STATES or state not in ACTIONS.get(action, ()):
            return None
        ids = list(dict.fromkeys(request.form.getlist("ids")))[:MOST_SELECTED]
        query = request.form.get("q", "").strip()[:SEARCH_LENGTH]
        return cls(action, state, query, scope == "all", requested_filter(request.form), ids)


@blueprint.post("/jobs/<queue_name>/bulk")
def bulk(queue_name: str) -> ResponseReturnValue:
    """Ask first, with the number of jobs; do it when that was answered."""
    name = reading.queue(queue_name).name
    choice = Choice.of_request()
    if choice is None:
        return rejected(gettext("This action is not available for jobs in this state."))
    if not choice.everything and not choice.ids:
        return rejected(gettext("No jobs selected."))
    if "confirmed" in request.form:
        return _carry_out(name, choice)
    return _ask(name, choice)


def _ask(queue_name: str, choice: Choice) -> ResponseReturnValue:
    found = _found(queue_name, choice) if choice.everything else None
    count = len(choice.ids) if found is None else found.count
    titles = {
        "retry": counted("Retry %(count)s job?", "Retry %(count)s jobs?", count),
        "promote": counted("Run %(count)s job now?", "Run %(count)s jobs now?", count),
        "remove": counted("Remove %(count)s job?", "Remove %(count)s jobs?", count),
    }
    texts = {
        "retry": gettext("They are requeued with their attempts reset."),
        "promote": gettext(
            "They run as soon as a worker is free, without waiting for their scheduled time or for other jobs."
        ),
        "remove": gettext("They are permanently removed with their results and logs. Active jobs are stopped first."),
    }
    text = texts[choice.action]
    if found and found.cursor is not None:
        text += " " + gettext(
            "Searched %(searched)s of %(total)s jobs: more may match, and are left for another run.",
            searched=number(found.cursor),
            total=number(found.total),
        )
    kept = {"action": f"{choice.action}:all" if choice.everything else choice.action, **request_filters(request.form)}
    return render_template(
        "admin/confirm.html",
        title=titles[choice.action],
        text=text,
        query=choice.query if choice.everything else "",
        action=url_for("admin.bulk", queue_name=queue_name),
        fields={**kept, "state": choice.state, "q": choice.query, "confirmed": "yes"},
        ids=choice.ids if not choice.everything else [],
        button={"retry": gettext("Retry"), "promote": gettext("Run now"), "remove": gettext("Remove")}[choice.action],
        danger=choice.action == "remove",
        back=back_url(url_for("admin.queue", queue_name=queue_name, state=choice.state)),
    )


@dataclass(frozen=True)
class _Count:
    count: int
    total: int
    cursor: int | None = None


def _found(queue_name: str, choice: Choice) -> _Count:
    """Return how many jobs everything is: exact, unless the state has more jobs than are searched in some seconds."""
    if choice.wanted.empty:
        count = int(getattr(reading.stats(queue_name), choice.state))
        return _Count(count, count)
    found = reading.queue(queue_name).find(choice.state, choice.wanted, seconds=SECONDS)
    return _Count(len(found.ids), found.total, found.cursor)


def _carry_out(queue_name: str, choice: Choice) -> ResponseReturnValue:
    moved = _change(queue_name, choice)
    messages = {
        "retry": counted("%(count)s job requeued.", "%(count)s jobs requeued.", moved.count),
        "promote": counted("%(count)s job promoted.", "%(count)s jobs promoted.", moved.count),
        "remove": counted("%(count)s job removed.", "%(count)s jobs removed.", moved.count),
    }
    message = messages[choice.action]
    if moved.cursor is not None:
        message += " " + gettext("More jobs may match. Run again.")
    return done(message)


def _change(queue_name: str, choice: Choice) -> Moved:
    """Apply the action to the selected jobs, or to all of the state that match the search."""
    if not choice.everything:
        return Moved(actions.change_jobs(choice.action, queue_name, choice.ids, caller()))
    if choice.action == "retry" and choice.wanted.empty:
        return Moved(actions.retry_all_failed(queue_name, caller()))
    return actions.change_found(choice.action, queue_name, choice.state, choice.wanted, SECONDS, caller())


# As many failed jobs as a queue keeps by its own settings; of more than these the page counts the newest.
GROUPED = 5000


@blueprint.get("/jobs/<queue_name>/failures")
def failure_groups(queue_name: str) -> ResponseReturnValue:
    """Show the errors of the queue's failed jobs, the most frequent first."""
    queue = reading.queue(queue_name)
    stats = reading.stats(queue_name)
    return render_template(
        "admin/failures.html",
        live=True,
        stats=stats,
        queue_state=queue_state(stats),
        tab_names=JOB_STATE_TABS,
        grouped=GROUPED,
        groups=[(group.key, group) for group in queue.failure_groups(GROUPED)],
    )


@blueprint.get("/jobs/<queue_name>/failures/<key>/retry")
@admin_required
def ask_retry_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Ask whether to retry every job that failed with this error, with their exact number."""
    group = _group(queue_name, key)
    return render_template(
        "admin/confirm.html",
        title=counted("Retry %(count)s failed job?", "Retry %(count)s failed jobs?", group.count),
        text=gettext("They are requeued with their attempts reset."),
        quoted=localize_error(group.error),
        action=url_for("admin.retry_group", queue_name=queue_name, key=key),
        button=gettext("Retry"),
        back=url_for("admin.failure_groups", queue_name=queue_name),
    )


@blueprint.get("/jobs/<queue_name>/failures/<key>/remove")
@admin_required
def ask_remove_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Ask whether to remove every job that failed with this error."""
    group = _group(queue_name, key)
    return render_template(
        "admin/confirm.html",
        title=counted("Remove %(count)s failed job?", "Remove %(count)s failed jobs?", group.count),
        text=gettext("They are permanently removed with their errors and logs."),
        quoted=localize_error(group.error),
        action=url_for("admin.remove_group", queue_name=queue_name, key=key),
        button=gettext("Remove"),
        danger=True,
        back=url_for("admin.failure_groups", queue_name=queue_name),
    )


@blueprint.post("/jobs/<queue_name>/failures/<key>/retry")
def retry_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Retry every job that failed with this error."""
    count = actions.change_jobs("retry", queue_name, _group(queue_name, key).ids, caller(), {"alike": True})
    return done(counted("%(count)s job requeued.", "%(count)s jobs requeued.", count))


@blueprint.post("/jobs/<queue_name>/failures/<key>/remove")
def remove_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Remove every job that failed with this error."""
    ids = _group(queue_name, key).ids
    count = actions.change_jobs("remove", queue_name, ids, caller(), {"state": "failed", "alike": True}, "failed")
    return done(counted("%(count)s job removed.", "%(count)s jobs removed.", count))


def _group(queue_name: str, key: str) -> FailureGroup:
    """Return the group of that key, of all failed jobs; they may have gone meanwhile."""
    for group in reading.queue(queue_name).failure_groups():
        if group.key == key:
            return group
    raise JobNotFound(key)
