"""The job `unpaid-bookings` of the queue `scheduled`."""

from typing import Any

from marshmallow import Schema, fields

from gnb.queueing import FinalError, JobContext, job
from tests.documentation.unpaid_bookings import unpaid_bookings


class UnpaidData(Schema):
    """Data of `unpaid-bookings`: a day, such as 2026-12-01, and how many are too many to go on."""

    day = fields.Date(required=True)
    most = fields.Integer(load_default=1000, strict=True)


@job("scheduled", "unpaid-bookings", UnpaidData, attempts=4, timeout="2m")
def unpaid_job(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Lists the bookings of a day that are not paid yet."""
    found = list(unpaid_bookings(data["day"]))
    if len(found) > data["most"]:
        raise FinalError(f"{len(found)} bookings of {data['day']} are unpaid, more than {data['most']}")
    for number, booking in enumerate(found, 1):
        context.log(f"{booking.reference}: {booking.amount} {booking.currency}")
        context.progress(100 * number / len(found), booking.reference)
    return {"day": data["day"].isoformat(), "unpaid": len(found)}
