"""Tours: what is sold, a form that changes it, and the changes of prices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm.exc import StaleDataError
from wtforms import BooleanField, DecimalField, IntegerField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.forms import EditForm
from gnb.blueprints.shared.pagination import page_of
from gnb.messages.labels import CATEGORY_LABELS
from gnb.models import CURRENCIES, TEXT_LANGUAGES, Tour, db, now
from gnb.services import places
from gnb.services.bookings import tours as service
from gnb.services.bookings.tours import slug_is_taken
from gnb.services.pricing import demand
from gnb.services.pricing.demand import WeekPrice
from gnb.services.reports.week import Week

LONGEST_SEARCH = 100


@blueprint.get("/tours")
def tours() -> ResponseReturnValue:
    """Show the tours, those on sale first."""
    text = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found, pager = page_of(partial(service.list_tours, text))
    return render_template("admin/tours/list.html", tours=found, pager=pager, text=text)


@blueprint.route("/tours/new", methods=["GET", "POST"])
@admin_required
def new_tour() -> ResponseReturnValue:
    """Create a tour."""
    form = NewTourForm(data={"max_passengers": 8, "currency": "EUR", "category": "tour"})
    if not form.validate_on_submit():
        return _form(form, None)
    try:
        tour = service.save_tour(Tour(), form.values(), signed_in_user())
    except service.SlugTaken:
        form.refuse_slug()
        return _form(form, None)
    return done(gettext("Tour created."), url_for("admin.tours", q=tour.slug))


@blueprint.route("/tours/<int:tour_id>/edit", methods=["GET", "POST"])
@admin_required
def edit_tour(tour_id: int) -> ResponseReturnValue:
    """Change a tour; bookings keep the price that they were made at."""
    tour = (db.session.get(Tour, tour_id) if tour_id < 2**31 else None) or abort(404, "Tour not found.")
    form = TourForm(data={**values_of(tour), "version": tour.version})
    if not form.validate_on_submit():
        return _form(form, tour)
    try:
        if form.is_stale(tour.version):
            raise StaleDataError
        service.save_tour(tour, form.values(), signed_in_user())
    except StaleDataError:
        form.show_differences(values_of(tour), tour.version)
        return _form(form, tour, 409)
    return done(gettext("Tour updated."), url_for("admin.tours", _anchor=f"tour-{tour_id}"))


def _form(form: TourForm, tour: Tour | None, status: int = 200) -> ResponseReturnValue:
    price = service.offer_of(tour).price if tour else None
    page = render_template("admin/tours/form.html", form=form, tour=tour, price=price)
    return page, 422 if form.errors else status


LONGEST_DESCRIPTION = 5000
LARGEST_PRICE = Decimal("1000000")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_GIVE = _l("Fill this in.")
_NUMBER = _l("Enter a whole number.")


def _cents(_form: EditForm, field: DecimalField) -> None:
    amount = field.data
    if amount is None:
        return
    if not amount.is_finite() or not 0 < amount <= LARGEST_PRICE or amount != round(amount, 2):
        raise ValidationError(gettext("A price must be more than 0 and at most 1,000,000, with at most two decimals."))


class TourForm(EditForm):
    """What a person types. The address of a tour is chosen once: links to it are everywhere."""

    title_en = StringField(_l("Title in English"), [InputRequired(_GIVE), Length(max=200)])
    title_tr = StringField(_l("Title in Turkish"), [InputRequired(_GIVE), Length(max=200)])
    description_en = TextAreaField(
        _l("Description in English"), [InputRequired(_GIVE), Length(max=LONGEST_DESCRIPTION)]
    )
    description_tr = TextAreaField(
        _l("Description in Turkish"), [InputRequired(_GIVE), Length(max=LONGEST_DESCRIPTION)]
    )
    name = StringField(_l("Name in lists and exports"), [Length(max=200)])
    slug = StringField(_l("Address"), [Length(max=100)])
    category = SelectField(_l("Category"), choices=list(CATEGORY_LABELS.items()))
    city = StringField(_l("City"), [InputRequired(_GIVE), Length(max=80)])
    airport = StringField(_l("Airport"), [Length(max=3)])
    origin = StringField(_l("From where"), [InputRequired(_GIVE), Length(max=120)])
    destination = StringField(_l("To where"), [InputRequired(_GIVE), Length(max=120)])
    distance_km = IntegerField(_l("Kilometres"), [Optional(), NumberRange(0, 5000)])
    duration_minutes = IntegerField(_l("Minutes"), [InputRequired(_NUMBER), NumberRange(1, 100_000)])
    max_passengers = IntegerField(_l("Largest party"), [InputRequired(_NUMBER), NumberRange(1, 50)])
    daily_seats = IntegerField(_l("Seats a day"), [Optional(), NumberRange(1, 100_000)])
    base_price = DecimalField(_l("Base price"), [InputRequired(_GIVE), _cents])
    currency = SelectField(_l("Currency"), choices=list(CURRENCIES))
    active = BooleanField(_l("On sale"))

    _LINES = ("name", "category", "city", "airport", "origin", "destination")
    _PLAIN = ("distance_km", "duration_minutes", "max_passengers", "daily_seats", "base_price", "currency",
              "active")  # fmt: skip

    def validate_airport(self, field: StringField) -> None:
        """Require the IATA code of a known airport."""
        if field.data and field.data.strip() and places.by_code(field.data.strip().upper()) is None:
            raise ValidationError(gettext("Enter the code of a Turkish airport, like IST, or leave this empty."))

    def values(self) -> dict[str, Any]:
        """The columns of the tour."""
        lines: dict[str, Any] = {name: " ".join(_clean(getattr(self, name).data).split()) for name in self._LINES}
        lines["airport"] = lines["airport"].upper() or None
        texts = {
            column: {language: _clean(getattr(self, f"{word}_{language}").data) for language in TEXT_LANGUAGES}
            for word, column in (("title", "titles"), ("description", "descriptions"))
        }
        lines["name"] = lines["name"] or texts["titles"]["en"]
        return {**lines, **texts, **{name: getattr(self, name).data for name in self._PLAIN}}


class NewTourForm(TourForm):
    """The same for a new tour, which gets its address from its title unless one is given."""

    def validate_slug(self, field: StringField) -> None:
        """Require plain letters and an address that no other tour has."""
        slug = self.chosen_slug()
        if not _SLUG.fullmatch(slug):
            raise ValidationError(gettext("Use lower-case letters a–z, digits and hyphens, like ist-fatih."))
        if slug_is_taken(slug):
            raise ValidationError(gettext("Another tour has this address."))

    def refuse_slug(self) -> None:
        """Report that another tour took the address concurrently."""
        self.slug.errors = [gettext("Another tour has this address.")]

    def chosen_slug(self) -> str:
        """Return the address given, or one made of the English title."""
        given = (self.slug.data or "").strip()
        return given or "-".join(re.findall(r"[a-z0-9]+", places.plain(self.title_en.data or "")))[:100].strip("-")

    def values(self) -> dict[str, Any]:
        """The columns of the tour, its address with them."""
        return {**super().values(), "slug": self.chosen_slug()}


def values_of(tour: Tour) -> dict[str, Any]:
    """Return the tour as the form shows it."""
    plain = (*TourForm._LINES, *TourForm._PLAIN, "slug")
    return {
        **{name: getattr(tour, name) for name in plain},
        **{f"title_{language}": tour.titles.get(language, "") for language in TEXT_LANGUAGES},
        **{f"description_{language}": tour.descriptions.get(language, "") for language in TEXT_LANGUAGES},
    }


def _clean(text: str | None) -> str:
    return (text or "").replace("\x00", "").replace("\r\n", "\n").strip()


_BARS = 30
_ROW = 24
_MIDDLE = 450
_PER_PERCENT = 15


@dataclass(frozen=True)
class ChangeBar:
    """One tour's bar: to the right for a rise, to the left for a fall."""

    row: WeekPrice
    y: int
    x: float
    width: float


@blueprint.get("/pricing")
def pricing() -> ResponseReturnValue:
    """Show the week's prices by demand, as a plot and a table."""
    rows = demand.preview()
    changing = [row for row in rows if row.changes]
    return render_template(
        "admin/schedules/pricing.html",
        week=Week.of(now()).name,
        rows=rows,
        changing=len(changing),
        bars=[_bar(place, row) for place, row in enumerate(changing[:_BARS])],
        middle=_MIDDLE,
        height=max(len(changing[:_BARS]) * _ROW, 1),
        reasons=_reasons(),
    )


def _bar(place: int, row: WeekPrice) -> ChangeBar:
    width = max(abs(row.percent) * _PER_PERCENT, 1)
    return ChangeBar(row, place * _ROW, _MIDDLE if row.percent > 0 else _MIDDLE - width, width)


def _reasons() -> dict[str, str]:
    return {
        "demand": gettext("demand"),
        "season": gettext("season"),
        "limit": gettext("at its limit"),
        "steady": gettext("demand as before"),
        "campaign": gettext("a campaign sets its price"),
    }
