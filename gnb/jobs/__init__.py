"""What a worker runs: one thin function a job type. Importing this package declares every type."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from gnb import logs
from gnb.extensions import db
from gnb.jobs import ai, emails, exports, scheduled
from gnb.queueing import FinalError, InvalidJobData, JobContext, JobStopped, QueueUnavailable, RetryLater, job_types
from gnb.services.exports.attempts import describe_error, is_outage
from gnb.services.mail import MailError
from gnb.services.queues import actions

__all__ = ["ai", "bind", "emails", "exports", "scheduled"]

log = logging.getLogger(__name__)

_LONGEST_OUTAGE = 6 * 3600.0
"""How long a job waits for the database or the storage before the outage spends an attempt, in seconds."""

_FORESEEN = (FinalError, RetryLater, InvalidJobData, JobStopped, MailError)
"""What a job says by raising. Its words stand with the job and may hold an address, so a log gets the kind alone."""


def bind(app: Flask) -> None:
    """Run every job inside an application context and log its errors.

    The job has the id of the request that enqueued it, and its database session is closed afterwards.
    """

    @contextmanager
    def scope(context: JobContext) -> Iterator[None]:
        token = logs.running_job.set(context)
        try:
            with app.app_context():
                try:
                    yield
                except Exception as error:
                    if is_outage(error) and (later := _after_outage(error, context)):
                        raise later from error
                    raise
                finally:
                    db.session.remove()
        except BaseException as error:
            _log(error, context)
            raise
        finally:
            logs.running_job.reset(token)

    job_types.scope = scope
    job_types.correlation_id = logs.correlation_id


def _after_outage(error: Exception, context: JobContext) -> RetryLater | None:
    """Return what tries the job again without spending an attempt; None once it has waited for `_LONGEST_OUTAGE`.

    It waits as long again as it has waited so far, from two seconds to a minute.
    """
    try:
        waited = actions.count_outage(context.queue, context.id)
    except QueueUnavailable:
        waited = 0.0
    if waited > _LONGEST_OUTAGE:
        return None
    return RetryLater(describe_error(error), delay=min(max(waited, 2.0), 60.0), spend_attempt=False)


def _log(error: BaseException, context: JobContext) -> None:
    """Log an unexpected error with its stack; as an error, which is reported, when no attempt is left."""
    if isinstance(error, _FORESEEN):
        log.warning("the job ended with %s", type(error).__name__)
    else:
        last = context.attempt >= context.attempts
        log.log(logging.ERROR if last else logging.WARNING, "the job broke down", exc_info=error)
