"""`/my`: a customer's own bookings and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, gettext
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError as SchemaError
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, Field, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from gnb.blueprints.auth.forms import LONGEST_NAME, as_one_line, without_link
from gnb.blueprints.shared.access import signed_in, signed_in_user
from gnb.blueprints.shared.extensions import csrf, limiter
from gnb.blueprints.shared.forms import EditForm
from gnb.blueprints.shared.pagination import page_of
from gnb.extensions import db
from gnb.messages import localize
from gnb.messages.formats import text_language
from gnb.messages.labels import LANGUAGE_NAMES
from gnb.models import TEXT_LANGUAGES, Booking, User
from gnb.services.accounts import users
from gnb.services.bookings.fields import Phone
from gnb.services.mail import recipients

PAGE_SIZE = 10

blueprint = Blueprint("my", __name__, url_prefix="/my")


@blueprint.get("/bookings")
@signed_in
def bookings() -> ResponseReturnValue:
    """Show the account's bookings, the latest journey first."""
    found, pager = page_of(partial(_of, signed_in_user()), PAGE_SIZE)
    return render_template("site/my_bookings.html", bookings=found, pager=pager)


@blueprint.route("/settings", methods=["GET", "POST"])
@signed_in
def settings() -> ResponseReturnValue:
    """Show and change name, telephone, language, and whether offers are mailed."""
    user = signed_in_user()
    stored = _values(user)
    version = hashlib.sha256(repr(sorted(stored.items())).encode()).hexdigest()[:16]
    form = SettingsForm(data={**stored, "version": version})
    if not form.is_submitted():
        return render_template("site/settings.html", form=form)
    if not form.validate():
        return render_template("site/settings.html", form=form), 422
    if form.is_stale(version):
        form.show_differences(stored, version)
        return render_template("site/settings.html", form=form), 409
    users.save_settings(user, form.name.data, form.phone.data or None, form.language.data, form.campaigns.data)
    with force_locale(text_language(user.language)):  # in the language that was just chosen
        flash(gettext("Settings saved."), "good")
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


class SettingsForm(EditForm):
    """What the holder of an account may change of it."""

    name = StringField(
        _l("Name"), [DataRequired(_l("Fill this in.")), Length(max=LONGEST_NAME), without_link], [as_one_line]
    )
    phone = StringField(_l("Mobile phone"), [Length(max=40)], render_kw={"type": "tel"})
    language = SelectField(_l("Language of pages and mails"))
    campaigns = BooleanField(_l("Send me occasional offers by email"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = kwargs.get("data", {}).get("language")
        codes = [*TEXT_LANGUAGES, *({own} - {*TEXT_LANGUAGES, None})]
        self.language.choices = [(code, LANGUAGE_NAMES[code]) for code in codes]

    def validate_phone(self, field: Field) -> None:
        """Normalize a telephone number to the international form."""
        try:
            field.data = Phone().deserialize(field.data) if field.data else None
        except SchemaError as error:
            raise ValidationError(" ".join(map(localize, error.messages))) from None


unsubscribe_blueprint = Blueprint("unsubscribe", __name__, url_prefix="/unsubscribe")


@unsubscribe_blueprint.get("/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """Show what is sent at present, with the button that changes it; following the link changes nothing."""
    return _page(token, _user(token))


@unsubscribe_blueprint.post("/<token>")
@csrf.exempt  # a mail program sends this, which has no session; the signed link says whose wish it is
@limiter.limit("60/minute")
def no_more(token: str) -> ResponseReturnValue:
    """Unsubscribe from campaigns."""
    return _save(token, wanted=False)


@unsubscribe_blueprint.post("/<token>/again")
@limiter.limit("60/minute")
def again(token: str) -> ResponseReturnValue:
    """Subscribe to campaigns again."""
    return _save(token, wanted=True)


def _save(token: str, wanted: bool) -> ResponseReturnValue:
    user = _user(token)
    recipients.set_campaigns(user.email, wanted)
    db.session.commit()
    return _page(token, user, saved=True)


def _user(token: str) -> User:
    return recipients.user_of_token(token) or abort(404, "This link is invalid, or its account no longer exists.")


def _page(token: str, user: User, saved: bool = False) -> str:
    wanted = recipients.wants_campaigns(user.email)
    return render_template("site/unsubscribe.html", token=token, address=masked(user.email), wanted=wanted, saved=saved)


def masked(address: str) -> str:
    """Return the address so that only its owner recognises it: `a•••@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}"
