"""Reasons, advice and figures as sentences, in English and Turkish; other languages fall back to English."""

from __future__ import annotations

from datetime import date

from babel.dates import get_day_names, get_month_names

from gnb.services.ai.candidates import Candidate
from gnb.services.ai.insights import Figure
from gnb.services.mail.words import text_language
from gnb.services.places import place_name

_DELAY_REASONS = {
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


def delay_reason(code: str, language: str, minutes: float, **facts: object) -> str:
    """Return one reason of a delay as a sentence. `minutes` is its effect on the delay, negative if it saves time."""
    known = text_language(language)
    cause = _DELAY_REASONS[known][code].format(**facts)
    whole = round(abs(minutes))
    sentence = _LITTLE if not whole else _ADDS if minutes > 0 else _SAVES
    return sentence[known].format(cause=cause, minutes=whole)


def leave_earlier(minutes: int, language: str) -> str:
    """Return the advice to leave earlier."""
    return _EARLIER[text_language(language)].format(minutes=minutes)


def weekday_name(day: date, language: str) -> str:
    """Return the name of the day."""
    return str(get_day_names("wide", locale=text_language(language))[day.weekday()])


def month_name(day: date, language: str) -> str:
    """Return the name of the month, as written within a sentence."""
    name = str(get_month_names("wide", context="stand-alone", locale=text_language(language))[day.month])
    return name.lower() if text_language(language) == "tr" else name


_TOUR_REASONS = {
    "en": {
        "similar": "Often booked by customers with trips like yours.",
        "season": "One of the most booked at this time of year ({month}).",
        "place": "In {city}, where you have travelled with us.",
        "kind": "Of the kind that you have booked before.",
        "price": "About what you have spent on a trip before.",
        "offer": "From our current programme in {city}.",
    },
    "tr": {
        "similar": "Sizinkine benzer yolculuklar yapan müşteriler bunu sık sık seçiyor.",
        "season": "Yılın bu zamanında ({month}) en çok seçilenlerden.",
        "place": "Daha önce bizimle yolculuk ettiğiniz {city} bölgesinde.",
        "kind": "Daha önce rezervasyon yaptığınız türden.",
        "price": "Daha önce bir yolculuğa ayırdığınız tutara yakın.",
        "offer": "{city} bölgesindeki güncel programımızdan.",
    },
}


def tour_reason(candidate: Candidate, language: str, today: date) -> str:
    """Return the strongest reason for a recommendation as a sentence."""
    words = _TOUR_REASONS[text_language(language)][candidate.main_reason]
    return words.format(city=place_name(candidate.tour.city, language), month=month_name(today, language))


_FIGURE_SENTENCES = {
    "en": {
        "bookings": "Bookings in this selection: {text}.",
        "guests": "Guests who travel on them: {text}.",
        "cancelled": "{text} of the bookings were cancelled.",
        "with-account": "{text} of the bookings were made with an account.",
        "revenue": "Confirmed, paid and completed bookings bring {text}.",
        "average": "A booking brings {text} on average.",
        "tour": "Among the most booked: {name}, bookings: {text}.",
        "busiest-day": "The busiest day is {name}, pickups: {text}.",
    },
    "tr": {
        "bookings": "Bu seçimde {text} rezervasyon var.",
        "guests": "Bu rezervasyonlarla {text} misafir yolculuk ediyor.",
        "cancelled": "İptal edilen rezervasyonların payı: {text}.",
        "with-account": "Üye hesabıyla yapılan rezervasyonların payı: {text}.",
        "revenue": "Onaylanan, ödenen ve tamamlanan rezervasyonların geliri: {text}.",
        "average": "Bir rezervasyonun ortalama geliri: {text}.",
        "tour": "{name}: {text} rezervasyonla en çok seçilenlerden.",
        "busiest-day": "En yoğun gün {name}, {text} alışla.",
    },
}


def figure_sentence(figure: Figure, language: str) -> str:
    """Return a figure as a sentence."""
    return _FIGURE_SENTENCES[text_language(language)][figure.code].format(text=figure.text, name=figure.called)
