"""Rate limits that are counted in the memory of the process."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from limits.storage import storage_from_string

from gnb.blueprints.shared.extensions import LockedMemoryStorage


class SlowStorage(LockedMemoryStorage):
    """A storage that pauses between creating its expiry timer and starting it, where another thread may come in."""

    @property
    def timer(self) -> threading.Timer:  # type: ignore[override]
        return self._timer

    @timer.setter
    def timer(self, timer: threading.Timer) -> None:
        self._timer = timer
        time.sleep(0.05)


def test_threads_that_count_at_the_same_moment_start_the_expiry_timer_once() -> None:
    storage = SlowStorage()
    storage.timer.join()  # from here on, each count has to start a timer
    together = threading.Barrier(4)

    def count(_thread: int) -> int:
        together.wait()
        return storage.incr("key", 60)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(count, range(4))) == [1, 2, 3, 4]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "redis+unix:///nowhere.sock"])
def test_limits_in_the_broker_import_no_second_client(url: str) -> None:
    assert set(storage_from_string(url).dependencies) == {"redis"}
