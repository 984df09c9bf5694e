"""Why something was refused, in the reader's language: the engine, the services and marshmallow say it in English.

Each line is what they say, a `%(…)s` where a value stands; it is what they are recognised by, and what is translated.
What is not listed here is shown as it came.
"""

import re
from functools import cache

from flask_babel import gettext

from gnb.blueprints.admin.presenters.words import STATE_WORDS, word

N_ = str  # marks what is collected for translation

_SAYINGS = (
    # A job's state
    N_("job %(id)s is still running; its worker did not stop it in time"),
    N_("job %(id)s is %(state)s; only an active job can be stopped"),
    N_("job %(id)s is %(state)s; only a waiting or delayed job changes its priority"),
    N_("job %(id)s is %(state)s; only a failed job can be retried"),
    N_("job %(id)s is %(state)s; only a completed job can be run again"),
    N_("job %(id)s is %(state)s; only a delayed job can be promoted"),
    # Options
    N_("%(name)s is %(value)s; give seconds, like 90, or a duration, like '1h'"),
    N_("%(name)s is %(value)s; give 0 seconds to ten years"),
    N_("%(name)s is %(value)s; give a whole number from %(low)s to %(high)s"),
    N_("%(name)s is %(value)s; give more than 0 seconds"),
    N_("%(name)s is %(value)s; give 1 to 200 letters, digits, dashes and underscores"),
    # Schedules
    N_("%(value)s is no name; give 1 to 100 letters, digits, dashes and underscores"),
    N_("there is a schedule %(value)s already"),
    N_("there is no time zone %(value)s; give one like Europe/Istanbul"),
    N_("%(value)s is neither 'once' nor 'skip'"),
    N_("give either cron, like '0 2 * * mon', or every, in seconds"),
    N_("%(value)s is no whole number of seconds from 1 on"),
    N_("%(value)s is none of %(choices)s"),
    N_("%(value)s has %(count)s fields; give five: %(names)s, like '30 2 * * mon'"),
    N_("%(name)s is %(value)s; give %(shape)s, *, a list, a range or a step"),
    N_("day of the month %(day)s never comes in month %(month)s"),
    N_("there is no job type %(value)s; there are: %(choices)s"),
    # Data and filters
    N_("not JSON: %(why)s"),
    N_("Give deliveryId, or %(instead)s."),
    N_("Give a week like 2026-W47."),
    N_("given twice, beside `filters` and in it"),
    N_("a word or a list of words is expected"),
    N_("%(value)s is none of: %(choices)s"),
    N_("a day is written like 2026-01-31"),
    N_("the end (%(end)s) is before the start (%(start)s)"),
    N_("an instant is written like 2026-12-24T17:30:00+03:00"),
    N_("this is where the trip begins"),
    # marshmallow
    N_("Missing data for required field."),
    N_("Field may not be null."),
    N_("Unknown field."),
    N_("Invalid input type."),
    N_("Invalid value."),
    N_("Not a valid string."),
    N_("Not a valid integer."),
    N_("Not a valid number."),
    N_("Not a valid boolean."),
    N_("Not a valid date."),
    N_("Not a valid datetime."),
    N_("Not a valid list."),
    N_("Not a valid mapping type."),
    N_("Not a valid email address."),
    N_("Not a valid URL."),
    N_("Must be one of: %(choices)s."),
    N_("Length must be between %(low)s and %(high)s."),
    N_("Longer than maximum length %(high)s."),
    N_("Shorter than minimum length %(low)s."),
    N_("Must be greater than or equal to %(low)s and less than or equal to %(high)s."),
    N_("Must be greater than or equal to %(low)s."),
    N_("Must be less than or equal to %(high)s."),
)
# Values that are words themselves.
_VALUES = {
    *(N_("minute"), N_("hour"), N_("day of the month"), N_("month"), N_("day of the week")),
    *(N_("0 to 59"), N_("0 to 23"), N_("1 to 31"), N_("1 to 12 or jan to dec")),
    N_("0 to 7 (0 and 7 are Sunday) or sun to sat"),
}


def in_words(refusal: object) -> str:
    """The reason in the reader's language, or as it is."""
    text = str(refusal)
    for saying, pattern in _patterns():
        if found := pattern.fullmatch(text):
            values = {name: gettext(value) if value in _VALUES else value for name, value in found.groupdict().items()}
            if "state" in values:
                values["state"] = word(STATE_WORDS, values["state"])
            return gettext(saying, **values)
    return text


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Each saying in English, and what recognises it."""
    named = re.compile(r"%\\\((\w+)\\\)s")
    return [(each, re.compile(named.sub(r"(?P<\1>.+)", re.escape(each)), re.DOTALL)) for each in _SAYINGS]
