"""Insights: figures from SQL, and no sentence that says another number than its figure has."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from gnb.extensions import db
from gnb.queueing import InvalidJobData
from gnb.services.ai import insights
from gnb.services.ai.requests import InsightsRequest
from gnb.services.queue_service import add_ai_job, get_job
from tests.business import make_tour, new_booking
from tests.integration.ai.openai_server import OpenAIServer
from tests.servers import on_sqlite


@pytest.fixture
def sold(app: Flask) -> None:
    """Ten bookings of one tour, eight that count as revenue, one cancelled, one in February."""
    tour = make_tour(name="Old City", titles={"en": "Old City", "tr": "Eski Şehir"})
    for number in range(10):
        month = 2 if number == 9 else 1
        status = "cancelled" if number == 0 else "pending" if number == 1 else "paid"
        pickup = datetime(2026, month, 10, 9, tzinfo=UTC)
        new_booking(tour, passengers=[], pickup_at=pickup, status=status, amount=Decimal("100.50"))
    db.session.commit()


def look_at(**filters: Any) -> dict[str, Any]:
    return insights.compute(InsightsRequest().load(filters), last_attempt=True)


def values(answer: dict[str, Any]) -> dict[str, Any]:
    return {figure["key"]: figure["value"] for figure in answer["figures"]}


def test_figures_are_those_of_the_bookings_chosen(sold: None) -> None:
    january = look_at(endDate="2026-01-31")
    assert values(january) == {
        "bookings": 9,
        "guests": 27,
        "cancelled": 11.1,
        "with-account": 0,
        "revenue:EUR": "703.50",
        "average:EUR": "100.50",
        "tour:Old City": 8,
        "busiest-day:2026-01-10": 8,
    }
    assert "Confirmed, paid and completed bookings bring 703.50 EUR." in [one["text"] for one in january["insights"]]
    assert january["filters"] == {"end_date": "2026-01-31"} or january["filters"] == {"endDate": "2026-01-31"}


@on_sqlite
def test_filters_may_stand_under_their_name(sold: None) -> None:
    assert values(look_at(filters={"status": "cancelled"}))["bookings"] == 1


@on_sqlite
def test_an_empty_selection_says_so_and_asks_no_model(app: Flask, openai_server: OpenAIServer) -> None:
    answer = look_at(startDate="2031-01-01", answerLanguage="tr")
    assert [one["text"] for one in answer["insights"]] == ["Bu seçimde 0 rezervasyon var."]
    assert openai_server.requests == []


@on_sqlite
def test_figures_are_written_as_the_language_of_the_sentences_does(sold: None) -> None:
    texts = [one["text"] for one in look_at(answerLanguage="tr", filters={"endDate": "2026-01-31"})["insights"]]
    assert "İptal edilen rezervasyonların payı: %11,1." in texts
    assert "Onaylanan, ödenen ve tamamlanan rezervasyonların geliri: 703,50 EUR." in texts
    assert "En yoğun gün 10 Ocak 2026, 8 alınışla." in texts
    assert "Eski Şehir: 8 rezervasyonla en çok seçilenlerden." in texts


@on_sqlite
def test_the_model_is_given_days_in_words_and_may_say_them(sold: None, openai_server: OpenAIServer) -> None:
    said = [{"figure": "busiest-day:2026-01-10", "text": "On 10 January 2026 there are 8 pickups."}]
    openai_server.will_say({"insights": said})
    answer = look_at(endDate="2026-01-31")
    assert (answer["wordedBy"], answer["insights"]) == ("model", said)


@on_sqlite
def test_the_model_words_figures(sold: None, openai_server: OpenAIServer) -> None:
    said = [{"figure": "revenue:EUR", "text": "Umsatz: 804,00 EUR."}, {"figure": "bookings", "text": "Zehn, also 10."}]
    openai_server.will_say({"insights": said})
    answer = look_at(answerLanguage="de")
    assert (answer["wordedBy"], answer["insights"]) == ("model", said)
    sent = openai_server.requests[0].get_data().decode()
    assert "Ayşe" not in sent
    assert "example.com" not in sent


@on_sqlite
@pytest.mark.parametrize(
    "sentence",
    [
        {"figure": "bookings", "text": "There are 11 bookings."},
        {"figure": "revenue:EUR", "text": "It brings 10 EUR."},
        {"figure": "profit", "text": "All is well."},
        {"figure": "bookings", "text": "See www.example.com"},
        {"figure": "bookings"},
    ],
)
def test_a_sentence_with_anothers_number_is_refused(
    sold: None, openai_server: OpenAIServer, sentence: dict[str, str]
) -> None:
    openai_server.will_say({"insights": [sentence]})
    answer = look_at()
    assert answer["wordedBy"] == "rules"
    assert "was rejected" in answer["note"]
    assert answer["insights"][0]["text"] == "Bookings in this selection: 10."


@on_sqlite
def test_a_worker_looks_at_bookings(sold: None, run_ai_jobs: Callable[[], None]) -> None:
    job = add_ai_job("batch-insights", {"filters": {"status": ["paid"]}})
    run_ai_jobs()
    answer = get_job("ai", job.id).return_value
    assert values(answer)["bookings"] == 8
    assert answer["note"] == "no key for a language model is set"


@on_sqlite
@pytest.mark.parametrize(
    "data", [{"colour": "red"}, {"filters": {"status": "lost"}}, {"filters": {}, "status": "paid"}]
)
def test_unknown_filters_are_refused(app: Flask, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidJobData):
        add_ai_job("batch-insights", data)
