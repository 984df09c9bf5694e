"""One export in a process of its own, so that its memory is its own: prints seconds, peak MiB and rows.

python -m benchmarks.export_once DATABASE_URL EXPORT_STORAGE TYPE      # as a worker does it
python -m benchmarks.export_once DATABASE_URL FILE alone               # WeasyPrint on the whole, as it comes
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from gnb import create_app
from gnb.config import Settings


def main(url: str, target: str, what: str) -> None:
    """Does it, and prints what it took."""
    variables = {
        "APP_ENV": "testing",
        "SECRET_KEY": "a key for benchmarks alone, never for people",
        "DATABASE_URL": url,
    }
    if what != "alone":
        variables["EXPORT_STORAGE"] = target
    app = create_app(Settings.from_env(variables))
    with app.app_context():
        rows, seconds = _alone(Path(target)) if what == "alone" else _as_a_worker_does(what)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak, rows)


def _as_a_worker_does(what: str) -> tuple[int, float]:
    from gnb.services import export_service

    if what.endswith("pdf"):
        import weasyprint  # noqa: F401 - a worker that has made one document has it
    export = export_service.create(what)
    start = time.perf_counter()
    done = export_service.run(export.id)
    return done.rows_done, time.perf_counter() - start


def _alone(path: Path) -> tuple[int, float]:
    """The same template with every row in it, given to WeasyPrint at once."""
    from gnb.models import db
    from gnb.services.exports import bookings_pdf
    from gnb.services.exports.pdf_pages import Press
    from gnb.services.exports.snapshot import snapshot

    start = time.perf_counter()
    press = Press("en")
    with snapshot(db.engine) as connection:
        rows = list(bookings_pdf.bookings(connection, {}))
        head = bookings_pdf.heading(press, connection, {}, len(rows))
        press.lay_out(bookings_pdf.TEMPLATE, head=head, rows=rows).write_pdf(path)
    return len(rows), time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
