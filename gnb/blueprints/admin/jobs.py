"""One job: its timeline, data, result, errors and logs, and the actions on it."""

from datetime import UTC, datetime
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.explanations import delivery_of, entries_about, explain, links
from gnb.blueprints.admin.responses import back_url, done, rejected
from gnb.blueprints.admin.timelines import numbers_before, timeline
from gnb.blueprints.shared.access import admin_required, caller
from gnb.blueprints.shared.formatting import elapsed, parse_int
from gnb.messages import localize
from gnb.models import Delivery, Export, db
from gnb.queueing import Job
from gnb.services.mail.sending import suppression
from gnb.services.queues import actions, reading

FINISHED = ("completed", "failed")


@blueprint.get("/jobs/<queue_name>/<job_id>")
def job(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Show the job; the newest attempt's error comes first."""
    queue = reading.queue(queue_name)
    found, attempts = queue.job_and_attempts(job_id)
    parents, dependents = queue.relatives(job_id)
    entries, delivery = entries_about(queue_name, job_id), delivery_of(found)
    return render_template(
        "admin/job.html",
        live=True,
        job=found,
        sentence=explain(found, attempts, parents, entries),
        mail_note=_mail_note(found, delivery),
        links=links(found, delivery),
        attempts=attempts,
        moments=timeline(found, attempts, entries),
        errors=_errors(found, attempts),
        logs=queue.timed_logs(job_id),
        export=_export(found),
        took=elapsed(found.started_at, found.finished_at) if found.started_at else None,
        finished=found.state in FINISHED,
        parents=parents,
        dependents=dependents,
    )


def _mail_note(found: Job, delivery: Delivery | None) -> str:
    """Return what a retry does to a message that has been sent or is not to be sent."""
    if delivery is None or found.state != "failed":
        return ""
    if delivery.state == "sent":
        return gettext("Its message was sent meanwhile. A retry sends nothing.")
    return gettext("Its message is suppressed. A retry sends nothing.") if delivery.state == "suppressed" else ""


def _errors(found: Any, attempts: list[Any]) -> list[tuple[int | None, str, str]]:
    """Return each failed attempt's number, its error in a line, and with its stack, newest first."""
    last = numbers_before(attempts) + len(attempts)
    errors: list[tuple[int | None, str, str]] = []
    errors += [(last - place, _last_line(each.error), each.error) for place, each in enumerate(attempts) if each.error]
    if found.failed_reason:  # that of the newest attempt, with its code
        number, _, text = errors[0] if errors else (None, "", found.failed_reason)
        errors[:1] = [(number, found.failed_reason, text)]
    return errors


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _export(found: Any) -> Export | None:
    """Return the export that the job made or makes, for the link to its file."""
    if found.queue != "export":
        return None
    by_job: Export | None = db.session.execute(
        db.select(Export).where(Export.job_id == found.id).order_by(Export.created_at.desc()).limit(1)
    ).scalar_one_or_none()
    return by_job


@blueprint.post("/jobs/<queue_name>/<job_id>/retry")
def retry(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Requeue a failed job."""
    actions.change_job("retry", queue_name, job_id, caller())
    return done(gettext("Job requeued."), _job_url(queue_name, job_id))


@blueprint.post("/jobs/<queue_name>/<job_id>/promote")
def promote(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Move a delayed or deferred job to waiting."""
    actions.change_job("promote", queue_name, job_id, caller())
    return done(gettext("Job promoted. It runs as soon as a worker is free."), _job_url(queue_name, job_id))


@blueprint.get("/jobs/<queue_name>/<job_id>/run-again")
@admin_required
def ask_run_again(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Ask whether to run a completed job again, with what that does to the message that it sent."""
    found = reading.queue(queue_name).job(job_id)
    delivery = delivery_of(found)
    text = gettext("The job runs again with the same data, with its attempts reset.")
    reason = suppression(delivery) if delivery else None
    if reason:
        text = gettext("Run again, it sends nothing: %(why)s.", why=localize(reason))
    elif delivery and delivery.state == "sent":
        text = gettext("Its message has been sent. Run again, it is sent a second time, as a new delivery.")
    elif delivery and delivery.state == "suppressed":
        text = gettext("Its message was suppressed. Run again, it is sent only if its recipient wants it now.")
    return render_template(
        "admin/confirm.html",
        title=gettext("Run this job again?"),
        quoted=found.name,
        text=text,
        action=url_for("admin.run_again", queue_name=queue_name, job_id=job_id),
        button=gettext("Run again"),
        back=_job_url(queue_name, job_id),
    )


@blueprint.post("/jobs/<queue_name>/<job_id>/run-again")
def run_again(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Requeue a completed job."""
    actions.change_job("run-again", queue_name, job_id, caller())
    return done(gettext("Job requeued."), _job_url(queue_name, job_id))


@blueprint.get("/jobs/<queue_name>/<job_id>/stop")
@admin_required
def ask_stop(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Ask whether to stop a running job."""
    found = reading.queue(queue_name).job(job_id)
    return render_template(
        "admin/confirm.html",
        title=gettext("Stop this job?"),
        quoted=found.name,
        text=gettext("The worker terminates it now. The job is kept as failed and can be retried."),
        action=url_for("admin.stop", queue_name=queue_name, job_id=job_id),
        button=gettext("Stop 1 job"),
        danger=True,
        back=back_url(_job_url(queue_name, job_id)),
    )


@blueprint.post("/jobs/<queue_name>/<job_id>/stop")
def stop(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Stop a running job."""
    actions.change_job("stop", queue_name, job_id, caller())
    return done(gettext("Stopping the job."))


@blueprint.get("/jobs/<queue_name>/<job_id>/remove")
@admin_required
def ask_remove(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Ask whether to remove the job."""
    found = reading.queue(queue_name).job(job_id)
    running = found.state == "active"
    return render_template(
        "admin/confirm.html",
        title=gettext("Remove this job?"),
        quoted=found.name,
        text=gettext("The job is active: it is stopped and permanently removed with its logs.")
        if running
        else gettext("The job is permanently removed with its result and logs."),
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
    return done(gettext("Job removed."), url_for("admin.queue", queue_name=queue_name, state=state))


@blueprint.post("/jobs/<queue_name>/<job_id>/priority")
def set_priority(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Move a job that has not started to another priority."""
    priority = parse_int(request.form.get("priority", ""))
    if priority is None or not 1 <= priority <= 10:
        return rejected(gettext("Priority must be a number from 1 (highest) to 10 (lowest)."))
    before = actions.set_priority(queue_name, job_id, priority, caller())
    return done(
        gettext("Priority changed to %(n)s.", n=priority),
        undo_url=url_for("admin.set_priority", queue_name=queue_name, job_id=job_id),
        undo_fields={"priority": before},
    )


@blueprint.post("/jobs/<queue_name>/<job_id>/reschedule")
def reschedule(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Reschedule a delayed job: after the `delay` sent or, for an undo, at the time `at` in epoch ms."""
    at = parse_int(request.form.get("at", ""), 14)
    when = request.form.get("delay", "") if at is None else datetime.fromtimestamp(at / 1000, UTC)
    before = actions.reschedule(queue_name, job_id, when, caller())
    return done(
        gettext("Job rescheduled."),
        undo_url=url_for("admin.reschedule", queue_name=queue_name, job_id=job_id),
        undo_fields={"at": round(before.timestamp() * 1000)},
    )


def _job_url(queue_name: str, job_id: str) -> str:
    return url_for("admin.job", queue_name=queue_name, job_id=job_id)
