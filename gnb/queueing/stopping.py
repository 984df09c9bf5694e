"""Telling a worker to stop the job that it runs."""

import json

from . import keys as names
from .connection import Broker
from .keys import QueueKeys


def ask_to_stop(broker: Broker, keys: QueueKeys, job_id: str) -> bool:
    """Whether the job runs and its worker was told to stop it.

    The wish is written to the worker's hash, so that it holds for this one execution and outlives a lost message, and
    RQ's own command is published, which a stock worker understands as well.
    """
    pipeline = broker.client.pipeline(transaction=False)
    for band in keys.active:
        pipeline.zrange(band, 0, -1)
    members = [member.decode() for band in broker.call(pipeline.execute) for member in band]
    member = next((member for member in members if member.partition(":")[0] == job_id), None)
    if member is None:
        return False
    owner = broker.call(lambda: broker.client.hget(f"rq:execution:{member}", "worker_name"))
    if owner is None:
        return False
    name = owner.decode()
    pipeline = broker.client.pipeline()
    pipeline.hset(names.worker(name), "stop", member)
    pipeline.publish(names.commands(name), json.dumps({"command": "stop-job", "job_id": job_id}))
    broker.call(pipeline.execute)
    return True
