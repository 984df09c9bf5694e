"""What programs call to put jobs in: every name of it, and what it raises."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.services import queue_service
from tests.integration.api import probe
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

pytestmark = on_sqlite
assert probe

Call = Callable[[], Any]
REFUSED: dict[str, tuple[type[Exception], Call]] = {
    "queue": (queue_service.UnknownQueue, lambda: queue_service.get_job("sms", "1")),
    "type": (queue_service.UnknownJobType, lambda: queue_service.add_email_job("nothing")),
    "data": (queue_service.InvalidJobData, lambda: queue_service.add_email_job("probe", {"number": "x"})),
    "option": (queue_service.InvalidJobOption, lambda: queue_service.add_email_job("probe", priority=0)),
    "job": (queue_service.JobNotFound, lambda: queue_service.remove_job("email", "nothing")),
    "state": (queue_service.InvalidJobState, lambda: queue_service.retry_job("email", added())),
}


def added() -> str:
    return queue_service.add_email_job("probe").id


@pytest.mark.parametrize(("error", "call"), REFUSED.values(), ids=REFUSED)
def test_each_refusal_has_an_error_that_is_imported_from_here(app: Flask, error: type[Exception], call: Call) -> None:
    with pytest.raises(error):
        call()


def test_jobs_of_a_state_come_with_their_results(app: Flask) -> None:
    waiting = queue_service.add_email_job("probe", {"number": 7})
    assert (waiting.name, waiting.data, waiting.state) == ("probe", {"type": "probe", "number": 7}, "waiting")
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait() == 0
    (done,) = queue_service.get_jobs_by_state("email", "completed")
    assert (done.id, done.return_value) == (waiting.id, {"number": 7})
    assert queue_service.get_job_state("email", done.id) == "completed"
