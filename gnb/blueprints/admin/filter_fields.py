"""The form of a schema whose `tour` is chosen from the tours that there are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext
from marshmallow import Schema

from gnb.blueprints.admin.presenters import schema_forms
from gnb.blueprints.admin.presenters.schema_forms import FormField
from gnb.models import Tour, db


def filter_fields(schema: Schema, values: Mapping[str, Any], errors: Mapping[str, Any]) -> list[FormField]:
    """The inputs of the schema, as `schema_forms.form_fields` makes them."""
    return [_with_tours(field) for field in schema_forms.form_fields(schema, values, errors)]


def tour_choices() -> list[tuple[int, str]]:
    """Every tour by its number and name."""
    query = sa.select(Tour.id, Tour.name).order_by(Tour.name)
    return [(tour_id, name) for tour_id, name in db.session.execute(query)]


def _with_tours(field: FormField) -> FormField:
    if field.name.rpartition(".")[2] != "tour":
        return field
    return replace(field, kind="select", hint="", blank=gettext("any"), choices=tuple(tour_choices()))
