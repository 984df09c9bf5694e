"""Delay risk: asked for, found by a worker from the business's own transfers, kept for an hour."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.models import HOME_ZONE, Booking
from gnb.queueing import InvalidJobData
from gnb.services.ai import delay_risk, lookups, trips
from gnb.services.ai.requests import DelayRiskRequest
from gnb.services.places import place_name
from gnb.services.queue_service import add_ai_job, get_job
from tests.servers import on_sqlite

FRIDAY_EVENING = {"origin": "IST", "destination": "Fatih", "scheduledTime": "2026-11-27T17:30:00+03:00"}
SUNDAY_NIGHT = {**FRIDAY_EVENING, "scheduledTime": "2026-11-29T03:30:00+03:00"}


def assess(asked: dict[str, Any]) -> dict[str, Any]:
    return delay_risk.assess(DelayRiskRequest().load(asked))


def test_finished_transfers_are_read_with_their_delay(driven: list[Booking]) -> None:
    found = trips.finished_trips(db.session.connection())
    assert len(found) == 300
    assert [trip.pickup for trip in found] == sorted(trip.pickup for trip in found)
    booking = min(driven, key=lambda one: one.pickup_at)
    assert booking.actual_arrival_at and booking.arrival_at
    assert found[0].delay == (booking.actual_arrival_at - booking.arrival_at).total_seconds() / 60
    assert {(trip.airport, trip.town) for trip in found} == {("IST", "Fatih")}


def test_a_worker_finds_the_risk_and_its_reasons(driven: list[Booking], run_ai_jobs: Callable[[], None]) -> None:
    job = add_ai_job("delay-risk", FRIDAY_EVENING)
    run_ai_jobs()
    answer = get_job("ai", job.id).return_value
    assert answer["probability"] > 0.3
    assert answer["level"] == "high"
    assert len(answer["reasons"]) == 3
    assert answer["reasons"][0]["text"].startswith("Leaving at 17:00–17:59 adds about ")
    assert answer["learnedFrom"] == 300
    assert sum(band["probability"] for band in answer["distribution"]) == pytest.approx(1, abs=0.001)


@on_sqlite
def test_a_high_risk_suggests_leaving_earlier_and_a_low_one_does_not(driven: list[Booking]) -> None:
    high, low = assess(FRIDAY_EVENING), assess(SUNDAY_NIGHT)
    assert high["suggestion"]["leaveEarlierMinutes"] >= 5
    assert str(high["suggestion"]["leaveEarlierMinutes"]) in high["suggestion"]["text"]
    assert low["probability"] < 0.1
    assert low["suggestion"] is None


@on_sqlite
def test_the_reasons_are_told_in_turkish_too(driven: list[Booking]) -> None:
    answer = assess({**FRIDAY_EVENING, "language": "tr"})
    assert answer["origin"] == "İstanbul Havalimanı (IST)"
    assert "17.00–17.59 arasında yola çıkmak yaklaşık " in " ".join(reason["text"] for reason in answer["reasons"])


def test_a_city_is_spelled_as_the_language_of_the_reason_does() -> None:
    assert place_name("Istanbul", "tr") == "İstanbul"
    assert place_name("Istanbul", "en") == "Istanbul"
    assert place_name("Fatih, Istanbul", "tr") == "Fatih, İstanbul"


@on_sqlite
def test_leaving_as_early_as_suggested_makes_the_risk_small(driven: list[Booking]) -> None:
    answer = assess(FRIDAY_EVENING)
    model = delay_risk.current_model()
    moment = datetime(2026, 11, 27, 17, 30, tzinfo=HOME_ZONE)
    forecast = model.forecast(trips.Trip("Istanbul", "IST", "Fatih", 48, moment))
    earlier = answer["suggestion"]["leaveEarlierMinutes"]
    assert forecast.probability_over(15 + earlier) <= 0.2 < forecast.probability_over(10 + earlier)


@on_sqlite
@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"origin": "Istambul Airpor"}, "origin", "Istanbul Airport (IST)"),
        ({"destination": "Ankarra"}, "destination", "did you mean: Ankara?"),
        ({"destination": "ist"}, "destination", "where the trip begins"),
        ({"scheduledTime": "soon"}, "scheduledTime", "2026-12-24T17:30:00+03:00"),
        ({"scheduledTime": "0001-01-01T00:00:00+14:00"}, "scheduledTime", "instant"),
        ({"scheduledTime": "1999-01-01T00:00:00Z"}, "scheduledTime", "year"),
        ({"scheduledTime": 5}, "scheduledTime", "instant"),
        ({"language": "xx"}, "language", "one of"),
    ],
)
def test_what_cannot_be_assessed_is_refused_before_it_is_queued(
    app: Flask, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidJobData) as refused:
        add_ai_job("delay-risk", {**FRIDAY_EVENING, **change})
    assert words in str(refused.value.errors[field])


@on_sqlite
def test_without_any_transfer_it_fails_for_good_and_says_why(app: Flask, run_ai_jobs: Callable[[], None]) -> None:
    job = add_ai_job("delay-risk", FRIDAY_EVENING)
    run_ai_jobs()
    found = get_job("ai", job.id)
    assert (found.state, found.attempts_made) == ("failed", 1)
    assert "no finished transfer" in (found.failed_reason or "")


@on_sqlite
def test_the_same_question_is_one_job_and_then_a_kept_answer(
    driven: list[Booking], run_ai_jobs: Callable[[], None]
) -> None:
    first, second = (
        lookups.get_or_enqueue("delay-risk", FRIDAY_EVENING),
        lookups.get_or_enqueue("delay-risk", FRIDAY_EVENING),
    )
    assert first.job and second.job
    assert first.job.id == second.job.id
    assert engine().queue("ai").jobs("waiting").total == 1
    run_ai_jobs()
    third = lookups.get_or_enqueue("delay-risk", {**FRIDAY_EVENING, "scheduledTime": "2026-11-27T14:30:00Z"})
    assert third.job is None
    assert third.answer == get_job("ai", first.job.id).return_value


@on_sqlite
def test_the_model_is_fitted_once_an_hour(driven: list[Booking]) -> None:
    model = delay_risk.current_model()
    db.session.execute(db.delete(Booking))
    db.session.commit()
    assert delay_risk.current_model() == model
