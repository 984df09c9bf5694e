"""Job types for the pages to show: one that succeeds, fails, dawdles or keeps running, as its data says."""

import time
from typing import Any

from marshmallow import Schema, fields, validate

from gnb.queueing import FinalError, JobContext, job


class WelcomeData(Schema):
    """Which booking it is about, and how the job shall end."""

    booking = fields.Integer(required=True, strict=True, metadata={"description": "the booking's number"})
    note = fields.String(validate=validate.Length(max=200_000))
    ending = fields.String(load_default="good", validate=validate.OneOf(["good", "bad", "worse", "slow"]))


@job("email", "welcome-mail", WelcomeData, backoff={"type": "fixed", "delay": 0})
def welcome_mail(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Welcomes a customer; ends as its data says."""
    running.log(f"booking {data['booking']}: attempt {running.attempt} of {running.attempts}")
    if data["ending"] == "slow":
        for second in range(600):
            running.progress(second / 6, f"{second} of 600 steps")
            time.sleep(0.5)
    if data["ending"] == "bad":
        raise ConnectionError(f"mail server 10.0.0.{data['booking'] % 250} closed the connection after 30 s")
    if data["ending"] == "worse":
        raise FinalError(f"booking {data['booking']} has no e-mail address")
    running.progress(100, "sent")
    return {"booking": data["booking"], "sent": True}
