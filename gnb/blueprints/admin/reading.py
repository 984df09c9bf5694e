"""What several pages read from the broker, each in as few round trips as the engine allows."""

from typing import Any

from gnb.services.queues import reading

# The overview says what fails lately; the page of failures counts all.
LATEST_FAILED = 50


def latest_failed(all_stats: list[Any]) -> dict[str, list[Any]]:
    """Return the newest failed jobs of the queues that have some."""
    return {
        stats.name: reading.queue(stats.name).jobs("failed", 0, LATEST_FAILED).jobs
        for stats in all_stats
        if stats.failed
    }
