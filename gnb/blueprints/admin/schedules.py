"""What recurs: when next, what became of it, and the buttons that change it."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from gnb.blueprints.access import caller
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import done, refused
from gnb.blueprints.admin.guard import for_admins
from gnb.queueing import ScheduleInCode, ScheduleNotFound, ScheduleState
from gnb.services.queues import reading, recurring
from gnb.services.queues.recurring import describe


@blueprint.get("/schedules")
def schedules() -> ResponseReturnValue:
    """Show every schedule with its next and its last run."""
    found = reading.schedules().list()
    return render_template(
        "admin/schedules/list.html",
        live=True,
        schedules=found,
        words={state.name: said(state) for state in found},
        leader=reading.schedules().leader(),
        late=[state.name for state in found if state.late],
    )


@blueprint.get("/schedules/<name>")
def schedule(name: str) -> ResponseReturnValue:
    """Show a schedule: its next five firings and its last runs."""
    state = reading.schedules().get(name)
    return render_template("admin/schedules/show.html", live=True, state=state, words=said(state))


@blueprint.post("/schedules/<name>/run")
def run_schedule(name: str) -> ResponseReturnValue:
    """Enqueue its job now."""
    job = recurring.run(name, caller())
    return done(gettext("%(name)s runs now: its job is %(job)s.", name=name, job=job.id))


@blueprint.post("/schedules/<name>/pause")
def pause_schedule(name: str) -> ResponseReturnValue:
    """Fire nothing until it is resumed."""
    recurring.change("pause", name, caller())
    undo = url_for("admin.resume_schedule", name=name)
    return done(gettext("%(name)s is paused.", name=name), undo_url=undo)


@blueprint.post("/schedules/<name>/resume")
def resume_schedule(name: str) -> ResponseReturnValue:
    """Fire again."""
    recurring.change("resume", name, caller())
    undo = url_for("admin.pause_schedule", name=name)
    return done(gettext("%(name)s runs again.", name=name), undo_url=undo)


@blueprint.get("/schedules/<name>/remove")
@for_admins
def ask_remove_schedule(name: str) -> ResponseReturnValue:
    """Ask whether to remove it."""
    state = reading.schedules().get(name)
    return render_template(
        "admin/confirm.html",
        title=gettext("Remove %(name)s?", name=name),
        quoted=said(state),
        text=gettext("It fires no more. Jobs that it has made stay."),
        action=url_for("admin.remove_schedule", name=name),
        button=gettext("Remove"),
        danger=True,
        back=url_for("admin.schedules"),
    )


@blueprint.post("/schedules/<name>/remove")
def remove_schedule(name: str) -> ResponseReturnValue:
    """Remove one that was made by hand."""
    recurring.change("remove", name, caller())
    return done(gettext("%(name)s is gone.", name=name), url_for("admin.schedules"))


@blueprint.errorhandler(ScheduleNotFound)
def no_such_schedule(_error: ScheduleNotFound) -> ResponseReturnValue:
    """Say that there is none."""
    return refused(gettext("There is no such schedule."), url_for("admin.schedules"))


@blueprint.errorhandler(ScheduleInCode)
def schedule_in_code(_error: ScheduleInCode) -> ResponseReturnValue:
    """Say what can be done instead."""
    message = gettext("This schedule belongs to the application and would come back. Pause it instead.")
    return refused(message, url_for("admin.schedules"))


def said(state: ScheduleState) -> str:
    """When it fires, in the reader's language."""
    return describe(state.schedule, str(get_locale()))
