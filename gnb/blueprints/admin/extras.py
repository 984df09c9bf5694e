"""Extras: what can be added to a booking, and a form that creates, changes and retires one."""

from __future__ import annotations

import re
from typing import Any

from flask import abort, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DecimalField, IntegerField, SelectField, StringField, ValidationError
from wtforms.validators import InputRequired, Length, NumberRange

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.forms import PageForm
from gnb.models import CURRENCIES, TEXT_LANGUAGES, Extra, db
from gnb.services.bookings import tours as service

LONGEST_CODE = 40
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_GIVE = _l("Fill this in.")
_NUMBER = _l("Enter a whole number.")


@blueprint.get("/extras")
def extras() -> ResponseReturnValue:
    """Show the extras, those on sale first."""
    return render_template("admin/extras/list.html", extras=service.list_extras(), language=str(get_locale()))


@blueprint.route("/extras/new", methods=["GET", "POST"])
@admin_required
def new_extra() -> ResponseReturnValue:
    """Create an extra."""
    form = NewExtraForm(data={"max_quantity": 1, "currency": "EUR", "position": 0, "active": True})
    if not form.validate_on_submit():
        return _form(form, None)
    try:
        service.save_extra(Extra(), {"code": form.code.data.strip(), **form.values()}, signed_in_user())
    except service.CodeTaken:
        form.code.errors = [gettext("Another extra has this code.")]
        return _form(form, None)
    return done(gettext("Extra created."), url_for("admin.extras"))


@blueprint.route("/extras/<code>/edit", methods=["GET", "POST"])
@admin_required
def edit_extra(code: str) -> ResponseReturnValue:
    """Change an extra, or take it off sale; bookings keep the price that they were made at."""
    extra = (db.session.get(Extra, code) if len(code) <= LONGEST_CODE and "\x00" not in code else None) or abort(404)
    titles = {f"title_{language}": extra.titles.get(language, "") for language in TEXT_LANGUAGES}
    form = ExtraForm(data={**titles, **{name: getattr(extra, name) for name in ExtraForm._PLAIN}})
    if not form.validate_on_submit():
        return _form(form, extra)
    service.save_extra(extra, form.values(), signed_in_user())
    return done(gettext("Extra updated."), url_for("admin.extras"))


def _form(form: ExtraForm, extra: Extra | None) -> ResponseReturnValue:
    return render_template("admin/extras/form.html", form=form, extra=extra), 422 if form.errors else 200


def _price(_form: PageForm, field: DecimalField) -> None:
    amount = field.data
    if amount is not None and (not amount.is_finite() or not 0 <= amount <= 100_000 or amount != round(amount, 2)):
        raise ValidationError(gettext("A price must be from 0 to 100,000, with at most two decimals."))


class ExtraForm(PageForm):
    """What a person types. The code is chosen once: bookings refer to it."""

    title_en = StringField(_l("Title in English"), [InputRequired(_GIVE), Length(max=200)])
    title_tr = StringField(_l("Title in Turkish"), [InputRequired(_GIVE), Length(max=200)])
    price = DecimalField(_l("Price"), [InputRequired(_GIVE), _price])
    currency = SelectField(_l("Currency"), choices=list(CURRENCIES))
    max_quantity = IntegerField(_l("How many at most"), [InputRequired(_NUMBER), NumberRange(1, 50)])
    position = IntegerField(_l("Position"), [InputRequired(_NUMBER), NumberRange(0, 1000)])
    active = BooleanField(_l("On sale"))

    _PLAIN = ("price", "currency", "max_quantity", "position", "active")

    def values(self) -> dict[str, Any]:
        """The columns of the extra."""
        titles = {language: " ".join(getattr(self, f"title_{language}").data.split()) for language in TEXT_LANGUAGES}
        return {"titles": titles, **{name: getattr(self, name).data for name in self._PLAIN}}


class NewExtraForm(ExtraForm):
    """The same for a new extra, with its code."""

    code = StringField(_l("Code"), [InputRequired(_GIVE), Length(max=LONGEST_CODE)])

    def validate_code(self, field: StringField) -> None:
        """Require plain letters."""
        if not _CODE.fullmatch((field.data or "").strip()):
            raise ValidationError(gettext("Use lower-case letters a–z, digits and hyphens, like child-seat."))
