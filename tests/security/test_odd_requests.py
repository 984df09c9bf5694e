"""Requests that no browser sends are answered with an error of the client, and with every security header."""

from io import BytesIO

from flask import Flask
from flask.testing import FlaskClient

from gnb.flask_settings import CONTENT_SECURITY_POLICY
from gnb.models import User
from tests.security.conftest import form_token, sign_in
from tests.servers import on_sqlite

pytestmark = on_sqlite


def test_options_needs_no_account_on_any_route_whatever_its_authorization(app: Flask, client: FlaskClient) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            for kind in ("", "int:", "string:", "path:"):
                path = path.replace(f"<{kind}{argument}>", "1")
        for authorization in ("Bearer x.y.z", "Basic !", "Bearer", "x"):
            answer = client.options(path, headers={"Authorization": authorization})
            assert answer.status_code in (200, 404, 429), (path, authorization, answer.status_code)


def test_an_unknown_host_is_rejected_with_every_header(app: Flask, client: FlaskClient) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/", "/login", "/api/v1/tours", "/nowhere", "/static/css/app.css", "/healthz"):
        for host in ("evil.example", "evil.example:443", "gnb.example.evil.example", "[::", "a b"):
            for method in ("GET", "POST"):
                answer = client.open(path, method=method, headers={"Host": host})
                assert answer.status_code == 400, (method, path, host)
                assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["X-Request-ID"]


def test_every_page_form_rejects_json_and_files(app: Flask, people: dict[str, User]) -> None:
    app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    client = app.test_client()
    sign_in_without_token(client)
    broken = []
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.rule.startswith("/api/") or rule.endpoint == "auth.logout":
            continue
        path = rule.rule
        for argument in rule.arguments:
            for kind in ("", "int:", "string:", "path:"):
                path = path.replace(f"<{kind}{argument}>", "1")
        names = ["email", "name", "password", "new", "again", "slug", "queue", "type", "data", "cron", "ids"]
        for sent in ({name: ["x"] for name in names}, {name: {"a": 1} for name in names}, [1], "text", None):
            if client.post(path, json=sent).status_code >= 500:
                broken.append((path, "json"))
        if client.post(path, data={name: (BytesIO(b"x"), "x.txt") for name in names}).status_code >= 500:
            broken.append((path, "file"))
    assert broken == []


def sign_in_without_token(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": "superadmin@example.com", "password": "correct horse 42"})
    assert answer.status_code == 303


def test_signing_in_works_behind_the_proxy(client: FlaskClient, people: dict[str, User]) -> None:
    assert sign_in(client, "admin@example.com").status_code == 303
    assert form_token(client, "/account/password")
