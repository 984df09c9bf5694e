"""Actions on many jobs: retry, remove or promote those selected or all that match, drain a queue, clean ended jobs."""

from dataclasses import dataclass, field
from datetime import timedelta

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.job_search import SEARCH_LENGTH, request_filters, requested_filter
from gnb.blueprints.admin.responses import back_url, done, rejected
from gnb.blueprints.shared.access import admin_required, caller
from gnb.blueprints.shared.formatting import counted, number
from gnb.queueing import STATES
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
    """Ask whether to apply the action, with the number of jobs; apply it if that is confirmed."""
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
    """Count the jobs that match, exactly unless the state has more than can be searched in `SECONDS`."""
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


AGES = {"0": timedelta(0), "1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}


@blueprint.get("/jobs/<queue_name>/drain")
@admin_required
def ask_drain(queue_name: str) -> ResponseReturnValue:
    """Ask whether to remove all waiting and delayed jobs, with their numbers."""
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
    """Remove the completed or failed jobs that are older than the chosen age."""
    state, age = request.form.get("state"), AGES.get(request.form.get("age", ""))
    if state not in ("completed", "failed") or age is None:
        return rejected(gettext("Choose a state and an age."))
    if "confirmed" not in request.form:
        return _ask_clean_now(queue_name, state, request.form["age"])
    count = actions.clean(queue_name, older_than=age, state=state, actor=caller())
    message = counted("%(count)s job removed.", "%(count)s jobs removed.", count)
    return done(message, url_for("admin.queue", queue_name=queue_name, state=state))
