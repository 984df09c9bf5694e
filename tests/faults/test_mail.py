"""Workers are killed while they send a campaign: no message is lost, and one comes twice in the named window only."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.models import Delivery, User, db
from gnb.services import email_service
from gnb.services.mail import campaigns, ledger
from tests.business import make_campaign
from tests.fault_table import Fault
from tests.faults.conftest import longest_pause
from tests.mail_server import MailServer
from tests.servers import on_sqlite

pytestmark = [pytest.mark.faults, on_sqlite, pytest.mark.timeout(600)]

MESSAGES = 1000
KILLS = 12
ROOT = Path(__file__).parents[2]


def start_workers(variables: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "jobs", "worker", "email", "--concurrency", "2"]
    return subprocess.Popen(command, env={**os.environ, **variables}, cwd=ROOT)


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def sent() -> int:
    count = db.session.scalar(sa.select(sa.func.count()).where(Delivery.state == "sent")) or 0
    db.session.rollback()
    return count


def test_workers_killed_while_they_send_lose_nothing(
    app: Flask, variables: dict[str, str], mail_server: MailServer, fault: Fault
) -> None:
    fault.name = f"mail workers killed {KILLS} times in a campaign"
    db.session.add_all([User(email=f"user{n}@example.com", name=f"User {n}") for n in range(MESSAGES)])
    db.session.commit()
    campaign = make_campaign()
    campaigns.start(campaign)
    campaigns.reconcile(campaign.id)
    workers = start_workers(variables)
    killed, deadline = 0, time.monotonic() + 500
    first = 0.0
    try:
        while (done := sent()) < MESSAGES and time.monotonic() < deadline:
            if killed < KILLS and done > MESSAGES * killed // (KILLS + 1) and (pids := children(workers)):
                with suppress(ProcessLookupError):
                    os.kill(random.choice(pids), signal.SIGKILL)
                first = first or time.time()
                killed += 1
            time.sleep(0.05 + random.random() / 20)
        assert sent() == MESSAGES
    finally:
        workers.terminate()
        workers.wait(40)
    fault.recovery = longest_pause(first)
    times = Counter(mail_server.recipients)
    twice = [recipient for recipient, count in times.items() if count > 1]
    fault.jobs, fault.lost, fault.doubled = MESSAGES, MESSAGES - len(times), len(twice)
    assert fault.lost == 0
    assert killed == KILLS
    # A message comes twice only when its worker died between the server's answer and the commit: at most one a kill,
    # and its row says that it was taken twice.
    assert len(twice) <= KILLS
    taken = dict(db.session.execute(sa.select(Delivery.recipient, Delivery.attempts)).all())
    assert all(taken[recipient] > 1 for recipient in twice)
    assert max(times.values(), default=0) <= 2


def test_a_take_is_longer_than_a_job_and_the_sweep_frees_it(app: Flask) -> None:
    from gnb.services.queues import DEFAULTS

    assert ledger.CLAIM_TTL.total_seconds() > DEFAULTS["email"].timeout + 3
    assert email_service.requeue_stale_deliveries() == 0
