"""`/api/v1/recommendations` and `/api/v1/delay-risk`: the cached answer, or 202 and the address of the answer."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, jsonify, url_for
from flask_babel import gettext
from marshmallow import Schema, fields

from gnb.blueprints.api.endpoints import ApiBlueprint, envelope_schema
from gnb.blueprints.shared.access import signed_in_user
from gnb.blueprints.shared.rate_limits import count_question
from gnb.messages.schema import LARGEST_INT, WholeNumber
from gnb.models import ROLES, User
from gnb.queueing import Job
from gnb.services import queue_service
from gnb.services.ai import lookups
from gnb.services.ai.requests import DelayRiskRequest, RecommendationsRequest

EVERYONE_WITH_AN_ACCOUNT = frozenset(ROLES)
SECONDS_TO_AN_ANSWER = 2

blueprint = ApiBlueprint(
    "insights-api",
    __name__,
    url_prefix="/api/v1",
    description="Recommendations and the risk of a delay",
    read=EVERYONE_WITH_AN_ACCOUNT,
    change=EVERYONE_WITH_AN_ACCOUNT,
)
blueprint.before_request(count_question)


class OwnRecommendationsRequest(RecommendationsRequest):
    """For whom, the caller unless given; only staff may ask for others."""

    user_id = WholeNumber(1, LARGEST_INT, data_key="userId")


class AnswerSchema(Schema):
    """An answer, or how far the job is that finds it."""

    state = fields.String(required=True, metadata={"description": "completed when `answer` is there"})
    answer = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    jobId = fields.String(required=True, allow_none=True)
    url = fields.String(required=True, allow_none=True, metadata={"description": "Where to look again."})
    error = fields.String(required=True, allow_none=True)


@blueprint.endpoint(
    "POST", "/recommendations", AnswerSchema, body=OwnRecommendationsRequest, message="Recommendations."
)
@blueprint.alt_response(202, schema=envelope_schema(AnswerSchema), description="In progress")
def recommend(asked: dict[str, Any]) -> Any:
    """Tours for a customer. 202 with the job's address while they are being found."""
    user = signed_in_user()
    user_id = asked.get("user_id", user.id)
    _may_see(user, user_id)
    return _ask("package-recommendations", {"userId": user_id, "options": asked["options"]})


@blueprint.endpoint("POST", "/delay-risk", AnswerSchema, body=DelayRiskRequest, message="The risk.")
@blueprint.alt_response(202, schema=envelope_schema(AnswerSchema), description="In progress")
def delay_risk(asked: dict[str, Any]) -> Any:
    """How likely a transfer is to arrive late. 202 with the job's address while that is being found."""
    return _ask("delay-risk", DelayRiskRequest().dump(asked))


@blueprint.endpoint("GET", "/recommendations/<string:job_id>", AnswerSchema, errors=(404,), message="The job.")
def recommendations_job(job_id: str) -> dict[str, Any]:
    """The recommendations that a job finds."""
    job = _job("package-recommendations", job_id)
    _may_see(signed_in_user(), job.data.get("userId"))
    return _progress(job)


@blueprint.endpoint("GET", "/delay-risk/<string:job_id>", AnswerSchema, errors=(404,), message="The job.")
def delay_risk_job(job_id: str) -> dict[str, Any]:
    """The risk that a job finds."""
    return _progress(_job("delay-risk", job_id))


def _ask(kind: str, data: dict[str, Any]) -> Any:
    asked = lookups.get_or_enqueue(kind, data, signed_in_user().id)
    if asked.job is None:
        return {"state": "completed", "answer": asked.answer, "jobId": None, "url": None, "error": None}
    return _accepted(_progress(asked.job))


def _accepted(progress: dict[str, Any]) -> Response:
    response: Response = jsonify(success=True, data=progress, message="In progress; poll `url`.")
    response.status_code = 202
    response.headers["Location"] = progress["url"]
    response.headers["Retry-After"] = str(SECONDS_TO_AN_ANSWER)
    return response


def _job(kind: str, job_id: str) -> Job:
    """Return the job of that kind; those of others are hidden like those that do not exist."""
    job = queue_service.get_job(lookups.QUEUE, job_id)
    if job.name != kind:
        abort(404, gettext("Job not found."))
    return job


def _progress(job: Job) -> dict[str, Any]:
    view = "recommendations_job" if job.name == "package-recommendations" else "delay_risk_job"
    return {
        "state": job.state,
        "answer": job.return_value if job.state == "completed" else None,
        "jobId": job.id,
        "url": url_for(f"insights-api.{view}", job_id=job.id),
        "error": job.failed_reason if job.state == "failed" else None,
    }


def _may_see(user: User, user_id: Any) -> None:
    if user.id != user_id and not user.is_staff:
        abort(403, gettext("Only staff may request recommendations for others."))
