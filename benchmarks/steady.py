"""A working day in small: everything at once for so many minutes, a worker killed every minute. Does anything grow?

Each series is compared with itself: the last quarter of the run with the first. The broker is filled up to what it
keeps of finished jobs before the first sample, so that what still grows then grows for another reason. Rows of the
ledgers (mail, exports, audit) grow with the work done and have no goal.
"""

from __future__ import annotations

import random
import signal
import statistics
import time

from benchmarks.measure import Measure, Options, at_most, ratio_at_least, ratio_at_most
from benchmarks.report import RESULTS
from benchmarks.steady_load import Load
from benchmarks.steady_plots import draw
from benchmarks.steady_samples import Sampler, Series, children, send
from benchmarks.steady_world import World, world

SETTINGS = {
    "processes": "gunicorn with 2 workers, flask jobs worker --all (12 workers), flask jobs scheduler, Valkey with AOF",
    "level": "median of the last quarter at most 1.1 times the first's; answers' times vary, at most 1.5 times",
    "database": "SQLite, 5,000 bookings of demo data",
}
SECONDS_BETWEEN_KILLS = 60.0
SAMPLES = 300
LEVEL = 1.1


def run(options: Options) -> list[Measure]:
    """One measure a series, and what went wrong; the plots lie in results/ next to latest.json."""
    seconds = options.minutes * 60
    with world() as place:
        load = Load(place)
        load.fill_up()
        load.start()
        sampler = Sampler(place, load)
        killed = _watch(place, sampler, seconds)
        load.stop()
        left = load.wait_until_done()
        series = sampler.series()
        draw(series, sampler.times, RESULTS.parent, f"{options.minutes:g} minutes, {killed} workers killed")
        return [*map(compared, series), *_troubles(load, left, killed)]


def _watch(place: World, sampler: Sampler, seconds: float) -> int:
    """Samples for so long and kills a worker now and then; how many were killed."""
    rng, killed = random.Random(5), 0
    begun = time.monotonic()
    step, next_kill = max(seconds / SAMPLES, 1.0), begun + SECONDS_BETWEEN_KILLS / 2
    while (now := time.monotonic()) < begun + seconds:
        sampler.sample(now - begun)
        if now >= next_kill and (workers := children(place.pids["workers"])):
            send(rng.choice(workers), signal.SIGKILL)
            killed, next_kill = killed + 1, next_kill + SECONDS_BETWEEN_KILLS
        time.sleep(max(now + step - time.monotonic(), 0))
    return killed


def compared(series: Series) -> Measure:
    """The last quarter next to the first."""
    quarter = max(len(series.values) // 4, 1)
    first, last = statistics.median(series.values[:quarter]), statistics.median(series.values[-quarter:])
    goal = {
        "level": ratio_at_most(LEVEL),
        "about level": ratio_at_most(1.5),
        "kept up": ratio_at_least(1 / LEVEL),
        "grows": None,
    }[series.wanted]
    return Measure(
        name=series.name, unit=series.unit, ours=last, peer=first, against="its first quarter", goal=goal,
        note="" if goal else "grows with the work done",
    )  # fmt: skip


def _troubles(load: Load, left: int, killed: int) -> list[Measure]:
    note = f"{killed} workers killed"
    return [
        Measure(name="jobs done", unit="jobs", ours=load.done(), note=note),
        Measure(name="jobs failed or left over", unit="jobs", ours=load.failed() + left, goal=at_most(0), note=note),
        Measure(name="requests answered", unit="requests", ours=len(load.seconds)),
        Measure(name="requests with an error", unit="requests", ours=len(load.errors), goal=at_most(0),
                note="; ".join(sorted(set(load.errors)))[:120]),
    ]  # fmt: skip
