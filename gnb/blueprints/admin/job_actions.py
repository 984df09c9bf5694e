"""What can be done to one job."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.access import caller
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import back_url, done, refused
from gnb.blueprints.admin.guard import for_admins
from gnb.blueprints.typed import whole
from gnb.services.queues import actions, reading


@blueprint.post("/jobs/<queue_name>/<job_id>/retry")
def retry(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Let a failed job wait again."""
    actions.change_job("retry", queue_name, job_id, caller())
    return done(gettext("The job waits again."), _job_url(queue_name, job_id))


@blueprint.post("/jobs/<queue_name>/<job_id>/promote")
def promote(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Let a delayed job run now."""
    actions.change_job("promote", queue_name, job_id, caller())
    return done(gettext("The job runs as soon as a worker is free."), _job_url(queue_name, job_id))


@blueprint.post("/jobs/<queue_name>/<job_id>/run-again")
def run_again(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Let a completed job wait again."""
    actions.change_job("run-again", queue_name, job_id, caller())
    return done(gettext("The job waits again."), _job_url(queue_name, job_id))


@blueprint.get("/jobs/<queue_name>/<job_id>/stop")
@for_admins
def ask_stop(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Ask whether to stop a running job."""
    found = reading.queue(queue_name).job(job_id)
    return render_template(
        "admin/confirm.html",
        title=gettext("Stop this job?"),
        quoted=found.name,
        text=gettext("Its worker ends it now. The job is kept as failed and can be retried."),
        action=url_for("admin.stop", queue_name=queue_name, job_id=job_id),
        button=gettext("Stop 1 job"),
        danger=True,
        back=back_url(_job_url(queue_name, job_id)),
    )


@blueprint.post("/jobs/<queue_name>/<job_id>/stop")
def stop(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Stop a running job."""
    actions.change_job("stop", queue_name, job_id, caller())
    return done(gettext("The job is being stopped."))


@blueprint.get("/jobs/<queue_name>/<job_id>/remove")
@for_admins
def ask_remove(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Ask whether to remove the job."""
    found = reading.queue(queue_name).job(job_id)
    running = found.state == "active"
    return render_template(
        "admin/confirm.html",
        title=gettext("Remove this job?"),
        quoted=found.name,
        text=gettext("It runs now: it is stopped, and removed for good with its logs.")
        if running
        else gettext("It is removed for good, with its result and logs."),
        action=url_for("admin.remove", queue_name=queue_name, job_id=job_id),
        button=gettext("Remove 1 job"),
        danger=True,
        back=_job_url(queue_name, job_id),
    )


@blueprint.post("/jobs/<queue_name>/<job_id>/remove")
def remove(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Remove the job; one that runs is stopped."""
    state = reading.queue(queue_name).job(job_id).state
    actions.change_job("remove", queue_name, job_id, caller())
    return done(gettext("The job is removed."), url_for("admin.queue", queue_name=queue_name, state=state))


@blueprint.post("/jobs/<queue_name>/<job_id>/priority")
def set_priority(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Move a job that has not started to another priority."""
    priority = whole(request.form.get("priority", ""))
    if priority is None or not 1 <= priority <= 10:
        return refused(gettext("A priority is a number from 1 (first) to 10."))
    before = actions.set_priority(queue_name, job_id, priority, caller())
    return done(
        gettext("The priority is now %(n)s.", n=priority),
        undo_url=url_for("admin.set_priority", queue_name=queue_name, job_id=job_id),
        undo_fields={"priority": before},
    )


def _job_url(queue_name: str, job_id: str) -> str:
    return url_for("admin.job", queue_name=queue_name, job_id=job_id)
