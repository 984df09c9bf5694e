"""A new release takes over from the old one under load: no request is refused, no job lost or failed."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from gnb.extensions import engine
from tests.fault_table import Fault
from tests.faults.conftest import MAIL_PATH, judge, longest_pause, message, when_done
from tests.faults.release import Release, Visitors
from tests.faults.sizes import sizes
from tests.integration.engine.conftest import wait_for
from tests.mail_server import MailServer
from tests.servers import free_port, on_postgresql

Processes = dict[str, "subprocess.Popen[bytes]"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that stays open whoever answers on it, as systemd's does."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        yield listener


@on_postgresql
@sizes(short=1, long=5)
def test_a_deploy_on_an_open_socket_refuses_no_request_and_loses_no_job(
    app: Flask, install: Callable[[], Release], token: str, mail_server: MailServer, fault: Fault, size: int,
    listener: socket.socket,
) -> None:  # fmt: skip
    fault.name = f"deploy on an open socket, {size} in a row, under load"
    old = run_all_of(install(), listener.getsockname()[1], listener)
    visitors = Visitors(listener.getsockname()[1], MAIL_PATH, token, message, pause=0.1).start()
    deploy_and_judge(install, old, visitors, mail_server, fault, size, listener)


@pytest.mark.faults
@pytest.mark.timeout(400)
@on_postgresql
def test_a_deploy_beside_the_old_release_refuses_no_request_and_loses_no_job(
    app: Flask, install: Callable[[], Release], token: str, mail_server: MailServer, fault: Fault
) -> None:
    fault.name = "deploy on a second port, 5 in a row, under load"
    old = run_all_of(install(), port := free_port())
    visitors = Visitors(port, MAIL_PATH, token, message, pause=0.1).start()
    deploy_and_judge(install, old, visitors, mail_server, fault, 5)


def deploy_and_judge(
    install: Callable[[], Release], old: Processes, visitors: Visitors, mail_server: MailServer, fault: Fault,
    size: int, listener: socket.socket | None = None,
) -> None:  # fmt: skip
    """So many releases, one after the other."""
    begun = time.time()
    visitors.wait_for(20)
    for _ in range(size):
        old = replace_by(install(), old, visitors, listener)
        visitors.wait_for(20)
    visitors.stop()
    stats = when_done()
    judge(fault, visitors.accepted, mail_server)
    fault.recovery = longest_pause(begun)
    assert {answer.status for answer in visitors.answers} == {201}
    assert (fault.lost, fault.doubled) == (0, 0)
    assert (stats.processed_completed, stats.processed_failed, stats.stalled) == (fault.jobs, 0, 0)


def run_all_of(release: Release, port: int, listener: socket.socket | None = None) -> Processes:
    """The release's processes, by what they are; all at work."""
    before = len(engine().workers())
    web = release.web(port, listener)
    workers, scheduler = release.workers("email", 2), release.scheduler()
    wait_for(lambda: len(engine().workers()) == before + 2, 60)
    return {"web": web, "workers": workers, "scheduler": scheduler}


def replace_by(
    release: Release, old: Processes, visitors: Visitors, listener: socket.socket | None = None
) -> Processes:
    """The new release's processes. On an open socket its web server follows the old one, else it begins beside it."""
    if listener is not None:
        end(old.pop("web"))
    new = run_all_of(release, port := visitors.port if listener else free_port(), listener)
    visitors.port = port
    for process in old.values():
        end(process)
    return new


def end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
