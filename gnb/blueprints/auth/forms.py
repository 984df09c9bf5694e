"""The forms of signing in and of changing one's password."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from gnb.services.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH


class LoginForm(FlaskForm):
    """E-mail and password; `next` is the page to go on to."""

    email = StringField(
        _l("E-mail"), [InputRequired(_l("Enter your e-mail address.")), Length(max=254)], render_kw={"type": "email"}
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password.")), Length(max=MAXIMUM_LENGTH)])
    next = HiddenField()


class PasswordForm(FlaskForm):
    """The password now, and the new one twice."""

    current = PasswordField(
        _l("Current password"), [InputRequired(_l("Enter your current password.")), Length(max=MAXIMUM_LENGTH)]
    )
    new = PasswordField(
        _l("New password"),
        [
            InputRequired(_l("Choose a new password.")),
            Length(MINIMUM_LENGTH, MAXIMUM_LENGTH, _l("A password has %(min)d to %(max)d characters.")),
        ],
    )
    again = PasswordField(_l("New password once more"), [EqualTo("new", _l("The two are not the same."))])
