"""Mail: planning a campaign, sending it end to end, and how soon a confirmation overtakes it.

The mail server is aiosmtpd in a process of its own; it shares the machine with the two workers and the broker, as it
does with the two clients that are measured next to them.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from benchmarks.mail_world import World, add_campaign, wait_until_sent, world
from benchmarks.measure import Measure, Options, at_least, at_most, in_turn
from benchmarks.processes import PYTHON, output_numbers, running

SETTINGS = {
    "server": "aiosmtpd, one process, loopback, no TLS",
    "application": "SQLite (WAL, synchronous=NORMAL), two email processes, no rate limit",
    "smtplib": "two processes, one kept connection each, one message built beforehand",
}
_PROCESSES = 2
_WORKERS = [PYTHON, "-m", "flask", "--app", "wsgi:app", "jobs", "worker", "email", "--concurrency", str(_PROCESSES)]


def run(options: Options) -> list[Measure]:
    """Three worlds: many customers to plan for, some to write to, and again some with a confirmation in between."""
    recipients, messages = options.count(100_000, quick=10_000), options.count(4_000, quick=600)
    rounds = options.rounds if options.quick else 3
    with world(recipients) as big:
        seconds, growth = output_numbers([PYTHON, "-m", "benchmarks.mail_work", "plan", str(add_campaign())], "", **big.environment)  # fmt: skip # noqa: E501
    with world(messages) as small:
        speeds = in_turn(
            {"ours": lambda: _sending(small, messages), "smtplib": lambda: _clients(small, messages)}, rounds
        )
        overtaking = max(_overtaking(small, messages) for _ in range(rounds))
    return [
        Measure(name=f"plan {recipients:,} recipients", unit="s", ours=seconds, goal=at_most(60)),
        Measure(name="… memory from the second batch on", unit="MB", ours=growth, goal=at_most(30)),
        Measure(
            name="send, end to end, two processes", unit="messages/s", ours=speeds["ours"], peer=speeds["smtplib"],
            against="smtplib alone, two processes", goal=at_least(300),
        ),
        Measure(name="a confirmation in mid-campaign", unit="s", ours=overtaking, goal=at_most(2), note="slowest"),
    ]  # fmt: skip


def _sending(place: World, count: int) -> float:
    """Messages a second of a campaign that is planned before the workers start; the first fifth warms them up."""
    campaign = add_campaign()
    output_numbers([PYTHON, "-m", "benchmarks.mail_work", "plan", str(campaign)], "", **place.environment)
    with running(_WORKERS, "", **place.environment):
        begin, before = wait_until_sent(campaign, count // 5)
        end, done = wait_until_sent(campaign, count)
    return (done - before) / (end - begin)


def _clients(place: World, count: int) -> float:
    command = [PYTHON, "-m", "benchmarks.mail_work", "client", str(place.mail_port), str(count // _PROCESSES)]
    with ThreadPoolExecutor(_PROCESSES) as pool:
        speeds = list(pool.map(lambda _: output_numbers(command, "", **place.environment)[0], range(_PROCESSES)))
    return sum(speeds)


def _overtaking(place: World, count: int) -> float:
    """Seconds from the call that plans a message of priority 1, in mid-campaign, to its being sent."""
    from gnb.extensions import db
    from gnb.models import Delivery
    from gnb.services import email_service

    campaign = add_campaign()
    output_numbers([PYTHON, "-m", "benchmarks.mail_work", "plan", str(campaign)], "", **place.environment)
    with running(_WORKERS, "", **place.environment):
        wait_until_sent(campaign, count // 10)
        begin = time.perf_counter()
        fields = {"priority": 1}
        outcome = email_service.send_email_async("ann@example.com", "Your booking is confirmed", text="x", **fields)
        while db.session.get_one(Delivery, outcome.delivery_id, populate_existing=True).state != "sent":
            db.session.rollback()
            if time.perf_counter() - begin > timedelta(minutes=1).total_seconds():
                print("the confirmation was not sent within a minute", file=sys.stderr)
                break
            time.sleep(0.01)
        return time.perf_counter() - begin


def versions() -> dict[str, str]:
    """The mail server's version."""
    from importlib.metadata import version

    return {"aiosmtpd": version("aiosmtpd")}
