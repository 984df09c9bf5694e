"""The engine next to its peers: RQ, Celery, Dramatiq, Huey and BullMQ, on one broker, with one empty job."""

from __future__ import annotations

from functools import partial

from benchmarks.broker import broker, version
from benchmarks.contestants import (
    BULLMQ,
    CELERY,
    DRAMATIQ,
    HUEY,
    OURS,
    OURS_IN_APP,
    OURS_IN_BANDS,
    OURS_PREFETCHING,
    OURS_PREFETCHING_TWO,
    RQ,
    RQ_SIMPLE,
)
from benchmarks.contestants import SETTINGS as SETTINGS
from benchmarks.contestants import versions as versions_of_peers
from benchmarks.measure import (
    Measure,
    Options,
    at_most,
    in_turn,
    measured,
    percentile,
    ratio_at_least,
    ratio_at_most,
)
from benchmarks.supervisor import idle_supervisor
from benchmarks.throughput import bytes_a_waiting_job, commands_a_job, producing, starts, working, working_off

WAITING = 1_000_000
RATE = "jobs/s"


def versions() -> dict[str, str]:
    """The broker's and the peers' versions."""
    with broker() as url:
        name, _, number = version(url).partition(" ")
    return {name: number, **versions_of_peers()}


def run(options: Options) -> list[Measure]:
    """Every figure of the engine, within six minutes (a quick look: one)."""
    sections = (
        throughput,
        enqueueing,
        pickup,
        delay,
        memory,
        commands,
        under_load,
        share_of_the_application,
        idle_supervisor,
    )
    with broker() as url:
        return [measure for section in sections for measure in measured(section, options, url)]


def throughput(options: Options, url: str) -> list[Measure]:
    """Jobs a second of every contestant's worker."""
    # Those who are compared most closely stand side by side, so that the machine is the same for both.
    pairs = [one for pair in zip(OURS.values(), BULLMQ.values(), strict=True) for one in pair]
    everybody = [*pairs, OURS_PREFETCHING_TWO, *OURS_PREFETCHING.values(), HUEY, DRAMATIQ, CELERY, RQ_SIMPLE, RQ]
    rates = in_turn(
        {one.name: partial(working, one, url, options.count(one.jobs)) for one in everybody}, options.rounds
    )
    best, prefetching = (max(group.values(), key=lambda one: rates[one.name]) for group in (OURS, OURS_PREFETCHING))
    holding = "our best number of processes, each with up to 16 jobs of one call; BullMQ's one process has 50 active"
    lines = [
        (OURS[1], BULLMQ[1], 1.2, ""),
        (OURS[1], RQ_SIMPLE, 20.0, ""),
        (OURS[1], RQ, None, ""),
        (OURS[1], CELERY, 1.0, ""),
        (OURS[1], DRAMATIQ, 1.0, ""),
        (OURS[1], HUEY, 1.0, ""),
        (OURS_PREFETCHING[1], RQ_SIMPLE, 20.0, "up to 16 jobs of one call; SimpleWorker has one"),
        (OURS[2], BULLMQ[5], 1.1, ""),
        (OURS_PREFETCHING_TWO, BULLMQ[5], 1.1, "4 of our jobs are dequeued at a time; BullMQ has 5 active"),
        (best, BULLMQ[50], 1.0, "our best number of processes"),
        (prefetching, BULLMQ[50], 1.0, holding),
    ]
    return [
        Measure(
            name=one.name,
            unit=RATE,
            ours=rates[one.name],
            peer=rates[peer.name],
            against=peer.name,
            goal=ratio_at_least(goal) if goal else None,
            note=note,
        )
        for one, peer, goal, note in lines
    ]


def enqueueing(options: Options, url: str) -> list[Measure]:
    """Jobs a second that one process enqueues, call by call and a thousand a call."""
    contestants = {"ours": OURS[1], "RQ": RQ, "BullMQ": BULLMQ[1]}
    jobs = {"one": options.count(5_000), "bulk": options.count(20_000)}
    rates = in_turn(
        {
            f"{who} {how}": partial(producing, contestant, url, how, jobs[how])
            for how in jobs
            for who, contestant in contestants.items()
        },
        options.rounds,
    )
    lines = [
        ("one", "BullMQ", "BullMQ add", 1.2),
        ("one", "RQ", "RQ enqueue", 1.0),
        ("bulk", "BullMQ", "BullMQ addBulk", 1.6),
        ("bulk", "RQ", "RQ enqueue_many", 1.0),
    ]
    return [
        Measure(
            name={"one": "enqueue one", "bulk": "enqueue in bulk"}[how],
            unit=RATE,
            ours=rates[f"ours {how}"],
            peer=rates[f"{who} {how}"],
            against=against,
            goal=ratio_at_least(goal),
        )
        for how, who, against, goal in lines
    ]


def pickup(options: Options, url: str) -> list[Measure]:
    """From the call that enqueues to the job's first line, the worker being idle; one round of many jobs."""
    samples = options.count(400, quick=100)
    found = {one.name: starts(one, url, "pickup", samples) for one in (OURS[1], RQ_SIMPLE, BULLMQ[1])}
    return [
        Measure(
            name=f"idle pickup {name}",
            unit="ms",
            ours=percentile(found[OURS[1].name], share),
            peer=percentile(found[peer.name], share),
            against=peer.name,
            goal=at_most(goal) if peer is RQ_SIMPLE else None,
        )
        for name, share, goal in (("p50", 0.5, 2.0), ("p99", 0.99, 15.0))
        for peer in (RQ_SIMPLE, BULLMQ[1])
    ]


def delay(options: Options, url: str) -> list[Measure]:
    """How late a delayed job starts, its worker being idle."""
    late = starts(OURS[1], url, "delayed", options.count(200, quick=40))
    return [
        Measure(name=f"delayed job's lateness {name}", unit="ms", ours=percentile(late, share), goal=at_most(1000))
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def memory(options: Options, url: str) -> list[Measure]:
    """What a waiting job weighs in the broker."""
    jobs = options.count(20_000)
    weights = {one.name: bytes_a_waiting_job(one, url, jobs) for one in (OURS[1], RQ, BULLMQ[1])}
    return [
        Measure(
            name="broker memory, waiting job",
            unit="bytes",
            ours=weights[OURS[1].name],
            peer=weights[peer.name],
            against=against,
            goal=ratio_at_most(0.6) if peer is RQ else None,
        )
        for peer, against in ((RQ, "RQ"), (BULLMQ[1], "BullMQ"))
    ]


def commands(options: Options, url: str) -> list[Measure]:
    """What the broker does for an empty job without dependents, from its start to its end."""
    jobs = options.count(2_000, quick=500)
    counts = {one.name: commands_a_job(one, url, jobs) for one in (OURS[1], RQ_SIMPLE, BULLMQ[1])}
    return [
        Measure(
            name="broker commands, empty job",
            unit="commands",
            ours=counts[OURS[1].name],
            peer=counts[peer.name],
            against=peer.name,
            goal=at_most(21) if peer is RQ_SIMPLE else None,
        )
        for peer in (RQ_SIMPLE, BULLMQ[1])
    ]


def under_load(options: Options, url: str) -> list[Measure]:
    """With a million waiting on a second broker, and with all ten priorities in use, next to ours without that."""
    ours, waiting = OURS[1], options.count(WAITING, quick=50_000)
    jobs, ones, many = options.count(ours.jobs), options.count(5_000), options.count(20_000)
    with broker() as deep:
        producing(ours, deep, "bulk", waiting)
        rates = in_turn(
            {
                "worked off": partial(working, ours, url, jobs),
                "worked off, deep": partial(working_off, ours, deep, jobs),
                "worked off, bands": partial(working, OURS_IN_BANDS, url, jobs),
                "enqueued": partial(producing, ours, url, "one", ones),
                "enqueued, deep": partial(producing, ours, deep, "one", ones),
                "in bulk": partial(producing, ours, url, "bulk", many),
                "in bulk, deep": partial(producing, ours, deep, "bulk", many),
            },
            options.rounds,
        )
    lines = [
        (f"1 process, {waiting:,} waiting", "worked off, deep", "worked off"),
        (f"enqueue one, {waiting:,} waiting", "enqueued, deep", "enqueued"),
        (f"enqueue in bulk, {waiting:,} waiting", "in bulk, deep", "in bulk"),
        ("1 process, 10 priorities in use", "worked off, bands", "worked off"),
    ]
    return [
        Measure(
            name=name,
            unit=RATE,
            ours=rates[loaded],
            peer=rates[unloaded],
            against="ours without",
            goal=ratio_at_least(0.9),
        )
        for name, loaded, unloaded in lines
    ]


def share_of_the_application(options: Options, url: str) -> list[Measure]:
    """How much longer a job takes inside the application: its context, the schema, the session closed."""
    jobs = options.count(OURS[1].jobs)
    counts = {OURS[1]: jobs, OURS_IN_APP: jobs, RQ_SIMPLE: options.count(RQ_SIMPLE.jobs)}
    rates = in_turn({one.name: partial(working, one, url, count) for one, count in counts.items()}, options.rounds)
    bare, inside, simple = (1e6 / rates[one.name] for one in counts)
    return [
        Measure(
            name="the application's share of a job",
            unit="µs",
            ours=inside - bare,
            peer=simple,
            against="a whole job of RQ SimpleWorker",
            goal=ratio_at_most(0.05),
        ),
        Measure(name="1 process in the application", unit=RATE, ours=rates[OURS_IN_APP.name]),
    ]
