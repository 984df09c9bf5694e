"""The broker and the processes that serve its queues, checked; and the report of the broker for its page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from gnb.extensions import engine, settings
from gnb.queueing import QueueStats, overview
from gnb.queueing.errors import QueueUnavailable, UnsupportedBroker
from gnb.queueing.outage import NEEDED, SAFE_EVICTION_POLICY
from gnb.services.doctor import Finding, cause, compare, ok, problem, warning
from gnb.services.queues.reading import RQ_RESUME

_REMEDY = "Check REDIS_URL, that the server runs, and that this machine may reach it"
_MEGABYTE = 1 << 20
_NEARLY_FULL = 0.8


def check_broker() -> Iterator[Finding]:
    """Check version, persistence, eviction, memory and clock of the broker; only reachability if it is unreachable."""
    if not settings().queue_enabled:
        yield warning("broker", "QUEUE_ENABLED is false: no job is queued", "Set QUEUE_ENABLED=true to queue")
        return
    broker = engine().broker
    try:
        info = broker.call(lambda: _info(broker.client))
        before = time.time()
        seconds, microseconds = broker.call(broker.client.time)
        after = time.time()
        snapshots = broker.call(lambda: _snapshots(broker.client))
    except UnsupportedBroker as error:
        yield problem("broker", str(error), f"Use {NEEDED}")
        return
    except QueueUnavailable as error:
        yield problem("broker", _words(error), _REMEDY)
        return
    if info is None:
        words = "it answers; its user may not run INFO, so version, persistence, eviction and memory are not known"
        yield warning("broker", words, "Allow it on the broker: ACL SETUSER NAME +info")
    else:
        yield _version(info)
        yield _persistence(info, snapshots)
        yield _eviction(info)
        yield _memory(info)
    yield compare("broker", seconds + microseconds / 1e6, before, after)


def _words(error: QueueUnavailable) -> str:
    """Return the message of the broker's client: a refused connection, a certificate, a password."""
    said = cause(error.__cause__) if error.__cause__ else ""
    return str(error) if said in str(error) else f"{error}: {said}"


def _info(client: Any) -> dict[str, Any] | None:
    """Return what INFO tells; None if the user may not run it."""
    try:
        return dict(client.info())
    except NoPermissionError:
        return None


def _snapshots(client: Any) -> bool | None:
    """Return whether snapshots are configured; None if the provider does not allow reading the configuration."""
    try:
        return bool(client.config_get("save").get("save"))
    except ResponseError:
        return None


def _version(info: dict[str, Any]) -> Finding:
    kind = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info["redis_version"])
    if info.get("role") == "slave":
        return problem("broker", f"{kind} {version} is a replica and takes no jobs", "Name its primary in REDIS_URL")
    return ok("broker", f"{kind} {version}")


def _persistence(info: dict[str, Any], snapshots: bool | None) -> Finding:
    name = "persistence"
    if "err" in (info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")):
        return problem(name, "the broker could not write to its disk", "Make room on its disk; its log says why")
    if info.get("aof_enabled"):
        return ok(name, "an append-only file: a crash loses a second at most")
    if snapshots is None:
        return warning(
            name, "no append-only file, and the provider does not say whether there are snapshots", "Ask the provider"
        )
    loss = "a crash loses what came since the last snapshot" if snapshots else "a restart loses every job"
    return warning(name, f"no append-only file: {loss}", "Set in the broker's configuration: appendonly yes")


def _eviction(info: dict[str, Any]) -> Finding:
    found = str(info.get("maxmemory_policy", ""))
    if found == SAFE_EVICTION_POLICY:
        return ok("eviction", found)
    if not found:
        return warning(
            "eviction", "the provider does not say what its policy is", f"See to it that it is {SAFE_EVICTION_POLICY}"
        )
    remedy = f"Set in the broker's configuration: maxmemory-policy {SAFE_EVICTION_POLICY}"
    return problem("eviction", f"{found}: when memory runs short, the broker evicts jobs", remedy)


def _memory(info: dict[str, Any]) -> Finding:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    whole = limit or int(info.get("total_system_memory", 0))
    words = f"{used / _MEGABYTE:,.0f} of {whole / _MEGABYTE:,.0f} MB"
    if limit and used >= limit:
        return problem("memory", f"{words}: it is full and takes no job", "Raise its maxmemory, or remove ended jobs")
    if whole and used > _NEARLY_FULL * whole:
        return warning("memory", f"{words}: when it is full, no job is taken", "Keep fewer ended jobs, or give it more")
    if not limit:
        return ok("memory", f"{words} of its machine, without a limit of its own")
    return ok("memory", words)


def check_workers() -> Iterator[Finding]:
    """Check that each queue has workers and that a scheduler leads; nothing if the broker is unreachable or not
    used."""
    if not settings().queue_enabled:
        return
    try:
        seen = overview(engine())
    except QueueUnavailable:
        return  # said already, where the broker was looked at
    for stats in seen.queues:
        yield _queue(stats)
    if seen.scheduler_leads:
        yield ok("scheduler", f"one leads, {len(seen.schedules)} schedules")
    else:
        yield problem("scheduler", "none leads: nothing recurs", "Start: flask jobs scheduler")


def _queue(stats: QueueStats) -> Finding:
    name = f"workers ({stats.name})"
    if not stats.workers:
        return problem(name, f"none, {stats.waiting:,} jobs wait", f"Start: flask jobs worker {stats.name}")
    words = f"{stats.workers} alive, {stats.busy} busy, {stats.waiting:,} jobs wait"
    if stats.suspended:
        return warning(name, f"{words}, but RQ has suspended all queues", f"When they shall go on: {RQ_RESUME}")
    if stats.paused:
        return warning(
            name, f"{words}, but the queue is paused", f"When it shall go on: flask jobs resume {stats.name}"
        )
    return ok(name, words)


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
