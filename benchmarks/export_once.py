"""One export in a process of its own, so that its memory is its own: prints seconds, peak MiB and rows.

    python -m benchmarks.export_once DATABASE_URL EXPORT_STORAGE TYPE      # as a worker does it
    python -m benchmarks.export_once DATABASE_URL FILE alone               # WeasyPrint on the whole, as it comes

Like a worker, the process is forked from one that has imported the application, and is warm: it has made an export.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

from flask import Flask

from gnb import create_app
from gnb.config import Settings

_NOTHING = {"startDate": "1990-01-01", "endDate": "1990-01-01"}


def main(url: str, target: str, what: str) -> None:
    """Does it, and prints what it took."""
    given = {"APP_ENV": "testing", "SECRET_KEY": "a key for benchmarks alone, never for people", "DATABASE_URL": url}
    if what != "alone":
        given["EXPORT_STORAGE"] = target
    app = create_app(Settings.from_env(given))
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status))
    _measure(app, target, what)


def _measure(app: Flask, target: str, what: str) -> None:
    import gnb.jobs  # noqa: F401 - a worker has them

    with app.app_context():
        rows, seconds = _alone(Path(target)) if what == "alone" else _as_a_worker_does(what)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak, rows, flush=True)


def _as_a_worker_does(what: str) -> tuple[int, float]:
    from gnb.services import export_service

    export_service.run(export_service.create(what, _NOTHING).id)
    export = export_service.create(what)
    start = time.perf_counter()
    done = export_service.run(export.id)
    return done.rows_done, time.perf_counter() - start


def _alone(path: Path) -> tuple[int, float]:
    """The same template with every row in it, given to WeasyPrint at once."""
    from gnb.models import db
    from gnb.services.exports import pdf_documents
    from gnb.services.exports.filters import snapshot
    from gnb.services.exports.pdf_renderer import PdfRenderer

    renderer = PdfRenderer("en")
    with snapshot(db.engine) as connection:
        renderer.render(
            pdf_documents.TEMPLATE, head=pdf_documents.heading(renderer, connection, {}, 0), rows=[]
        ).write_pdf()
        start = time.perf_counter()
        rows = list(pdf_documents.bookings(connection, {}))
        head = pdf_documents.heading(renderer, connection, {}, len(rows))
        renderer.render(pdf_documents.TEMPLATE, head=head, rows=rows).write_pdf(path)
    return len(rows), time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
