"""What the broker reports about itself, for its page: version, memory, clients, persistence, slow commands, keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import ResponseError

from gnb.extensions import engine
from gnb.queueing.outage import SAFE_EVICTION_POLICY

SLOW_SHOWN = 10
KEYS_SAMPLED = 5000
_AT_ONCE = 1000


@dataclass(frozen=True)
class SlowCommand:
    """One entry of the slow log."""

    at: datetime
    milliseconds: float
    command: str


@dataclass(frozen=True)
class BrokerReport:
    """The broker at one moment. `slow` is None where the provider does not let it be read."""

    server: str
    uptime_seconds: int
    used_memory: int
    peak_memory: int
    max_memory: int
    fragmentation: float
    clients: int
    blocked_clients: int
    commands_per_second: int
    eviction_policy: str
    evicted_keys: int
    persistence: str
    last_write_failed: bool
    keys: int
    sampled: int
    kinds: list[tuple[str, int]]
    slow: list[SlowCommand] | None

    @property
    def policy_is_safe(self) -> bool:
        return self.eviction_policy in ("", SAFE_EVICTION_POLICY)

    @property
    def memory_share(self) -> float | None:
        """How full it is, 0 to 1; None without a limit of its own."""
        return self.used_memory / self.max_memory if self.max_memory else None


def broker_report() -> BrokerReport:
    """Ask the broker. Raises QueueUnavailable."""
    broker = engine().broker
    info: dict[str, Any] = broker.call(broker.client.info)
    kinds, sampled = _kinds()
    aof, rdb = bool(info.get("aof_enabled")), info.get("rdb_last_save_time")
    return BrokerReport(
        server=f"{'Valkey' if 'valkey_version' in info else 'Redis'} "
        f"{info.get('valkey_version') or info.get('redis_version', '')}",
        uptime_seconds=int(info.get("uptime_in_seconds", 0)),
        used_memory=int(info.get("used_memory", 0)),
        peak_memory=int(info.get("used_memory_peak", 0)),
        max_memory=int(info.get("maxmemory", 0)),
        fragmentation=float(info.get("mem_fragmentation_ratio", 0)),
        clients=int(info.get("connected_clients", 0)),
        blocked_clients=int(info.get("blocked_clients", 0)),
        commands_per_second=int(info.get("instantaneous_ops_per_sec", 0)),
        eviction_policy=str(info.get("maxmemory_policy", "")),
        evicted_keys=int(info.get("evicted_keys", 0)),
        persistence="append-only file" if aof else "snapshots" if rdb else "none",
        last_write_failed="err" in (info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")),
        keys=int(broker.call(broker.client.dbsize)),
        sampled=sampled,
        kinds=kinds,
        slow=_slow(),
    )


def _kinds() -> tuple[list[tuple[str, int]], int]:
    """Return how many of the first keys are of which kind, such as `rq:job`, and how many those are."""
    broker, counts, cursor = engine().broker, Counter[str](), 0
    while True:
        cursor, keys = broker.call(lambda cursor=cursor: broker.client.scan(cursor, count=_AT_ONCE))
        # The limiter's keys go on with a slash and a digest.
        counts.update(":".join(key.decode(errors="replace").split(":")[:2]).partition("/")[0] for key in keys)
        if not cursor or counts.total() >= KEYS_SAMPLED:
            return counts.most_common(15), counts.total()


def _slow() -> list[SlowCommand] | None:
    broker = engine().broker
    try:
        entries = broker.client.slowlog_get(SLOW_SHOWN)
    except ResponseError:
        return None
    return [
        SlowCommand(
            datetime.fromtimestamp(entry["start_time"], UTC),
            entry["duration"] / 1000,
            # The name and the first argument alone: what follows may be the data of jobs.
            " ".join(entry["command"].decode(errors="replace").split()[:2])[:80],
        )
        for entry in entries
    ]
