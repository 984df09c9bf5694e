"""The base class of the pages' forms."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict


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
