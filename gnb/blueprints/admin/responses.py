"""What an action answers: a message to show, and the page to show it on; and the pages of errors."""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.explanations import job_gone_reasons
from gnb.blueprints.shared.access import caller
from gnb.blueprints.shared.preferences import local_path
from gnb.blueprints.shared.responses import kept_form
from gnb.messages import localize
from gnb.queueing.errors import InvalidJobOption, InvalidJobState, JobNotFound, QueueUnavailable, UnknownQueue


def back_url(default: str | None = None) -> str:
    """Return the page that the form was sent from, or ``default`` (the overview when there is none)."""
    sent_from = local_path(request.form.get("back") or request.args.get("back"))
    return sent_from or default or url_for("admin.overview")


def done(
    message: str,
    to: str | None = None,
    *,
    undo_url: str | None = None,
    undo_fields: dict[str, Any] | None = None,
    category: str = "success",
) -> Response:
    """Show ``message`` on the page ``to`` (the one the form came from), with a button that undoes it where given."""
    undo = None
    if undo_url:
        undo = {"url": undo_url, "fields": {"back": to or back_url(), **(undo_fields or {})}}
    flash({"text": message, "undo": undo} if undo else message, category)  # type: ignore[arg-type]
    return redirect_to(to or back_url())


def rejected(message: str, to: str | None = None) -> Response:
    """Show why nothing was changed."""
    return done(message, to, category="error")


def redirect_to(url: str) -> Response:
    """Redirect to ``url``. A request made by htmx for another page than its own makes htmx load that page."""
    if "HX-Request" in request.headers and not _is_current_page(url):
        answer: Response = make_response("", 204)
        answer.headers["HX-Redirect"] = iri_to_uri(url)  # a header holds no letters beyond ASCII
        return answer
    return redirect(url, 303)


def _is_current_page(url: str) -> bool:
    shown = request.headers.get("HX-Current-URL", "")
    return shown.split("://", 1)[-1].partition("/")[2] == url.lstrip("/")


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
    args = request.view_args or {}
    queue_name = args.get("queue_name")
    why = job_gone_reasons(queue_name, args.get("job_id", "")) if queue_name else []
    return render_template("admin/job_gone.html", queue_name=queue_name, why=why), 404


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
    """Keep what was typed into a form whose session has ended; say so where nothing was typed."""
    if page := kept_form():
        return page
    if caller() is None:
        return redirect_to(url_for("auth.login", next=back_url()))
    return rejected(gettext("The page was out of date; nothing was changed. Please try again."))
