"""What a schedule's timing means, as a plain sentence in Turkish or English."""

import re
from functools import cache

from babel.dates import get_day_names, get_month_names
from cron_descriptor import ExpressionDescriptor, Options

from gnb.queueing import Schedule
from gnb.queueing.recurring.cron import Cron

_LOCALES = {"en": "en_US", "tr": "tr_TR"}
_UNITS = {
    "en": (("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds")),
    "tr": (("günde",), ("saatte",), ("dakikada",), ("saniyede",)),
}
_LENGTHS = (86400, 3600, 60, 1)


def describe(schedule: Schedule, language: str) -> str:
    """Such as `At 02:00, only on Monday (Europe/Istanbul)` or `Every 30 seconds`."""
    language = language if language in _LOCALES else "en"
    if schedule.every:
        return _every(schedule.every, language)
    expression = Cron.parse(str(schedule.cron), schedule.tz).expression
    return f"{describe_cron(expression, language)} ({schedule.tz})"


@cache
def describe_cron(expression: str, language: str) -> str:
    """The sentence for an expression that is known to be right."""
    options = Options()
    options.locale_code = _LOCALES[language]
    options.use_24hour_time_format = True
    words = str(ExpressionDescriptor(expression, options).get_full_description())
    return _in_turkish(words) if language == "tr" else words


def _every(seconds: int, language: str) -> str:
    place = next(place for place, length in enumerate(_LENGTHS) if seconds % length == 0)
    count, unit = seconds // _LENGTHS[place], _UNITS[language][place]
    if language == "tr":
        return f"{count} {unit[0]} bir"
    return f"Every {unit[0]}" if count == 1 else f"Every {count} {unit[1]}"


def _in_turkish(words: str) -> str:
    """The descriptor's Turkish leaves the names of days and months in English, and is “only for January”."""
    names = _turkish_names()
    words = re.sub("|".join(names), lambda found: names[found[0]], words)
    return re.sub(r"\bsadece ([^,]+) için", r"sadece \1 ayında", words)


@cache
def _turkish_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for get, numbers in ((get_day_names, range(7)), (get_month_names, range(1, 13))):
        english, turkish = get("wide", locale="en"), get("wide", "stand-alone", "tr")
        names |= {str(english[number]): str(turkish[number]).lower() for number in numbers}  # as within a sentence
    return names
