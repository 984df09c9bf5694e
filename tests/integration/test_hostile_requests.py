"""Whatever stands in an address or a form, it is answered with a page or a refusal, never with an error of ours."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.routing import Rule

from gnb.extensions import engine
from gnb.models import User
from gnb.queueing import job_types
from tests.business import make_booking, make_campaign, make_extra, make_tour
from tests.integration.api.conftest import accounts
from tests.integration.api.test_roles import signed_in
from tests.servers import on_sqlite

assert accounts

TEXTS = ["²", "9" * 5000, "[" * 2000, "\u202e/\\["]
VALUES = ["\x00", "9" * 18, "0001-01-01T00:00"]  # what two databases see with other eyes
# Every name that a page looks for in its address or form, and some that url_for does.
NAMES = [
    "page", "q", "cursor", "state", "type", "kind", "id", "ids", "action", "target", "back", "next", "lang",
    "hours", "date", "from", "to", "category", "passengers", "token", "made", "startDate", "endDate", "tour",
    "status", "paymentMethod", "currency", "language", "campaign", "endpoint", "_scheme", "_anchor", "values",
    "names", "priority", "age", "name", "cron", "every", "tz", "catch_up", "data", "overlap", "again", "do", "key",
    "email", "password", "theme", "scope", "confirmed", "option.priority", "option.attempts", "option.delay",
    "option.timeout", "option.job_id", "filters", "filters.tour", "filters.startDate", "userId", "options.limit",
    "origin", "destination", "scheduledTime", "answerLanguage", "time", "pickupPlace", "dropoffPlace",
    "flightNumber", "contactName", "contactEmail", "contactPhone", "notes", "passengers-0-name",
    "passengers-0-kind", "extras-child-seat", "starts_at", "ends_at", "discount_percent", "floor_percent",
    "tour_id", "weekdays", "min_bookings", "max_bookings", "subject_en", "body_en", "languages", "tour_ids",
    "channel", "queue", "kinds", "length", "error", "attempts", "within", "size", "format", "preview",
    "option.depends_on", "option.on_parent_failure", "rate_limit", "concurrency_limit",
    "booked_after", "booked_before", "title_en", "title_tr", "slug", "city", "airport", "duration_minutes",
    "max_passengers", "daily_seats", "base_price", "current", "new", "phone", "campaigns",
]  # fmt: skip


def rules(app: Flask, method: str) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or set()) and rule.endpoint not in ("static", "auth.logout"):
            yield rule


def paths(rule: Rule, hostile: str) -> set[str]:
    """The rule's paths: with what there is in place of its variables, and with the hostile text in each."""
    found = set()
    there = {"slug": "ist-fatih", "queue": "email", "queue_name": "email", "language": "en", "name": "update-sitemap"}
    for text in ("1", hostile[:500]):
        path = rule.rule
        for argument in rule.arguments:
            known = there.get(argument, "1") if text == "1" else quote(text, safe="")
            path = path.replace(f"<{argument}>", known).replace(f"<string:{argument}>", known)
            path = path.replace(f"<int:{argument}>", known).replace(f"<path:{argument}>", known)
        found.add(path)
    return found


@pytest.fixture
def shop(app: Flask) -> None:
    """Something to be found by the address that names it."""
    make_extra()
    make_campaign()
    make_booking(make_tour(slug="ist-fatih", airport="IST", category="airport", daily_seats=4))


@on_sqlite
@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("hostile", TEXTS, ids=lambda text: ascii(text[:12]))
def test_no_text_breaks_a_page(app: Flask, accounts: dict[str, User], hostile: str) -> None:
    assert broken_by(app, accounts["superadmin"], hostile) == []


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("hostile", VALUES, ids=lambda text: ascii(text[:12]))
def test_no_value_breaks_a_page(app: Flask, accounts: dict[str, User], hostile: str) -> None:
    assert broken_by(app, accounts["superadmin"], hostile) == []


def broken_by(app: Flask, user: User, hostile: str) -> list[tuple[str, str]]:
    """The rules that answer with an error of ours."""
    app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    client, broken = signed_in(app, user), []
    for rule in rules(app, "GET"):
        for path in paths(rule, hostile):
            if client.get(path, query_string=dict.fromkeys(NAMES, hostile[:60])).status_code >= 500:
                broken.append(("GET", rule.rule))
    for rule in rules(app, "POST"):
        for path in paths(rule, hostile):
            if client.post(path, data=dict.fromkeys(NAMES, hostile)).status_code >= 500:
                broken.append(("POST", rule.rule))
    return broken


@on_sqlite
def test_half_a_character_in_a_stored_job_is_shown_as_a_question_mark(app: Flask, accounts: dict[str, User]) -> None:
    mail = {"to": "a@example.com", "subject": "Hi", "text": "half of one"}
    job = engine().queue("email").enqueue("send-email", mail)
    data = json.dumps([job_types.get("email", "send-email").path, None, [], {**mail, "text": "half \ud800 of one"}])
    engine().broker.client.hset(f"rq:job:{job.id}", "data", data.encode())
    client = signed_in(app, accounts["admin"])
    assert "half ? of one" in client.get(f"/admin/jobs/email/{job.id}/edit").text
    for path in (f"/admin/jobs/email/{job.id}", "/admin/jobs/email"):
        assert client.get(path).status_code == 200


@on_sqlite
def test_a_header_leads_to_an_address_of_any_letters(app: Flask, accounts: dict[str, User]) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = signed_in(app, accounts["admin"])
    answer = client.post("/admin/jobs/pause", data={"back": "/admin/tours?q=ş"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/admin/tours?q=%C5%9F")
