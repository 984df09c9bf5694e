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
    port = listener.getsockname()[1]
    old = run_all_of(install(), port, listener)
    visitors = Visitors(port, MAIL_PATH, token, message, pause=0.1).start()
    deploy_and_judge(lambda old: restart(install(), old, port, listener), old, visitors, mail_server, fault, size)


@pytest.mark.faults
@pytest.mark.timeout(400)
@on_postgresql
def test_a_deploy_beside_the_old_release_refuses_no_request_and_loses_no_job(
    app: Flask, install: Callable[[], Release], token: str, mail_server: MailServer, fault: Fault
) -> None:
    fault.name = "deploy on a second port, 5 in a row, under load"
    old = run_all_of(install(), port := free_port())
    visitors = Visitors(port, MAIL_PATH, token, message, pause=0.1).start()
    deploy_and_judge(lambda old: replace(install(), old, visitors), old, visitors, mail_server, fault, 5)


def deploy_and_judge(
    deploy: Callable[[Processes], Processes], old: Processes, visitors: Visitors, mail_server: MailServer,
    fault: Fault, size: int,
) -> None:  # fmt: skip
    """So many releases, one after the other."""
    begun = time.time()
    visitors.wait_for(20)
    for _ in range(size):
        old = deploy(old)
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
    workers = release.workers("email", 2)
    web, scheduler = release.web(port, listener), release.scheduler()
    wait_for(lambda: len(engine().workers()) == before + 2, 60)
    return {"workers": workers, "web": web, "scheduler": scheduler}


def restart(release: Release, old: Processes, port: int, listener: socket.socket) -> Processes:
    """What `systemctl restart` does to one after the other, as docs/deploying.md has it: old ends, new begins."""
    end(old["workers"])
    workers = release.workers("email", 2)
    wait_for(lambda: len(engine().workers()) == 2, 60)
    end(old["web"])
    web = release.web(port, listener)
    end(old["scheduler"])
    return {"workers": workers, "web": web, "scheduler": release.scheduler()}


def replace(release: Release, old: Processes, visitors: Visitors) -> Processes:
    """The new release begins beside the old one, on another port; visitors are sent there, and the old one ends."""
    new = run_all_of(release, port := free_port())
    visitors.port = port
    for process in old.values():
        end(process)
    return new


def end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
