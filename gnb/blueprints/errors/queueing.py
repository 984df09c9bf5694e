"""What the engine refuses, as HTTP says it."""

from flask import Flask
from flask.typing import ResponseReturnValue

from gnb.blueprints.errors.answers import answer
from gnb.queueing.errors import (
    InvalidJobData,
    InvalidJobOption,
    InvalidJobState,
    InvalidSchedule,
    JobNotFound,
    QueueUnavailable,
    ScheduleInCode,
    ScheduleNotFound,
    UnknownJobType,
    UnknownQueue,
)

_RETRY_AFTER = {"Retry-After": "5"}


def register(app: Flask) -> None:
    """Answer 404 for what is not there, 409 for a move out of turn, 422 for bad input, 503 without a broker."""
    app.register_error_handler(UnknownQueue, lambda error: answer(404, "unknown_queue", str(error)))
    app.register_error_handler(JobNotFound, lambda error: answer(404, "job_not_found", str(error)))
    app.register_error_handler(InvalidJobState, lambda error: answer(409, "invalid_job_state", str(error)))
    app.register_error_handler(ScheduleNotFound, lambda error: answer(404, "schedule_not_found", str(error)))
    app.register_error_handler(ScheduleInCode, lambda error: answer(409, "schedule_in_code", str(error)))
    app.register_error_handler(InvalidSchedule, _invalid_schedule)
    app.register_error_handler(UnknownJobType, _unknown_type)
    app.register_error_handler(InvalidJobData, _invalid_data)
    app.register_error_handler(InvalidJobOption, _invalid_option)
    app.register_error_handler(QueueUnavailable, _unavailable)


def _unknown_type(error: UnknownJobType) -> ResponseReturnValue:
    return answer(422, "unknown_job_type", str(error), {"type": [str(error)]})


def _invalid_data(error: InvalidJobData) -> ResponseReturnValue:
    return answer(422, "invalid_job_data", str(error), {"data": error.errors})


def _invalid_schedule(error: InvalidSchedule) -> ResponseReturnValue:
    names = {"catch_up": "catchUp"}
    details = {names.get(field, field): words for field, words in error.errors.items()}
    return answer(422, "invalid_schedule", str(error), details)


def _invalid_option(error: InvalidJobOption) -> ResponseReturnValue:
    return answer(422, "invalid_job_option", str(error), {"options": [str(error)]})


def _unavailable(error: QueueUnavailable) -> ResponseReturnValue:
    return answer(503, "queue_unavailable", str(error), headers=_RETRY_AFTER)
