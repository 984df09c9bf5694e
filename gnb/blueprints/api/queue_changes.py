"""`/api/v1/admin/jobs`: changes to whole queues, and to many of their jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gnb.blueprints.access import caller
from gnb.blueprints.api.change_schemas import CountSchema, MovedSchema, SwitchedSchema
from gnb.blueprints.api.envelope import ByName
from gnb.blueprints.api.job_requests import Chosen, ChosenToRemove, Cleaning
from gnb.blueprints.api.jobs import blueprint
from gnb.services.queues import actions


@blueprint.endpoint("POST", "/<queue>/pause", SwitchedSchema, errors=(404,), message="No further job starts.")
def pause(queue: str) -> dict[str, Any]:
    """Let jobs that run finish, and start no other."""
    actions.change_queue("pause", queue, caller())
    return {"queue": queue, "paused": True}


@blueprint.endpoint("POST", "/<queue>/resume", SwitchedSchema, errors=(404,), message="Jobs start again.")
def resume(queue: str) -> dict[str, Any]:
    """Let jobs start again."""
    actions.change_queue("resume", queue, caller())
    return {"queue": queue, "paused": False}


@blueprint.endpoint("POST", "/<queue>/drain", CountSchema, errors=(404,), message="Waiting and delayed jobs are gone.")
def drain(queue: str) -> dict[str, int]:
    """Remove every waiting and delayed job; those that run go on."""
    return {"count": actions.change_queue("drain", queue, caller())}


@blueprint.endpoint(
    "POST",
    "/<queue>/clean",
    CountSchema,
    body=Cleaning,
    body_required=False,
    errors=(404,),
    message="Finished jobs that were old enough are gone.",
)
def clean(wanted: dict[str, Any], queue: str) -> dict[str, int]:
    """Remove completed or failed jobs that ended long enough ago."""
    age = timedelta(milliseconds=wanted["grace"])
    return {"count": actions.clean(queue, age, wanted["state"], wanted["limit"], caller())}


@blueprint.endpoint(
    "POST",
    "/<queue>/retry",
    MovedSchema,
    body=Chosen,
    body_required=False,
    errors=(404,),
    message="Failed jobs wait again.",
)
def retry(wanted: dict[str, Any], queue: str) -> dict[str, Any]:
    """Let failed jobs wait again: all, those of `ids`, or those that match `q`."""
    if "q" in wanted:
        return vars(actions.change_matching("retry", queue, "failed", wanted["q"], wanted["cursor"], caller()))
    if "ids" in wanted:
        return {"count": actions.change_jobs("retry", queue, wanted["ids"], caller()), "cursor": None}
    return {"count": actions.retry_all_failed(queue, caller()), "cursor": None}


@blueprint.endpoint(
    "POST", "/<queue>/remove", MovedSchema, body=ChosenToRemove, errors=(404,), message="The jobs are gone."
)
def remove(wanted: dict[str, Any], queue: str) -> dict[str, Any]:
    """Remove jobs: those of `ids`, or those of a state that match `q`. Those that run are stopped first."""
    if "q" in wanted:
        return vars(actions.change_matching("remove", queue, wanted["state"], wanted["q"], wanted["cursor"], caller()))
    return {"count": actions.change_jobs("remove", queue, wanted["ids"], caller()), "cursor": None}


@blueprint.endpoint("POST", "/pause", ByName(SwitchedSchema), message="No further job starts.")
def pause_all() -> dict[str, dict[str, Any]]:
    """Pause every queue."""
    return {name: {"queue": name, "paused": True} for name in actions.pause_all(caller())}


@blueprint.endpoint("POST", "/resume", ByName(SwitchedSchema), message="Jobs start again.")
def resume_all() -> dict[str, dict[str, Any]]:
    """Let jobs of every queue start again."""
    return {name: {"queue": name, "paused": False} for name in actions.resume_all(caller())}


@blueprint.endpoint("POST", "/retry", ByName(CountSchema), message="Failed jobs wait again.")
def retry_all() -> dict[str, dict[str, int]]:
    """Let every failed job of every queue wait again."""
    return {name: {"count": count} for name, count in actions.retry_all(caller()).items()}
