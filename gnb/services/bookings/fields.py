"""The fields of a booking request; error messages are in the reader's language and say what to enter."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time
from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields

from gnb.messages import LocalizedSchema
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import checked_address, contains_link, one_line

HOME_REGION = "TR"
"""The country of a telephone number without its country code."""

_AIRLINE_AND_NUMBER = re.compile(r"(?=\d?[A-Z])([A-Z0-9]{2}[A-Z]?)(\d{1,4}[A-Z]?)")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(:00)?")
MESSAGES = {"required": _l("Fill this in."), "null": _l("Fill this in.")}


class FormSchema(LocalizedSchema):
    """A schema of a form for customers, with messages of its own for fields that are left out or unknown."""

    error_messages = {
        "unknown": _l("There is no such field; leave it out."),
        "type": _l("An object with named fields is expected."),
    }

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Set the application's messages for errors that every field has."""
        own = {key: words for key, words in MESSAGES.items() if key in field_obj.error_messages}
        field_obj.error_messages = {**field_obj.error_messages, **own}
        super().on_bind_field(field_name, field_obj)

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        """Keep the first messages only."""
        super().handle_error(error, data, many=many, **kwargs)
        error.messages = first_messages(error.messages)


MOST_ERRORS = 20
"""How many errors an answer names at most."""


def first_messages(messages: Any, most: int = MOST_ERRORS) -> Any:
    """Return marshmallow's messages as lists by field, nested as they are, without those beyond the first `most`."""
    if messages is None:
        return None
    left = most

    def take(value: Any) -> Any:
        nonlocal left
        if isinstance(value, dict):
            kept = {}
            for key, inner in value.items():
                if left <= 0:
                    break
                kept[key] = take(inner)
            return kept
        left -= 1
        return value[:most] if isinstance(value, list) else [str(value)]  # such as a lazily translated text

    return take(messages)


class Line(fields.String):
    """One line of text of at most `limit` characters, without control characters."""

    described: ClassVar[dict[str, Any]] = {}
    """What the OpenAPI document says of every such field."""

    def __init__(self, limit: int, **options: Any) -> None:
        metadata = {"maxLength": limit, **self.described, **options.pop("metadata", {})}
        super().__init__(metadata=metadata, error_messages={"invalid": _l("A text is expected.")}, **options)
        self.limit = limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = self._cleaned(super()._deserialize(value, attr, data, **kwargs).strip())
        if not text and self.required:
            raise self.make_error("required")
        return text

    def _cleaned(self, text: str) -> str:
        if len(text) > self.limit:
            raise ValidationError(gettext("At most %(limit)s letters.", limit=self.limit))
        return one_line(text, self.limit)


class PlainLine(Line):
    """One line without a link: a name or place, which stands in mails to an address that is not confirmed."""

    def _cleaned(self, text: str) -> str:
        if contains_link(text):
            raise ValidationError(gettext("Leave out web and e-mail addresses."))
        return super()._cleaned(text)


class Paragraphs(Line):
    """Text of several lines, of at most `limit` characters."""

    def _cleaned(self, text: str) -> str:
        if len(text) > self.limit:
            raise ValidationError(gettext("At most %(limit)s letters.", limit=self.limit))
        lines = "\n".join(text.splitlines())
        return "".join(letter for letter in lines if letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cs"))


class Choice(Line):
    """One of the listed values."""

    def __init__(self, choices: tuple[str, ...], **options: Any) -> None:
        super().__init__(40, **{**options, "metadata": {"enum": list(choices), **options.get("metadata", {})}})
        self.choices = choices

    def _cleaned(self, text: str) -> str:
        if text not in self.choices:
            raise ValidationError(gettext("Choose one of: %(choices)s.", choices=", ".join(self.choices)))
        return text


class TravelDay(Line):
    """A calendar day, such as 2027-06-30."""

    described: ClassVar[dict[str, Any]] = {"format": "date"}

    def __init__(self, **options: Any) -> None:
        super().__init__(10, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if type(value) is date:
            return value
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValidationError(gettext("Write the day like 2027-06-30.")) from None


class Clock(Line):
    """A time of day, such as 14:30."""

    described: ClassVar[dict[str, Any]] = {"example": "14:30"}

    def __init__(self, **options: Any) -> None:
        super().__init__(8, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, time):
            return value.replace(second=0, microsecond=0, tzinfo=None)
        found = _CLOCK.fullmatch(super()._deserialize(value, attr, data, **kwargs))
        if not found:
            raise ValidationError(gettext("Write the time like 14:30."))
        return time(int(found[1]), int(found[2]))


class Email(Line):
    """A normalized e-mail address."""

    described: ClassVar[dict[str, Any]] = {"format": "email"}

    def __init__(self, **options: Any) -> None:
        super().__init__(254, **options)

    def _cleaned(self, text: str) -> str:
        try:
            return checked_address(super()._cleaned(text)) if text else ""
        except InvalidMessage:
            raise ValidationError(gettext("Enter a valid email address, like name@example.com.")) from None


class Phone(Line):
    """A phone number, loaded as E.164; Turkish unless it has a country code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(40, **options)

    def _cleaned(self, text: str) -> str:
        import phonenumbers

        text = super()._cleaned(text)
        try:
            number = phonenumbers.parse(text, HOME_REGION)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_valid_number(number):
            raise ValidationError(
                gettext("That is no telephone number; write it with the country code, like +90 532 123 45 67.")
            )
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


class FlightNumber(Line):
    """A flight number such as TK1984: two or three letters of the airline, then digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(20, **options)

    def _cleaned(self, text: str) -> str:
        plain = re.sub(r"[\s-]", "", super()._cleaned(text)).upper()
        if plain and not _AIRLINE_AND_NUMBER.fullmatch(plain):
            raise ValidationError(gettext("Write the flight like TK1984: the airline, then its number."))
        return plain


class Country(Line):
    """A country code of two letters (ISO 3166), such as TR."""

    def __init__(self, **options: Any) -> None:
        super().__init__(20, **options)

    def _cleaned(self, text: str) -> str:
        from phonenumbers import SUPPORTED_REGIONS

        code = super()._cleaned(text).upper()
        if code and code not in SUPPORTED_REGIONS:
            raise ValidationError(gettext("Give the country by its two letters, like TR or DE."))
        return code


class Quantities(fields.Dict):
    """Quantities by code: `{"child-seat": 1}`."""

    def __init__(self, **options: Any) -> None:
        words = {"invalid": _l('Say how many of each, by its code: {"child-seat": 1}.')}
        super().__init__(keys=fields.String(), values=fields.Integer(), error_messages=words, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        wrong = {
            code: [gettext("A whole number is expected.")] for code, count in value.items() if type(count) is not int
        }
        if wrong:
            raise ValidationError(wrong)
        return dict(value)
