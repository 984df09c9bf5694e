"""A master that Sentinels watch dies under load. What was accepted since then is done; what the replica had not got yet
when the master died is lost with it, and counted here: replication is asynchronous."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from gnb.config import Settings
from tests.fault_table import Fault
from tests.faults.conftest import MAIL_PATH, judge, longest_pause, message, when_done
from tests.faults.release import Release, Visitors
from tests.faults.sizes import sizes
from tests.faults.valkey import Valkey, Watched
from tests.integration.engine.conftest import wait_for
from tests.mail_server import MailServer
from tests.servers import free_port, on_postgresql

LONGEST_ANSWER = 4.0
"""Seconds a visitor may wait while the broker is away: a second each for what does not answer, and the work itself."""

LOSS_WINDOW = 1.0
"""Seconds before the master's death in which an accepted job may not have reached its replica."""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / "watched")
    yield watched
    watched.stop()


@pytest.fixture
def settings(settings: Settings, watched: Watched) -> Settings:
    return replace(settings, redis_url=watched.url)


@on_postgresql
@sizes(short=1, long=4)
def test_what_is_accepted_after_a_failover_is_done_and_the_web_answers_throughout(
    app: Flask,
    install: Callable[[], Release],
    watched: Watched,
    token: str,
    mail_server: MailServer,
    fault: Fault,
    size: int,
) -> None:
    fault.name = f"Sentinel failover, {size} in a row, under load"
    release = install()
    supervisors = [release.workers("email", 1) for _ in range(2)]
    release.web(port := free_port())
    visitors = Visitors(port, MAIL_PATH, token, message, pause=0.1).start()
    visitors.wait_for(20)
    deaths, pauses = [], []
    for number in range(size):
        deaths.append(fail_over(watched, signal.SIGSTOP if number % 2 else signal.SIGKILL))
        visitors.wait_for(50)
        pauses.append(longest_pause(deaths[-1]))
    visitors.stop()
    when_done()
    judge(fault, visitors.accepted, mail_server)
    fault.recovery = max(pauses)
    assert {answer.status for answer in visitors.answers} == {201, 503}
    assert all(answer.retry_after for answer in visitors.answers if answer.status == 503)
    assert max(answer.seconds for answer in visitors.answers) < LONGEST_ANSWER
    arrived = set(mail_server.recipients)
    lost = [answer.at for answer in visitors.accepted if message(answer.number)["data"]["to"] not in arrived]
    assert all(any(0 <= death - at < LOSS_WINDOW for death in deaths) for at in lost)
    assert fault.doubled == 0
    assert all(supervisor.poll() is None for supervisor in supervisors)


def fail_over(watched: Watched, how: int) -> float:
    """The master dies, or stands still until the other has taken over; then it is back, to become that one's replica.
    When it died, epoch seconds."""
    master = watched.master()
    other = watched.two if master is watched.one else watched.one
    wait_for(lambda: is_replica(other), 60)
    died = time.time()
    master.signal(how)
    wait_for(lambda: watched.master() is other, 30)
    if how == signal.SIGKILL:
        master.process.wait()
        master.start()
    else:
        master.signal(signal.SIGCONT)
    return died


def is_replica(server: Valkey) -> bool:
    return server.info("role") == "slave" and server.info("master_link_status") == "up"
