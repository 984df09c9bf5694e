"""Theme and language of the reader: chosen by a form, remembered in cookies, used by every page.

The language is, in this order: the address's own (`?lang=tr`, by which search engines know a page), the one chosen,
the account's own, the browser's, English.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, Flask, current_app, has_request_context, redirect, request
from flask_babel import get_locale
from flask_login import current_user
from werkzeug.wrappers import Response

from gnb.messages.formats import text_language

LANGUAGES = ("en", "tr")
THEMES = ("system", "light", "dark")
_LOCAL = re.compile(r"/(?!/)[^\\]*")
REMEMBERED_SECONDS = 365 * 24 * 3600

blueprint = Blueprint("preferences", __name__)


def register(app: Flask) -> None:
    """Give the application the form, the language of each request and what `base.html` shows."""
    app.register_blueprint(blueprint)
    app.extensions["babel"].locale_selector = chosen_language


@blueprint.post("/preferences")
def save() -> Response:
    """Remember the theme or language sent and return to the page it was sent from."""
    answer = redirect(_back(request.form.get("back")), 303)
    for name, allowed in (("theme", THEMES), ("language", LANGUAGES)):
        value = request.form.get(name, "")
        if value in allowed:
            _remember(answer, name, value)
    return answer


def _back(sent_from: str | None) -> str:
    """Return the page it was sent from, without a language in its address, which would override the chosen one."""
    parts = urlsplit(local_path(sent_from) or "/")
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "lang"]
    return urlunsplit(("", "", parts.path, urlencode(kept), "")) or "/"


@blueprint.after_app_request
def keep_language(answer: Response) -> Response:
    """Whoever comes by an address of one language, and has chosen none, stays in it."""
    asked = request.args.get("lang")
    if asked in LANGUAGES and "language" not in request.cookies:
        _remember(answer, "language", str(asked))
    return answer


def _remember(answer: Response, name: str, value: str) -> None:
    over_tls = current_app.config["SESSION_COOKIE_SECURE"]
    answer.set_cookie(name, value, max_age=REMEMBERED_SECONDS, samesite="Lax", httponly=True, secure=over_tls)


def chosen_language() -> str:
    """Return the language of this request; English where there is none, as in a command or a job."""
    if not has_request_context():
        return "en"
    if (asked := request.args.get("lang")) in LANGUAGES:
        return str(asked)
    chosen = request.cookies.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    own = getattr(current_user, "language", None)
    if own in LANGUAGES:
        return str(own)
    return request.accept_languages.best_match(LANGUAGES) or "en"


def page_language() -> str:
    """Return the language of the texts on the page."""
    return text_language(str(get_locale() or ""))


def local_path(target: str | None) -> str | None:
    """Return ``target`` when it is a path of this site, else None, so that no form redirects to another site."""
    # Tabs and line breaks are dropped by browsers (and by urlsplit): `/<tab>/host` would be another host's address.
    return target if target and _LOCAL.fullmatch(target) and target.isprintable() else None


@blueprint.app_context_processor
def page_settings() -> dict[str, Any]:
    """Return what every template knows: language, theme and the path it was asked by."""
    theme = request.cookies.get("theme", "system") if request else "system"
    here = request.full_path.rstrip("?") if request and request.method == "GET" else "/"
    return {
        "page_locale": str(get_locale() or "en"),
        "page_theme": theme if theme in THEMES else "system",
        "here": here,
    }
