"""What each role opens, by page and by API."""

import pytest
from flask import Flask

from gnb.extensions import db
from gnb.models import ROLES, User
from tests.integration.accounts.conftest import bearer, csrf_of, sign_in, token_of
from tests.servers import on_sqlite

pytestmark = on_sqlite


ALLOWED = {
    "open": set(ROLES),
    "admin": {"admin", "superadmin"},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_should(guarded: Flask, people: dict[str, User], role: str) -> None:
    by_token, by_session = guarded.test_client(), guarded.test_client()
    headers = bearer(token_of(by_token, f"{role}@example.com"))
    sign_in(by_session, f"{role}@example.com")
    for name, roles in ALLOWED.items():
        expected = 200 if role in roles else 403
        assert by_token.get(f"/api/v1/test/{name}", headers=headers).status_code == expected
        assert by_session.get(f"/api/v1/test/{name}").status_code == expected
        assert by_session.get(f"/test/{name}").status_code == expected


def test_a_visitor_is_refused_by_the_api_and_sent_to_sign_in_by_pages(guarded: Flask) -> None:
    client = guarded.test_client()
    for name in ALLOWED:
        assert client.get(f"/api/v1/test/{name}").status_code == 401
        assert client.get(f"/test/{name}?a=b").location == f"/login?next=/test/{name}?a%3Db"
        part = client.get(
            f"/test/{name}", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/admin/x?y=1"}
        )
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login?next=/admin/x?y%3D1")
    for shown in ("http://[", "//evil.example/x", "javascript:alert(1)", "http://localhost", ""):
        part = client.get("/test/open", headers={"HX-Request": "true", "HX-Current-URL": shown})
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login")


def test_a_role_that_is_taken_away_is_gone_at_once(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    headers = bearer(token_of(client))
    people["admin"].role = "user"
    db.session.commit()
    assert client.get("/api/v1/test/admin", headers=headers).status_code == 403


def test_a_session_needs_the_forms_token_to_change_things_by_the_api(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    sign_in(client)
    assert client.post("/api/v1/test/admin").status_code == 400
    headers = {"X-CSRFToken": csrf_of(client, "/account/password")}
    assert client.post("/api/v1/test/admin", headers=headers).status_code == 200


def test_a_bearer_token_needs_no_other(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    assert client.post("/api/v1/test/admin", headers=bearer(token_of(client))).status_code == 200


def test_a_wrong_token_is_not_made_good_by_a_session(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    sign_in(client)
    assert client.post("/api/v1/test/admin", headers=bearer("a.b.c")).status_code == 401
