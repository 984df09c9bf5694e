"""Retry, remove or promote many jobs: those selected, or all that match the search."""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import back_url, done, refused
from gnb.blueprints.admin.presenters.words import STATES
from gnb.blueprints.admin.reading import stats_of
from gnb.blueprints.admin.records import record
from gnb.extensions import engine
from gnb.queueing.errors import InvalidJobState, JobNotFound

# One request does so many at most; the message says when there is more to do.
MOST_AT_ONCE = 5000
ACTIONS: dict[str, tuple[str, ...]] = {
    "retry": ("failed",),
    "promote": ("delayed",),
    "remove": ("waiting", "active", "delayed", "failed", "completed"),
}


@dataclass(frozen=True)
class Choice:
    """What the form sent: the action, and the jobs by id or as everything of a state that matches a text."""

    action: str
    state: str
    query: str
    everything: bool
    ids: list[str] = field(default_factory=list)

    @classmethod
    def of_request(cls) -> "Choice | None":
        """Return the choice of this request, or None when the action does not fit the state."""
        action, _, scope = request.form.get("action", "").partition(":")
        state = request.form.get("state", "")
        if state not in STATES or state not in ACTIONS.get(action, ()):
            return None
        ids = list(dict.fromkeys(request.form.getlist("ids")))[:MOST_AT_ONCE]
        return cls(action, state, request.form.get("q", "").strip(), scope == "all", ids)


@blueprint.post("/jobs/<queue_name>/bulk")
def bulk(queue_name: str) -> ResponseReturnValue:
    """Ask first, with the number of jobs; do it when that was answered."""
    queue = engine().queue(queue_name)
    choice = Choice.of_request()
    if choice is None:
        return refused(gettext("That cannot be done to jobs in this state."))
    if not choice.everything and not choice.ids:
        return refused(gettext("No job is selected."))
    if "confirmed" in request.form:
        return _carry_out(queue, choice)
    return _ask(queue, choice)


def _ask(queue: Any, choice: Choice) -> ResponseReturnValue:
    count = _total(queue, choice) if choice.everything else len(choice.ids)
    titles = {
        "retry": ngettext("Retry %(num)s job?", "Retry %(num)s jobs?", count),
        "promote": ngettext("Run %(num)s job now?", "Run %(num)s jobs now?", count),
        "remove": ngettext("Remove %(num)s job?", "Remove %(num)s jobs?", count),
    }
    texts = {
        "retry": gettext("They go back to wait, with their attempts counted from the start."),
        "promote": gettext("They no longer wait for their time and run as soon as a worker is free."),
        "remove": gettext("They are removed for good, with their results and logs. One that runs is stopped."),
    }
    kept = {"action": f"{choice.action}:all" if choice.everything else choice.action}
    return render_template(
        "admin/confirm.html",
        title=titles[choice.action],
        text=texts[choice.action],
        query=choice.query if choice.everything else "",
        action=url_for("admin.bulk", queue_name=queue.name),
        fields={**kept, "state": choice.state, "q": choice.query, "confirmed": "yes"},
        ids=choice.ids if not choice.everything else [],
        button={"retry": gettext("Retry"), "promote": gettext("Run now"), "remove": gettext("Remove")}[choice.action],
        danger=choice.action == "remove",
        back=back_url(url_for("admin.queue", queue_name=queue.name, state=choice.state)),
    )


def _total(queue: Any, choice: Choice) -> int:
    if choice.query:
        return len(_matching(queue, choice))
    return int(getattr(stats_of(queue.name), choice.state))


def _matching(queue: Any, choice: Choice) -> list[str]:
    """Return the ids of the jobs that the choice means, ``MOST_AT_ONCE`` at most."""
    if not choice.query:
        return [job.id for job in islice(queue.every(choice.state), MOST_AT_ONCE)]
    ids: list[str] = []
    cursor: int | None = 0
    while cursor is not None and len(ids) < MOST_AT_ONCE:
        page = queue.search(choice.state, choice.query, cursor=cursor, limit=500)
        ids += [job.id for job in page.jobs]
        cursor = page.cursor
    return ids[:MOST_AT_ONCE]


def _carry_out(queue: Any, choice: Choice) -> ResponseReturnValue:
    if choice.action == "retry":
        everything = choice.everything and not choice.query
        wanted = None if everything else (_matching(queue, choice) if choice.everything else choice.ids)
        count = queue.retry_failed() if wanted is None else queue.retry_failed(wanted)
        message = ngettext("%(num)s job waits again.", "%(num)s jobs wait again.", count)
    else:
        ids = _matching(queue, choice) if choice.everything else choice.ids
        count = queue.promote_many(ids) if choice.action == "promote" else _remove(queue, choice.state, ids)
        message = {
            "promote": ngettext(
                "%(num)s job runs as soon as a worker is free.", "%(num)s jobs run as soon as workers are free.", count
            ),
            "remove": ngettext("%(num)s job removed.", "%(num)s jobs removed.", count),
        }[choice.action]
        if choice.everything and count == MOST_AT_ONCE:
            message += " " + gettext("There may be more: do it once more.")
    record(f"job.{choice.action}", queue.name, count, state=choice.state, **_which(choice))
    return done(message)


def _remove(queue: Any, state: str, ids: list[str]) -> int:
    """Remove the jobs; running ones are stopped first, one by one. Return how many are gone."""
    if state != "active":
        return int(queue.remove_many(ids))
    count = 0
    for job_id in ids:
        try:
            queue.remove(job_id)
        except (JobNotFound, InvalidJobState):
            continue  # it has ended meanwhile
        count += 1
    return count


def _which(choice: Choice) -> dict[str, Any]:
    return {"matching": bool(choice.query)} if choice.everything else {"ids": choice.ids[:20]}
