"""The queues' metrics in Prometheus' form, from what the broker has counted."""

from collections.abc import Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily as Histogram

from gnb.extensions import engine
from gnb.models.booking import STATUSES
from gnb.queueing import Overview, QueueStats, QueueUnavailable, overview
from gnb.queueing.metrics import BOUNDS, BUCKETS
from gnb.services.ai import usage
from gnb.services.events import BOOKINGS, SIGN_INS

SECONDS = (0.1, 0.5, 1, 2, 5, 10, 30, 60)
"""Upper bounds of the published buckets; each is one of the engine's finer ones."""

OTHER = "other"
_DEPTHS = ("waiting", "active", "failed", "delayed", "completed", "deferred")
_SIGN_IN_KINDS = ("session", "token")


class QueueMetrics:
    """The metrics of the application's queues; while the broker is unreachable, only that."""

    def collect(self) -> Iterator[Metric]:
        """Return the current metrics, read in one round trip."""
        try:
            seen = overview(engine())
        except QueueUnavailable:
            yield _up(0)
            return
        yield _up(1)
        yield from _depths(seen.queues)
        yield from _counts(seen.queues)
        yield _durations(seen.queues, {queue.name: set(engine().types(queue.name)) for queue in seen.queues})
        yield _waits(seen.queues)
        yield _workers(seen.queues)
        yield from _schedules(seen)
        yield from _business(seen.counters)
        yield from _language_model(seen.counters)


def _up(value: int) -> Gauge:
    return Gauge("queue_broker_up", "Whether the broker answered this scrape.", value)


def _depths(queues: Sequence[QueueStats]) -> Iterator[Metric]:
    for state in _DEPTHS:
        depth = Gauge(f"queue_jobs_{state}", f"Jobs that are {state} at this moment.", labels=["queue"])
        for queue in queues:
            depth.add_metric([queue.name], getattr(queue, state))
        yield depth
    oldest = Gauge(
        "queue_oldest_waiting_seconds",
        "For how long the oldest waiting job has waited, in seconds; 0 when none waits.",
        labels=["queue"],
    )
    paused = Gauge("queue_paused", "Whether the queue is paused, or suspended by RQ.", labels=["queue"])
    limited = Gauge("queue_rate_limited", "Whether jobs wait for the queue's rate limit.", labels=["queue"])
    limit = Gauge("queue_concurrency_limit", "How many jobs may run at once; absent without a limit.", labels=["queue"])
    for queue in queues:
        if queue.concurrency_limit != "none":
            limit.add_metric([queue.name], int(queue.concurrency_limit))
        oldest.add_metric([queue.name], queue.oldest_waiting_seconds or 0.0)
        paused.add_metric([queue.name], queue.paused or queue.suspended)
        limited.add_metric([queue.name], queue.at_rate_limit)
    yield oldest
    yield paused
    yield limited
    yield limit


def _counts(queues: Sequence[QueueStats]) -> Iterator[Metric]:
    processed = Counter(
        "queue_jobs_processed", "Jobs that ended, by outcome; stopped ones count as failed.", labels=["queue", "status"]
    )
    retries = Counter("queue_retries", "Attempts that failed and were followed by another.", labels=["queue"])
    stalled = Counter("queue_stalled", "Runs that ended because their worker died.", labels=["queue"])
    deduplicated = Counter(
        "queue_jobs_deduplicated", "Jobs not made, as another held their deduplication id.", labels=["queue"]
    )
    held = Counter("queue_jobs_held", "Jobs delayed for the rate limit of their key.", labels=["queue"])
    for queue in queues:
        held.add_metric([queue.name], queue.held)
        deduplicated.add_metric([queue.name], queue.deduplicated)
        processed.add_metric([queue.name, "completed"], queue.processed_completed)
        processed.add_metric([queue.name, "failed"], queue.processed_failed)
        retries.add_metric([queue.name], queue.retries)
        stalled.add_metric([queue.name], queue.stalled)
    yield processed
    yield retries
    yield stalled
    yield deduplicated
    yield held


def _durations(queues: Sequence[QueueStats], declared: dict[str, set[str]]) -> Metric:
    """Return every declared type from the start, so that its first run is seen as a rise; all others under one name."""
    histogram = Histogram("queue_job_duration_seconds", "How long jobs ran, in seconds.", labels=["queue", "job_type"])
    for queue in queues:
        known, tally = declared[queue.name], queue.counts
        counts = {job_type: [0] * BUCKETS for job_type in known}
        sums = dict.fromkeys(known, 0.0)
        for job_type, counted in tally.durations.items():
            name = job_type if job_type in known else OTHER
            counts[name] = [one + more for one, more in zip(counts.get(name, [0] * BUCKETS), counted, strict=True)]
            sums[name] = sums.get(name, 0.0) + tally.duration_seconds.get(job_type, 0.0)
        for name in sorted(counts):
            histogram.add_metric([queue.name, name], published(counts[name]), sums[name])
    return histogram


def _waits(queues: Sequence[QueueStats]) -> Metric:
    histogram = Histogram(
        "queue_job_wait_seconds", "How long jobs waited before they started, in seconds.", labels=["queue"]
    )
    for queue in queues:
        histogram.add_metric([queue.name], published(queue.counts.waits), queue.counts.wait_seconds)
    return histogram


def published(counts: Sequence[int]) -> list[tuple[str, float]]:
    """Cumulative counts up to each published bound, from counts in the engine's buckets."""
    buckets = [(str(float(bound)), float(sum(counts[: BOUNDS.index(bound) + 1]))) for bound in SECONDS]
    return [*buckets, ("+Inf", float(sum(counts)))]


def _workers(queues: Sequence[QueueStats]) -> Metric:
    workers = Gauge(
        "queue_workers",
        "Workers that serve the queue, by state; one that serves several queues is counted in each.",
        labels=["queue", "state"],
    )
    for queue in queues:
        workers.add_metric([queue.name, "busy"], queue.busy)
        workers.add_metric([queue.name, "idle"], max(queue.workers - queue.busy - queue.quiet, 0))
        workers.add_metric([queue.name, "quiet"], queue.quiet)
    return workers


def _schedules(seen: Overview) -> Iterator[Metric]:
    yield Gauge("queue_scheduler_leading", "Whether a scheduler process leads.", seen.scheduler_leads)
    fired = Counter("queue_schedule_fired", "Firings that became a job.", labels=["schedule"])
    skipped = Counter("queue_schedule_skipped", "Firings left out because a run was still going.", labels=["schedule"])
    missed = Counter("queue_schedule_missed", "Firings whose time passed with no scheduler.", labels=["schedule"])
    late = Gauge(
        "queue_schedule_late_seconds", "For how long the next firing has been due, in seconds.", labels=["schedule"]
    )
    for schedule in seen.schedules:
        fired.add_metric([schedule.name], schedule.fired)
        skipped.add_metric([schedule.name], schedule.skipped)
        missed.add_metric([schedule.name], schedule.missed)
        late.add_metric([schedule.name], schedule.late_seconds)
    yield from (fired, skipped, missed, late)


def _business(counters: dict[tuple[str, ...], int]) -> Iterator[Metric]:
    bookings = Counter("bookings_created", "Bookings made, by the status they began with.", labels=["status"])
    for status in STATUSES:
        bookings.add_metric([status], counters.get((BOOKINGS, status), 0))
    yield bookings
    attempts = Counter("auth_attempts", "Attempts to sign in, by way and success.", labels=["type", "success"])
    for kind in _SIGN_IN_KINDS:
        for success in ("true", "false"):
            attempts.add_metric([kind, success], counters.get((SIGN_INS, kind, success), 0))
    yield attempts


def _language_model(counters: dict[tuple[str, ...], int]) -> Iterator[Metric]:
    calls = Counter("language_model_calls", "Answers that the language model gave.", labels=["model"])
    tokens = Counter("language_model_tokens", "Tokens sent and received.", labels=["model", "direction"])
    cost = Counter("language_model_cost_dollars", "What they cost by the price list, in US dollars.", labels=["model"])
    for model, total in usage.totals(counters).items():
        calls.add_metric([model], total.get("calls", 0))
        tokens.add_metric([model, "in"], total.get("prompt_tokens", 0))
        tokens.add_metric([model, "out"], total.get("completion_tokens", 0))
        if "microdollars" in total:  # without a known price the cost is unknown, and not 0
            cost.add_metric([model], total["microdollars"] / 1_000_000)
    yield from (calls, tokens, cost)
