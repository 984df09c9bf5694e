"""Signing in and out, `/account/password`, `/register`, `/forgot-password` and the links that the last two mail.

A session is a signed cookie that names the account, its password's version and itself. It cannot be revoked, so signing
out records its id as revoked until it would have reached its absolute lifetime. A copy of the cookie is invalid
from then on, however often it was renewed.

The forms do not reveal whether an address has an account: the response is the same, and only the mail differs.
Using a link proves that the address belongs to its user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from flask_login import current_user, login_user, logout_user

from gnb.blueprints.auth.forms import AddressForm, LoginForm, NewPasswordForm, PasswordForm, RegistrationForm
from gnb.blueprints.shared.access import ask_to_sign_in, caller, signed_in, signed_in_user
from gnb.blueprints.shared.extensions import limiter, login_manager
from gnb.blueprints.shared.preferences import local_path
from gnb.blueprints.shared.rate_limits import (
    count_failure,
    limit_account_mail,
    limit_password_change,
    limit_sign_in,
    remember_device,
)
from gnb.extensions import db
from gnb.messages import localize
from gnb.messages.formats import text_language
from gnb.models import User, now
from gnb.services.accounts import authentication, tokens, users

blueprint = Blueprint("auth", __name__)


@blueprint.route("/login", methods=["GET", "POST"])
@limit_sign_in
def login() -> ResponseReturnValue:
    """Sign in and redirect to the requested page."""
    user = caller()
    if user and request.method == "GET":
        return redirect(landing(user, request.args.get("next")))
    form = LoginForm(next=request.args.get("next", ""))
    if request.method == "GET":
        return render_template("auth/login.html", form=form)
    if not form.validate():
        return render_template("auth/login.html", form=form), 422
    try:
        user = authentication.authenticate(form.email.data, form.password.data, kind="session")
    except authentication.SignInRefused:
        count_failure()
        form.form_errors.append(gettext("Incorrect email or password."))
        return render_template("auth/login.html", form=form), 401
    begin_session(user)
    return redirect(landing(user, form.next.data), 303)


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session; without one there is nothing to end."""
    if end_session():
        flash(gettext("You have been signed out."), "info")
    return redirect(url_for("auth.login"), 303)


@blueprint.route("/account/password", methods=["GET", "POST"])
@signed_in
@limit_password_change
def password() -> ResponseReturnValue:
    """Change one's own password."""
    form = PasswordForm()
    user = signed_in_user()
    if request.method == "GET":
        return render_template("auth/password.html", form=form)
    if form.validate() and _change(user, form):
        begin_session(user)  # the new password has ended every session, this one too
        flash(gettext("Password changed. Other devices have been signed out."), "good")
        return redirect(landing(user, None), 303)
    return render_template("auth/password.html", form=form), 422


def _change(user: User, form: PasswordForm) -> bool:
    try:
        authentication.change_password(user, form.current.data, form.new.data)
    except authentication.SignInRefused:
        count_failure()
        form.current.errors = [*form.current.errors, gettext("Incorrect current password.")]
        return False
    except authentication.WeakPassword as error:
        form.new.errors = [*form.new.errors, localize(error)]
        return False
    return True


def landing(user: User, target: str | None = None) -> str:
    """Return the requested page if it is one of this site, else the start page of the account’s role."""
    work = {"driver": "admin.transfers", "support": "admin.transfers"}
    return local_path(target) or url_for(work.get(user.role, "admin.overview" if user.is_staff else "my.bookings"))


registration_blueprint = Blueprint("registration", __name__)


@registration_blueprint.route("/register", methods=["GET", "POST"])
@limit_account_mail
def register() -> ResponseReturnValue:
    """Request an account; a link to open it is mailed."""
    user = caller()
    if user:
        return redirect(landing(user))
    form = RegistrationForm()
    if not form.is_submitted():
        return render_template("auth/register.html", form=form)
    if not form.validate():
        return render_template("auth/register.html", form=form), 422
    users.request_account(form.email.data, form.name.data, _language())
    return render_template("auth/sent.html", address=form.email.data)


@registration_blueprint.route("/register/<token>", methods=["GET", "POST"])
@limiter.limit("30 per 5 minutes", methods=["POST"])
def open_account(token: str) -> ResponseReturnValue:
    """Open the account with a password, and sign in."""
    if authentication.registration_of_token(token) is None:
        return _stale("registration.register")
    return _set_password(
        "auth/open_account.html",
        lambda password: users.open_account(token, password),
        gettext("Welcome, your account is open."),
        "registration.register",
    )


@registration_blueprint.route("/forgot-password", methods=["GET", "POST"])
@limit_account_mail
def forgot_password() -> ResponseReturnValue:
    """Request a mail with the link that sets a new password."""
    form = AddressForm()
    if not form.is_submitted():
        return render_template("auth/forgot_password.html", form=form)
    if not form.validate():
        return render_template("auth/forgot_password.html", form=form), 422
    users.request_password_reset(form.email.data, _language())
    return render_template("auth/sent.html", address=form.email.data)


@registration_blueprint.route("/reset-password/<token>", methods=["GET", "POST"])
@limiter.limit("30 per 5 minutes", methods=["POST"])
def reset_password(token: str) -> ResponseReturnValue:
    """Set a new password by the mailed link, which works once, and sign in; every other session ends."""
    if authentication.user_of_reset_token(token) is None:
        return _stale("registration.forgot_password")
    return _set_password(
        "auth/reset_password.html",
        lambda password: users.reset_password(token, password),
        gettext("Password changed. Other devices have been signed out."),
        "registration.forgot_password",
    )


def _set_password(template: str, set_to: Callable[[str], User], done: str, again: str) -> ResponseReturnValue:
    form = NewPasswordForm()
    if not form.is_submitted():
        return render_template(template, form=form)
    if not form.validate():
        return render_template(template, form=form), 422
    try:
        user = set_to(form.new.data)
    except authentication.WeakPassword as error:
        form.new.errors = [*form.new.errors, localize(error)]
        return render_template(template, form=form), 422
    except authentication.EmailTaken:
        flash(gettext("This link has already been used to open an account. Sign in with its password."), "info")
        return redirect(url_for("auth.login"), 303)
    except authentication.SignInRefused:  # used meanwhile, in another window
        return _stale(again)
    begin_session(user)
    flash(done, "good")
    return redirect(landing(user), 303)


def _language() -> str:
    return text_language(str(get_locale()))


def _stale(again: str) -> ResponseReturnValue:
    return render_template("auth/stale_link.html", again=url_for(again)), 404


ABSOLUTE_LIFETIME = timedelta(days=7)
"""A session ends this long after sign-in, even in constant use; unused, it ends after PERMANENT_SESSION_LIFETIME."""


def bind_sessions() -> None:
    """Have applications read its sessions this way."""
    login_manager.user_loader(_load)
    login_manager.unauthorized_handler(ask_to_sign_in)


def begin_session(user: User) -> None:
    """Start the caller's session as this account; whatever the cookie held before is gone."""
    session.clear()
    session.permanent = True
    session["sid"] = str(uuid4())
    session["started_at"] = int(now().timestamp())
    login_user(user)
    remember_device(user.email)


def end_session() -> bool:
    """End the caller's session for good; whether there was one to end."""
    if not current_user.is_authenticated:
        return False
    tokens.revoke(session["sid"], current_user, _expires_at(session))
    db.session.commit()
    logout_user()
    session.clear()
    return True


def _load(key: str) -> User | None:
    """Return the account of a session's key `<id>:<version>`; clear a session that is no longer valid."""
    user_id, _, version = key.partition(":")
    sid = session.get("sid")
    expired = _expires_at(session) <= now()
    user = None
    if user_id.isdigit() and version.isdigit() and sid and not expired and not tokens.is_revoked(sid):
        user = tokens.holder({"sub": user_id, "ver": int(version)})
    if user is None:
        session.clear()
    return user


def _expires_at(values: Mapping[str, Any]) -> datetime:
    """Return when the session reaches its absolute lifetime; one without a start has reached it."""
    return datetime.fromtimestamp(values.get("started_at", 0), UTC) + ABSOLUTE_LIFETIME
