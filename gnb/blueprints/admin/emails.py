"""Mail: every delivery with its state and message; a message can be sent again."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.formatting import parse_int
from gnb.blueprints.shared.pagination import page_of
from gnb.messages import labels, localize
from gnb.models import DELIVERY_KINDS, DELIVERY_STATES, LANGUAGES, Delivery, db
from gnb.services import audit, email_service
from gnb.services.email_service import MailError
from gnb.services.mail import reading
from gnb.services.mail.contents import content_of
from gnb.services.mail.reading import DeliveryFilter, ReadMessage

PAGE_SIZE = 50
# A message is shown as it was sent, with its own styles and nothing else: no script, no picture of another host, no
# form, no link that leaves its frame.
_MESSAGE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@blueprint.get("/emails")
def emails() -> ResponseReturnValue:
    """Show the deliveries that match, newest first."""
    wanted = _wanted()
    found, pager = page_of(partial(reading.deliveries, wanted), PAGE_SIZE)
    return render_template(
        "admin/emails/list.html",
        live=True,
        deliveries=found,
        counts=reading.state_counts(wanted),
        pager=pager,
        wanted=wanted,
        labels=labels,
        kinds=DELIVERY_KINDS,
        states=DELIVERY_STATES,
        languages=LANGUAGES,
    )


@blueprint.get("/emails/<int:delivery_id>")
def email(delivery_id: int) -> ResponseReturnValue:
    """Show one delivery with its message."""
    delivery = _delivery(delivery_id)
    message = _read(delivery) if _may_read(delivery) else None
    return render_template(
        "admin/emails/delivery.html",
        delivery=delivery,
        message=message,
        may_read=_may_read(delivery),
        may_act=_may_act(),
        labels=labels,
    )


@blueprint.get("/emails/<int:delivery_id>/message")
def email_message(delivery_id: int) -> ResponseReturnValue:
    """Show the message's HTML alone, for the frame in the delivery's page."""
    return message_alone(_message(delivery_id).html)


def message_alone(html: str) -> Response:
    """Return a message's HTML as a page for a frame of this site, where it runs and loads nothing."""
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _MESSAGE_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def preview_message(data: Mapping[str, Any]) -> Response:
    """Return the message that the job `send-email` would send with this data, as far as it is filled in."""
    content = {name: str(data[name]) for name in ("html", "text") if data.get(name)}
    subject = str(data.get("subject") or "")
    return message_alone(content_of(Delivery(kind="email", subject=subject, content=content)).html)


@blueprint.get("/emails/<int:delivery_id>/source")
def email_source(delivery_id: int) -> ResponseReturnValue:
    """Send the whole message as a file that mail programs open."""
    if not _may_act():
        abort(403)
    response = Response(_message(delivery_id).source, mimetype="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="delivery-{delivery_id}.eml"'
    return response


@blueprint.post("/emails/<int:delivery_id>/resend")
@admin_required
def resend_email(delivery_id: int) -> ResponseReturnValue:
    """Send the same message once more, as a delivery of its own."""
    try:
        outcome = email_service.resend(_delivery(delivery_id))
    except MailError as error:
        db.session.rollback()
        return rejected(localize(error))
    audit.record(signed_in_user(), "email.resend", f"delivery/{delivery_id}", details={"as": outcome.delivery_id})
    db.session.commit()
    return done(gettext("Message resent."), url_for("admin.email", delivery_id=outcome.delivery_id))


def _wanted() -> DeliveryFilter:
    """Return the filter of the address, without values that do not exist."""
    args = request.args
    return DeliveryFilter(
        state=args["state"] if args.get("state") in DELIVERY_STATES else None,
        kind=args["kind"] if args.get("kind") in DELIVERY_KINDS else None,
        language=args["language"] if args.get("language") in LANGUAGES else None,
        campaign_id=parse_int(args.get("campaign", "")),
        text=args.get("q", "").strip()[:254].replace("\x00", "") or None,
    )


def _delivery(delivery_id: int) -> Delivery:
    if delivery_id >= 2**63:
        abort(404)
    return db.session.get(Delivery, delivery_id) or abort(404, "Delivery not found.")


def _may_read(delivery: Delivery) -> bool:
    return reading.may_read(delivery, signed_in_user().role)


def _may_act() -> bool:
    return reading.may_act(signed_in_user().role)


def _read(delivery: Delivery) -> ReadMessage | None:
    return reading.message_of(delivery, masked=not _may_act())


def _message(delivery_id: int) -> ReadMessage:
    delivery = _delivery(delivery_id)
    if not _may_read(delivery):
        abort(403)
    return _read(delivery) or abort(404, "The message can no longer be rendered.")
