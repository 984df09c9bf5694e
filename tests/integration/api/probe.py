"""A job type that ends as its data says, and a worker for it."""

import time
from typing import Any

from marshmallow import Schema, fields, validate

from gnb.queueing import FinalError, JobContext, job


class ProbeData(Schema):
    """How the job shall end, and what it returns."""

    ending = fields.String(load_default="good", validate=validate.OneOf(["good", "bad", "slow"]))
    number = fields.Integer(load_default=0, strict=True)


@job("email", "probe", ProbeData, backoff={"type": "fixed", "delay": 0})
def probe(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Ends as its data says."""
    running.log(f"attempt {running.attempt}")
    if data["ending"] == "bad":
        raise FinalError(f"probe {data['number']} went wrong")
    running.progress(40, "under way")
    while data["ending"] == "slow":
        time.sleep(0.02)
    return {"number": data["number"]}
