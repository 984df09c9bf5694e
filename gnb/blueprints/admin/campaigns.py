"""Campaigns: create and change one, preview, test and send its mail, and show the progress of its mailing."""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm.exc import StaleDataError

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.campaign_form import CampaignForm, values_of
from gnb.blueprints.admin.emails import message_alone
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.formatting import counted, duration
from gnb.blueprints.shared.pagination import page_of
from gnb.extensions import settings
from gnb.messages import labels, localize
from gnb.models import HOME_ZONE, TEXT_LANGUAGES, Campaign, db, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services import audit, email_service
from gnb.services.mail import MailError
from gnb.services.mail import campaigns as mailings
from gnb.services.mail.contents import campaign_content
from gnb.services.mail.recipients import count_recipients, readers, without_text
from gnb.services.pricing.campaigns import tours_under
from gnb.services.queues import reading

_MOVES = {"pause": mailings.pause, "resume": mailings.resume, "cancel": mailings.cancel}
# The states into which a campaign can be moved, and from which states.
_STATES = {"active": ("draft", "paused"), "paused": ("active",), "ended": ("active", "paused")}


@blueprint.get("/campaigns")
def campaigns() -> ResponseReturnValue:
    """Show the campaigns, newest first."""
    found, pager = page_of(_newest)
    return render_template("admin/campaigns/list.html", campaigns=found, pager=pager)


@blueprint.route("/campaigns/new", methods=["GET", "POST"])
@admin_required
def new_campaign() -> ResponseReturnValue:
    """Create a campaign."""
    start = now().astimezone(HOME_ZONE).replace(tzinfo=None, second=0, microsecond=0)
    form = CampaignForm(data={"starts_at": start, "ends_at": start + timedelta(days=7), "floor_percent": 70, "tour_id": 0})  # fmt: skip # noqa: E501
    if "count" in request.form or not form.validate_on_submit():
        return _form(form, None)
    campaign = Campaign(created_by_id=signed_in_user().id, mailing_state="none")
    form.fill(campaign)
    db.session.add(campaign)
    db.session.flush()
    return _written(campaign, "campaign.create", gettext("Campaign created."))


@blueprint.route("/campaigns/<int:campaign_id>/edit", methods=["GET", "POST"])
@admin_required
def edit_campaign(campaign_id: int) -> ResponseReturnValue:
    """Change a campaign; its mail can be changed only until the mailing starts."""
    campaign = _campaign(campaign_id)
    form = CampaignForm(data={**values_of(campaign), "version": campaign.version})
    if "count" in request.form or not form.validate_on_submit():
        return _form(form, campaign)
    try:
        if form.is_stale(campaign.version):
            raise StaleDataError
        form.fill(campaign)
        return _written(campaign, "campaign.change", gettext("Campaign updated."))
    except StaleDataError:
        db.session.rollback()
        stored = values_of(campaign)
        if campaign.mailing_state != "none":
            stored = {name: value for name, value in stored.items() if name not in form.MAIL}
        form.show_differences(stored, campaign.version)
        return _form(form, campaign, 409)


@blueprint.get("/campaigns/<int:campaign_id>")
def campaign(campaign_id: int) -> ResponseReturnValue:
    """Show a campaign, its mail, and how far its mailing is."""
    found = _campaign(campaign_id)
    return render_template(
        "admin/campaigns/campaign.html",
        live=found.mailing_state in ("planning", "sending", "paused", "cancelled"),
        campaign=found,
        progress=mailings.progress(found) if found.mailing_state != "none" else None,
        recipients=count_recipients(found.segment) if found.mailing_state == "none" else None,
        languages=TEXT_LANGUAGES,
        missing=without_text(found) if found.mailing_state == "none" else {},
        over=found.ends_at <= now(),
        labels=labels,
    )


@blueprint.get("/campaigns/<int:campaign_id>/preview/<language>")
def preview_campaign(campaign_id: int, language: str) -> ResponseReturnValue:
    """Show the mail in that language, for the frame in the campaign's page."""
    if language not in TEXT_LANGUAGES:
        abort(404)
    content = campaign_content(_campaign(campaign_id), language, signed_in_user().name, "")
    return message_alone(content.html)


@blueprint.post("/campaigns/<int:campaign_id>/test")
def test_campaign(campaign_id: int) -> ResponseReturnValue:
    """Send the mail to the signed-in account, in each language of its recipients."""
    campaign = _campaign(campaign_id)
    languages = readers(campaign.segment)
    try:
        for language in languages:
            mailings.send_test(campaign, signed_in_user(), language)
    except MailError as error:
        db.session.rollback()
        return rejected(localize(error))
    names = ", ".join(labels.LANGUAGE_NAMES[language] for language in languages)
    return done(gettext("Test messages sent to you: %(languages)s.", languages=names))


@blueprint.get("/campaigns/<int:campaign_id>/send")
@admin_required
def ask_send_campaign(campaign_id: int) -> ResponseReturnValue:
    """Ask whether to send, with the number of recipients."""
    campaign = _campaign(campaign_id)
    try:
        mailings.check(campaign)
    except MailError as error:
        return rejected(localize(error), url_for("admin.campaign", campaign_id=campaign_id))
    counts = readers(campaign.segment)
    count = count_recipients(campaign.segment)
    return render_template(
        "admin/confirm.html",
        title=counted("Send to %(count)s recipient?", "Send to %(count)s recipients?", count),
        text=_about_time(count),
        quoted=campaign.subject(next(iter(counts), "en")),
        counts={labels.LANGUAGE_NAMES[language]: number for language, number in counts.items()},
        action=url_for("admin.send_campaign", campaign_id=campaign.id),
        button=gettext("Send"),
        back=url_for("admin.campaign", campaign_id=campaign.id),
    )


def _about_time(count: int) -> str:
    minutes = mailings.minutes_for(count)
    if minutes is None:
        return gettext("It is sent after all other mail.")
    time = duration(max(minutes * 60, 60))
    return gettext(
        "It is sent at the queue's rate limit, after all other mail, and takes at least %(time)s.", time=time
    )


@blueprint.post("/campaigns/<int:campaign_id>/send")
def send_campaign(campaign_id: int) -> ResponseReturnValue:
    """Start the mailing."""
    campaign = _campaign(campaign_id)
    try:
        count = email_service.send_bulk_campaign_notifications(None, campaign)
    except MailError as error:
        return rejected(localize(error), url_for("admin.campaign", campaign_id=campaign_id))
    _record("campaign.send", campaign, count)
    return done(_started(campaign, count), url_for("admin.campaign", campaign_id=campaign_id))


def _started(campaign: Campaign, count: int) -> str:
    if not settings().queue_enabled:
        sent = mailings.progress(campaign).sent
        return gettext("%(sent)s of %(count)s messages sent. Resume sends the next ones.", sent=sent, count=count)
    try:
        reading.all_stats()
    except QueueUnavailable:
        return gettext("The broker is unreachable. The mailing starts when it is available again.")
    return counted("Sending to %(count)s recipient.", "Sending to %(count)s recipients.", count)


@blueprint.get("/campaigns/<int:campaign_id>/cancel")
@admin_required
def ask_cancel_mailing(campaign_id: int) -> ResponseReturnValue:
    """Ask whether to cancel the rest of the mailing."""
    campaign = _campaign(campaign_id)
    left = mailings.progress(campaign).left
    return render_template(
        "admin/confirm.html",
        title=counted("Cancel %(count)s message?", "Cancel %(count)s messages?", left),
        text=gettext(
            "Messages already sent are not affected. This cannot be undone. To stop the mailing temporarily, pause it."
        ),
        action=url_for("admin.move_mailing", campaign_id=campaign.id, move="cancel"),
        button=gettext("Cancel the mailing"),
        danger=True,
        back=url_for("admin.campaign", campaign_id=campaign.id),
    )


@blueprint.post("/campaigns/<int:campaign_id>/mailing/<move>")
def move_mailing(campaign_id: int, move: str) -> ResponseReturnValue:
    """Pause, resume or cancel the mailing."""
    campaign = _campaign(campaign_id)
    if move not in _MOVES:
        abort(404)
    page = url_for("admin.campaign", campaign_id=campaign_id)
    try:
        _MOVES[move](campaign)
    except MailError as error:
        return rejected(localize(error), page)
    _record(f"campaign.{move}", campaign)
    messages = {
        "pause": gettext("Mailing paused."),
        "resume": gettext("Mailing resumed."),
        "cancel": gettext("The rest of the mailing is cancelled."),
    }
    return done(messages[move], page)


@blueprint.get("/campaigns/<int:campaign_id>/state/<state>")
@admin_required
def ask_campaign_state(campaign_id: int, state: str) -> ResponseReturnValue:
    """Ask whether to activate or end the campaign, with the number of tours."""
    campaign = _campaign(campaign_id)
    if state not in ("active", "ended"):
        abort(404)
    begins = state == "active"
    counts = {gettext("tours"): tours_under(campaign)}
    text = gettext("Prices return to normal immediately. An ended campaign cannot be activated again.")
    if begins:
        text = gettext("Prices are reduced from its start to its end.")
    if begins and campaign.mailing_state == "none":
        text += " " + gettext("No mail goes out: it is sent when somebody presses Send.")
    return render_template(
        "admin/confirm.html",
        title=gettext("Activate the campaign?") if begins else gettext("End the campaign?"),
        quoted=campaign.name,
        counts=counts,
        text=text,
        action=url_for("admin.set_campaign_state", campaign_id=campaign.id),
        fields={"state": state},
        button=gettext("Activate") if begins else gettext("End it"),
        danger=not begins,
        back=url_for("admin.campaign", campaign_id=campaign.id),
    )


@blueprint.post("/campaigns/<int:campaign_id>/state")
def set_campaign_state(campaign_id: int) -> ResponseReturnValue:
    """Activate, pause or end the campaign."""
    campaign, wanted = _campaign(campaign_id), request.form.get("state", "")
    page = url_for("admin.campaign", campaign_id=campaign_id)
    if campaign.state not in _STATES.get(wanted, ()):
        return rejected(gettext("Not possible in the current state."), page)
    campaign.state = wanted
    return _written(campaign, f"campaign.{wanted}", gettext("Prices are updated."))


def _newest(start: int, end: int) -> tuple[Sequence[Campaign], int]:
    found = db.session.scalars(sa.select(Campaign).order_by(Campaign.id.desc()).slice(start, end)).all()
    return found, db.session.scalar(sa.select(sa.func.count()).select_from(Campaign)) or 0


def _campaign(campaign_id: int) -> Campaign:
    found = db.session.get(Campaign, campaign_id) if campaign_id < 2**31 else None
    return found or abort(404, "Campaign not found.")


def _form(form: CampaignForm, campaign: Campaign | None, status: int = 200) -> ResponseReturnValue:
    locked = campaign is not None and campaign.mailing_state != "none"
    mail = form.typed_mail()
    page = render_template(
        "admin/campaigns/form.html",
        form=form,
        campaign=campaign,
        locked=locked,
        recipients=None if locked else count_recipients(mail.segment),
        missing=without_text(mail) if mail.subjects or mail.bodies else {},
        labels=labels,
    )
    return page, 422 if form.errors else status


def _written(campaign: Campaign, action: str, message: str) -> ResponseReturnValue:
    audit.record(signed_in_user(), action, f"campaign/{campaign.id}")
    db.session.commit()
    return done(message, url_for("admin.campaign", campaign_id=campaign.id))


def _record(action: str, campaign: Campaign, count: int = 1) -> None:
    audit.record(signed_in_user(), action, f"campaign/{campaign.id}", count)
    db.session.commit()
