"""Insights: request recommendations, a delay risk or a summary of bookings, and show the answer."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.plots import Series, line_plot
from gnb.blueprints.admin.responses import redirect_to, rejected
from gnb.blueprints.admin.schema_forms import FormField, filter_fields, other_errors, read_form
from gnb.blueprints.shared.formatting import percent
from gnb.extensions import settings
from gnb.models import HOME_ZONE
from gnb.queueing import Job
from gnb.queueing.errors import JobNotFound
from gnb.services import queue_service
from gnb.services.ai import lookups
from gnb.services.queues import reading

JOBS_SHOWN = 10
_STATES = ("active", "waiting", "delayed", "completed", "failed")


@dataclass(frozen=True)
class Kind:
    """A kind of insight: its title, and what the answer contains."""

    title: Any
    about: Any


KINDS = {
    "delay-risk": Kind(
        _l("Delay risk"), _l("How likely a transfer is to arrive late, why, and how much earlier to go.")
    ),
    "package-recommendations": Kind(_l("Recommendations"), _l("Tours that fit a customer, each with its reason.")),
    "batch-insights": Kind(_l("Bookings in words"), _l("What a selection of bookings tells, in sentences.")),
}


@blueprint.get("/insights")
def insights() -> ResponseReturnValue:
    """Show the form of the requested kind, and the latest jobs."""
    return _page(_chosen(request.args.get("kind")), {}, {})


@blueprint.post("/insights")
def ask_insight() -> ResponseReturnValue:
    """Request an insight: show the cached answer, redirect to the page of its job, or show the errors."""
    kind = _chosen(request.form.get("kind"))
    data = read_form(lookups.REQUESTS[kind](), request.form)
    try:
        asked = lookups.get_or_enqueue(kind, data)
    except ValidationError as error:
        return _page(kind, data, error.normalized_messages()), 422
    if asked.job:
        return redirect_to(url_for("admin.insight", job_id=asked.job.id))
    return _answer_page(kind, None, asked.answer)


@blueprint.get("/insights/<job_id>")
def insight(job_id: str) -> ResponseReturnValue:
    """Show the progress of the job, or its answer."""
    try:
        job = queue_service.get_job(lookups.QUEUE, job_id)
    except JobNotFound:
        job = None
    if job is None or job.name not in KINDS:
        return rejected(gettext("Insight not found. Results are kept for one day."), url_for("admin.insights"))
    return _answer_page(job.name, job, job.return_value if job.state == "completed" else None)


def _page(kind: str, values: dict[str, Any], errors: dict[str, Any]) -> str:
    schema = lookups.REQUESTS[kind]()
    fields = [_made_easy(field, kind) for field in filter_fields(schema, values, errors)]
    return render_template(
        "admin/insights/list.html",
        kinds=KINDS,
        chosen=kind,
        fields=fields,
        other_errors=other_errors(schema, errors),
        jobs=_latest(),
    )


def _answer_page(kind: str, job: Job | None, answer: dict[str, Any] | None) -> str:
    return render_template(
        "admin/insights/answer.html",
        live=bool(job and job.state in ("waiting", "active", "delayed")),
        kinds=KINDS,
        kind=kind,
        job=job,
        answer=answer,
        plot=_hours(answer) if kind == "delay-risk" and answer else None,
        bookings_url=url_for("admin.bookings", **answer["filters"]) if kind == "batch-insights" and answer else None,
    )


def _hours(answer: dict[str, Any]) -> Any:
    """Return the plot of the risk over the hours of the day."""
    day = datetime.fromisoformat(answer["scheduledTime"]).replace(hour=0, minute=0, tzinfo=HOME_ZONE)
    risks = [100 * risk for risk in answer["byHour"]]
    moments = [day + timedelta(hours=hour) for hour in range(len(risks))]
    series = Series(gettext("risk"), risks, "third")
    return line_plot(gettext("Risk by hour of departure"), moments, [series], percent)


def _latest() -> list[Job]:
    """Return the newest jobs of the queue, whatever their state."""
    if not settings().queue_enabled:
        return []
    queue = reading.queue(lookups.QUEUE)
    found = [job for state in _STATES for job in queue.jobs(state, 0, JOBS_SHOWN).jobs if job.name in KINDS]
    return sorted(found, key=lambda job: job.created_at or datetime.min.replace(tzinfo=HOME_ZONE), reverse=True)[
        :JOBS_SHOWN
    ]


def _chosen(wanted: str | None) -> str:
    return wanted if wanted in KINDS else next(iter(KINDS))


def _made_easy(field: FormField, kind: str) -> FormField:
    """Return the field with what helps to fill it in."""
    if field.name == "scheduledTime":
        return replace(field, kind="datetime-local", hint=gettext("Time in Istanbul"))
    if field.name.endswith(("language", "Language")) and kind != "batch-insights" and field.value in (None, ""):
        return replace(field, value=str(get_locale()))
    if field.name == "answerLanguage":
        return replace(field, value=field.value or str(get_locale()), label=gettext("Language of the answer"))
    return field
