"""`/admin/insights`: ask, watch, read."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from gnb.extensions import db
from gnb.models import Booking, User
from tests.business import make_tour, new_booking
from tests.integration.api.conftest import Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

PAGE = "/admin/insights"
RISK = {"kind": "delay-risk", "origin": "IST", "destination": "Fatih", "scheduledTime": "2026-11-27T17:30"}


def ask(caller: Caller, **fields: Any) -> Any:
    """The answer to a sent form, with the page's own token."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', caller("GET", PAGE).text)
    assert token
    return caller("POST", PAGE, data={"csrf_token": token[1], **fields})


@pytest.mark.parametrize("kind", ["delay-risk", "package-recommendations", "batch-insights"])
def test_each_kind_has_a_form(admin: Caller, kind: str) -> None:
    page = admin("GET", f"{PAGE}?kind={kind}")
    assert page.status_code == 200
    assert f'name="kind" value="{kind}"' in page.text
    assert "No requests yet" in page.text


def test_a_risk_is_asked_for_watched_and_read(
    admin: Caller, driven: list[Booking], run_ai_jobs: Callable[[], None]
) -> None:
    sent = ask(admin, **RISK)
    assert sent.status_code == 303, sent.text
    watched = admin("GET", sent.headers["Location"])
    assert 'data-live="5"' in watched.text
    run_ai_jobs()
    read = admin("GET", sent.headers["Location"]).text
    assert "Leaving at 17:00–17:59 adds about" in read
    assert re.search(r"Leave \d+ minutes earlier", read)
    assert "<svg" in read
    assert "style=" not in read
    again = ask(admin, **RISK)
    assert again.status_code == 200
    assert "Leaving at 17:00–17:59" in again.text


def test_recommendations_are_read_with_their_reasons(
    admin: Caller, accounts: dict[str, User], run_ai_jobs: Callable[[], None]
) -> None:
    make_tour(titles={"en": "<b>Bold</b> boat"}, category="tour")
    sent = ask(admin, kind="package-recommendations", userId=accounts["user"].id, **{"options.limit": 3})
    run_ai_jobs()
    read = admin("GET", sent.headers["Location"]).text
    assert "&lt;b&gt;Bold&lt;/b&gt; boat" in read
    assert "From our current programme in Istanbul." in read
    assert "no key for a language model is set" in read


def test_bookings_are_told_in_words(admin: Caller, app: Flask, run_ai_jobs: Callable[[], None]) -> None:
    new_booking(make_tour(), passengers=[])
    db.session.commit()
    sent = ask(admin, kind="batch-insights", **{"filters.status": "confirmed"})
    run_ai_jobs()
    page = admin("GET", sent.headers["Location"]).text
    assert "Bookings in this selection: 1." in page
    assert '<a class="small" href="/admin/bookings?status=confirmed">These bookings</a>' in page


def test_an_unknown_place_is_refused_at_its_field_with_the_nearest_names(admin: Caller) -> None:
    sent = ask(admin, **{**RISK, "origin": "Istambul Airpor"})
    assert sent.status_code == 422
    assert "did you mean: Istanbul Airport (IST)" in sent.text
    assert 'value="Istambul Airpor"' in sent.text


def test_a_failed_question_says_why(admin: Caller, run_ai_jobs: Callable[[], None]) -> None:
    sent = ask(admin, **RISK)
    run_ai_jobs()
    assert "there is no finished transfer to learn from yet" in admin("GET", sent.headers["Location"]).text


def test_staff_read_and_do_not_ask(calling_as: Callable[[str], Caller], admin: Caller) -> None:
    job = ask(admin, **RISK).headers["Location"]
    support = calling_as("support")
    assert support("GET", job).status_code == 200
    assert "Administrators ask" in support("GET", PAGE).text
    assert calling_as("user")("GET", PAGE).status_code == 403


def test_a_turkish_page_says_in_turkish_why_the_model_was_not_used_and_why_a_question_failed(
    admin: Caller, accounts: dict[str, User], run_ai_jobs: Callable[[], None]
) -> None:
    asked = ask(admin, kind="package-recommendations", userId=accounts["user"].id)
    failed = ask(admin, **RISK)
    run_ai_jobs()
    admin.client.set_cookie("language", "tr")
    assert "önerilecek bir şey yok" in admin("GET", asked.headers["Location"]).text
    assert "henüz öğrenilecek tamamlanmış transfer yok" in admin("GET", failed.headers["Location"]).text
    assert (
        "diye bir yer yok; şunu mu demek istediniz: Istanbul Airport (IST)"
        in ask(admin, **{**RISK, "origin": "Istambul Airpor"}).text
    )


def test_an_insight_that_is_gone_leads_back(admin: Caller) -> None:
    answer = admin("GET", f"{PAGE}/nothing")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
