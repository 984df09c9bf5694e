"""Schedules: their next and last runs, and the actions on them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from marshmallow import Schema
from werkzeug.datastructures import MultiDict

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.emails import preview_message
from gnb.blueprints.admin.enqueue import data_fields, schema_of, with_ids
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.admin.schema_forms import FormField, other_errors, read_form
from gnb.blueprints.shared.access import admin_required, caller
from gnb.messages import localize
from gnb.models.booking import HOME_ZONE
from gnb.queueing import InvalidJobData, InvalidSchedule, ScheduleInCode, ScheduleNotFound, ScheduleState
from gnb.services.queues import reading, recurring
from gnb.services.queues.recurring import StaleSchedule, describe, version_of


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
    return done(gettext("%(name)s started: job %(job)s.", name=name, job=job.id))


@blueprint.post("/schedules/<name>/pause")
def pause_schedule(name: str) -> ResponseReturnValue:
    """Pause the schedule: nothing fires until it is resumed."""
    recurring.change("pause", name, caller())
    undo = url_for("admin.resume_schedule", name=name)
    return done(gettext("%(name)s paused.", name=name), undo_url=undo)


@blueprint.post("/schedules/<name>/resume")
def resume_schedule(name: str) -> ResponseReturnValue:
    """Resume the schedule."""
    recurring.change("resume", name, caller())
    undo = url_for("admin.pause_schedule", name=name)
    return done(gettext("%(name)s resumed.", name=name), undo_url=undo)


@blueprint.get("/schedules/<name>/remove")
@admin_required
def ask_remove_schedule(name: str) -> ResponseReturnValue:
    """Ask whether to remove it."""
    state = reading.schedules().get(name)
    return render_template(
        "admin/confirm.html",
        title=gettext("Remove %(name)s?", name=name),
        quoted=said(state),
        text=gettext("It will not fire again. Jobs that it has enqueued are kept."),
        action=url_for("admin.remove_schedule", name=name),
        button=gettext("Remove"),
        danger=True,
        back=url_for("admin.schedules"),
    )


@blueprint.post("/schedules/<name>/remove")
def remove_schedule(name: str) -> ResponseReturnValue:
    """Remove a schedule that is not declared in code."""
    recurring.change("remove", name, caller())
    return done(gettext("%(name)s removed.", name=name), url_for("admin.schedules"))


@blueprint.errorhandler(ScheduleNotFound)
def no_such_schedule(_error: ScheduleNotFound) -> ResponseReturnValue:
    """Say that there is none."""
    return rejected(gettext("Schedule not found."), url_for("admin.schedules"))


@blueprint.errorhandler(ScheduleInCode)
def schedule_in_code(_error: ScheduleInCode) -> ResponseReturnValue:
    """Say what can be done instead."""
    message = gettext("This schedule is defined in code and cannot be removed. Pause it instead.")
    return rejected(message, url_for("admin.schedules"))


def said(state: ScheduleState) -> str:
    """Return when it fires, in the reader's language."""
    return describe(state.schedule, str(get_locale()))


_NEW = {"type": "process-campaigns", "tz": str(HOME_ZONE), "catch_up": "once", "data": {}}
_DATA = "data."
"""Before the names of the inputs of the job's data."""


@blueprint.get("/new-schedule")
@admin_required
def new_schedule() -> ResponseReturnValue:
    """Show the empty form."""
    return _form(None, _NEW, {})


@blueprint.post("/new-schedule")
def create_schedule() -> ResponseReturnValue:
    """Create the schedule, or show the form again with the errors of its fields."""
    sent = _sent()
    if (shown := _only_shown(None, sent)) is not None:
        return shown
    try:
        recurring.add(sent["name"], _values(sent), caller())
    except InvalidSchedule as error:
        return _form(None, sent, error.errors, data_errors=_data_errors(error)), 422
    message = gettext("%(name)s scheduled.", name=sent["name"])
    return done(message, url_for("admin.schedule", name=sent["name"]))


@blueprint.get("/schedules/<name>/edit")
@admin_required
def edit_schedule(name: str) -> ResponseReturnValue:
    """Show the form of a schedule."""
    schedule = reading.schedules().get(name).schedule
    values = {field: getattr(schedule, field) for field in ("type", "cron", "every", "tz", "overlap", "catch_up")}
    return _form(name, {**values, "data": with_ids(schedule.data), "version": version_of(schedule)}, {})


@blueprint.post("/schedules/<name>/edit")
def change_schedule(name: str) -> ResponseReturnValue:
    """Change the schedule, or show the form again with the errors of its fields."""
    sent = _sent()
    if (shown := _only_shown(name, sent)) is not None:
        return shown
    try:
        recurring.edit(name, _values(sent), caller(), request.form.get("version"))
    except InvalidSchedule as error:
        return _form(name, sent, error.errors, data_errors=_data_errors(error)), 422
    except StaleSchedule as error:
        stored = {field: [_stored_words(value)] for field, value in error.stored.items()}
        return _form(name, {**sent, "version": error.version}, {**stored, "version": [error.message]}), 409
    return done(gettext("%(name)s updated.", name=name), url_for("admin.schedule", name=name))


def _stored_words(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return gettext("Changed by someone else. Stored now: %(value)s", value="–" if value is None else text)


def _data_errors(error: InvalidSchedule) -> Mapping[str, Any]:
    """Return what is wrong with which field of the job's data."""
    return error.__cause__.errors if isinstance(error.__cause__, InvalidJobData) else {}


def _only_shown(name: str | None, sent: dict[str, Any]) -> ResponseReturnValue | None:
    """Return what the form asks for without saving: the message, the next runs, or the fields of another type."""
    if "show_message" in request.form:
        return preview_message(sent["data"])
    if "preview" in request.form:
        try:
            return _form(name, sent, {}, recurring.preview(_values(sent)))
        except InvalidSchedule as error:
            return _form(name, sent, error.errors), 422
    if "choose" in request.form or request.form.get("shown_type", sent["type"]) != sent["type"]:
        return _form(name, sent, {})
    return None


def _sent() -> dict[str, Any]:
    sent: dict[str, Any] = {
        field: request.form.get(field, "").strip()
        for field in ("name", "type", "cron", "every", "tz", "catch_up", "version")
    }
    inputs = MultiDict(
        (name.removeprefix(_DATA), value) for name, value in request.form.items(multi=True) if name.startswith(_DATA)
    )
    return {**sent, "overlap": "overlap" in request.form, "data": read_form(_schema_of_type(sent["type"]), inputs)}


def _schema_of_type(type_name: str) -> Schema:
    try:
        return schema_of(recurring.queue_of(type_name), type_name)
    except InvalidSchedule:  # no such type, which saving reports
        return Schema()


def _values(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the fields as the service takes them."""
    timing = {"cron": sent["cron"] or None, "every": sent["every"] or None}
    return {**timing, **{name: sent[name] for name in ("type", "tz", "catch_up", "overlap", "data")}}


def _form(
    name: str | None,
    values: Mapping[str, Any],
    errors: Mapping[str, list[str]],
    upcoming: Sequence[datetime] = (),
    data_errors: Mapping[str, Any] | None = None,
) -> str:
    back = url_for("admin.schedule", name=name) if name else url_for("admin.schedules")
    action = url_for("admin.change_schedule", name=name) if name else url_for("admin.create_schedule")
    fields = [field for field in _fields(values, errors) if name is None or field.name != "name"]
    known = {field.name for field in fields} | ({"data"} if data_errors else set())
    other = [_labelled(field, words) for field, found in errors.items() if field not in known for words in found]
    schema, data_errors = _schema_of_type(values["type"]), data_errors or {}
    inputs = data_fields(schema, values["data"], data_errors)
    return render_template(
        "admin/schedules/form.html",
        name=name,
        fields=fields,
        other_errors=other,
        inputs=[replace(field, name=f"{_DATA}{field.name}") for field in inputs],
        data_errors=other_errors(schema, data_errors),
        type_name=values["type"],
        action=action,
        back=back,
        version=values.get("version", ""),
        upcoming=upcoming,
    )


def _labelled(field: str, words: Any) -> str:
    return f"{gettext('Data')}: {localize(words)}" if field == "data" else localize(words)


def _fields(values: Mapping[str, Any], errors: Mapping[str, list[str]]) -> list[FormField]:
    types = [(each, each) for name in reading.queue_names() for each in reading.job_types(name)]
    catch_up = (("once", gettext("one run for all of them")), ("skip", gettext("none: wait for the next")))
    cron_hint = gettext("Minute, hour, day of the month, month, day of the week: “0 9 * * mon”. Or @hourly, @daily.")
    described: list[tuple[str, str, dict[str, Any]]] = [
        ("name", gettext("Name"), {"required": True, "hint": gettext("Letters, digits, dashes and underscores.")}),
        ("type", gettext("Job type"), {"kind": "select", "choices": tuple(types), "required": True}),
        ("cron", gettext("Cron"), {"hint": cron_hint, "placeholder": "0 9 * * mon"}),
        ("every", gettext("Or every"), {"hint": gettext("Instead of cron: such as 30s, 10m or 2h.")}),
        ("tz", gettext("Time zone"), {"required": True, "hint": gettext("Such as Europe/Istanbul.")}),
        (
            "catch_up",
            gettext("Runs missed while no scheduler was running"),
            {"kind": "select", "choices": catch_up, "required": True},
        ),
        ("overlap", gettext("Allow overlapping runs"), {"kind": "checkbox"}),
    ]
    return [
        FormField(
            name=name, label=label, value=values.get(name), errors=tuple(map(localize, errors.get(name, ()))), **more
        )
        for name, label, more in described
    ]
