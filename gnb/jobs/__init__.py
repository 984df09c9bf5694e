"""What a worker runs: one thin function a job type. Importing this package declares every type."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from gnb.extensions import db
from gnb.jobs import ai, emails, exports, scheduled
from gnb.queueing import job_types

__all__ = ["ai", "bind", "emails", "exports", "scheduled"]


def bind(app: Flask) -> None:
    """Has every job run inside the application's context, with its database session closed after it."""

    @contextmanager
    def scope() -> Iterator[None]:
        with app.app_context():
            try:
                yield
            finally:
                db.session.remove()

    job_types.scope = scope
