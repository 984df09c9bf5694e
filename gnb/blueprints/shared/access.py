"""Who is calling, and what they may do: by session for pages, by session or bearer token for the API.

    @blueprint.get("/my/bookings")
    @signed_in
    def bookings() -> str: …

A view gets the account from `caller()`. A request of the API that carries an `Authorization` header is authenticated by
it alone: its session is ignored, so that no page of another site can use it (see `Csrf` in `extensions`). Pages
ignore the header: a proxy that requires a password of its own passes it on with every request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask_babel import gettext
from flask_jwt_extended import get_current_user, verify_jwt_in_request
from flask_login import current_user

from gnb.blueprints.shared.preferences import local_path
from gnb.blueprints.shared.responses import error_response, kept_form, wants_json
from gnb.flask_settings import BODY_LIMIT, STAFF_BODY_LIMIT
from gnb.models import ADMIN_ROLES, ROLES, STAFF_ROLES, User

View = TypeVar("View", bound=Callable[..., Any])
_HOST = re.compile(r"\Ahttps?://[^/]*")


def bind(app: Flask) -> None:
    """Allow staff larger bodies than others, before anything reads the body."""
    app.before_request(_raise_body_limit)


def _raise_body_limit() -> None:
    length = request.content_length
    large = length > BODY_LIMIT if length is not None else "Transfer-Encoding" in request.headers
    if large and request.routing_exception is None and (user := caller()) and user.role in STAFF_ROLES:
        request.max_content_length = STAFF_BODY_LIMIT


def caller() -> User | None:
    """Return the account that sent this request, None for a visitor. A wrong token ends the request with a 401."""
    if "caller" not in g:
        g.caller = _identify()
    return cast("User | None", g.caller)


def signed_in_user() -> User:
    """Return the account that sent this request; a visitor is redirected to sign in."""
    return caller() or ask_to_sign_in()


def signed_in(view: View) -> View:
    """Allow everyone with an account."""
    return _let_in(frozenset(ROLES), view)


def admin_required(view: View) -> View:
    """Allow admin and superadmin."""
    return _let_in(ADMIN_ROLES, view)


def require_role(roles: frozenset[str]) -> None:
    """End the request unless the caller has one of these roles: for a whole blueprint's `before_request`.

    OPTIONS is open to everyone: it names a route's methods and calls no view.
    """
    if request.method != "OPTIONS":
        role = signed_in_user().role
        if role not in roles:
            abort(403, gettext("Access denied."))
        g.mask_personal_data = role not in ADMIN_ROLES  # see gnb.services.queues.masking


def _let_in(roles: frozenset[str], view: View) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require_role(roles)
        return view(*args, **kwargs)

    return cast(View, guarded)


def _identify() -> User | None:
    if request.method == "OPTIONS":  # Flask-JWT-Extended checks no token then
        return None
    if request.path.startswith("/api/") and "Authorization" in request.headers:
        verify_jwt_in_request()
        return cast(User, get_current_user())
    return cast(User, current_user._get_current_object()) if current_user.is_authenticated else None


def unauthorized(message: str) -> Response:
    """Answer a caller of the API who has no valid token."""
    return error_response(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def ask_to_sign_in() -> NoReturn:
    """End the request of a visitor: 401 for programs, the sign-in page for people."""
    if wants_json():
        abort(unauthorized(gettext("Sign in, or send a bearer token.")))
    if request.headers.get("HX-Request"):
        # A part of a page was asked for: the whole page goes to sign in, and comes back to where it was.
        response = Response(status=401, headers={"HX-Redirect": _login_url(request.headers.get("HX-Current-URL", ""))})
        abort(response)
    if page := kept_form():
        abort(page)
    abort(redirect(_login_url(request.full_path if request.method == "GET" else ""), 303))


def _login_url(target: str) -> str:
    """Return where to sign in; `next` leads back to the path of `target`, whatever host it names."""
    path = _HOST.sub("", target).partition("#")[0].rstrip("?")
    return url_for("auth.login", next=local_path(path))
