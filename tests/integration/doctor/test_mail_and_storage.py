"""`flask doctor` visits the mail server and writes where exports go, against real servers and folders."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.doctor.conftest import Examine
from tests.mail_server import MailServer
from tests.servers import on_sqlite


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.stop()


@on_sqlite
def test_a_mail_server_is_visited_and_sent_nothing(examine: Examine, mail_server: MailServer) -> None:
    found = examine("--before-start", email_provider="smtp", smtp_host="127.0.0.1", smtp_port=mail_server.port)
    assert found["mail"]["state"] == "ok"
    assert (mail_server.connections, mail_server.sources) == (1, [])


@on_sqlite
def test_a_mail_server_that_turns_us_away_is_a_problem_in_its_words(examine: Examine, mail_server: MailServer) -> None:
    server = {"email_provider": "smtp", "smtp_host": "127.0.0.1", "smtp_port": mail_server.port}
    assert "AUTH" in _problem(examine, **server, smtp_user="ann", smtp_password="hunter2")
    mail_server.answers["connect"] = "554 5.7.1 go away"
    assert "554 5.7.1 go away" in _problem(examine, **server)
    mail_server.stop()
    assert "refused" in _problem(examine, **server)


def _problem(examine: Examine, **changes: Any) -> str:
    finding = examine("--before-start", **changes)["mail"]
    assert finding["state"] == "problem"
    assert "hunter2" not in str(finding)
    return finding["message"]


@on_sqlite
def test_mail_that_is_kept_here_is_warned_of_outside_development(examine: Examine) -> None:
    assert examine("--before-start")["mail"]["state"] == "warning"
    assert examine("--before-start", app_env="development")["mail"]["state"] == "ok"


# Storage


@on_sqlite
def test_a_folder_for_exports_is_written_to_and_left_as_it_was(examine: Examine, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    assert examine("--before-start", export_storage=f"file://{folder}")["storage"]["state"] == "ok"
    assert list(folder.iterdir()) == []


@on_sqlite
def test_a_folder_that_cannot_be_written_to_is_a_problem(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = examine("--before-start", export_storage=f"file://{tmp_path}/file/exports")["storage"]
    assert (finding["state"], "cannot be written to" in finding["message"]) == ("problem", True)


@on_sqlite
def test_a_bucket_that_does_not_answer_is_a_problem(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    finding = examine("--before-start", export_storage="s3://bucket/prefix")["storage"]
    assert (finding["state"], "boto3" in finding["remedy"]) == ("problem", True)
