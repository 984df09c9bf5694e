"""The audit table answers who did what."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from gnb.blueprints.admin.overview import target_url
from gnb.extensions import db
from gnb.models import AuditEntry, User
from gnb.services import audit
from gnb.services.audit import AuditFilter
from tests.servers import on_sqlite

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def entries(app: Flask) -> list[AuditEntry]:
    ayse = User(email="ayse@example.com", name="Ayşe", role="admin")
    db.session.add(ayse)
    db.session.flush()
    made = [
        audit.record(ayse, "job.retry", "email/1"),
        audit.record(ayse, "job.remove", "email/2", count=3, details={"ids": ["2", "3", "4"]}),
        audit.record(None, "queue.pause", "email"),
    ]
    for number, entry in enumerate(made):
        entry.created_at = START + timedelta(days=number)
    db.session.commit()
    return made


def test_entries_come_newest_first_in_half_open_ranges_with_their_total(entries: list[AuditEntry]) -> None:
    found, total = audit.entries(AuditFilter(), start=1, end=3)
    assert [entry.action for entry in found] == ["job.remove", "job.retry"]
    assert total == 3


@pytest.mark.parametrize(
    ("wanted", "actions"),
    [
        (AuditFilter(action="job."), ["job.remove", "job.retry"]),
        (AuditFilter(action="job%"), []),
        (AuditFilter(target="email"), ["queue.pause"]),
        (AuditFilter(since=START + timedelta(days=1)), ["queue.pause", "job.remove"]),
        (AuditFilter(until=START + timedelta(days=1)), ["job.retry"]),
    ],
)
def test_entries_are_filtered(entries: list[AuditEntry], wanted: AuditFilter, actions: list[str]) -> None:
    found, total = audit.entries(wanted)
    assert [entry.action for entry in found] == actions
    assert total == len(actions)


def test_an_entry_names_its_actor_after_the_account_is_gone(entries: list[AuditEntry]) -> None:
    db.session.delete(entries[0].actor)
    db.session.commit()
    found, _ = audit.entries(AuditFilter(action="job.retry"))
    assert (found[0].actor, found[0].actor_label) == (None, "Ayşe (admin)")


def test_an_entry_of_a_request_says_from_where_it_came(app: Flask) -> None:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "192.0.2.9"}):
        entry = audit.record(None, "x.y", "z", label="guest")
    assert (entry.address, entry.actor_label) == ("192.0.2.9", "guest")


@on_sqlite
@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("campaign/3", "/admin/campaigns/3"),
        ("delivery/5", "/admin/emails/5"),
        ("schedule/clean-up", "/admin/schedules/clean-up"),
        ("booking/7", "/admin/bookings/7"),
        ("email/4711", "/admin/jobs/email/4711"),
        ("user/1", "/admin/users/1"),
    ],
)
def test_an_entry_leads_to_what_was_changed(app: Flask, target: str, page: str | None) -> None:
    with app.test_request_context():
        assert target_url(target) == page
