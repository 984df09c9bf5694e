"""The leading scheduler is killed again and again, for two minutes: every firing happens once, none is lost."""

from itertools import pairwise

import pytest

from gnb.queueing import Engine
from tests.fault_table import Fault
from tests.integration.recurring.test_several_schedulers import (
    Starter,
    add_schedules,
    check,
    engine,
    fired_times,
    kill_leaders,
    start,
)

assert engine
assert start


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_leaders_killed_for_two_minutes_every_firing_happens_once(engine: Engine, start: Starter, fault: Fault) -> None:
    add_schedules(engine)
    takeovers = kill_leaders(engine, start, seconds=120, every=4)
    fault.name = f"leading scheduler killed {len(takeovers)} times"
    times = fired_times(engine, "second")
    fault.jobs, fault.doubled = len(times), len(times) - len(set(times))
    fault.lost = sum(int(later - earlier) - 1 for earlier, later in pairwise(sorted(set(times))))
    fault.recovery = max(takeovers)
    check(engine, takeovers)
    assert len(times) >= 120
