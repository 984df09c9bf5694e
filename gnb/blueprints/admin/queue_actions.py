"""What can be done to a whole queue: pause, resume, clean, drain."""

from datetime import timedelta

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.access import caller
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import done, refused
from gnb.blueprints.admin.guard import for_admins
from gnb.blueprints.admin.presenters.numbers import counted
from gnb.services.queues import actions, reading

AGES = {"0": timedelta(0), "1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}


@blueprint.post("/jobs/<queue_name>/pause")
def pause(queue_name: str) -> ResponseReturnValue:
    """Let no further job start; those that run go on."""
    actions.change_queue("pause", queue_name, caller())
    message = gettext("%(queue)s is paused. Jobs that run go on; no other starts.", queue=queue_name)
    return done(message, undo_url=url_for("admin.resume", queue_name=queue_name))


@blueprint.post("/jobs/<queue_name>/resume")
def resume(queue_name: str) -> ResponseReturnValue:
    """Let jobs start again."""
    actions.change_queue("resume", queue_name, caller())
    message = gettext("%(queue)s runs again.", queue=queue_name)
    return done(message, undo_url=url_for("admin.pause", queue_name=queue_name))


@blueprint.get("/jobs/<queue_name>/drain")
@for_admins
def ask_drain(queue_name: str) -> ResponseReturnValue:
    """Ask whether to remove all that waits, with the numbers."""
    stats = reading.stats(queue_name)
    return render_template(
        "admin/confirm.html",
        title=gettext("Drain %(queue)s?", queue=queue_name),
        counts={gettext("waiting"): stats.waiting, gettext("delayed"): stats.delayed},
        text=gettext("These jobs are removed for good and never run. Jobs that run now are left alone."),
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
@for_admins
def ask_clean(queue_name: str) -> ResponseReturnValue:
    """Ask which finished jobs to remove."""
    return render_template(
        "admin/clean.html",
        stats=reading.stats(queue_name),
        ages=list(AGES),
        state="failed" if request.args.get("state") == "failed" else "completed",
        back=url_for("admin.queue", queue_name=queue_name),
    )


@blueprint.post("/jobs/<queue_name>/clean")
def clean(queue_name: str) -> ResponseReturnValue:
    """Remove the finished jobs of one state that are older than asked for."""
    state, age = request.form.get("state"), AGES.get(request.form.get("age", ""))
    if state not in ("completed", "failed") or age is None:
        return refused(gettext("Choose what to remove: a state and an age."))
    count = actions.clean(queue_name, older_than=age, state=state, actor=caller())
    message = counted("%(count)s job removed.", "%(count)s jobs removed.", count)
    return done(message, url_for("admin.queue", queue_name=queue_name, state=state))
