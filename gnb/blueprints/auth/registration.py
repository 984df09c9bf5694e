"""`/register`, `/forgot-password` and the links that they mail: using one proves that the address is one's own.

Nobody learns here whether an address has an account: the answer is the same, and the rest stands in the mail.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from gnb.blueprints.auth import sessions
from gnb.blueprints.auth.forms import AddressForm, NewPasswordForm, RegistrationForm
from gnb.blueprints.auth.pages import landing
from gnb.blueprints.shared.access import caller
from gnb.blueprints.shared.extensions import limiter
from gnb.blueprints.shared.rate_limits import limit_account_mail
from gnb.messages import localize
from gnb.messages.formats import text_language
from gnb.models import User
from gnb.services.accounts import authentication, users

blueprint = Blueprint("registration", __name__)


@blueprint.route("/register", methods=["GET", "POST"])
@limit_account_mail
def register() -> ResponseReturnValue:
    """Ask for an account; the way to it comes by mail."""
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


@blueprint.route("/register/<token>", methods=["GET", "POST"])
@limiter.limit("30 per 5 minutes", methods=["POST"])
def open_account(token: str) -> ResponseReturnValue:
    """Choose the password of the new account, and be signed in."""
    if authentication.registration_of_token(token) is None:
        return _stale("registration.register")
    return _set_password(
        "auth/open_account.html",
        lambda password: users.open_account(token, password),
        gettext("Welcome, your account is open."),
        "registration.register",
    )


@blueprint.route("/forgot-password", methods=["GET", "POST"])
@limit_account_mail
def forgot_password() -> ResponseReturnValue:
    """Ask for the link that sets a new password."""
    form = AddressForm()
    if not form.is_submitted():
        return render_template("auth/forgot_password.html", form=form)
    if not form.validate():
        return render_template("auth/forgot_password.html", form=form), 422
    users.request_password_reset(form.email.data, _language())
    return render_template("auth/sent.html", address=form.email.data)


@blueprint.route("/reset-password/<token>", methods=["GET", "POST"])
@limiter.limit("30 per 5 minutes", methods=["POST"])
def reset_password(token: str) -> ResponseReturnValue:
    """Set a new password by the mailed link, once, and be signed in; every other session ends."""
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
    sessions.begin(user)
    flash(done, "good")
    return redirect(landing(user), 303)


def _language() -> str:
    return text_language(str(get_locale()))


def _stale(again: str) -> ResponseReturnValue:
    return render_template("auth/stale_link.html", again=url_for(again)), 404
