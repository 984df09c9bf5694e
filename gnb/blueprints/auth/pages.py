"""`/login`, `/logout` and `/account/password`."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.auth import sessions
from gnb.blueprints.auth.forms import LoginForm, PasswordForm
from gnb.blueprints.shared.access import caller, signed_in, signed_in_user
from gnb.blueprints.shared.preferences import local_path
from gnb.blueprints.shared.rate_limits import count_failure, limit_password_change, limit_sign_in
from gnb.messages import localize
from gnb.models import User
from gnb.services.accounts import authentication

blueprint = Blueprint("auth", __name__)


@blueprint.route("/login", methods=["GET", "POST"])
@limit_sign_in
def login() -> ResponseReturnValue:
    """Show the form; after it, redirect to the page that was asked for."""
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
    sessions.begin(user)
    return redirect(landing(user, form.next.data), 303)


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session; without one there is nothing to end."""
    if sessions.end():
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
        sessions.begin(user)  # the new password has ended every session, this one too
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
