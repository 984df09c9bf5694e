"""Dramatiq with results kept and the middleware that an empty job does not need left out."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Callbacks, Pipelines, Retries, ShutdownNotifications, TimeLimit
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.peers.produce import BROKER_URL, RESULTS_URL, Ways, empty, main

middleware = [AgeLimit(), TimeLimit(), ShutdownNotifications(), Callbacks(), Pipelines(), Retries()]
broker = RedisBroker(url=BROKER_URL, middleware=middleware)
broker.add_middleware(Results(backend=RedisBackend(url=RESULTS_URL), store_results=True))
dramatiq.set_broker(broker)
actor = dramatiq.actor(empty)

if __name__ == "__main__":
    main(Ways(one=actor.send))
