"""The page of one job: its life as a timeline, its data, result, errors and logs."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.presenters.timeline import timeline
from gnb.blueprints.admin.presenters.times import elapsed
from gnb.models import Export, db
from gnb.services.queues import reading

FINISHED = ("completed", "failed")


@blueprint.get("/jobs/<queue_name>/<job_id>")
def job(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Show the job; the newest attempt's error comes first."""
    queue = reading.queue(queue_name)
    found, attempts = queue.job_and_attempts(job_id)
    return render_template(
        "admin/job.html",
        live=True,
        job=found,
        attempts=attempts,
        moments=timeline(found, attempts),
        errors=_errors(found, attempts),
        logs=queue.logs(job_id),
        export=_export(found),
        took=elapsed(found.started_at, found.finished_at) if found.started_at else None,
        finished=found.state in FINISHED,
    )


def _errors(found: Any, attempts: list[Any]) -> list[tuple[int | None, str]]:
    """Return each failed attempt's number and error with its stack, newest first."""
    errors = [(attempt.number, attempt.error) for attempt in attempts if attempt.error]
    return errors or ([(None, found.failed_reason)] if found.failed_reason else [])


def _export(found: Any) -> Export | None:
    """Return the export that the job made or makes, for the link to its file."""
    if found.queue != "export":
        return None
    by_job: Export | None = db.session.execute(
        db.select(Export).where(Export.job_id == found.id).limit(1)
    ).scalar_one_or_none()
    return by_job
