"""The admin pages: jobs, workers, exports and who did what.

One module a page. Reading is for staff, changing for admins; `guard.py` checks both before any view runs.
"""

from flask import Blueprint

from gnb.blueprints.admin.filters import add_filters

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
add_filters(blueprint)

from gnb.blueprints.admin import (  # noqa: E402, F401  (the pages register themselves on the blueprint)
    all_queues,
    audit,
    bookings,
    bulk,
    campaigns,
    emails,
    enqueue,
    exports,
    failures,
    guard,
    insights,
    job,
    job_actions,
    job_type,
    overview,
    pricing,
    queue,
    queue_actions,
    schedule_forms,
    schedules,
    tours,
    trouble,
    workers,
)
