"""Failed jobs grouped by error; a group is retried or removed as a whole."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.alerts import queue_state
from gnb.blueprints.admin.queues import JOB_STATE_TABS
from gnb.blueprints.admin.responses import done
from gnb.blueprints.shared.access import admin_required, caller
from gnb.blueprints.shared.formatting import counted
from gnb.messages import localize_error
from gnb.queueing.errors import JobNotFound
from gnb.queueing.queue_reader import FailureGroup
from gnb.services.queues import actions, reading

# As many failed jobs as a queue keeps by default; of more than these the page counts the newest.
GROUPED = 5000


@blueprint.get("/jobs/<queue_name>/failures")
def failure_groups(queue_name: str) -> ResponseReturnValue:
    """Show the errors of the queue's failed jobs, the most frequent first."""
    queue = reading.queue(queue_name)
    stats = reading.stats(queue_name)
    return render_template(
        "admin/failures.html",
        live=True,
        stats=stats,
        queue_state=queue_state(stats),
        tab_names=JOB_STATE_TABS,
        grouped=GROUPED,
        groups=[(group.key, group) for group in queue.failure_groups(GROUPED)],
    )


@blueprint.get("/jobs/<queue_name>/failures/<key>/retry")
@admin_required
def ask_retry_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Ask whether to retry every job that failed with this error, with their exact number."""
    group = _group(queue_name, key)
    return render_template(
        "admin/confirm.html",
        title=counted("Retry %(count)s failed job?", "Retry %(count)s failed jobs?", group.count),
        text=gettext("They are requeued with their attempts reset."),
        quoted=localize_error(group.error),
        action=url_for("admin.retry_group", queue_name=queue_name, key=key),
        button=gettext("Retry"),
        back=url_for("admin.failure_groups", queue_name=queue_name),
    )


@blueprint.get("/jobs/<queue_name>/failures/<key>/remove")
@admin_required
def ask_remove_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Ask whether to remove every job that failed with this error."""
    group = _group(queue_name, key)
    return render_template(
        "admin/confirm.html",
        title=counted("Remove %(count)s failed job?", "Remove %(count)s failed jobs?", group.count),
        text=gettext("They are permanently removed with their errors and logs."),
        quoted=localize_error(group.error),
        action=url_for("admin.remove_group", queue_name=queue_name, key=key),
        button=gettext("Remove"),
        danger=True,
        back=url_for("admin.failure_groups", queue_name=queue_name),
    )


@blueprint.post("/jobs/<queue_name>/failures/<key>/retry")
def retry_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Retry every job that failed with this error."""
    count = actions.change_jobs("retry", queue_name, _group(queue_name, key).ids, caller(), {"alike": True})
    return done(counted("%(count)s job requeued.", "%(count)s jobs requeued.", count))


@blueprint.post("/jobs/<queue_name>/failures/<key>/remove")
def remove_group(queue_name: str, key: str) -> ResponseReturnValue:
    """Remove every job that failed with this error."""
    ids = _group(queue_name, key).ids
    count = actions.change_jobs("remove", queue_name, ids, caller(), {"state": "failed", "alike": True}, "failed")
    return done(counted("%(count)s job removed.", "%(count)s jobs removed.", count))


def _group(queue_name: str, key: str) -> FailureGroup:
    """Return the group of that key, of all failed jobs; they may have gone meanwhile."""
    for group in reading.queue(queue_name).failure_groups():
        if group.key == key:
            return group
    raise JobNotFound(key)
