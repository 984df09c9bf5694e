"""What the pages show when the broker is away, or when a queue or job is not there."""

from flask import flash, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import back_url, redirect_to, rejected
from gnb.blueprints.shared.access import caller
from gnb.messages import localize
from gnb.queueing.errors import InvalidJobOption, InvalidJobState, JobNotFound, QueueUnavailable, UnknownQueue


@blueprint.errorhandler(QueueUnavailable)
def broker_away(_error: QueueUnavailable) -> ResponseReturnValue:
    """Say so in place of the page; a change that was asked for was not made."""
    if request.method != "GET":
        flash(gettext("The broker is unreachable; nothing was changed. Try again later."), "error")
    answer = make_response(render_template("admin/broker_away.html", live=True), 503)
    answer.headers["X-Away"] = "broker"
    answer.headers["Retry-After"] = "5"
    return answer


@blueprint.errorhandler(JobNotFound)
def job_gone(_error: JobNotFound) -> ResponseReturnValue:
    """Say why a job may be gone."""
    if request.method != "GET":
        return rejected(gettext("The job no longer exists."))
    return render_template("admin/job_gone.html", queue_name=(request.view_args or {}).get("queue_name")), 404


@blueprint.errorhandler(UnknownQueue)
def no_such_queue(_error: UnknownQueue) -> ResponseReturnValue:
    """Name the queues that there are."""
    return render_template("admin/no_such_queue.html", name=(request.view_args or {}).get("queue_name")), 404


@blueprint.errorhandler(InvalidJobState)
def out_of_turn(error: InvalidJobState) -> ResponseReturnValue:
    """Say that the job has moved on since the page was drawn."""
    return rejected(gettext("No longer possible: %(why)s", why=localize(error)))


@blueprint.errorhandler(InvalidJobOption)
def wrong_option(error: InvalidJobOption) -> ResponseReturnValue:
    """Say which option was wrong."""
    return rejected(localize(error))


@blueprint.errorhandler(CSRFError)
def form_out_of_date(_error: CSRFError) -> ResponseReturnValue:
    """Lead whose session has ended to sign in and back to the page; a form of an older session is to be sent again."""
    if caller() is None:
        return redirect_to(url_for("auth.login", next=back_url()))
    return rejected(gettext("The page was out of date; nothing was changed. Please try again."))
