"""The engine's job types that are measured."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from benchmarks.peers.produce import empty, stamp
from gnb.queueing import FinalError, JobContext, job

QUEUE = "email"
BARE, CHECKED, STAMP, BROKEN = "bench-empty", "bench-checked", "bench-stamp", "bench-broken"


class Booking(Schema):
    """What the application's jobs carry: an id, no more."""

    bookingId = fields.Integer(required=True)


@job(QUEUE, BARE)
def bare(_data: dict[str, Any], _running: JobContext) -> None:
    """The empty job."""
    empty()


@job(QUEUE, CHECKED, Booking)
def checked(_data: dict[str, Any], _running: JobContext) -> None:
    """The empty job, its data checked by a schema."""
    empty()


@job(QUEUE, STAMP)
def stamped(_data: dict[str, Any], _running: JobContext) -> None:
    """Tells the producer when it started."""
    stamp()


@job(QUEUE, BROKEN)
def broken(_data: dict[str, Any], running: JobContext) -> None:
    """Fails, for one of a hundred reasons."""
    raise FinalError(f"{chr(97 + hash(running.id) % 10) * 3} {chr(97 + hash(running.id) % 7) * 3} is not there")
