"""What an action answers: a message to show, and the page to show it on."""

from typing import Any

from flask import flash, make_response, redirect, request, url_for
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from gnb.blueprints.shared.preferences import local_path


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
    """Redirect to ``url``. A request made by htmx for another page than its own is told to load that page anew."""
    if "HX-Request" in request.headers and not _is_current_page(url):
        answer: Response = make_response("", 204)
        answer.headers["HX-Redirect"] = iri_to_uri(url)  # a header holds no letters beyond ASCII
        return answer
    return redirect(url, 303)


def _is_current_page(url: str) -> bool:
    shown = request.headers.get("HX-Current-URL", "")
    return shown.split("://", 1)[-1].partition("/")[2] == url.lstrip("/")
