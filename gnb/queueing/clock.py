"""Times as RQ writes them, for people. Leases, delays and limits go by the broker's clock, inside the scripts."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

_second = (0, "1970-01-01T00:00:00")


def rq_time(epoch_seconds: float | None = None) -> str:
    """RQ's form of a time: 2026-01-31T23:59:59.123456Z."""
    global _second
    moment = time.time() if epoch_seconds is None else epoch_seconds
    second = int(moment)
    known, text = _second
    if second != known:  # many times of one second are formatted: one for each job
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = (second, text)
    return f"{text}.{int((moment - second) * 1e6):06d}Z"


def parse(text: bytes | str | None) -> datetime | None:
    """Return the aware time of RQ's form; None for no text and for one that is no time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.decode() if isinstance(text, bytes) else text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def broker_seconds(answer: Sequence[Any]) -> float:
    """Epoch seconds from the broker's answer to TIME: seconds and microseconds."""
    return int(answer[0]) + int(answer[1]) / 1e6


class BrokerClock:
    """The broker's time, kept between answers by the monotonic clock: a jump of this machine's does not show."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def set(self, broker_seconds: float) -> None:
        self._offset = broker_seconds - time.monotonic()

    def now(self) -> float:
        """Epoch seconds."""
        return self._offset + time.monotonic()
