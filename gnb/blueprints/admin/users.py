"""Users, for administrators: find an account, change its role, disable it, end its sessions and tokens, erase it."""

from functools import partial

from flask import Response, abort, json, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.pagination import page_of
from gnb.messages import localize
from gnb.messages.labels import LANGUAGE_NAMES, ROLE_LABELS
from gnb.models import ROLES, User
from gnb.services.accounts import personal_data, tokens
from gnb.services.accounts import users as accounts
from gnb.services.accounts.users import InvalidAccount, UserNotFound

LONGEST_SEARCH = 200
PAGE_SIZE = 50


@blueprint.get("/users")
@admin_required
def users() -> ResponseReturnValue:
    """Show the accounts that match, the newest first."""
    text = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    role = request.args.get("role") if request.args.get("role") in ROLES else None
    found, pager = page_of(partial(accounts.list_users, text, role), PAGE_SIZE)
    return render_template("admin/users/list.html", users=found, pager=pager, text=text, role=role, roles=ROLE_LABELS)


@blueprint.get("/users/<int:user_id>")
@admin_required
def user(user_id: int) -> ResponseReturnValue:
    """Show one account with its tokens and what can be done with it."""
    found = _user(user_id)
    return render_template(
        "admin/users/user.html",
        user=found,
        tokens=tokens.valid_tokens(found),
        roles=ROLE_LABELS,
        languages=LANGUAGE_NAMES,
    )


@blueprint.post("/users/<int:user_id>/role")
def set_user_role(user_id: int) -> ResponseReturnValue:
    """Assign another role."""
    found = accounts.set_role(_user(user_id).email, request.form.get("role", ""), signed_in_user())
    words = gettext("%(email)s: %(role)s.", email=found.email, role=ROLE_LABELS[found.role])
    return done(words, url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/<any(disable, enable):what>")
def set_user_active(user_id: int, what: str) -> ResponseReturnValue:
    """Disable or enable the account."""
    found = _user(user_id)
    accounts.set_active(found, what == "enable", signed_in_user())
    words = gettext("%(email)s: enabled.") if found.active else gettext("%(email)s: disabled and signed out.")
    return done(words % {"email": found.email}, url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/sign-out")
def sign_user_out(user_id: int) -> ResponseReturnValue:
    """End every session and token of the account."""
    found = _user(user_id)
    accounts.sign_out_everywhere(found, signed_in_user())
    return done(gettext("%(email)s: signed out everywhere.", email=found.email), url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/tokens/<jti>/revoke")
def revoke_user_token(user_id: int, jti: str) -> ResponseReturnValue:
    """Revoke one token."""
    accounts.revoke_token(_user(user_id), jti, signed_in_user())
    return done(gettext("Token revoked."), url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/export")
def export_user(user_id: int) -> ResponseReturnValue:
    """Send all that is stored about the customer as a JSON file."""
    found = _user(user_id)
    content = personal_data.export(found.email, signed_in_user())
    response = Response(json.dumps(content, default=str, indent=2), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="account-{user_id}.json"'
    return response


@blueprint.get("/users/<int:user_id>/erase")
@admin_required
def ask_erase_user(user_id: int) -> ResponseReturnValue:
    """Ask before the customer's data is erased."""
    found = _user(user_id)
    return render_template(
        "admin/confirm.html",
        title=gettext("Erase %(email)s?", email=found.email),
        text=gettext(
            "The account is deleted, and names, addresses and places leave its bookings and messages. "
            "Amounts stay. This cannot be undone."
        ),
        action=url_for("admin.erase_user", user_id=user_id),
        button=gettext("Erase"),
        danger=True,
        back=url_for("admin.user", user_id=user_id),
    )


@blueprint.post("/users/<int:user_id>/erase")
def erase_user(user_id: int) -> ResponseReturnValue:
    """Delete the account and anonymise its bookings."""
    found = _user(user_id)
    email = found.email
    count = personal_data.erase(email, signed_in_user())
    words = gettext("%(email)s is erased; bookings anonymised: %(count)s.", email=email, count=count)
    return done(words, url_for("admin.users"))


@blueprint.errorhandler(InvalidAccount)
def invalid_account(error: InvalidAccount) -> ResponseReturnValue:
    """Say why the account was not changed."""
    user_id = (request.view_args or {}).get("user_id")
    return rejected(localize(error), url_for("admin.user", user_id=user_id))


def _user(user_id: int) -> User:
    try:
        return accounts.get(user_id)
    except UserNotFound:
        abort(404, "User not found.")
