"""The form of a schedule: a new one, or one that is there."""

import json
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.access import caller
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import done
from gnb.blueprints.admin.guard import for_admins
from gnb.blueprints.admin.presenters.harmless import sendable
from gnb.blueprints.admin.presenters.refusals import in_words
from gnb.blueprints.admin.presenters.schema_forms import FormField
from gnb.models.booking import HOME_ZONE
from gnb.queueing import InvalidSchedule
from gnb.services.queues import reading, recurring

_NEW = {"type": "process-campaigns", "tz": str(HOME_ZONE), "catch_up": "once", "data": "{}"}


@blueprint.get("/new-schedule")
@for_admins
def new_schedule() -> ResponseReturnValue:
    """Show the empty form."""
    return _form(None, dict(_NEW), {})


@blueprint.post("/new-schedule")
def create_schedule() -> ResponseReturnValue:
    """Make the schedule, or show the form again with what is wrong with which field."""
    sent = _sent()
    try:
        recurring.add(sent["name"], _values(sent), caller())
    except InvalidSchedule as error:
        return _form(None, sent, error.errors), 422
    message = gettext("%(name)s is scheduled.", name=sent["name"])
    return done(message, url_for("admin.schedule", name=sent["name"]))


@blueprint.get("/schedules/<name>/edit")
@for_admins
def edit_schedule(name: str) -> ResponseReturnValue:
    """Show the form of a schedule."""
    schedule = reading.schedules().get(name).schedule
    values = {field: getattr(schedule, field) for field in ("type", "cron", "every", "tz", "overlap", "catch_up")}
    return _form(name, {**values, "data": sendable(json.dumps(schedule.data, ensure_ascii=False))}, {})


@blueprint.post("/schedules/<name>/edit")
def change_schedule(name: str) -> ResponseReturnValue:
    """Change the schedule, or show the form again with what is wrong with which field."""
    sent = _sent()
    try:
        recurring.edit(name, _values(sent), caller())
    except InvalidSchedule as error:
        return _form(name, sent, error.errors), 422
    return done(gettext("%(name)s is changed.", name=name), url_for("admin.schedule", name=name))


def _sent() -> dict[str, Any]:
    names = ("name", "type", "cron", "every", "tz", "catch_up", "data")
    sent: dict[str, Any] = {name: request.form.get(name, "").strip() for name in names}
    return {**sent, "overlap": "overlap" in request.form}


def _values(sent: dict[str, Any]) -> dict[str, Any]:
    """The fields as the service takes them. Raises InvalidSchedule for data that is no JSON object."""
    try:
        data = json.loads(sent["data"] or "{}")
    except (ValueError, RecursionError) as error:
        at = {"line": getattr(error, "lineno", 1), "column": getattr(error, "colno", 1)}
        words = gettext("This is not JSON; look at line %(line)s, column %(column)s.", **at)
        raise InvalidSchedule({"data": [words]}) from None
    if not isinstance(data, dict):
        raise InvalidSchedule({"data": [gettext("Give an object, such as {}.")]})
    timing = {"cron": sent["cron"] or None, "every": sent["every"] or None}
    rest = {name: sent[name] for name in ("type", "tz", "catch_up", "overlap")}
    return {**timing, **rest, "data": data}


def _form(name: str | None, values: dict[str, Any], errors: dict[str, list[str]]) -> str:
    back = url_for("admin.schedule", name=name) if name else url_for("admin.schedules")
    action = url_for("admin.change_schedule", name=name) if name else url_for("admin.create_schedule")
    fields = [field for field in _fields(values, errors) if name is None or field.name != "name"]
    known = {field.name for field in fields}
    other = [in_words(words) for field, found in errors.items() if field not in known for words in found]
    return render_template(
        "admin/schedules/form.html", name=name, fields=fields, other_errors=other, action=action, back=back
    )


def _fields(values: dict[str, Any], errors: dict[str, list[str]]) -> list[FormField]:
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
        ("overlap", gettext("Start even while the run before goes on"), {"kind": "checkbox"}),
        ("data", gettext("Data"), {"kind": "textarea", "hint": gettext("JSON, as the job type takes it.")}),
    ]
    return [
        FormField(
            name=name, label=label, value=values.get(name), errors=tuple(map(in_words, errors.get(name, ()))), **more
        )
        for name, label, more in described
    ]
