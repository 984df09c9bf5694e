"""A new job, from a form generated from the type's schema, empty or filled with the data of another job."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import Schema

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.emails import preview_message
from gnb.blueprints.admin.responses import done
from gnb.blueprints.admin.schema_forms import FormField, form_fields, other_errors, read_form, tour_choices
from gnb.blueprints.shared.access import admin_required, caller
from gnb.blueprints.shared.formatting import parse_int
from gnb.messages import localize
from gnb.models import Booking, Campaign, Delivery, Export, User, db
from gnb.queueing.errors import InvalidJobData, InvalidJobOption
from gnb.services.queues import actions, reading

_DEDUPLICATION = ("id", "ttl", "extend", "replace")
OPTIONS = (
    "priority", "attempts", "delay", "timeout", "job_id", "depends_on", "on_parent_failure",
    *(f"deduplication.{part}" for part in _DEDUPLICATION),
)  # fmt: skip


@blueprint.get("/jobs/<queue_name>/new")
@admin_required
def new_job(queue_name: str) -> ResponseReturnValue:
    """Show the form of the type asked for, or of the queue's first one."""
    return _form(queue_name, _type_name(queue_name, request.args.get("type")), {}, {})


@blueprint.get("/jobs/<queue_name>/<job_id>/edit")
@admin_required
def edit_job(queue_name: str, job_id: str) -> ResponseReturnValue:
    """Show the form filled with the data of a job; sending it makes a new job."""
    old = reading.queue(queue_name).job(job_id)
    options = {name: value for name in ("priority", "attempts") if (value := old.options.get(name)) is not None}
    return _form(queue_name, _type_name(queue_name, old.name), with_ids(old.data), options, old_id=job_id)


def with_ids(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with `bookingId` for a `booking` that has an `id`, and so on: the form has one input for both."""
    ids = {f"{name}Id": inner["id"] for name, inner in data.items() if isinstance(inner, dict) and "id" in inner}
    return {**ids, **data}


@blueprint.post("/jobs/<queue_name>/new")
def create_job(queue_name: str) -> ResponseReturnValue:
    """Enqueue the job, or show the form again with the errors of its fields."""
    type_name = _type_name(queue_name, request.form.get("type"))
    data = read_form(schema_of(queue_name, type_name), request.form)
    if "show_message" in request.form:
        return preview_message(data)
    sent = {name: value for name in OPTIONS if (value := request.form.get(f"option.{name}", "").strip())}
    try:
        new = actions.enqueue(queue_name, type_name, data, _options(sent), caller())
    except InvalidJobData as error:
        return _form(queue_name, type_name, data, sent, errors=error.errors), 422
    except InvalidJobOption as error:
        return _form(queue_name, type_name, data, sent, option_error=localize(error)), 422
    if new.deduplicated:
        message = gettext("%(type)s was not enqueued: this job has its ID or deduplication ID.", type=type_name)
    else:
        message = gettext("%(type)s enqueued.", type=type_name)
    return done(message, url_for("admin.job", queue_name=queue_name, job_id=new.id))


def _form(
    queue_name: str,
    type_name: str,
    values: dict[str, Any],
    options: dict[str, Any],
    errors: dict[str, Any] | None = None,
    option_error: str = "",
    old_id: str | None = None,
) -> str:
    schema, errors = schema_of(queue_name, type_name), errors or {}
    types = reading.job_types(queue_name)
    return render_template(
        "admin/new_job.html",
        queue_name=queue_name,
        types=types,
        job_type=types[type_name],
        fields=data_fields(schema, values, errors),
        other_errors=other_errors(schema, errors),
        options=_option_fields(options),
        options_given=bool(options) and not old_id,
        option_error=option_error,
        old_id=old_id,
    )


def data_fields(schema: Schema, values: Mapping[str, Any], errors: Mapping[str, Any]) -> list[FormField]:
    """Return the inputs of a job's data, with names to choose from where a field is an id."""
    return [_with_names(field) for field in form_fields(schema, values, errors)]


def _with_names(field: FormField) -> FormField:
    """Return the field with names to choose from where it is an id, and with a picker where it is a moment."""
    name = field.name.rpartition(".")[2]
    if name in ("tour", "tourId"):
        return replace(field, kind="select", hint="", choices=tuple(tour_choices()))
    if name == "scheduledTime":
        return replace(field, kind="datetime-local", hint=gettext("Time in Istanbul"))
    if (query := _NAMED.get(name)) is not None:
        rows = tuple((row[0], " · ".join(map(str, row[1:]))) for row in db.session.execute(query.limit(_SUGGESTED)))
        hint = (
            gettext("Of a message that is planned; leave it empty for a new one.")
            if name == "deliveryId"
            else field.hint
        )
        return replace(field, suggestions=rows, hint=hint)
    return field


_SUGGESTED = 50
_NAMED = {
    "bookingId": sa.select(Booking.id, Booking.reference, Booking.customer_name).order_by(Booking.id.desc()),
    "userId": sa.select(User.id, User.name, User.email).order_by(User.id.desc()),
    "campaignId": sa.select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()),
    "deliveryId": sa.select(Delivery.id, Delivery.kind, Delivery.recipient).order_by(Delivery.id.desc()),
    "exportId": sa.select(Export.id, Export.type, Export.state).order_by(Export.created_at.desc()),
}
"""By the name of a field, the newest rows that it may refer to."""


def _type_name(queue_name: str, wanted: str | None) -> str:
    types = reading.job_types(queue_name)
    if not types or (wanted and wanted not in types):
        abort(404)
    return wanted or next(iter(types))


def schema_of(queue_name: str, type_name: str) -> Schema:
    """Return the schema of the type's data, an empty one if it takes none."""
    declared = reading.job_types(queue_name)[type_name].schema
    return declared() if declared else Schema()


def _options(sent: dict[str, str]) -> dict[str, Any]:
    """Return the options as the engine takes them: whole numbers as such, durations as they are written."""
    options: dict[str, Any] = {name: value for name, value in sent.items() if "." not in name}
    numbers = {name: parse_int(sent[name]) for name in ("priority", "attempts") if name in sent}
    options |= {name: value for name, value in numbers.items() if value is not None}
    if "depends_on" in sent:
        options["depends_on"] = sent["depends_on"].replace(",", " ").split()
    deduplication = {part: sent[name] for part in _DEDUPLICATION if (name := f"deduplication.{part}") in sent}
    flags = {part: True for part in ("extend", "replace") if part in deduplication}
    return {**options, "deduplication": {**deduplication, **flags}} if deduplication else options


def _option_fields(options: dict[str, Any]) -> list[FormField]:
    """Return the inputs of the options; an empty one leaves the type's own."""
    hints = {
        "priority": gettext("1 is the highest priority, 10 the lowest."),
        "attempts": gettext("Maximum number of attempts."),
        "delay": gettext("Such as 90s, 15m or 2h."),
        "timeout": gettext("Maximum duration of an attempt, such as 60s or 15m."),
        "job_id": gettext("A job with an existing id is not enqueued again."),
        "depends_on": gettext("Ids of jobs that must complete before, separated by blanks."),
        "on_parent_failure": gettext("What it does if one of them fails."),
        "deduplication.id": gettext("No job is enqueued while another one with this ID has not ended."),
        "deduplication.ttl": gettext("Hold the ID for this time instead, such as 60s."),
        "deduplication.extend": gettext("Each job that is not enqueued starts that time again."),
        "deduplication.replace": gettext("A delayed job that holds the ID gets the new data and time."),
    }
    labels = {
        "priority": gettext("Priority"),
        "attempts": gettext("Attempts"),
        "delay": gettext("Delay"),
        "timeout": gettext("Timeout"),
        "job_id": gettext("Job id"),
        "depends_on": gettext("Runs after"),
        "on_parent_failure": gettext("If one of those fails"),
        "deduplication.id": gettext("Deduplication ID"),
        "deduplication.ttl": gettext("Deduplication time"),
        "deduplication.extend": gettext("Extend the deduplication time"),
        "deduplication.replace": gettext("Replace a delayed job"),
    }
    after_failure = (
        ("wait", gettext("wait until it was retried")),
        ("run", gettext("run all the same")),
        ("cancel", gettext("fail too")),
    )
    flags = ("deduplication.extend", "deduplication.replace")
    limits: dict[str, dict[str, Any]] = {"priority": {"min": 1, "max": 10}, "attempts": {"min": 1, "max": 1000}}
    return [
        FormField(
            name=f"option.{name}",
            label=labels[name],
            kind="number"
            if name in limits
            else "checkbox"
            if name in flags
            else "select"
            if name == "on_parent_failure"
            else "text",
            choices=after_failure if name == "on_parent_failure" else (),
            value=options.get(name),
            hint=hints[name],
            **limits.get(name, {}),
        )
        for name in OPTIONS
    ]
