"""Operations: `/healthz` (the process is up), `/readyz` (it reaches database and broker) and `/metrics`."""

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gnb.extensions import db, engine, settings
from gnb.models import check_writable
from gnb.queueing.errors import QueueUnavailable, UnsupportedBroker

blueprint = Blueprint("ops", __name__)


log = structlog.stdlib.get_logger(__name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer as long as the process does; an unreachable broker must not restart web processes."""
    return jsonify(success=True, data={"process": "up"}, message="The process is up.")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 when database and broker answer, else 503; `up`, `away`, `unsupported` or `off` for each."""
    messages: list[str] = []
    parts = {"database": _state("database", _ask_database, messages), "broker": "off"}
    if settings().queue_enabled:
        parts["broker"] = _state("broker", _ask_broker, messages)
    away = [name for name, state in parts.items() if state == "away"]
    if away:
        messages.insert(0, f"Away: {', '.join(away)}.")
    if not messages:
        return jsonify(success=True, data=parts, message="Ready.")
    message = " ".join(messages)
    response = jsonify(success=False, data=parts, error={"code": "not_ready", "message": message, "details": parts})
    response.status_code = 503
    response.headers["Retry-After"] = "5"
    return response


def _state(name: str, ask: Callable[[], None], messages: list[str]) -> str:
    try:
        ask()
    except UnsupportedBroker as error:
        messages.append(f"{str(error)[0].upper()}{str(error)[1:]}.")
        return "unsupported"
    except (SQLAlchemyError, QueueUnavailable) as error:
        log.warning("not ready", part=name, error=type(error).__name__)
        return "away"
    return "up"


def _ask_database() -> None:
    db.session.execute(text("SELECT 1"))
    check_writable(db.session.connection())


def _ask_broker() -> None:
    engine().ping()


from gnb.blueprints.ops import metrics  # noqa: E402, F401  (registers its view on the blueprint)
