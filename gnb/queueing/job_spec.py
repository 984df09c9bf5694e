"""From a call's type, data and options to the words that the enqueue script writes: a job hash in RQ's own format."""

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import clock
from .errors import InvalidJobData
from .job import Job
from .job_types import JobType
from .keys import QueueKeys
from .options import JobOptions, plain

_COMPRESS_FROM = 300
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(slots=True)
class JobSpec:
    """A job ready to be written: the words for the script, and the job as its caller will see it."""

    words: list[Any]
    job: Job


def build_job_spec(
    keys: QueueKeys,
    job_type: JobType,
    base: JobOptions,
    data: Mapping[str, Any],
    options: Mapping[str, Any],
    now: float,
    correlation_id: str = "",
) -> JobSpec:
    """Build the job for this data and these options; `now` is the broker's time in epoch seconds.

    Raises InvalidJobData, InvalidJobOption.
    """
    chosen = base.override(options)
    wire = _as_json(data)
    if job_type.schema is not None:
        job_type.load(json.loads(wire))
    job_id = chosen.job_id or os.urandom(12).hex()
    sub_queue = keys.sub_queue(chosen.priority)
    status = "scheduled" if chosen.delay > 0 else "queued"
    fields = _fields(job_type, chosen, base, wire, sub_queue, status, clock.rq_time(now))
    if options:
        fields += ["opts", json.dumps(plain(options))]
    if correlation_id:
        fields += ["meta", _encode({"correlation_id": correlation_id})]
    once = ""
    if chosen.deduplication:
        once = chosen.deduplication.wire
        fields += [chosen.deduplication.field, chosen.deduplication.digest]
    words = [job_id, sub_queue, chosen.delay, "1" if chosen.job_id else "", once, len(fields), *fields]
    return JobSpec(words, _job(keys, job_type, chosen, dict(data), job_id, now))


def _fields(
    job_type: JobType, options: JobOptions, base: JobOptions, wire: str, sub_queue: str, status: str, now: str
) -> list[Any]:
    call = f'["{job_type.path}",null,[],{wire}]'.encode()
    fields: list[Any] = [
        "data", call if len(call) < _COMPRESS_FROM else zlib.compress(call),
        "type", job_type.name,
        "origin", sub_queue,
        "status", status,
        "created_at", now,
        "enqueued_at", now,
        *options.hash_fields_over(base),
    ]  # fmt: skip
    if options is not base:
        if options.remove_on_complete.keep != base.remove_on_complete.keep:
            fields += ["keep_completed", options.remove_on_complete.keep]
        if options.remove_on_fail.keep != base.remove_on_fail.keep:
            fields += ["keep_failed", options.remove_on_fail.keep]
        other_intervals = (options.attempts, options.backoff) != (base.attempts, base.backoff)
        if options.attempts > 1 and options.backoff.jitter and other_intervals:
            fields += ["retry_intervals", _encode(options.backoff.intervals(options.attempts - 1))]
    return fields


def _as_json(data: Mapping[str, Any]) -> str:
    try:
        return _encode(data)
    except (TypeError, ValueError) as error:
        raise InvalidJobData({"_schema": [f"not JSON: {error}"]}) from None


def _job(keys: QueueKeys, job_type: JobType, options: JobOptions, data: dict[str, Any], job_id: str, now: float) -> Job:
    moment = datetime.fromtimestamp(now, UTC)
    return Job(
        id=job_id,
        queue=keys.name,
        name=job_type.name,
        data={"type": job_type.name, **data},
        state="delayed" if options.delay > 0 else "waiting",
        priority=options.priority,
        attempts_made=0,
        attempts_limit=options.attempts,
        created_at=moment,
        enqueued_at=moment,
        run_at=moment + timedelta(seconds=options.delay) if options.delay > 0 else None,
        timeout=options.timeout,
    )
