"""`/my`: a customer's own bookings and settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, gettext
from sqlalchemy.orm import joinedload

from gnb.blueprints.access import signed_in, signed_in_user
from gnb.blueprints.admin.presenters.pages import page_of
from gnb.blueprints.site.settings_form import SettingsForm
from gnb.extensions import db
from gnb.models import Booking, User
from gnb.services.accounts import users
from gnb.services.mail import recipients
from gnb.services.mail.words import text_language

PAGE_SIZE = 10

blueprint = Blueprint("my", __name__, url_prefix="/my")


@blueprint.get("/bookings")
@signed_in
def bookings() -> ResponseReturnValue:
    """The account's bookings, the latest journey first."""
    found, pager = page_of(partial(_of, signed_in_user()), PAGE_SIZE)
    return render_template("site/my_bookings.html", bookings=found, pager=pager)


@blueprint.route("/settings", methods=["GET", "POST"])
@signed_in
def settings() -> ResponseReturnValue:
    """Name, telephone, language, and whether offers come by mail."""
    user = signed_in_user()
    form = SettingsForm(data=_values(user))
    if not form.is_submitted():
        return render_template("site/settings.html", form=form)
    if not form.validate():
        return render_template("site/settings.html", form=form), 422
    users.save_settings(user, form.name.data, form.phone.data or None, form.language.data, form.campaigns.data)
    with force_locale(text_language(user.language)):  # in the language that was just chosen
        flash(gettext("Your settings are saved."), "good")
    answer = redirect(url_for("my.settings"), 303)
    answer.delete_cookie("language")  # what was chosen for this browser before would hide the choice made here
    return answer


def _of(user: User, start: int, end: int) -> tuple[Sequence[Booking], int]:
    own = Booking.user_id == user.id
    query = sa.select(Booking).where(own).options(joinedload(Booking.tour)).slice(start, end)
    found = db.session.scalars(query.order_by(Booking.pickup_at.desc(), Booking.id.desc())).all()
    return found, db.session.scalar(sa.select(sa.func.count()).select_from(Booking).where(own)) or 0


def _values(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "phone": user.phone,
        "language": user.language,
        "campaigns": recipients.wants_campaigns(user.email),
    }
