"""The forms of accounts: signing in, registering, passwords."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import Field, HiddenField, PasswordField, StringField, ValidationError
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length

from gnb.blueprints.shared.forms import PageForm
from gnb.services.accounts.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import checked_address, contains_link, one_line

LONGEST_NAME = 200


def as_one_line(text: str | None) -> str | None:
    """Return what was typed as one line without unprintable characters; a text that is too long stays so."""
    return one_line(text, 2 * LONGEST_NAME) if text else text


def without_link(_form: object, field: Field) -> None:
    """Reject links in a name, which is part of mails."""
    if field.data and contains_link(field.data):
        raise ValidationError(_l("Leave out web and e-mail addresses."))


class LoginForm(PageForm):
    """E-mail and password; `next` is the page to go on to."""

    email = StringField(
        _l("E-mail"), [InputRequired(_l("Enter your e-mail address.")), Length(max=254)], render_kw={"type": "email"}
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password.")), Length(max=MAXIMUM_LENGTH)])
    next = HiddenField()


class AddressForm(PageForm):
    """The address that a link is mailed to."""

    email = StringField(
        _l("E-mail"), [InputRequired(_l("Enter your e-mail address.")), Length(max=254)], render_kw={"type": "email"}
    )

    def validate_email(self, field: Field) -> None:
        """Require an address that can be written to, and normalize it."""
        try:
            field.data = checked_address(field.data)
        except InvalidMessage:
            raise ValidationError(_l("Enter a valid email address, like name@example.com.")) from None


class RegistrationForm(AddressForm):
    """The name and address of a new account; the password is chosen once the address is confirmed."""

    name = StringField(
        _l("Your name"), [DataRequired(_l("Enter your name.")), Length(max=LONGEST_NAME), without_link], [as_one_line]
    )


class NewPasswordForm(PageForm):
    """A new password, twice."""

    new = PasswordField(
        _l("New password"),
        [
            InputRequired(_l("Choose a new password.")),
            Length(MINIMUM_LENGTH, MAXIMUM_LENGTH, _l("A password has %(min)d to %(max)d characters.")),
        ],
    )
    again = PasswordField(_l("Confirm new password"), [EqualTo("new", _l("The passwords do not match."))])


class PasswordForm(NewPasswordForm):
    """The password now, and the new one twice."""

    current = PasswordField(
        _l("Current password"), [InputRequired(_l("Enter your current password.")), Length(max=MAXIMUM_LENGTH)]
    )
