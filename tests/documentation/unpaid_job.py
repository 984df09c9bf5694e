"""The job `unpaid-bookings` of the queue `scheduled`."""

from typing import Any

from marshmallow import fields

from gnb.messages import LocalizedSchema
from gnb.models import local_day, now
from gnb.queueing import FinalError, JobContext, job
from tests.documentation.unpaid_bookings import unpaid_bookings


class UnpaidData(LocalizedSchema):
    """Data of `unpaid-bookings`: a day, by default today, and the most bookings to list; more fail the job."""

    day = fields.Date(load_default=None)
    most = fields.Integer(load_default=1000, strict=True)


@job("scheduled", "unpaid-bookings", UnpaidData, attempts=4, timeout="2m")
def unpaid_job(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """List the bookings of a day that are not paid yet."""
    day = data["day"] or local_day(now())
    found = list(unpaid_bookings(day))
    if len(found) > data["most"]:
        raise FinalError(f"{len(found)} bookings of {day} are unpaid, more than {data['most']}")
    for number, booking in enumerate(found, 1):
        context.log(f"{booking.reference}: {booking.amount} {booking.currency}")
        context.progress(100 * number / len(found), booking.reference)
    return {"day": day.isoformat(), "unpaid": len(found)}
