"""A figure as a sentence, English and Turkish; other languages are answered in English."""

from __future__ import annotations

from gnb.services.ai.figures import Figure
from gnb.services.mail.words import text_language

_SENTENCES = {
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


def sentence(figure: Figure, language: str) -> str:
    """What the figure says."""
    return _SENTENCES[text_language(language)][figure.code].format(text=figure.text, name=figure.called)
