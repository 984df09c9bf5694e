"""A new release takes over from the old one under load: no request is refused, no job lost or failed."""

import signal
import subprocess
import time
from collections.abc import Callable

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


@on_postgresql
@sizes(short=1, long=6)
def test_a_deploy_under_load_refuses_no_request_and_loses_no_job(
    app: Flask, install: Callable[[], Release], token: str, mail_server: MailServer, fault: Fault, size: int
) -> None:
    fault.name = f"deploy, {size} in a row, under load"
    old = run_all_of(install(), port := free_port())
    visitors = Visitors(port, MAIL_PATH, token, message, pause=0.1).start()
    begun = time.time()
    visitors.wait_for(20)
    for _ in range(size):
        old = replace_by(install(), old, visitors)
        visitors.wait_for(20)
    visitors.stop()
    stats = when_done()
    judge(fault, visitors.accepted, mail_server)
    fault.recovery = longest_pause(begun)
    assert {answer.status for answer in visitors.answers} == {201}
    assert (fault.lost, fault.doubled) == (0, 0)
    assert (stats.processed_completed, stats.processed_failed, stats.stalled) == (fault.jobs, 0, 0)


def run_all_of(release: Release, port: int) -> Processes:
    """The release's processes, by what they are; all at work."""
    before = len(engine().workers())
    workers, scheduler, web = release.workers("email", 2), release.scheduler(), release.web(port)
    wait_for(lambda: len(engine().workers()) == before + 2, 60)
    return {"web": web, "workers": workers, "scheduler": scheduler}


def replace_by(release: Release, old: Processes, visitors: Visitors) -> Processes:
    """The new release's processes, begun beside the old ones, which are then told to end, and do so in time."""
    new = run_all_of(release, port := free_port())
    visitors.port = port
    for process in old.values():
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    return new
