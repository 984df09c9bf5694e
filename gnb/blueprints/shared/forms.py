"""The base classes of the pages' forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField


class PageForm(FlaskForm):
    """A form that reads `request.form` alone.

    Flask-WTF also reads JSON bodies and uploaded files. No page sends either, and a view, its rate limit and its form
    must read the same values.
    """

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Return the caller's own data if it gave any, else the fields of the request's form."""
            if formdata is None or isinstance(formdata, MultiDict):
                return formdata
            return request.form if request.method == "POST" else None


@dataclass(frozen=True)
class Difference:
    """A field whose stored value is not the one that was sent."""

    label: str
    stored: str
    sent: str


class EditForm(PageForm):
    """A form that changes a record, and sends along which version of it the page had shown."""

    version = HiddenField()
    differences: tuple[Difference, ...] = ()

    def is_stale(self, version: object) -> bool:
        """Return whether the record has changed since the page was opened; a form without a version is not stale."""
        return str(self.version.data) != str(version)

    def show_differences(self, stored: Mapping[str, Any], version: object) -> None:
        """List the fields that differ from the stored values; what is sent next replaces this version."""
        fields = [field for field in self if field.name in stored]
        rows = ((field, _text(field, stored[field.name]), _text(field, field.data)) for field in fields)
        self.differences = tuple(Difference(str(field.label.text), old, new) for field, old, new in rows if old != new)
        self.version.raw_data, self.version.data = None, str(version)


def _text(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    labels = {choice[0]: choice[1] for choice in getattr(field, "choices", None) or () if isinstance(choice, tuple)}
    values = value if isinstance(value, list) else [value]
    texts = [str(labels.get(each, each)).replace("\r\n", "\n").strip() for each in values if each not in (None, "")]
    return ", ".join(texts) or "–"
