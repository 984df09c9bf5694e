"""The link in a campaign's mail: a page that asks, and the one click that mail programs make (RFC 8058)."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from gnb.extensions import csrf, db, limiter
from gnb.models import User
from gnb.services.mail import recipients

blueprint = Blueprint("unsubscribe", __name__, url_prefix="/unsubscribe")


@blueprint.get("/<token>")
def page(token: str) -> ResponseReturnValue:
    """Say what is sent at present, with the button that changes it; a link that is only followed changes nothing."""
    return _page(token, _user(token))


@blueprint.post("/<token>")
@csrf.exempt  # a mail program sends this, which has no session; the signed link says whose wish it is
@limiter.limit("60/minute")
def no_more(token: str) -> ResponseReturnValue:
    """No more campaigns from now on."""
    return _save(token, wanted=False)


@blueprint.post("/<token>/again")
@limiter.limit("60/minute")
def again(token: str) -> ResponseReturnValue:
    """Campaigns again after all."""
    return _save(token, wanted=True)


def _save(token: str, wanted: bool) -> ResponseReturnValue:
    user = _user(token)
    recipients.set_campaigns(user.email, wanted)
    db.session.commit()
    return _page(token, user, saved=True)


def _user(token: str) -> User:
    return recipients.user_of_token(token) or abort(404, "This link is not one of ours, or its account is gone.")


def _page(token: str, user: User, saved: bool = False) -> str:
    wanted = recipients.wants_campaigns(user.email)
    return render_template("site/unsubscribe.html", token=token, address=masked(user.email), wanted=wanted, saved=saved)


def masked(address: str) -> str:
    """The address so that its owner knows it and a stranger does not: `a•••@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}"
