"""A figure as a sentence, English and Turkish; other languages are answered in English."""

from __future__ import annotations

from gnb.services.ai.figures import Figure

_SENTENCES = {
    "en": {
        "bookings": "{text} bookings are in this selection.",
        "guests": "{text} guests travel on them.",
        "cancelled": "{text} of the bookings were cancelled.",
        "with-account": "{text} of the bookings were made with an account.",
        "revenue": "Confirmed, paid and completed bookings bring {text}.",
        "average": "A booking brings {text} on average.",
        "tour": "{name}: {text} bookings, among the most booked.",
        "busiest-day": "The busiest day is {name}, with {text} pickups.",
    },
    "tr": {
        "bookings": "Bu seçimde {text} rezervasyon var.",
        "guests": "Bunlarla {text} misafir yolculuk ediyor.",
        "cancelled": "İptal edilen rezervasyonların payı: {text}.",
        "with-account": "Üye hesabıyla yapılan rezervasyonların payı: {text}.",
        "revenue": "Onaylanan, ödenen ve tamamlanan rezervasyonların geliri: {text}.",
        "average": "Bir rezervasyonun ortalama geliri: {text}.",
        "tour": "{name}: {text} rezervasyonla en çok seçilenlerden.",
        "busiest-day": "En yoğun gün {name}: {text} alış.",
    },
}


def sentence(figure: Figure, language: str) -> str:
    """What the figure says."""
    known = _SENTENCES.get(language, _SENTENCES["en"])
    return known[figure.code].format(text=figure.text, name=figure.name)
