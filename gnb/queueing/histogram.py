"""Durations and waiting times are counted in buckets, so that any number of them takes bounded room."""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in seconds; one more bucket holds what is longer."""

BUCKETS = len(BOUNDS) + 1


def bucket(seconds: float) -> int:
    """The number of the bucket that holds this length."""
    return bisect_left(BOUNDS, seconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The length in seconds below which that share lies, linear within a bucket; None when nothing was counted."""
    total = sum(counts)
    if not total:
        return None
    rank, passed = share * total, 0
    for number, count in enumerate(counts):
        if count and passed + count >= rank:
            low = BOUNDS[number - 1] if number else 0.0
            high = BOUNDS[number] if number < len(BOUNDS) else BOUNDS[-1] * 2
            return low + (high - low) * max(rank - passed, 0) / count
        passed += count
    return BOUNDS[-1] * 2
