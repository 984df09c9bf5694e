"""The form of a customer's settings."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError as SchemaError
from wtforms import BooleanField, Field, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from gnb.blueprints.admin.presenters.mail_words import LANGUAGE_NAMES
from gnb.blueprints.auth.forms import LONGEST_NAME, as_one_line
from gnb.blueprints.forms import PageForm
from gnb.models import TEXT_LANGUAGES
from gnb.services.bookings.fields import Phone


class SettingsForm(PageForm):
    """What the holder of an account may change of it."""

    name = StringField(_l("Name"), [DataRequired(_l("Fill this in.")), Length(max=LONGEST_NAME)], [as_one_line])
    phone = StringField(_l("Mobile phone"), [Length(max=40)], render_kw={"type": "tel"})
    language = SelectField(_l("Language of pages and mails"))
    campaigns = BooleanField(_l("Send me offers by e-mail, now and then"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = kwargs.get("data", {}).get("language")
        codes = [*TEXT_LANGUAGES, *({own} - {*TEXT_LANGUAGES, None})]
        self.language.choices = [(code, LANGUAGE_NAMES[code]) for code in codes]

    def validate_phone(self, field: Field) -> None:
        """A telephone number becomes what can be dialled from anywhere."""
        try:
            field.data = Phone().deserialize(field.data) if field.data else None
        except SchemaError as error:
            raise ValidationError(" ".join(error.messages)) from None
