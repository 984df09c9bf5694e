"""What one caller may ask for: sizes of bodies, numbers of errors, bookings, open jobs and exports."""

import time

from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db
from gnb.models import Delivery, User
from gnb.services import export_service
from gnb.services.ai import lookups
from tests.business import booking_data, make_tour
from tests.security.conftest import PASSWORD, SITE, form_token
from tests.servers import on_sqlite

BOOK = "/api/v1/bookings"
KILOBYTE = 1024


def bearer(client: FlaskClient, role: str) -> dict[str, str]:
    answer = client.post("/api/v1/auth/login", json={"email": f"{role}@example.com", "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json['data']['accessToken']}"}


@on_sqlite
def test_only_staff_may_send_large_bodies(app: Flask, client: FlaskClient, people: dict[str, User]) -> None:
    large = {"pad": "x" * (100 * KILOBYTE)}
    for path in (BOOK, "/api/v1/auth/login", "/api/v1/delay-risk", "/login", "/register", "/bookings", "/preferences"):
        answer = client.post(path, json=large) if path.startswith("/api/") else client.post(path, data=large)
        assert answer.status_code in (401, 413), path
    user, admin = bearer(client, "user"), bearer(client, "admin")
    assert client.post("/api/v1/delay-risk", json=large, headers=user).status_code == 413
    assert client.post("/admin/exports", data=large).status_code == 413
    job = {"type": "send-email", "data": {"to": "a@example.com", "subject": "Hi", "text": "x" * (150 * KILOBYTE)}}
    assert client.post("/api/v1/admin/jobs/email", json=job, headers=admin).status_code == 201
    huge = {"type": "send-email", "data": {"text": "x" * (1100 * KILOBYTE)}}
    refused = client.post("/api/v1/admin/jobs/email", json=huge, headers=admin)
    assert refused.status_code == 413
    assert refused.json and "1,048,576 bytes" in refused.json["error"]["message"]


@on_sqlite
def test_an_answer_names_at_most_twenty_errors(app: Flask, client: FlaskClient, people: dict[str, User]) -> None:
    unknown = {f"k{number}": 1 for number in range(5000)}
    nested = {"passengers": [{f"p{row}-{number}": 1 for number in range(50)} for row in range(50)]}
    counts = {f"c{number}": "x" for number in range(3000)}
    admin = bearer(client, "admin")
    start = time.process_time()
    for body in (unknown, nested, {"extras": counts}, {**unknown, **nested, "extras": counts}):
        answer = client.post(BOOK, json=body)
        assert answer.status_code in (413, 422)
        assert answer.status_code == 413 or (
            len(leaves(answer.json["error"]["details"])) <= 20 and len(answer.data) < 8000
        )
    for path in ("exports", "jobs/email", "schedules", "jobs/email/clean"):
        answer = client.post(
            f"/api/v1/admin/{path}", json={**unknown, "type": "bookings-csv", "filters": unknown}, headers=admin
        )
        assert answer.status_code == 422
        assert len(leaves(answer.json["error"]["details"])) <= 20
    assert time.process_time() - start < 3


def leaves(details: object) -> list[object]:
    if isinstance(details, dict):
        return [leaf for inner in details.values() for leaf in leaves(inner)]
    return [details]


@on_sqlite
def test_nobody_gets_more_than_ten_mails_a_day_about_bookings_of_others(
    app: Flask, client: FlaskClient, people: dict[str, User]
) -> None:
    tour = make_tour()
    spellings = ("victim@example.com", "Victim@EXAMPLE.com", "victim@ｅｘａｍｐｌｅ.com")
    statuses = []
    for number in range(14):
        client.source = f"203.0.113.{number}"  # from ever other places
        data = booking_data(tour, contactEmail=spellings[number % 3], time=f"{number + 8:02}:00")
        statuses.append(client.post(BOOK, json=data).status_code)
    assert statuses == [201] * 10 + [429] * 4
    assert db.session.query(Delivery).filter_by(recipient="victim@example.com").count() == 10
    form = {
        "tour": tour.slug,
        "contactEmail": "victim@example.com",
        "csrf_token": form_token(client, f"/tours/{tour.slug}/book"),
    }
    sent = {**form, **{k: v for k, v in booking_data(tour).items() if isinstance(v, str) and k not in form}}
    sent |= {"passengers-0-name": "Ayşe Yılmaz", "key": "1"}
    assert client.post("/bookings", data=sent, headers={"Referer": f"{SITE}/"}).status_code == 429
    # Whoever books for themselves is not limited by it.
    user = bearer(client, "user")
    own = [
        client.post(BOOK, json=booking_data(tour, contactEmail="user@example.com", time=f"{n + 8:02}:15"), headers=user)
        for n in range(12)
    ]
    assert {answer.status_code for answer in own} == {201}


def test_an_idempotency_key_belongs_to_its_caller(app: Flask, client: FlaskClient, people: dict[str, User]) -> None:
    tour, key = make_tour(), {"Idempotency-Key": "1"}
    mallory = client.post(BOOK, json=booking_data(tour, contactEmail="mallory@example.com"), headers=key)
    guest = client.post(BOOK, json=booking_data(tour, contactEmail="guest@example.com"), headers=key)
    user = {**bearer(client, "user"), **key}
    account = client.post(BOOK, json=booking_data(tour, contactEmail="guest@example.com"), headers=user)
    assert [answer.status_code for answer in (mallory, guest, account)] == [201, 201, 201]
    assert len({answer.json["data"]["reference"] for answer in (mallory, guest, account)}) == 3
    again = client.post(BOOK, json=booking_data(tour, contactEmail="guest@example.com"), headers=user)
    assert again.json["data"]["reference"] == account.json["data"]["reference"]
    other = client.post(BOOK, json=booking_data(tour, contactEmail="guest@example.com", time="09:00"), headers=key)
    assert other.status_code == 409


def test_an_account_has_at_most_five_open_exports(app: Flask, client: FlaskClient, people: dict[str, User]) -> None:
    admin, other = bearer(client, "admin"), bearer(client, "superadmin")
    wanted = {"type": "bookings-pdf"}
    answers = [client.post("/api/v1/admin/exports", json=wanted, headers=admin) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 2
    assert answers[-1].json["error"]["code"] == "too_many_exports"
    assert answers[-1].headers["Retry-After"]
    assert client.post("/api/v1/admin/exports", json=wanted, headers=other).status_code == 202
    export_service.run(answers[0].json["data"]["id"])
    assert client.post("/api/v1/admin/exports", json={"type": "users-csv"}, headers=admin).status_code == 202


@on_sqlite
def test_an_account_has_at_most_ten_open_questions(app: Flask, client: FlaskClient, people: dict[str, User]) -> None:
    user, driver = bearer(client, "user"), bearer(client, "driver")

    def ask(headers: dict[str, str], limit: int) -> int:
        return client.post("/api/v1/recommendations", json={"options": {"limit": limit}}, headers=headers).status_code

    assert [ask(user, limit) for limit in range(1, 11)] == [202] * lookups.OPEN_JOBS
    data = {"origin": "IST", "destination": "Bursa", "scheduledTime": "2027-06-01T10:00:00+03:00"}
    answer = client.post("/api/v1/delay-risk", json=data, headers=user)
    assert answer.status_code == 429
    assert answer.json["error"]["code"] == "too_many_open_jobs"
    assert ask(user, 1) == 202  # the job that runs already
    assert ask(driver, 1) == 202
