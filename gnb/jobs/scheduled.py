"""The jobs of the queue `scheduled`, and when they recur. Each is idempotent within its hour, day or week."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields, validate

from gnb.messages import LocalizedSchema, make_message
from gnb.messages.schema import JsonBoolean
from gnb.queueing import JobContext, Schedule, job
from gnb.services import clean_up as clean_up_service
from gnb.services import sitemap
from gnb.services.bookings import status
from gnb.services.pricing import campaigns, demand
from gnb.services.reports import weekly_report
from gnb.services.reports.week import PARTS, Week, merge


class NoData(LocalizedSchema):
    """Data of a job that needs none."""


class PricingData(LocalizedSchema):
    """Data of `update-dynamic-pricing`; `dryRun` shows the prices and records nothing."""

    dry_run = JsonBoolean(data_key="dryRun", load_default=False)


class WeekField(fields.Field):
    """A whole week by its ISO name, such as 2026-W47."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Week:
        try:
            return Week.named(value)
        except (ValueError, AttributeError, TypeError):
            raise ValidationError(make_message("invalid_field.week")) from None


class ReportData(LocalizedSchema):
    """Data of `generate-weekly-report`; without `week`, the last whole one."""

    week = WeekField(load_default=None)


class PartsData(LocalizedSchema):
    """Data of `send-weekly-report`."""

    week = WeekField(required=True)


class PartData(PartsData):
    """Data of `compute-weekly-figures`."""

    part = fields.String(required=True, validate=validate.OneOf(list(PARTS)))


@job(
    "scheduled",
    "process-campaigns",
    NoData,
    description=_l("Records the prices of campaigns and ends those that are over."),
)
def process_campaigns(_data: dict[str, Any], _context: JobContext) -> dict[str, Any]:
    """Record the prices of campaigns and end those that are over."""
    return asdict(campaigns.process_campaigns())


@job("scheduled", "update-dynamic-pricing", PricingData, description=_l("Records the prices by demand, once a week."))
def update_dynamic_pricing(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Record the prices by demand, once a week."""
    proposals = demand.preview() if data["dry_run"] else demand.record_prices()
    changes = [proposal.as_json() for proposal in proposals if proposal.changes]
    for change in changes:
        context.log(f"{change['tour']}: {change['before']} → {change['price']} {change['currency']}")
    return {"dryRun": data["dry_run"], "changed": len(changes), "changes": changes[:500]}


@job(
    "scheduled",
    "generate-weekly-report",
    ReportData,
    description=_l("Computes and sends the figures of the last week."),
)
def generate_weekly_report(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Compute and send the figures of the last week."""
    parts, last = weekly_report.enqueue_weekly_report(data["week"], name=context.id)
    return {"parts": [part.id for part in parts], "report": last.id}


@job("scheduled", "compute-weekly-figures", PartData, description=_l("Computes a part of the figures of a week."))
def compute_weekly_figures(data: dict[str, Any], _context: JobContext) -> dict[str, Any]:
    """Compute a part of the figures of a week."""
    return PARTS[data["part"]](data["week"])


@job("scheduled", "send-weekly-report", PartsData, description=_l("Sends the figures that other jobs have computed."))
def send_weekly_report(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Send the figures that other jobs have computed."""
    parts = [parent.return_value or {} for parent in context.parents()]
    report = merge(data["week"], parts) if len(parts) == len(PARTS) and all(parts) else None
    return asdict(weekly_report.send_weekly_report(week=data["week"], report=report))


@job(
    "scheduled", "cancel-expired-bookings", NoData, description=_l("Cancels bookings that were not confirmed in time.")
)
def cancel_expired_bookings(_data: dict[str, Any], _context: JobContext) -> dict[str, Any]:
    """Cancel bookings that were not confirmed in time."""
    return {"cancelled": status.cancel_expired()}


@job("scheduled", "update-sitemap", NoData, description=_l("Updates the sitemap of the public site."))
def update_sitemap(_data: dict[str, Any], _context: JobContext) -> dict[str, Any]:
    """Update the sitemap of the public site."""
    return asdict(sitemap.update_sitemap())


@job("scheduled", "clean-up", NoData, description=_l("Removes what is past its retention time."))
def clean_up(_data: dict[str, Any], _context: JobContext) -> dict[str, Any]:
    """Remove what is past its retention time."""
    return clean_up_service.clean_up().as_json()


_HOME = "Europe/Istanbul"

SCHEDULES = [
    Schedule("process-campaigns", "process-campaigns", cron="0 * * * *", tz=_HOME),
    Schedule("update-dynamic-pricing", "update-dynamic-pricing", cron="0 2 * * mon", tz=_HOME),
    Schedule("generate-weekly-report", "generate-weekly-report", cron="0 9 * * mon", tz=_HOME),
    Schedule("update-sitemap", "update-sitemap", cron="0 0 * * *", tz=_HOME),
    Schedule("clean-up", "clean-up", cron="30 3 * * *", tz=_HOME),
    Schedule("cancel-expired-bookings", "cancel-expired-bookings", every=60, catch_up="skip"),
    Schedule("requeue-stale-deliveries", "requeue-stale-deliveries", every=60, catch_up="skip"),
]
