"""TLS on the way to the server: used where it is offered, refused when its certificate is not trusted."""

import datetime
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gnb import create_app
from gnb.config import Settings
from gnb.models import db
from gnb.services import email_service
from gnb.services.mail import MailUnavailable, providers
from gnb.services.mail.providers import Connection, Server
from tests.mail_server import MailServer
from tests.servers import on_sqlite


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `localhost` and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    whole = tmp_path_factory.mktemp("tls") / "whole.pem"
    kind, shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    whole.write_bytes(key.private_bytes(kind, shape, serialization.NoEncryption()) + made.public_bytes(kind))
    return whole


@pytest.fixture
def server(certificate: Path) -> Iterator[MailServer]:
    """A mail server that offers STARTTLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = MailServer(tls=context).start()
    yield server
    server.stop()


def restarted(server: MailServer, **changes: Any) -> MailServer:
    server.stop()
    for name, value in changes.items():
        setattr(server, name, value)
    return server.start()


@on_sqlite
def test_starttls_is_used_where_the_server_offers_it(
    settings: Settings, server: MailServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    app = create_app(replace(settings, email_provider="smtp", smtp_host="localhost", smtp_port=server.port))
    with app.app_context():
        assert email_service.send_email("ann@example.com", "Hello", text="x").state == "sent"
        db.engine.dispose()
    assert server.encrypted == [True]


@on_sqlite
@pytest.mark.parametrize("at_once", [False, True])
def test_a_password_is_sent_under_tls_and_lets_us_in(
    settings: Settings, server: MailServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    restarted(server, tls_at_once=at_once, password="secret")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    chosen = replace(settings, email_provider="smtp", smtp_host="localhost", smtp_port=server.port, smtp_secure=at_once)
    app = create_app(replace(chosen, smtp_user="ann", smtp_password="secret"))
    with app.app_context():
        assert email_service.send_email("ann@example.com", "Hello", text="x").state == "sent"
        db.engine.dispose()
    stranger = create_app(replace(chosen, smtp_user="ann", smtp_password="wrong"))
    with stranger.app_context():
        with pytest.raises(MailUnavailable, match="535"):
            email_service.send_email("ann@example.com", "Hello", text="x")
        db.engine.dispose()
    assert len(server.sources) == 1


def test_a_password_beyond_ascii_is_said_to_be_one() -> None:
    server = MailServer(tls_at_once=True, password="secret").start()
    try:
        with pytest.raises(MailUnavailable, match="beyond ASCII"):
            Connection(Server("127.0.0.1", server.port, "ann", "şifre"), timeout=5).check()
    finally:
        server.stop()


def test_gmail_and_mailtrap_are_spoken_to_under_tls_alone() -> None:
    key = {"APP_ENV": "development"}
    gmail = {"EMAIL_PROVIDER": "gmail", "EMAIL_USER": "ann@gmail.com", "EMAIL_PASSWORD": "secret"}
    there = providers.server(Settings.from_env({**key, **gmail}))
    assert there == Server("smtp.gmail.com", 587, "ann@gmail.com", "secret", "required")
    mailtrap = {"EMAIL_PROVIDER": "mailtrap", "MAILTRAP_USER": "ann", "MAILTRAP_PASSWORD": "secret"}
    there = providers.server(Settings.from_env({**key, **mailtrap}))
    assert there == Server("sandbox.smtp.mailtrap.io", 2525, "ann", "secret", "required")


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(server: MailServer) -> None:
    connection = Connection(Server("localhost", server.port), timeout=5)
    with pytest.raises(MailUnavailable, match="certificate verify failed"):
        connection.send("a@example.com", "b@example.com", b"Subject: x\r\n\r\nx")
    assert server.sources == []


def test_a_provider_that_wants_tls_does_without_nothing_else() -> None:
    server = MailServer().start()
    try:
        connection = Connection(Server("localhost", server.port, "ann", "secret", "required"), timeout=5)
        begin = datetime.datetime.now(datetime.UTC)
        with pytest.raises(MailUnavailable, match="no TLS"):
            connection.send("a@example.com", "b@example.com", b"Subject: x\r\n\r\nx")
        assert datetime.datetime.now(datetime.UTC) - begin < datetime.timedelta(seconds=5)
    finally:
        server.stop()
