"""Huey on its Redis storage, blocking reads, results stored."""

from __future__ import annotations

from huey import RedisHuey

from benchmarks.peers.produce import BROKER_URL, Ways, empty, main

app = RedisHuey("bench", url=BROKER_URL, blocking=True, results=True, store_none=True)
task = app.task()(empty)

if __name__ == "__main__":
    main(Ways(one=task))
