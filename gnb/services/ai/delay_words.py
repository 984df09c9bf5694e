"""A delay's reasons and advice in words, English and Turkish; other languages are answered in English."""

from __future__ import annotations

from datetime import date

from babel.dates import get_day_names, get_month_names

from gnb.services.mail.words import text_language

REASONS = {
    "en": {
        "area": "Traffic around {area}",
        "time": "Leaving at {hour:02d}:00–{hour:02d}:59",
        "weekday": "Travelling on a {weekday}",
        "season": "The time of year, {month}, around {area}",
        "distance": "The length of the road, {kilometres} km",
        "route": "This road itself ({route})",
    },
    "tr": {
        "area": "{area} çevresindeki trafik",
        "time": "{hour:02d}.00–{hour:02d}.59 arasında yola çıkmak",
        "weekday": "{weekday} günü yolculuk etmek",
        "season": "{area} çevresinde mevsim ({month})",
        "distance": "Yolun uzunluğu ({kilometres} km)",
        "route": "Yolun kendisi ({route})",
    },
}
_ADDS = {"en": "{cause} adds about {minutes} min.", "tr": "{cause} yaklaşık {minutes} dakika ekler."}
_SAVES = {"en": "{cause} saves about {minutes} min.", "tr": "{cause} yaklaşık {minutes} dakika kazandırır."}
_LITTLE = {"en": "{cause} changes little.", "tr": "{cause} pek fark yaratmaz."}
_EARLIER = {
    "en": "Leave {minutes} minutes earlier: then four out of five such trips arrive less than 15 minutes late.",
    "tr": "{minutes} dakika erken çıkın: o zaman bu tür beş yolculuktan dördü 15 dakikadan az gecikir.",
}


def reason(code: str, language: str, minutes: float, **facts: object) -> str:
    """One reason as a sentence; `minutes` are what it adds to the usual lateness, negative for what it saves."""
    known = text_language(language)
    cause = REASONS[known][code].format(**facts)
    whole = round(abs(minutes))
    sentence = _LITTLE if not whole else _ADDS if minutes > 0 else _SAVES
    return sentence[known].format(cause=cause, minutes=whole)


def earlier(minutes: int, language: str) -> str:
    """The advice to leave earlier."""
    return _EARLIER[text_language(language)].format(minutes=minutes)


def weekday(day: date, language: str) -> str:
    """The day's name."""
    return str(get_day_names("wide", locale=text_language(language))[day.weekday()])


def month(day: date, language: str) -> str:
    """The month's name, as it is written within a sentence."""
    name = str(get_month_names("wide", context="stand-alone", locale=text_language(language))[day.month])
    return name.lower() if text_language(language) == "tr" else name
