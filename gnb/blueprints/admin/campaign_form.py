"""The form of a campaign: its rule, its mail in both languages, and whom it is sent to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
    widgets,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from gnb.blueprints.admin.schema_forms import tour_choices
from gnb.blueprints.shared.forms import EditForm, PageForm
from gnb.messages.labels import CATEGORY_LABELS, LANGUAGE_NAMES
from gnb.models import HOME_ZONE, TEXT_LANGUAGES, Campaign
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import LONGEST_SUBJECT, checked_subject

LONGEST_BODY = 20_000
_WEEKDAYS = [
    (1, _l("Monday")), (2, _l("Tuesday")), (3, _l("Wednesday")), (4, _l("Thursday")),
    (5, _l("Friday")), (6, _l("Saturday")), (7, _l("Sunday")),
]  # fmt: skip


class _Checks(SelectMultipleField):
    """Several of a few, each with a box of its own."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


def _subject(_form: PageForm, field: StringField) -> None:
    if field.data:
        try:
            checked_subject(field.data)
        except InvalidMessage:
            raise ValidationError(gettext("The subject must be a single line of at most 300 characters.")) from None


class CampaignForm(EditForm):
    """What a person types; times are those of Istanbul."""

    name = StringField(_l("Name"), [InputRequired(_l("Enter a name.")), Length(max=200)])
    starts_at = DateTimeLocalField(_l("Starts"), [InputRequired(_l("Enter the start."))])
    ends_at = DateTimeLocalField(_l("Ends"), [InputRequired(_l("Enter the end."))])
    discount_percent = IntegerField(
        _l("Discount in per cent"), [InputRequired(_l("Enter a number.")), NumberRange(0, 90)]
    )
    floor_percent = IntegerField(_l("Never below, in per cent of the base price"), [InputRequired(), NumberRange(10, 100)], default=70)  # fmt: skip # noqa: E501
    stacks = BooleanField(_l("Adds up with other campaigns"))
    city = StringField(_l("City"), [Length(max=80)])
    category = SelectField(_l("Category"), choices=[("", _l("any")), *CATEGORY_LABELS.items()])
    tour_id = SelectField(_l("Tour"), coerce=int)
    weekdays = _Checks(_l("Weekdays"), choices=_WEEKDAYS, coerce=int)
    min_bookings = IntegerField(_l("Bookings in the last week, at least"), [Optional(), NumberRange(0, 1_000_000)])
    max_bookings = IntegerField(_l("Bookings in the last week, at most"), [Optional(), NumberRange(0, 1_000_000)])

    subject_en = StringField(_l("Subject in English"), [Length(max=LONGEST_SUBJECT), _subject])
    body_en = TextAreaField(_l("Text in English"), [Length(max=LONGEST_BODY)])
    subject_tr = StringField(_l("Subject in Turkish"), [Length(max=LONGEST_SUBJECT), _subject])
    body_tr = TextAreaField(_l("Text in Turkish"), [Length(max=LONGEST_BODY)])

    languages = _Checks(_l("Languages"), choices=list(LANGUAGE_NAMES.items()))
    tour_ids = SelectMultipleField(_l("Have booked"), coerce=int)
    booked_after = DateField(_l("Last booked on or after"), [Optional()])
    booked_before = DateField(_l("Last booked before"), [Optional()])

    MAIL = ("subject_en", "body_en", "subject_tr", "body_tr", "languages", "tour_ids", "booked_after", "booked_before")
    RULE = ("name", "starts_at", "ends_at", "discount_percent", "floor_percent", "city", "category", "tour_id",
            "min_bookings", "max_bookings")  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tours = tour_choices()
        self.tour_id.choices = [(0, _l("any")), *tours]
        self.tour_ids.choices = tours

    def validate_starts_at(self, field: DateTimeLocalField) -> None:
        """Reject the first hours of the year 1, which are no moments in UTC."""
        if field.data and field.data.year < 2000:
            raise ValidationError(gettext("Enter the start."))

    def validate_ends_at(self, field: DateTimeLocalField) -> None:
        """Require the end to be after the start."""
        if field.data and self.starts_at.data and field.data <= self.starts_at.data:
            raise ValidationError(gettext("The end must be after the start."))

    def validate_max_bookings(self, field: IntegerField) -> None:
        """Reject an empty range."""
        if field.data is not None and field.data < (self.min_bookings.data or 0):
            raise ValidationError(gettext("Must not be less than the minimum."))

    def typed_mail(self) -> Campaign:
        """Return a campaign that is not stored, with the mail and the recipients as they were typed."""
        campaign = Campaign()
        self._fill_mail(campaign)
        return campaign

    def fill(self, campaign: Campaign) -> None:
        """Write what was typed into the campaign."""
        campaign.name = self.name.data
        campaign.starts_at, campaign.ends_at = _at_home(self.starts_at.data), _at_home(self.ends_at.data)
        campaign.discount_percent = self.discount_percent.data
        campaign.floor_percent = self.floor_percent.data
        campaign.stacks = self.stacks.data
        campaign.city = _stripped(self.city.data) or None
        campaign.category = self.category.data or None
        campaign.tour_id = self.tour_id.data or None
        campaign.weekdays = sorted(self.weekdays.data or [])
        campaign.min_bookings, campaign.max_bookings = self.min_bookings.data, self.max_bookings.data
        if campaign.mailing_state in (None, "none"):
            self._fill_mail(campaign)

    def _fill_mail(self, campaign: Campaign) -> None:
        typed = {language: (self[f"subject_{language}"].data, self[f"body_{language}"].data) for language in TEXT_LANGUAGES}  # fmt: skip # noqa: E501
        campaign.subjects = {language: text for language, (subject, _) in typed.items() if (text := _stripped(subject))}
        campaign.bodies = {language: text for language, (_, body) in typed.items() if (text := _stripped(body))}
        segment: dict[str, Any] = {
            "languages": [each for each in self.languages.data or () if each in LANGUAGE_NAMES],
            "tour_ids": [each for each in self.tour_ids.data or () if each in dict(self.tour_ids.choices)],
            "booked_after": _iso(self.booked_after.data),
            "booked_before": _iso(self.booked_before.data),
        }
        campaign.segment = {name: value for name, value in segment.items() if value}


def values_of(campaign: Campaign) -> dict[str, Any]:
    """Return the campaign as the form shows it."""
    plain = ("name", "discount_percent", "floor_percent", "stacks", "city", "category", "weekdays", "min_bookings", "max_bookings")  # fmt: skip # noqa: E501
    segment = campaign.segment
    return {
        **{name: getattr(campaign, name) for name in plain},
        "starts_at": campaign.starts_at.astimezone(HOME_ZONE).replace(tzinfo=None),
        "ends_at": campaign.ends_at.astimezone(HOME_ZONE).replace(tzinfo=None),
        "category": campaign.category or "",
        "tour_id": campaign.tour_id or 0,
        **{f"subject_{language}": campaign.subjects.get(language, "") for language in TEXT_LANGUAGES},
        **{f"body_{language}": campaign.bodies.get(language, "") for language in TEXT_LANGUAGES},
        "languages": segment.get("languages", []),
        "tour_ids": segment.get("tour_ids", []),
        "booked_after": _day(segment.get("booked_after")),
        "booked_before": _day(segment.get("booked_before")),
    }


def _stripped(text: str | None) -> str:
    return (text or "").strip()


def _at_home(typed: datetime) -> datetime:
    return typed.replace(tzinfo=HOME_ZONE)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
