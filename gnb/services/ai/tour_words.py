"""Why the rules recommend a tour, in words: English and Turkish; other languages are answered in English."""

from __future__ import annotations

from datetime import date

from gnb.services.ai import delay_words
from gnb.services.ai.candidates import Candidate
from gnb.services.mail.words import text_language
from gnb.services.places import place_name

_REASONS = {
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


def reason(candidate: Candidate, language: str, today: date) -> str:
    """The reason that speaks most for the tour, as a sentence."""
    words = _REASONS[text_language(language)][candidate.main_reason]
    return words.format(city=place_name(candidate.tour.city, language), month=delay_words.month(today, language))
