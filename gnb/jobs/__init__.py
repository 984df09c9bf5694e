"""What a worker runs: one thin function a job type. Importing this package declares every type."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from flask import Flask

from gnb.extensions import db
from gnb.queueing import job_types

for _module in ("exports", "emails", "ai", "scheduled"):
    if find_spec(f"{__name__}.{_module}"):
        import_module(f"{__name__}.{_module}")


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
