"""The audit's actions in words, and where what they changed is shown."""

import re
from typing import Any

from flask import current_app, url_for
from flask_babel import lazy_gettext as _l

KINDS = (
    ("job.", _l("jobs")),
    ("queue.", _l("queues")),
    ("export.", _l("exports")),
    ("schedule.", _l("schedules")),
    ("booking.", _l("bookings")),
    ("tour.", _l("tours")),
    ("campaign.", _l("campaigns")),
    ("email.", _l("e-mails")),
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
    "queue.limit": _l("limit changed"),
    "booking.confirmed": _l("confirmed"),
    "booking.paid": _l("paid"),
    "booking.completed": _l("completed"),
    "booking.cancelled": _l("cancelled"),
    "tour.create": _l("written"),
    "tour.change": _l("changed"),
    "export.request": _l("asked for"),
    "schedule.add": _l("added"),
    "schedule.edit": _l("changed"),
    "schedule.remove": _l("removed"),
    "schedule.pause": _l("paused"),
    "schedule.resume": _l("resumed"),
    "schedule.run": _l("run now"),
    "campaign.create": _l("written"),
    "campaign.change": _l("changed"),
    "campaign.send": _l("mailing begun"),
    "campaign.pause": _l("mailing paused"),
    "campaign.resume": _l("mailing resumed"),
    "campaign.cancel": _l("mailing called off"),
    "campaign.active": _l("put into force"),
    "campaign.paused": _l("prices held"),
    "campaign.ended": _l("ended"),
    "email.resend": _l("sent once more"),
    "user.create": _l("opened"),
    "user.register": _l("opened"),
    "user.set-role": _l("role changed"),
    "user.token": _l("token made"),
    "user.change-password": _l("password changed"),
    "user.reset-password": _l("password set anew"),
}
_PAGES = {
    "booking": ("admin.booking", "booking_id"),
    "campaign": ("admin.campaign", "campaign_id"),
    "delivery": ("admin.email", "delivery_id"),
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
    if queue in _PAGES and job.isdecimal():
        endpoint, name = _PAGES[queue]
        values: dict[str, Any] = {name: int(job)}
        return url_for(endpoint, **values)
    if queue == "tour" and job.isdecimal():
        return url_for("admin.tours", _anchor=f"tour-{job}")
    if queue == "schedule" and job:
        return url_for("admin.schedule", name=job)
    if engine is None or queue not in {each.name for each in engine.queues}:
        return None
    return url_for("admin.job", queue_name=queue, job_id=job) if job else url_for("admin.queue", queue_name=queue)
