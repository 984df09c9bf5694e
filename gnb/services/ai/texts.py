"""Reasons, advice and figures as sentences, in Turkish or English."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from babel.dates import get_day_names, get_month_names
from flask_babel import force_locale, gettext

from gnb.messages.formats import text_language
from gnb.services.ai.candidates import Candidate
from gnb.services.places import place_name

if TYPE_CHECKING:
    from gnb.services.ai.insights import Figure

N_ = str  # marks a text that is collected for translation

_DELAY_REASONS = {
    "area": N_("Traffic around %(area)s"),
    "time": N_("Leaving at %(hour)02d:00–%(hour)02d:59"),
    "weekday": N_("Travelling on a %(weekday)s"),
    "season": N_("The time of year, %(month)s, around %(area)s"),
    "distance": N_("The length of the road, %(kilometres)s km"),
    "route": N_("This road itself (%(route)s)"),
}


def delay_reason(code: str, language: str, minutes: float, **facts: object) -> str:
    """Return one reason of a delay as a sentence. `minutes` is its effect on the delay, negative if it saves time."""
    whole = round(abs(minutes))
    with force_locale(text_language(language)):
        cause = gettext(_DELAY_REASONS[code], **facts)
        if not whole:
            return str(gettext("%(cause)s changes little.", cause=cause))
        if minutes > 0:
            return str(gettext("%(cause)s adds about %(minutes)s min.", cause=cause, minutes=whole))
        return str(gettext("%(cause)s saves about %(minutes)s min.", cause=cause, minutes=whole))


def leave_earlier(minutes: int, language: str) -> str:
    """Return the advice to leave earlier."""
    with force_locale(text_language(language)):
        return str(
            gettext(
                "Leave %(minutes)s minutes earlier: then four out of five such trips arrive less than 15 minutes late.",
                minutes=minutes,
            )
        )


def weekday_name(day: date, language: str) -> str:
    """Return the name of the day."""
    return str(get_day_names("wide", locale=text_language(language))[day.weekday()])


def month_name(day: date, language: str) -> str:
    """Return the name of the month, as written within a sentence."""
    name = str(get_month_names("wide", context="stand-alone", locale=text_language(language))[day.month])
    return name.lower() if text_language(language) == "tr" else name


_TOUR_REASONS = {
    "similar": N_("Often booked by customers with trips like yours."),
    "season": N_("One of the most booked at this time of year (%(month)s)."),
    "place": N_("In %(city)s, where you have travelled with us."),
    "kind": N_("Of the kind that you have booked before."),
    "price": N_("About what you have spent on a trip before."),
    "offer": N_("From our current programme in %(city)s."),
}


def tour_reason(candidate: Candidate, language: str, today: date) -> str:
    """Return the strongest reason for a recommendation as a sentence."""
    facts = {"city": place_name(candidate.tour.city, language), "month": month_name(today, language)}
    with force_locale(text_language(language)):
        return str(gettext(_TOUR_REASONS[candidate.main_reason], **facts))


_FIGURE_SENTENCES = {
    "bookings": N_("Bookings in this selection: %(text)s."),
    "guests": N_("Guests who travel on them: %(text)s."),
    "cancelled": N_("%(text)s of the bookings were cancelled."),
    "with-account": N_("%(text)s of the bookings were made with an account."),
    "revenue": N_("Confirmed, paid and completed bookings bring %(text)s."),
    "average": N_("A booking brings %(text)s on average."),
    "tour": N_("Among the most booked: %(name)s, bookings: %(text)s."),
    "busiest-day": N_("The busiest day is %(name)s, pickups: %(text)s."),
}


def figure_sentence(figure: Figure, language: str) -> str:
    """Return a figure as a sentence."""
    with force_locale(text_language(language)):
        return str(gettext(_FIGURE_SENTENCES[figure.code], text=figure.text, name=figure.called))
