"""Everything breaks at random while visitors enqueue mail by HTTP: what was accepted is sent, and sent once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa
from flask import Flask

from gnb.extensions import db
from gnb.models import Delivery
from tests import servers
from tests.fault_table import Fault
from tests.faults.conftest import MAIL_PATH, judge, longest_pause, message, when_done
from tests.faults.release import Release, Visitors
from tests.faults.sizes import sizes
from tests.faults.test_mail import children
from tests.integration.exports.test_outages import outage
from tests.mail_server import MailServer
from tests.servers import free_port, on_postgresql

SECONDS_BETWEEN = 2.5


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Broker]:
    """A broker with an append-only file, which survives a kill."""
    server = servers.Broker(tmp_path / "broker", durable=True)
    server.start()
    yield server
    server.stop()


class Installation:
    """The processes of a release with their servers, and what can happen to each."""

    def __init__(self, release: Release, broker: servers.Broker, postgres: servers.Postgres, rng: random.Random):
        self.broker, self.postgres, self._release, self._rng = broker, postgres, release, rng
        self.port = free_port()
        self._web = release.web(self.port)  # first: it compiles the code for the others
        self._workers = [release.workers("email", 2) for _ in range(2)]
        self._schedulers = [release.scheduler()]
        self.faults: dict[str, Callable[[], None]] = {
            "a worker is killed": lambda: self._kill(self._child_of(self._workers)),
            "a supervisor is killed": self._kill_supervisor,
            "a worker is stopped": lambda: self._stop(self._child_of(self._workers), 2),
            "a supervisor is stopped": lambda: self._stop(self._rng.choice(self._workers).pid, 2),
            "the scheduler is killed": self._kill_scheduler,
            "the scheduler is stopped": lambda: self._stop(self._schedulers[0].pid, 2),
            "a web process is killed": lambda: self._kill(self._child_of([self._web])),
            "the broker is killed": self._kill_broker,
            "the broker is stopped": lambda: self._stop(self.broker.server.pid, 1.5),
            "the broker's connections are cut": self._cut_broker,
            "a process of the database is killed": lambda: self._kill(self._backend()),
            "a process of the database is stopped": lambda: self._stop(self._backend(), 1.5),
            "the database is away": self._outage,
            "the database's connections are cut": lambda: self._outage(0),
        }

    def cause(self, name: str) -> None:
        """Cause the fault; what was to be hit may have ended by itself."""
        with suppress(ProcessLookupError, IndexError, psycopg.OperationalError):
            self.faults[name]()

    def _child_of(self, parents: list) -> int:
        return self._rng.choice(children(self._rng.choice(parents)))

    @staticmethod
    def _kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    @staticmethod
    def _stop(pid: int | None, seconds: float) -> None:
        if pid:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    def _kill_supervisor(self) -> None:
        killed = self._workers.pop(self._rng.randrange(2))
        self._kill(killed.pid)
        killed.wait()
        self._workers.append(self._release.workers("email", 2))

    def _kill_scheduler(self) -> None:
        self._kill(self._schedulers[0].pid)
        self._schedulers = [self._release.scheduler()]

    def _kill_broker(self) -> None:
        self.broker.kill()
        time.sleep(0.5)
        self.broker.start()

    def _cut_broker(self) -> None:
        with redis.Redis.from_url(self.broker.url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _backend(self) -> int:
        with psycopg.connect(self.postgres.url("postgres")) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'gnb' AND state IS NOT NULL")
            return int(self._rng.choice([pid for (pid,) in found]))

    def _outage(self, seconds: float = 3) -> None:
        with outage(self.postgres):
            time.sleep(seconds)


@on_postgresql
@sizes(short=15, long=200, seconds=600)
def test_what_is_accepted_among_faults_of_every_kind_is_sent_and_nothing_twice_outside_the_named_window(
    app: Flask, install: Callable[[], Release], broker: servers.Broker, postgres: servers.Postgres, token: str,
    mail_server: MailServer, fault: Fault, size: int,
) -> None:  # fmt: skip
    fault.name = f"everything at random for {size} s"
    db.session.remove()  # no connection of the test's own is to be cut
    rng = random.Random(23)
    installation = Installation(install(), broker, postgres, rng)
    visitors = Visitors(installation.port, MAIL_PATH, token, message, pause=0.2).start()
    visitors.wait_for(10)
    caused: Counter[str] = Counter()
    begun, ends = time.time(), time.monotonic() + size
    names = list(installation.faults)
    while time.monotonic() < ends or (size >= 200 and caused.total() < 60):
        if not names:
            names = list(installation.faults)
        name = names.pop(rng.randrange(len(names)))
        installation.cause(name)
        caused[name] += 1
        time.sleep(rng.uniform(0.2, SECONDS_BETWEEN))
    visitors.wait_for(10)
    visitors.stop()
    when_done(240)
    judge(fault, visitors.accepted, mail_server)
    fault.recovery = longest_pause(begun)
    assert fault.lost == 0, caused
    assert {answer.status for answer in visitors.answers} <= {0, 201, 503}
    times = Counter(mail_server.recipients)
    taken = dict(db.session.execute(sa.select(Delivery.recipient, Delivery.attempts)).all())
    # The window of docs/mail.md: its sender died, or the database was away, between the server's answer and the commit.
    outside = [recipient for recipient, count in times.items() if count > 1 and taken[recipient] < count]
    assert outside == []
    assert caused.total() >= (60 if size >= 200 else 5)
