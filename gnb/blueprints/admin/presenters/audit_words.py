"""The audit's actions in words, and where what they changed is shown."""

import re

from flask import current_app, url_for
from flask_babel import lazy_gettext as _l

KINDS = (
    ("job.", _l("jobs")),
    ("queue.", _l("queues")),
    ("export.", _l("exports")),
    ("schedule.", _l("schedules")),
    ("booking.", _l("bookings")),
    ("tour.", _l("tours")),
    ("user.", _l("accounts")),
)
ACTION_WORDS = {
    "job.retry": _l("retried"),
    "job.remove": _l("removed"),
    "job.promote": _l("run now"),
    "job.stop": _l("stopped"),
    "job.priority": _l("priority changed"),
    "job.enqueue": _l("enqueued"),
    "job.run-again": _l("run again"),
    "queue.pause": _l("paused"),
    "queue.resume": _l("resumed"),
    "queue.clean": _l("cleaned"),
    "queue.drain": _l("drained"),
    "queue.retry": _l("all failed retried"),
    "booking.confirmed": _l("confirmed"),
    "booking.paid": _l("paid"),
    "booking.completed": _l("completed"),
    "booking.cancelled": _l("cancelled"),
    "tour.create": _l("written"),
    "tour.change": _l("changed"),
    "export.request": _l("asked for"),
    "export.download": _l("downloaded"),
}


# An export's own id is a UUID with its dashes, a job's has none: `export/<id>` may be either.
_EXPORT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def action_word(action: str) -> str:
    """Return what was done; an action without words of its own says its last part."""
    return str(ACTION_WORDS.get(action, action.rpartition(".")[2].replace("-", " ")))


def target_url(target: str) -> str | None:
    """Return the page of `email/4711` or `email`; None for what has no page."""
    engine = current_app.extensions.get("engine")
    queue, _, job = target.partition("/")
    if queue == "export" and _EXPORT_ID.fullmatch(job):
        return url_for("admin.exports", _anchor=f"export-{job}")
    if queue == "booking" and job.isdecimal():
        return url_for("admin.booking", booking_id=int(job))
    if queue == "tour" and job.isdecimal():
        return url_for("admin.tours", _anchor=f"tour-{job}")
    if engine is None or queue not in {each.name for each in engine.queues}:
        return None
    return url_for("admin.job", queue_name=queue, job_id=job) if job else url_for("admin.queue", queue_name=queue)
