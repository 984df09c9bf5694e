"""What the mail benchmark starts as processes of their own.

`python -m benchmarks.mail_work serve PORT` is the mail server; `… client PORT COUNT` sends so many messages by the
SMTP client alone and prints messages a second; `… plan CAMPAIGN` plans a mailing and prints its seconds, and the
megabytes by which memory grew from the second batch to the highest.
"""

from __future__ import annotations

import argparse
import resource
import smtplib
import threading
import time
from typing import Any

from benchmarks.mail_world import application, one_message


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("serve").add_argument("port", type=int)
    client = roles.add_parser("client")
    client.add_argument("port", type=int)
    client.add_argument("count", type=int)
    roles.add_parser("plan").add_argument("campaign", type=int)
    given = parser.parse_args()
    if given.role == "serve":
        _serve(given.port)
    elif given.role == "client":
        print(_client(given.port, given.count))
    else:
        print(*_plan(given.campaign))


def _serve(port: int) -> None:
    from aiosmtpd.controller import Controller

    class Taking:
        async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
            return "250 2.0.0 taken"

    Controller(Taking(), hostname="127.0.0.1", port=port, ready_timeout=20).start()
    threading.Event().wait()


def _client(port: int, count: int) -> float:
    message = one_message()
    with smtplib.SMTP("127.0.0.1", port, "localhost") as client:
        client.sendmail("from@example.com", "to@example.com", message)
        begin = time.perf_counter()
        for _ in range(count):
            client.sendmail("from@example.com", "to@example.com", message)
        return count / (time.perf_counter() - begin)


def _plan(campaign_id: int) -> tuple[float, float]:
    from gnb.services.mail import campaigns

    batches: list[int] = []
    with application().app_context():
        begin = time.perf_counter()
        campaigns.reconcile(campaign_id, lambda _done, _total: batches.append(_peak()))
        seconds = time.perf_counter() - begin
    return seconds, (_peak() - batches[min(1, len(batches) - 1)]) / 1024


def _peak() -> int:
    """Kilobytes of memory that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
